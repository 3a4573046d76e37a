import json
import math

import pytest
from rich.console import Console

from pixelrnn.results.baselines import Baseline
from pixelrnn.results.frame import load_runs
from pixelrnn.results.table import BOUND_NOTE, comparison, to_json, to_markdown, to_rich

CODER = Baseline("PNG", 2.5, math.nan, 25.0, math.nan, "levels as they are")


@pytest.fixture
def rows(make_run, tmp_path):
    make_run("runs/a-row_lstm", bits_per_dim=3.0)
    make_run("runs/b", {"variant": "multi_scale"}, bits_per_dim=1.0, bound="upper")
    make_run("runs/c", without=("metrics", "sampling"))
    return comparison(load_runs(tmp_path / "runs"), [CODER])


def test_rows_are_sorted_and_those_without_a_figure_come_last(rows):
    assert [(row.name, row.kind) for row in rows] == [
        ("b", "run"),
        ("PNG", "baseline"),
        ("a-row_lstm", "run"),
        ("c", "run"),
    ]


def test_markdown_marks_bounds_and_explains_them(rows):
    """Faults: an exact figure marked, an upper bound not marked, a missing figure shown as nan."""
    page = to_markdown(rows, "Title")
    lines = page.splitlines()
    assert lines[0] == "# Title"
    assert lines[4:8] == [
        "| b (multi_scale) | 1,234 | ≤ 1.0000 ± 0.0625 | ≤ 20.12 ± 0.50 | 60.5 | 800 | 2.50 (16) | upper |",
        "| PNG | – | 2.5000 | 25.00 | – | – | – | exact |",
        "| a-row_lstm | 1,234 | 3.0000 ± 0.0625 | 20.12 ± 0.50 | 60.5 | 800 | 2.50 (16) | exact |",
        "| c (row_lstm) | 1,234 | – | – | 60.5 | 800 | – | – |",
    ]
    assert lines[9:] == [f"- {BOUND_NOTE}", "- PNG: levels as they are.", "- c: not evaluated."]
    assert len({line.count("|") for line in lines[2:8]}) == 1
    assert BOUND_NOTE not in to_markdown(rows[1:])


def test_markdown_survives_a_name_with_a_bar(make_run):
    rows = comparison(load_runs(make_run("a|b")), [])
    assert "| a\\|b (row_lstm) |" in to_markdown(rows)


def test_json_keeps_full_precision_and_knows_no_nan(make_run, tmp_path):
    make_run("runs/a")
    make_run("runs/b", without=("metrics",))
    rows = comparison(load_runs(tmp_path / "runs"), [CODER])
    page = json.loads(to_json(rows, data="digits"), parse_constant=lambda name: pytest.fail(name))
    assert page["data"] == "digits"
    run, coder, missing = page["rows"]
    assert run["bits_per_dim"] == 2.0123456789012345
    assert (run["parameters"], run["images"], run["head"]) == (1234, 5, "Softmax")
    assert coder["bits_per_dim_se"] is None
    assert missing["bits_per_dim"] is None
    assert missing["status"] == "not evaluated"


def test_terminal_shows_every_figure_even_where_it_is_narrow(rows):
    """Fault: Rich cuts a figure off with an ellipsis."""
    for width in (60, 79, 80, 140):
        console = Console(width=width)
        with console.capture() as capture:
            console.print(to_rich(rows, "Title"))
        text = capture.get()
        assert "…" not in text
        assert " ".join(BOUND_NOTE.split()) in " ".join(text.split())
        for figure in ("1.0000", "2.5000", "3.0000", "1,234", "60.5"):
            assert figure in text
    assert "≤ 1.0000 ± 0.0625" in text
    assert BOUND_NOTE in text
    assert "c: not evaluated." in text


def test_names_are_not_markup(make_run):
    """Fault: Rich swallows `[red]` from a sweep's run names."""
    console = Console(width=140)
    with console.capture() as capture:
        console.print(to_rich(comparison(load_runs(make_run("lr[red]")), []), "data[bold]"))
    assert "lr[red]" in capture.get()
    assert "data[bold]" in capture.get()
