"""The images that runs were evaluated on: figures are only comparable over the very same ones.

Which images they were is told by the md5 that `evaluate` and `train` record; by that of the prepared arrays where an
older run recorded none; by the arrays' path as a last resort. The arrays themselves may be gone: runs of another
machine are compared by what they recorded, only without what needs the images.
"""

import json
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pixelrnn.data import open_arrays
from pixelrnn.errors import InputError
from pixelrnn.results.frame import read_json


@dataclass(frozen=True)
class Images:
    """What all runs of a comparison were evaluated on; shape is (colors, rows, columns)."""

    name: str
    split: str
    count: int
    shape: tuple[int, int, int]
    levels: int
    md5: str  # of the split's array; empty if no run recorded it
    places: tuple[Path, ...]  # folders of prepared arrays, as the runs' configs name them

    def load(self) -> dict[str, np.ndarray]:
        """The images by split, uint8 (n, c, h, w), memory-mapped, from the first place that has them.

        Raises InputError, saying why, if no place has the images that the runs were evaluated on.
        """
        reasons = []
        for place in self.places:
            try:
                return self._load(place)
            except InputError as error:
                reasons.append(str(error))
        raise InputError("; ".join(reasons))

    def _load(self, place: Path) -> dict[str, np.ndarray]:
        arrays = open_arrays(place, self.shape, self.levels)
        now = _description_md5(place, self.split)
        if len(arrays[self.split]) != self.count or (self.md5 and now and now != self.md5):
            raise InputError(f"{place} has been prepared anew since: run `pixelrnn evaluate` again")
        return arrays


def same_images(frame: pd.DataFrame) -> Images:
    """The images that all readable runs of `frame` share (`frame`: from `load_runs`).

    Two runs share their images if shape, levels, split, number and md5 agree. Raises InputError if no run was
    evaluated, or if runs differ: the message says how to split them.
    """
    evaluated = frame["bits_per_dim"].notna()
    if not evaluated.any():
        states = "; ".join(
            f"{run}: {status}" for run, status in zip(frame["run"], frame["status"], strict=True)
        )
        raise InputError(
            f"nothing to compare, no run has been evaluated: run `pixelrnn evaluate` first ({states})"
        )
    first = frame[evaluated].iloc[0]
    others = frame[~evaluated & ~frame["status"].str.startswith("damaged")]
    groups: dict[tuple[Any, ...], list[str]] = {}
    for run in frame[evaluated].to_dict("records"):
        groups.setdefault((_key(run, run["split"]), run["split"], run["images"]), []).append(
            run["path"]
        )
    for run in others.to_dict("records"):  # they have no figure to mistake, but curves
        key = _key(run, first["split"])
        group = next((group for group in groups if group[0] == key), (key, first["split"], None))
        groups.setdefault(group, []).append(run["path"])
    if len(groups) > 1:
        raise InputError(
            f"the runs were evaluated on different images; compare one set at a time: {_choices(groups)}"
        )
    places = dict.fromkeys(_place(run) for run in frame[evaluated].to_dict("records"))
    return Images(
        first["data"],
        first["split"],
        int(first["images"]),
        first["shape"],
        int(first["levels"]),
        _md5(first.to_dict(), first["split"]),
        tuple(places),
    )


def _choices(groups: dict[tuple[Any, ...], list[str]]) -> str:
    """One `runs=...` a group. Quoted for Hydra as well: a sweep's runs are named after overrides, commas and all."""
    counts = [f"{count} {split} images" if count else "not evaluated" for _, split, count in groups]
    paths = [f"runs='{json.dumps(paths)}'" for paths in groups.values()]
    return " or ".join(f"{path} ({count})" for path, count in zip(paths, counts, strict=True))


def _key(run: dict[Hashable, Any], split: str) -> tuple[object, ...]:
    return run["shape"], run["levels"], _md5(run, split) or str(_place(run))


def _place(run: dict[Hashable, Any]) -> Path:
    """The folder of prepared arrays. A path that isn't absolute starts at the run's own checkout, if it is there."""
    folder = Path(run["data_path"])
    if folder.is_absolute():
        return folder
    homes = [parent for parent in Path(run["path"]).resolve().parents if (parent / folder).is_dir()]
    return homes[0] / folder if homes else folder


def _md5(run: dict[Hashable, Any], split: str) -> str:
    """Of a split's array, as `evaluate` recorded it, else `train`, else `prepare`; empty if nobody did."""
    folder = Path(run["path"])
    recorded = [
        _read(folder / "metrics.json").get("data_md5"),
        _entry(_read(folder / "origin.json").get("data_md5"), split),
        _description_md5(_place(run), split),
    ]
    return str(next((md5 for md5 in recorded if md5), ""))


def _description_md5(place: Path, split: str) -> str | None:
    return _entry(_read(place / "data.json").get("md5"), split)


def _entry(md5: object, split: str) -> str | None:
    return md5.get(f"{split}.npy") if isinstance(md5, dict) else None


def _read(file: Path) -> dict[str, Any]:
    try:
        return read_json(file)
    except InputError:
        return {}
