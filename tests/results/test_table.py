import json
import re
from html import unescape

import numpy as np
import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from pixelrnn.results.rows import BOUND_NOTE
from pixelrnn.results.table import _escape, to_curves, to_json, to_markdown, to_metrics, to_rich

NATS = 5 + np.random.default_rng(0).normal(size=40)
KEPT = (
    lambda comparison: to_json([comparison]),
    to_markdown,
    lambda comparison: to_metrics([comparison]),
    lambda comparison: to_curves([comparison]),
)
CIFAR = {"name": "cifar10", "shape": [3, 32, 32], "levels": 256, "path": "artifacts/data/cifar10"}


@pytest.fixture
def runs(make_run, make_data):
    """Exact and bound, evaluated and not; `a` is better than `b` whose figure is a bound."""
    make_data()
    make_run("runs/a-row_lstm", nats=NATS)
    make_run(
        "runs/b",
        {"variant": "multi_scale", "seed": 1},
        nats=NATS + 1 + 0.1 * np.arange(40),
        bound="upper",
    )
    make_run("runs/c", without=("metrics", "sampling"))


def test_markdown_marks_bounds_and_explains_them(runs, compared):
    """Faults: an exact figure marked, an upper bound not marked, a missing figure shown as nan."""
    comparison = compared()
    lines = to_markdown(comparison).splitlines()
    assert lines[0] == "# digits: NLL of the 40 test images (1×2×2, 17 levels)"
    table = {
        line.split(" | ")[0].removeprefix("| "): line for line in lines if line.startswith("| ")
    }
    bits = {row.name: f"{row.bits_per_dim:.4f}" for row in comparison.rows if row.bits_per_dim}
    assert table["a-row_lstm"].startswith(
        f"| a-row_lstm | 1,234 | – | {bits['a-row_lstm']} ± 0.0625 | 4.94"
    )
    assert table["a-row_lstm"].endswith(" ± 0.50 | exact |")
    assert f"| ≤ {bits['b']} ± 0.0625 | ≤ " in table["b (multi_scale)"]
    assert table["b (multi_scale)"].endswith(" ± 0.50 | upper |")
    assert table["c (row_lstm)"] == "| c (row_lstm) | 1,234 | – | – | – | – |"
    assert "- c: not evaluated." in lines
    assert f"- {BOUND_NOTE}" in lines
    assert {line.count("|") for line in lines if line.startswith("| ")} == {7}


def test_differences_are_told_from_the_best_run_on(runs, compared):
    """Fault: the sign turned, or the verdict of another pair."""
    comparison = compared()
    page = to_markdown(comparison)
    assert "a-row_lstm has the lowest NLL" in page
    assert "## NLL above that of a-row_lstm (p values corrected for 3 pairs)" in page
    (line,) = [line for line in page.splitlines() if line.startswith("| b | +")]
    assert line.endswith(
        "| < 0.0001 | images | undecided: the figure of b is only an upper bound |"
    )


def test_the_headline_names_those_that_may_be_as_good(make_run, make_data, compared):
    """Faults: noise called a ranking; a clear winner hedged."""
    make_data()
    steps = np.arange(40) % 3
    make_run("runs/x", nats=NATS)
    make_run("runs/y", nats=NATS + 1 + steps)
    assert "It is better than every other, beyond noise." in compared().headline()
    make_run("runs/z", nats=NATS[::-1] + 0.01)
    assert "Not distinguishable from it: z." in compared().headline()
    assert "Not distinguishable from it: Z." in compared().headline({"z": "Z"})


def test_the_headline_admits_a_better_baseline(make_run, make_data, compared):
    make_data()
    make_run("runs/x", nats=NATS + 100)
    assert "The baseline independent pixels is better than it." in compared().headline()


def test_what_is_kept_says_nothing_that_differs_each_time(runs, compared, tmp_path):
    """A second demo changes nothing under git. Fault: seconds, a revision, a command."""
    before = [write(compared()) for write in KEPT]
    for run in (tmp_path / "runs").iterdir():
        (run / "timing.json").write_text('{"train_seconds": 1, "images_per_second": 1}')
        (run / "origin.json").unlink()
    assert [write(compared()) for write in KEPT] == before


def test_metrics_and_curves_are_for_dvc(runs, compared):
    comparison = compared()
    figures = json.loads(to_metrics([comparison]))
    assert list(figures) == ["digits"]
    assert figures["digits"]["a-row_lstm"] == comparison.rows[0].bits_per_dim
    assert list(figures["digits"]) == ["a-row_lstm", "b", "c"]
    rows = to_curves([comparison]).splitlines()
    assert rows[:3] == ["run,images,bits_per_dim", "a-row_lstm,80,3.967", "a-row_lstm,160,3.787"]
    assert len(rows) == 1 + 3 * 2


def test_json_keeps_full_precision_and_knows_no_nan(runs, compared, make_run):
    make_run("runs/single", nll_nats_se=float("nan"))
    comparison = compared()
    page = json.loads(to_json([comparison]), parse_constant=lambda name: pytest.fail(name))[
        "comparisons"
    ][0]
    rows = {row["name"]: row for row in page["rows"]}
    assert (page["data"], page["split"], page["images"], page["levels"]) == (
        "digits",
        "test",
        40,
        17,
    )
    assert rows["a-row_lstm"]["nll_nats"] == float(NATS.mean())
    assert rows["a-row_lstm"]["settings"] == {"seed": 0, "variant": "row_lstm"}
    assert rows["single"]["nll_nats_se"] is None
    assert rows["c"]["bits_per_dim"] is None
    assert rows["c"]["status"] == "not evaluated"
    pairs = [
        dict(zip(page["differences"]["columns"], row, strict=True))
        for row in page["differences"]["rows"]
    ]
    assert len(pairs) == 3  # a, b, independent pixels
    pair = next(pair for pair in pairs if {pair["a"], pair["b"]} == {"a-row_lstm", "b"})
    assert pair["nats"] == pytest.approx(1 + 0.1 * np.arange(40).mean(), rel=1e-12)
    assert pair["verdict"].startswith("undecided")


