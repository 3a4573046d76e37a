"""Where a run comes from: the command, the revision of the code, the DVC stage and experiment, the md5 of the data."""

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from pixelrnn.data.arrays import read_description

ROOT = Path(__file__).parents[3]  # of the checkout, if the package is one and not installed from it


def find_origin(run: str | Path, data: str | Path) -> dict[str, Any]:
    """Of the run in the directory `run`, trained on the prepared images in `data`; the keys of origin.json but `wandb`.

    Raises InputError if the description of the images is missing or damaged.
    """
    return {
        "command": find_command(run),
        **find_revision(),
        "dvc_stage": os.environ.get("DVC_STAGE"),
        "dvc_experiment": os.environ.get("DVC_EXP_NAME"),
        "data_md5": read_description(data).get("md5"),
    }


def find_command(run: str | Path) -> str | None:
    """What to paste into a shell for this one run, also where it was a job of a sweep; None from Python."""
    if not HydraConfig.initialized():
        return None
    hydra = HydraConfig.get()
    words = [
        word
        for word in hydra.overrides.task
        if not word.startswith(("stage=", "sweep=", "launcher="))
    ]
    if hydra.mode == RunMode.MULTIRUN:  # where run= is the folder of all jobs
        words = [word for word in words if not word.startswith("run=")] + [f"run={run}"]
    return shlex.join(["pixelrnn", "train", *words])


def find_revision(root: Path = ROOT) -> dict[str, Any]:
    """`git`: the commit of the code; `dirty`: whether src or conf differ from it. None where there is no repository."""
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(
        root, "status", "--porcelain", "--", "src", "conf"
    )  # results, which git has too, always differ
    return {"git": commit, "dirty": None if commit is None else bool(changes)}


def changed_data(then: Mapping[str, str] | None, now: Mapping[str, str] | None) -> list[str]:
    """The files of the data whose md5 isn't what it was; none where it is not known."""
    return [name for name, md5 in (then or {}).items() if (now or {}).get(name, md5) != md5]


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", root, *arguments], capture_output=True, text=True
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
