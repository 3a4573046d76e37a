import math

import pytest

from pixelrnn.results.baselines import Baseline
from pixelrnn.results.rows import make_rows, short_names
from pixelrnn.runs.frame import load_runs

CODER = Baseline("PNG", 2.5, math.nan, 25.0, math.nan, "levels as they are")


def test_rows_are_sorted_and_those_without_a_figure_come_last(make_run, tmp_path):
    make_run("runs/a-row_lstm", bits_per_dim=3.0)
    make_run("runs/b", {"variant": "multi_scale"}, bits_per_dim=1.0, bound="upper")
    make_run("runs/c", without=("metrics", "sampling"))
    rows = make_rows(load_runs(tmp_path / "runs"), [CODER])
    assert [(row.name, row.kind) for row in rows] == [
        ("b", "run"),
        ("PNG", "baseline"),
        ("a-row_lstm", "run"),
        ("c", "run"),
    ]
    assert rows[1].bits_per_dim_se is None


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["model=a,model.layers=2,data=x", "model=b,model.layers=2,data=x"], ["a", "b"]),
        (
            ["model=a,model.layers=2,seed=0", "model=a,model.layers=4,seed=1"],
            ["layers=2 seed=0", "layers=4 seed=1"],
        ),
        (["digits-row_lstm", "digits-pixel_cnn"], ["digits-row_lstm", "digits-pixel_cnn"]),
        (["x.lr=1", "y.lr=1"], ["x.lr=1", "y.lr=1"]),  # would be the same
        (["a=1,b=2", "a=1"], ["a=1,b=2", "a=1"]),  # nothing would be left
        (["only,one=1"], ["only 1"]),
        (["sweep/model=a", "sweep/model=b"], ["sweep/model=a", "sweep/model=b"]),
    ],
)
def test_short_names_of_a_sweeps_jobs(names, short):
    """Fault: two runs under one name."""
    assert list(short_names(names).values()) == short
