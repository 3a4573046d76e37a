"""What W&B groups, by where a run lies."""

import json
from pathlib import Path

import pytest

from pixelrnn.runs.group import group_of, plain, recorded_groups


@pytest.mark.parametrize(
    ("run", "group"),
    [
        ("artifacts/runs/digits/row_lstm", "digits"),
        ("artifacts/runs/digits-row_lstm", None),
        ("artifacts/sweeps/digits-depth/model.layers-2", "digits-depth"),
        ("artifacts/sweeps/digits-depth_trainer.max_epochs-2/seed-0", "digits-depth_trainer.max_epochs-2"),
        ("artifacts/sweeps/digits/residual_skip/model.skip-true", "digits-residual_skip"),
        ("artifacts/sweeps/digits-depth/model.layers-2/", "digits-depth"),
        ("other/artifacts/runs/artifacts/sweeps/a/job", "a"),
        ("artifacts/runs/digits/../digits-row_lstm", None),
        ("/data/me/exp/run1", "exp"),
        ("/data/artifacts/exp/run1", "exp"),
        ("/data/sweep, seed=1/run1", "sweep-seed-1-5af411"),
        ("/run1", None),
        (".", "here"),
    ],
)  # fmt: skip
def test_a_group_is_a_pipeline_or_a_sweep(run, group, tmp_path, monkeypatch):
    """Faults: "runs" for every single training; `..` as a group; `=`, which a workspace misreads."""
    (tmp_path / "here" / "now").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / "now")
    assert group_of(run) == group


def test_a_long_group_is_cut_and_stays_its_own():
    """W&B refuses a run whose group has more than 128 characters."""
    long = [plain(f"digits-{'x' * 200}{last}") for last in "ab"]
    assert long[0] != long[1]
    assert [len(one) for one in long] == [120, 120]
    assert len(group_of(Path("artifacts/sweeps", "x" * 120, "y" * 120, "job"))) == 120
    assert plain("x" * 120) == "x" * 120


def test_groups_that_runs_recorded(tmp_path):
    """Only those of runs that W&B knows. Fault: one damaged file hides all groups."""
    origins = {
        "runs/digits-row_lstm": {"wandb": {"id": "1", "group": None}},
        "runs/digits/row_lstm": {"wandb": {"id": "2", "group": "digits"}},
        "sweeps/depth/one": {"wandb": {"id": "3", "group": "depth"}},
        "sweeps/depth/two": {"wandb": {"id": "4", "group": "depth"}},
        "sweeps/digits/widths/one": {"wandb": {"id": "5", "group": "digits-widths"}},
        "sweeps/files only/one": {"wandb": None},
    }
    for name, origin in origins.items():
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "origin.json").write_text(json.dumps(origin))
    (tmp_path / "sweeps/depth/two/origin.json").write_text("{")
    assert recorded_groups(tmp_path / "runs", tmp_path / "sweeps", tmp_path / "none") == [
        None,
        "depth",
        "digits",
        "digits-widths",
    ]
