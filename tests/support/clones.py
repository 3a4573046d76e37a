"""A clone of its own for tests that change or reproduce the whole repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def clone_working_tree(folder: Path) -> Path:
    """Make the working tree, new files included, a git repository of its own.

    Skips the test without git.
    """
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    run(["git", "init", "--quiet"], folder)
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    """Commit all that is there."""
    run(["git", "add", "."], folder)
    author = ["-c", "user.name=t", "-c", "user.email=t@t"]
    run(["git", *author, "commit", "--quiet", "--message", "."], folder)


def run(command: list[str], folder: Path, **environment: str) -> str:
    """Run a command with the code and conf of the clone, not of the installed checkout.

    Returns its output.
    """
    done = attempt(command, folder, **environment)
    assert done.returncode == 0, done.stdout
    return done.stdout


def attempt(
    command: list[str], folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Do the same, whatever becomes of it; what it prints is in `stdout`, errors included."""
    with starting(command, folder, **environment) as process:
        output, _ = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, output)


def starting(command: list[str], folder: Path, **environment: str) -> subprocess.Popen[str]:
    """Start it, and give the process, in a group of its own."""
    ours = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder / "src"),
        "WANDB_MODE": "offline",
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | ours | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
