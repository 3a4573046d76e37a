"""Where a run comes from: the command, the revision of the code, the DVC stage and experiment, the data's checksums."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]  # of the checkout, if the package is one and not installed from it


def find_origin(command: str | None, data_md5: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the keys of origin.json, but for what a tracker adds.

    `command` is what to paste into a shell for this one run (None from Python), `data_md5` that of the prepared arrays.
    """
    return {
        "command": command,
        **find_revision(),
        "dvc_stage": os.environ.get("DVC_STAGE"),
        "dvc_experiment": os.environ.get("DVC_EXP_NAME"),
        "data_md5": data_md5,
    }


def find_revision(root: Path = ROOT) -> dict[str, Any]:
    """Return `git`, the commit of the code, and `dirty`, whether src or conf differ from it; None without a repository."""
    commit = _git(root, "rev-parse", "HEAD")
    # Only source and configuration: results, which git has too, differ in every repository that is at work.
    changes = _git(root, "status", "--porcelain", "--", "src", "conf")
    return {"git": commit, "dirty": None if commit is None else bool(changes)}


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", root, *arguments], capture_output=True, text=True
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
