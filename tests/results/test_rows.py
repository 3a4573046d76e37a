import math

from pixelrnn.results.baselines import Baseline
from pixelrnn.results.groups import make_groups
from pixelrnn.results.rows import make_rows
from pixelrnn.runs.frame import load_runs, records

CODER = Baseline("PNG", 2.5, math.nan, 25.0, math.nan, "levels as they are")


def test_rows_are_sorted_and_those_without_a_figure_come_last(make_run, tmp_path):
    make_run("runs/a-row_lstm", bits_per_dim=3.0)
    make_run("runs/b", {"variant": "multi_scale"}, bits_per_dim=1.0, bound="upper")
    make_run("runs/c", without=("metrics", "sampling"))
    frame = load_runs(tmp_path / "runs")
    rows = make_rows(frame, [CODER], make_groups(records(frame)))
    assert [(row.name, row.kind) for row in rows] == [
        ("b", "run"),
        ("a-row_lstm", "run"),
        ("PNG", "baseline"),
        ("c", "run"),
    ]
    assert rows[2].bits_per_dim_se is None
