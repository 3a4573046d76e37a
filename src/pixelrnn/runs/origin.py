"""Where a run comes from: the command, the code's revision, the DVC stage, the data's checksums."""

import hashlib
import os
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]
# What decides what is learned, beside configuration and data: dvc.yaml watches the same.
TRAINS = ("ops", "layers", "heads", "models", "training")


def find_origin(command: str | None, data_md5: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the keys of origin.json, but for what a tracker adds.

    `command` is what to paste into a shell for this one run, None from Python; `data_md5` the
    checksums of the prepared arrays by file.
    """
    return {
        "command": command,
        **find_revision(),
        "code": code_md5(),
        "dvc_stage": os.environ.get("DVC_STAGE"),
        "dvc_experiment": os.environ.get("DVC_EXP_NAME"),
        "data_md5": data_md5,
    }


def find_revision(package: Path = PACKAGE) -> dict[str, Any]:
    """Return `git`, the commit of the package's code, and `dirty`, whether src or conf differ.

    Both are None where the package is no checkout of its own: installed from a wheel, it may lie in
    anybody's repository. Then `version` is the package's.
    """
    root = package.parents[1]
    top = _git(root, "rev-parse", "--show-toplevel")
    own = top is not None and Path(top) == root.resolve()
    if not own or not _git(root, "ls-files", "--", str(package / "__init__.py")):
        return {"version": _version(), "git": None, "dirty": None}
    # Only source and configuration: results, which git has too, differ wherever work goes on.
    changes = _git(root, "status", "--porcelain", "--", "src", "conf")
    return {"version": None, "git": _git(root, "rev-parse", "HEAD"), "dirty": bool(changes)}


def code_md5(package: Path = PACKAGE) -> str:
    """Return a checksum of the source files that decide what is learned, 32 hex digits."""
    digest = hashlib.md5()
    files = [file for room in TRAINS for file in (package / room).rglob("*.py")]
    for file in sorted(files):
        digest.update(f"{file.relative_to(package).as_posix()}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _version() -> str | None:
    try:
        return version("pixelrnn")
    except PackageNotFoundError:  # a source tree that is not installed
        return None


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git prints; None if it fails or is not installed."""
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
