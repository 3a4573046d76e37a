import subprocess

import pytest

from pixelrnn import __version__
from pixelrnn.runs.origin import TRAINS, code_md5, find_origin, find_revision

NONE = {"version": __version__, "git": None, "dirty": None}


def git(folder, *arguments):
    subprocess.run(
        ["git", "-C", folder, "-c", "user.name=t", "-c", "user.email=t@t", *arguments], check=True
    )


def test_revision_and_what_differs_from_it(tmp_path):
    """Fault: results, which DVC deletes before it runs a stage, make every revision dirty."""
    package = tmp_path / "src" / "pixelrnn"
    for folder, name in ((package, "__init__.py"), (tmp_path / "artifacts", "file")):
        folder.mkdir(parents=True)
        (folder / name).write_text("1")
    assert find_revision(package) == NONE
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", ".")
    (tmp_path / "artifacts" / "file").write_text("2")
    commit = find_revision(package)
    assert commit["version"] is None
    assert len(commit["git"]) == 40
    assert commit["dirty"] is False
    (package / "__init__.py").write_text("2")
    assert find_revision(package) == {**commit, "dirty": True}


@pytest.mark.parametrize("place", ["lib/site-packages/pixelrnn", "src/pixelrnn"])
def test_a_package_in_anothers_repository_has_a_version(tmp_path, place):
    """Fault: the revision of whatever repository the environment lies in."""
    (tmp_path / "theirs").write_text("1")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", ".")
    package = tmp_path / place  # not in git, as an environment is not
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    assert find_revision(package) == NONE


def test_no_git(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert find_revision(tmp_path / "src" / "pixelrnn") == NONE


def test_the_code_that_trains(tmp_path):
    """Faults: a change that goes unnoticed; a rename; a file of a room that trains nothing."""
    for room in (*TRAINS, "page"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "a.py").write_text("")
    first = code_md5(tmp_path)
    (tmp_path / "page" / "a.py").write_text("1")
    assert code_md5(tmp_path) == first
    (tmp_path / "ops" / "a.py").rename(tmp_path / "ops" / "b.py")
    second = code_md5(tmp_path)
    (tmp_path / "ops" / "b.py").write_text("1")
    assert len({first, second, code_md5(tmp_path)}) == 3


def test_stage_experiment_and_data(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_STAGE", "train@row_lstm")
    monkeypatch.setenv("DVC_EXP_NAME", "lucid-moth")
    origin = find_origin("pixelrnn train", {"train.npy": "1"})
    assert (origin["dvc_stage"], origin["dvc_experiment"]) == ("train@row_lstm", "lucid-moth")
    assert (origin["command"], origin["data_md5"]) == ("pixelrnn train", {"train.npy": "1"})
