"""The group of a run in W&B is what it was trained with: a pipeline, or a sweep.

    artifacts/runs/digits/row_lstm               digits: the pipeline of a data set
    artifacts/runs/digits-row_lstm               none: a training of its own
    artifacts/sweeps/digits-depth/model.layers-2 digits-depth
    artifacts/sweeps/digits/residual_skip/...    digits-residual_skip: a sweep in a pipeline
    /data/me/exp/run1                            exp

It holds letters, digits, `-`, `_` and `.` only and is at most 120 bytes long: W&B takes 128, and a
workspace of W&B's that selects a group misreads `=`, quotes and backslashes.
"""

import hashlib
import os
import re
from pathlib import Path

from pixelrnn.errors import InputError
from pixelrnn.runs.directory import ORIGIN, RunDirectory

LONGEST = 120  # bytes
ROOTS = (Path("artifacts", "runs"), Path("artifacts", "sweeps"))
_DEPTHS = ("*", "*/*", "*/*/*")  # of a run below a root
_DIGEST = 6  # hexadecimal digits


def group_of(run: str | Path) -> str | None:
    """Return the group of the run in this directory, there or not."""
    # Without `..`, but symbolic links as they are: artifacts/ may lie on another disk.
    folders = Path(os.path.normpath(Path(run).absolute())).parts[:-1]
    for last in range(len(folders), 1, -1):
        if Path(*folders[last - 2 : last]) in ROOTS:
            return plain("-".join(folders[last:])) or None
    return plain(Path(*folders).name) or None


def plain(text: str) -> str:
    """Return `text` as one component of a path, with a digest of it where anything had to go."""
    name = re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII).strip("-.")
    if name == text and len(name) <= LONGEST:
        return name
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
    return f"{name[: LONGEST - _DIGEST - 1]}-{digest}".lstrip("-")


def recorded_groups(*folders: str | Path) -> list[str | None]:
    """Return the groups that the runs in `folders` recorded in W&B; None for that of single ones.

    Runs that W&B does not know, and those whose origin.json is damaged, are left out.
    """
    groups = set()
    runs = (run for folder in folders for depth in _DEPTHS for run in Path(folder).glob(depth))
    for run in runs:
        try:
            about = RunDirectory(run).read(ORIGIN).get("wandb")
        except InputError:
            continue
        if isinstance(about, dict):
            groups.add(about.get("group"))
    return sorted(groups, key=str)
