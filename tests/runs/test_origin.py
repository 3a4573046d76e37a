import shlex
import subprocess

import pytest
from tests.support import tiny

from pixelrnn.runs.origin import find_origin, find_revision
from pixelrnn.stages.train import find_command
from pixelrnn.training.run import Run


def git(folder, *arguments):
    subprocess.run(
        ["git", "-C", folder, "-c", "user.name=t", "-c", "user.email=t@t", *arguments], check=True
    )


def test_revision_and_what_differs_from_it(tmp_path):
    """Fault: results, which DVC deletes before it runs a stage, make every revision dirty."""
    for name in ("src", "artifacts"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("1")
    assert find_revision(tmp_path) == {"git": None, "dirty": None}
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", ".")
    (tmp_path / "artifacts" / "file").write_text("2")
    commit = find_revision(tmp_path)
    assert len(commit["git"]) == 40
    assert commit["dirty"] is False
    (tmp_path / "src" / "file").write_text("2")
    assert find_revision(tmp_path) == {**commit, "dirty": True}


def test_no_git(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert find_revision(tmp_path) == {"git": None, "dirty": None}


def test_stage_experiment_and_data(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_STAGE", "train@row_lstm")
    monkeypatch.setenv("DVC_EXP_NAME", "lucid-moth")
    origin = find_origin("pixelrnn train", {"train.npy": "1"})
    assert (origin["dvc_stage"], origin["dvc_experiment"]) == ("train@row_lstm", "lucid-moth")
    assert (origin["command"], origin["data_md5"]) == ("pixelrnn train", {"train.npy": "1"})


@pytest.mark.parametrize(
    ("typed", "run"),
    [
        (["train", "seed=3", "run=a b/c=1,d"], "a b/c=1,d"),
        (["train", "-m", "seed=choice(3)", "stage.test=false", "run=all"], "all/seed=3"),
    ],
)
def test_command_pasted_into_a_shell_is_that_run(pixelrnn, typed, run, tmp_path):
    """It finds the run finished: the same directory, the same configuration. Fault: what a job of a sweep varies."""
    assert pixelrnn(*typed, *tiny.WORDS)[0] == 0
    command = Run.load(run).files.read("origin.json")["command"]
    assert command.startswith("pixelrnn train ")
    assert f"{run} is finished" in pixelrnn(*shlex.split(command)[1:])[1]


def test_from_python_there_is_no_command(monkeypatch):
    monkeypatch.setattr("hydra.core.hydra_config.HydraConfig.initialized", lambda: False)
    assert find_command("run") is None
