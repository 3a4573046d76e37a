"""The images that runs were evaluated on: figures are only comparable over the very same ones.

Which images they were follows from the md5 that `evaluate` and `train` record; from that of the
prepared arrays where an older run recorded none; from the arrays' path as a last resort. The arrays
themselves may be gone: runs of another machine are compared by what they recorded, only without
what needs the images.
"""

import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pixelrnn.data.arrays import open_arrays, open_labels
from pixelrnn.errors import InputError
from pixelrnn.files import read_json
from pixelrnn.runs.directory import RunDirectory
from pixelrnn.runs.frame import records
from pixelrnn.runs.record import Record


@dataclass(frozen=True)
class Evaluated:
    """What all runs of a comparison were evaluated on; shape is (colors, rows, columns)."""

    name: str
    split: str
    count: int
    shape: tuple[int, int, int]
    levels: int
    md5: str  # of the split's array; empty if no run recorded it
    places: tuple[Path, ...]  # folders of prepared arrays, as the runs' configs name them

    def load(self) -> dict[str, np.ndarray]:
        """Open the images by split, uint8 (n, c, h, w), from the first place that has them.

        Raises InputError, saying why, if no place has the images that the runs were evaluated on.
        """
        reasons = []
        for place in self.places:
            try:
                return self._load(place)
            except InputError as error:
                reasons.append(str(error))
        raise InputError("; ".join(reasons))

    def labels(self) -> np.ndarray | None:
        """Read the labels of the evaluated images, uint16 (n,): None where no place has any."""
        for place in self.places:
            with suppress(InputError):
                self._load(place)
                return open_labels(place)[self.split]
        return None

    def _load(self, place: Path) -> dict[str, np.ndarray]:
        arrays = open_arrays(place, self.shape, self.levels)
        now = _description_md5(place, self.split)
        changed = self.md5 and now and now != self.md5
        if changed or len(arrays[self.split]) != self.count:
            raise InputError(f"{place} has been prepared anew since: run `pixelrnn evaluate` again")
        return arrays


def same_images(frame: pd.DataFrame) -> Evaluated:
    """Return the images that all readable runs of `frame` share (`frame`: from `load_runs`).

    Raises InputError if no run was evaluated, or if runs differ: the message says how to split
    them.
    """
    parts, _ = by_images(frame)
    if len(parts) > 1:
        choices = [
            f"`pixelrnn compare {shlex.join(part['path'])}` ({images.count} {images.split} images)"
            for part, images in parts
        ]
        raise InputError(
            "the runs were evaluated on different images; take one set at a time: "
            + " or ".join(choices)
        )
    return parts[0][1]


def by_images(frame: pd.DataFrame) -> tuple[list[tuple[pd.DataFrame, Evaluated]], list[str]]:
    """Return the runs of `frame` apart, by the images that they share, and the names of others.

    Two runs share their images if shape, levels, split, number and md5 agree. One that was not
    evaluated is with those of its data, since it has no figure to mistake, but curves; where there
    are none, it is one of the others. A damaged one is with the first. Raises InputError if no run
    was evaluated.
    """
    runs = records(frame)
    evaluated = [run for run in runs if run.bits_per_dim is not None]
    if not evaluated:
        states = "; ".join(f"{run.run}: {run.status}" for run in runs)
        raise InputError(
            "nothing to compare, no run has been evaluated: "
            f"run `pixelrnn evaluate` first ({states})"
        )
    members: dict[Group, list[Record]] = {}
    for run in evaluated:
        split = run.split or ""
        members.setdefault((_key(run, split), split, run.images), []).append(run)
    placed: dict[str, Group] = {run.run: group for group, own in members.items() for run in own}
    groups = list(members)
    for run in runs:
        if run.damaged:
            placed[run.run] = groups[0]
        elif run.run not in placed:
            alike = [group for group in groups if group[0] == _key(run, group[1])]
            if alike:
                placed[run.run] = alike[0]
    parts = []
    for group, own in members.items():
        part = frame[frame["run"].map(placed.get) == group].reset_index(drop=True)
        parts.append((part, _about(own)))
    return parts, [run.run for run in runs if run.run not in placed]


def _about(runs: Sequence[Record]) -> Evaluated:
    first: Any = runs[0]  # nothing of it is missing, which its type does not say
    return Evaluated(
        name=first.data,
        split=first.split,
        count=first.images,
        shape=first.shape,
        levels=first.levels,
        md5=_md5(first, first.split),
        places=tuple(dict.fromkeys(_place(run) for run in runs)),
    )


# What tells images apart, the split, and how many there are, None where nothing was evaluated.
Group = tuple[tuple[object, ...], str, int | None]


def _key(run: Record, split: str) -> tuple[object, ...]:
    return run.shape, run.levels, _md5(run, split) or str(_place(run))


def _place(run: Record) -> Path:
    """Return the folder of prepared arrays.

    A path that is not absolute starts at the run's own checkout, if it is there.
    """
    folder = Path(run.data_path or "")
    if folder.is_absolute():
        return folder
    for parent in run.folder.resolve().parents:
        if (parent / folder).is_dir():
            return parent / folder
    return folder


def _md5(run: Record, split: str) -> str:
    """Return that of a split's array, as `evaluate` recorded it, else `train`, else `prepare`.

    It is empty where none of them did.
    """
    files = RunDirectory(run.folder)
    try:
        evaluated = files.read_metrics().get(split, {}).get("data_md5")
        trained = _entry(files.read_data_md5(), split)
    except InputError:  # the run's status says what is damaged
        evaluated = trained = None
    return str(evaluated or trained or _description_md5(_place(run), split) or "")


def _description_md5(place: Path, split: str) -> str | None:
    try:
        return _entry(read_json(place / "data.json").get("md5"), split)
    except InputError:
        return None


def _entry(md5: object, split: str) -> str | None:
    return md5.get(f"{split}.npy") if isinstance(md5, dict) else None