def test_the_papers_figure_has_a_column_where_there_is_one(make_run, compared):
    make_run("runs/a", {"data": CIFAR})
    page = to_markdown(compared())
    assert "| the paper's |" in page
    assert "| 3.07 bits/dim |" in page
    assert "no baselines" in page


def test_no_column_for_the_paper_without_a_figure(runs, compared):
    assert "paper" not in to_markdown(compared())


NASTY = "a|b `c|d` [e](f) *g* <img src=x> \\| \\"


def test_markdown_shows_names_as_they_are(make_run, make_data, compared):
    """Faults: a name that is a link, a tag, code, or one more cell; advice that is no code."""
    make_data()
    make_run(f"runs/{NASTY}", nats=NATS, audit={"verdict": "leak"})
    make_run("runs/two\nlines", nats=NATS + 1)
    page = to_markdown(compared())
    html = MarkdownIt("commonmark").enable("table").render(page)
    tables = [table.partition("</table>")[0] for table in html.split("<table>")[1:]]
    assert len(tables) == 2
    for table in tables:
        rows = table.split("<tr>")[1:]
        assert len({row.count("</td>") + row.count("</th>") for row in rows}) == 1
    text = unescape(re.sub(r"</?(h1|h2|p|ul|li|table|thead|tbody|tr|th|td)( [^>]*)?>", "", html))
    assert text.count(NASTY) == 6  # a cell, a note, the headline, a heading, two verdicts
    assert text.count("two lines") == 2
    assert "<img" not in html
    assert "run <code>pixelrnn audit</code>." in html
    assert set(re.findall(r"<code>.*?</code>", html)) == {"<code>pixelrnn audit</code>"}


MARKS = [
    "# x",
    "- x",
    "+ x",
    "1. x",
    "2) x",
    "> x",
    "---",
    "===",
    "_x_",
    "a _b_ c",
    "~~x~~",
    "&copy; &#64;",
    "__x__",
]
MARKS += [
    "https://x.org",
    "see www.x.org",
    "a@x.org",
    "    x",
    "\tx",
    "x\u2028y",
    "a_b",
    "*",
    "![x](y)",
    "<https://x>",
]


@pytest.mark.parametrize("name", MARKS)
def test_a_line_of_markdown_shows_a_name_and_nothing_else(name):
    """As a paragraph, with GitHub's additions. Faults: a heading, a list, emphasis, an address that is a link."""
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(_escape(name))
    assert html.startswith("<p>")
    assert html.count("<") == 2, html
    assert unescape(html[3:-5]) == " ".join(name.split())
    assert not re.search(r"://|www\.|\w@\w", _escape(name)), "a link on GitHub"


def test_what_weights_missing_means_is_a_footnote(make_run, make_data, compared):
    """Fault: figures from a repository read as those of a model that is here."""
    make_data()
    make_run("runs/a", nats=NATS, without=("weights",))
    make_run("runs/b", nats=NATS + 1)
    note = (
        "a: weights missing: its figures are recorded ones, and its weights are not here "
        "(`dvc pull` fetches committed ones)."
    )
    comparison = compared()
    assert f"- {note}" in to_markdown(comparison).splitlines()
    assert note in " ".join(_printed(comparison, 140).split())
    assert "b: " not in to_markdown(comparison)


def test_a_setting_that_is_not_finite_is_null(make_run, make_data, compared):
    """Fault: a traceback, since JSON has no infinity."""
    make_data()
    for name, clip in {"a": float("inf"), "b": [1.0, float("nan")]}.items():
        make_run(f"runs/{name}", {"trainer": {"clip": clip}}, nats=NATS)
    rows = json.loads(to_json([compared()]))["comparisons"][0]["rows"]
    settings = {row["name"]: row["settings"] for row in rows}
    assert settings["a"] == {"trainer.clip": None}
    assert settings["b"] == {"trainer.clip": [1.0, None]}


def _printed(comparison, width):
    console = Console(width=width)
    with console.capture() as capture:
        console.print(to_rich(comparison))
    return capture.get()


def test_terminal_shows_every_figure_even_where_it_is_narrow(runs, compared):
    """Fault: Rich cuts a figure off with an ellipsis."""
    comparison = compared()
    for width in (60, 79, 80, 140):
        text = _printed(comparison, width)
        assert "…" not in text
        assert " ".join(BOUND_NOTE.split()) in " ".join(text.split())
        for row in comparison.rows:
            assert row.bits_per_dim is None or f"{row.bits_per_dim:.4f}" in text
    assert "c: not evaluated." in text
    assert "undecided: the figure of b" in text


def test_names_are_not_markup(make_run, make_data, compared):
    """Fault: Rich swallows `[red]` from a sweep's run names."""
    make_data()
    make_run("runs/lr[red]", {"variant": "v[bold]"})
    assert "lr[red]" in _printed(compared(), 140)


def test_of_hundreds_of_rows_the_terminal_shows_the_best(
    make_run, make_data, compared, monkeypatch
):
    make_data()
    for i in range(6):
        make_run(f"runs/{i}", nats=NATS + i + 0.1 * (np.arange(40) % 2))
    monkeypatch.setattr("pixelrnn.results.table.ROWS", 3)
    monkeypatch.setattr("pixelrnn.results.table.PAIRS", 2)
    text = _printed(compared(), 140)
    assert "... and 5 more" in text  # of six runs and two baselines
    assert "... and 4 more" in text  # of five runs and the independent pixels
