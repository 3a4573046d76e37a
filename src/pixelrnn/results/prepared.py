"""The prepared images that runs were evaluated on: figures are only comparable over the very same ones."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pixelrnn.data import open_arrays
from pixelrnn.errors import InputError


@dataclass(frozen=True)
class Prepared:
    """A directory written by `prepare`, as a run's config describes it; shape is (colors, rows, columns)."""

    name: str
    path: Path
    shape: tuple[int, ...]
    levels: int

    def load(self) -> dict[str, np.ndarray]:
        """The images by split, uint8 (n, c, h, w), memory-mapped.

        Raises InputError for missing or damaged files and for images other than the config describes.
        """
        return open_arrays(self.path, self.shape, self.levels)

    def checksum(self, split: str) -> str:
        """The md5 of a split as `prepare` recorded it in data.json; empty if there is no such record."""
        try:
            return str(json.loads((self.path / "data.json").read_text(encoding="utf-8"))["md5"][f"{split}.npy"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""


def same_images(frame: pd.DataFrame) -> tuple[Prepared, str]:
    """The prepared images and the split that all readable runs of `frame` share (`frame`: from `load_runs`).

    Two runs share their images if shape, levels and the evaluated split's md5 agree (its path, where no md5 is
    recorded). Raises InputError if no run was evaluated, or if runs differ: the message says how to split them.
    """
    evaluated = frame[frame["bits_per_dim"].notna()]
    if evaluated.empty:
        states = "; ".join(f"{run}: {status}" for run, status in zip(frame["run"], frame["status"], strict=True))
        raise InputError(f"nothing to compare, no run has been evaluated: run `pixelrnn evaluate` first ({states})")
    groups: dict[tuple[object, ...], list[str]] = {}
    first: tuple[Prepared, str] | None = None
    for row in frame[~frame["status"].str.startswith("damaged")].to_dict("records"):
        data = Prepared(row["data"], Path(row["data_path"]), row["shape"], int(row["levels"]))
        split = row["split"] if isinstance(row["split"], str) else evaluated["split"].iloc[0]
        key = (data.shape, data.levels, data.checksum(split) or str(data.path / split))
        groups.setdefault(key, []).append(row["path"])
        first = first or (data, split)
    if first is None or len(groups) > 1:
        # quoted for Hydra as well: the runs of a sweep are named after overrides, with commas in between
        choices = " or ".join(f"stage.runs='{json.dumps(paths)}'" for paths in groups.values())
        raise InputError(f"the runs were evaluated on different images; compare one set at a time: {choices}")
    return first


def check_counts(frame: pd.DataFrame, available: int) -> None:
    """Raises InputError for runs evaluated on another number of images than there now are: `prepare` has run since."""
    evaluated = frame[frame["images"].notna()]
    stale = [run for run, images in zip(evaluated["run"], evaluated["images"], strict=True) if images != available]
    if stale:
        raise InputError(
            f"the prepared split has {available} images, but {', '.join(stale)} was evaluated on another number: "
            "run `pixelrnn evaluate` again"
        )
