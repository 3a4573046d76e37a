import subprocess

from pixelrnn.runs.origin import find_origin, find_revision


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
