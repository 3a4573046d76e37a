"""dvc.yaml in a clone of its own, with the committed results: what an edit makes it do again, and what not."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The working tree as a git repository of its own, data and results pulled from the remote inside it."""
    clone = tmp_path_factory.mktemp("clone")
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, clone / name)
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "."],
    ):
        subprocess.run(["git", *command], cwd=clone, check=True)
    dvc(clone, "pull", "--quiet")
    return clone


def dvc(clone, *arguments):
    environment = os.environ | {
        "PYTHONPATH": str(
            clone / "src"
        ),  # this clone's code and conf, not the installed checkout's
        "WANDB_MODE": "offline",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        ["dvc", *arguments], cwd=clone, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_edit_of_one_variant_reruns_its_stages_only(clone):
    """Fault to plant: make train depend on conf/ instead of on the composed file of its variant."""
    # Code that changed since the results were committed is another matter: take the results as they are.
    dvc(clone, "commit", "--force", "--quiet")
    assert "up to date" in dvc(clone, "status")
    assert "Running" not in dvc(clone, "repro")

    variant = clone / "conf/model/row_lstm.yaml"
    variant.write_text(re.sub(r"hidden: \d+", "hidden: 4", variant.read_text()))
    assert running(dvc(clone, "repro", "--dry")) == {"compose"}
    dvc(clone, "repro", "compose")
    assert running(dvc(clone, "repro", "--dry")) == {"train@row_lstm"}
    ran = running(dvc(clone, "repro"))
    assert ran == {"train@row_lstm", "evaluate@row_lstm", "sample@row_lstm", "compare"}
    assert "up to date" in dvc(clone, "status")


def running(output):
    return set(re.findall(r"Running stage '([^']+)'", output))


def test_metrics_and_plots_are_declared(clone):
    shown = dvc(clone, "metrics", "show")
    assert re.search(r"digits-pixel_cnn/metrics.json .*\d\.\d+", shown)
    assert "digits-pixel_cnn/history.csv" in dvc(clone, "plots", "show", "--json")
