"""Where a run comes from: the command, the code's revision, the DVC stage, the data's checksums."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Of the checkout, if the package lies in one.
ROOT = Path(__file__).parents[3]


def find_origin(command: str | None, data_md5: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the keys of origin.json, but for what a tracker adds.

    `command` is what to paste into a shell for this one run, None from Python; `data_md5` the
    checksums of the prepared arrays by file.
    """
    return {
        "command": command,
        **find_revision(),
        "dvc_stage": os.environ.get("DVC_STAGE"),
        "dvc_experiment": os.environ.get("DVC_EXP_NAME"),
        "data_md5": data_md5,
    }


def find_revision(root: Path = ROOT) -> dict[str, Any]:
    """Return `git`, the commit of the code, and `dirty`, whether src or conf differ from it.

    Both are None without a repository.
    """
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return {"git": None, "dirty": None}
    # Only source and configuration: results, which git has too, differ wherever work goes on.
    changes = _git(root, "status", "--porcelain", "--", "src", "conf")
    return {"git": commit, "dirty": bool(changes)}


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git prints; None if it fails or is not installed."""
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
