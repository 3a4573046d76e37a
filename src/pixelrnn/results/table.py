"""A comparison as a table: for a terminal, for a paper (Markdown), for a program (JSON).

An upper bound on the NLL is marked with ≤ and a footnote (Multi-Scale without `clamp` scores an
image together with one way of drawing it, and log p(small) + log p(x | small) <= log p(x)). Missing
figures are a dash, in JSON null.
"""

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.console import ConsoleRenderable, Group, JustifyMethod
from rich.table import Table
from rich.text import Text

from pixelrnn import figures
from pixelrnn.results.comparison import Comparison
from pixelrnn.results.paired import against
from pixelrnn.results.rows import Row, cells, footnotes, group_cells

# What is still read in a terminal.
ROWS, PAIRS, CLASSES = 50, 12, 20
ABOUT_CLASSES = "NLL by class, nats"
DIFFERENCES = ("group", "bits/dim above it ± s.e.", "nats", "p (Holm)", "noise", "verdict")
GROUPS_NOTE = "Groups: means over the seeds, ± the standard error of the mean; a seed counts once."
# A heading, and fields, of what is different each time.
SECONDS = "train s"
PASSING = ("train_seconds", "images_per_second", "sample_seconds", "git", "dirty", "command")
# Columns of text; the others are figures.
TEXT = ("run", "group", "bound", "noise", "verdict")

# What a name may hold and Markdown, or GitHub's, would read as its own. A `<` opens a tag only
# before these, a `_` within a word means nothing, an address is a link by its `//` or its `www.`.
_SPECIAL = re.compile(
    r"[\\`*|\[\]~]|<(?=[A-Za-z/!?])|&(?=[#A-Za-z])|(?<![^\W_])_|_(?![^\W_])|(?<=:)/(?=/)"
    r"|(?<=\bwww)\.|(?<=[\w.+-])@(?=\w)"
)
# At the beginning of a line: a heading, a quotation, an item of a list, a rule.
_FIRST = re.compile(r"^(\d{0,9})(#{1,6}(?= |$)|>|[-+](?= |$)|(?<=\d)[.)](?= |$)|[-=](?=[-= ]*$))")
# Commands that a note advises: they stay code.
_ADVICE = re.compile(r"(`(?:pixelrnn|dvc) [^`\n]*`)")


def to_rich(comparison: Comparison) -> Group:
    """Return what a terminal shows: the table, its footnotes, the differences from the best run.

    Names are not read as markup.
    """
    grouped = _several_seeds(comparison)
    headings, rows = _groups(comparison) if grouped else _table(comparison)
    parts: list[ConsoleRenderable] = [_rich(comparison.title, headings, rows[:ROWS])]
    parts += _more(len(rows) - ROWS)
    if grouped:
        parts.append(Text(f"{GROUPS_NOTE} Each run is in comparison.md."))
    parts += [Text(line) for line in _notes(comparison)]
    pairs = _differences(comparison)
    if pairs:
        parts += [Text(), _rich(_about_differences(comparison), DIFFERENCES, pairs[:PAIRS])]
        parts += _more(len(pairs) - PAIRS)
    if classes := _classes(comparison):
        parts += [Text(), _rich(ABOUT_CLASSES, *classes)]
    return Group(*parts, Text(comparison.headline()))


def to_markdown(comparison: Comparison) -> str:
    """Return a Markdown table with its footnotes, and the differences from the best run.

    Seconds, which are others each time, are left to the terminal and the page: this is kept.
    """
    blocks = [[f"# {_escape(comparison.title)}"]]
    if _several_seeds(comparison):
        blocks += [_markdown(*_groups(comparison)), [GROUPS_NOTE], ["## Runs"]]
    blocks += [
        _markdown(*_table(comparison, kept=True)),
        [f"- {_escape_note(note)}" for note in _notes(comparison)],
        [_escape(comparison.headline())],
    ]
    pairs = _differences(comparison)
    if pairs:
        blocks.append([f"## {_escape(_about_differences(comparison))}"])
        blocks.append(_markdown(DIFFERENCES, pairs))
    if classes := _classes(comparison):
        blocks += [[f"## {ABOUT_CLASSES}"], _markdown(*classes)]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def to_json(comparisons: Sequence[Comparison]) -> str:
    """Return what was measured, groups, runs and all pairs of groups, every figure in full.

    There is a comparison a data set; docs/comparison.schema.json describes it. Missing figures are
    null. The pairs, which may be thousands, are a table: `columns` and `rows`. What differs each
    time (seconds, the revision) is in the runs' own files.
    """
    content = {"comparisons": [_as_dict(comparison) for comparison in comparisons]}
    return json.dumps(content, indent=2, allow_nan=False, default=str) + "\n"


def to_metrics(comparisons: Sequence[Comparison]) -> str:
    """Return bits per dimension by data set and run, for `dvc metrics` and `dvc exp show`."""
    by_data: dict[str, dict[str, float | None]] = {}
    for comparison in comparisons:
        own = {row.name: row.bits_per_dim for row in comparison.rows if row.kind == "run"}
        by_data.setdefault(comparison.images.name, {}).update(own)
    return json.dumps(by_data, indent=2, sort_keys=True) + "\n"


def to_curves(comparisons: Sequence[Comparison]) -> str:
    """Return the validation curves as one CSV: run, images seen, bits per dimension."""
    names = ("images", "val/bits_per_dim")
    curves = [
        frame.assign(run=run)[["run", *names]]
        for comparison in comparisons
        for run, frame in sorted(comparison.histories.items())
        if {*names} <= {*frame.columns}
    ]
    columns = ["run", "images", "bits_per_dim"]
    table = pd.concat(curves).dropna() if curves else pd.DataFrame(columns=["run", *names])
    return table.set_axis(columns, axis="columns").to_csv(index=False, lineterminator="\n")


def _as_dict(comparison: Comparison) -> dict[str, Any]:
    images = comparison.images
    pairs = comparison.differences.drop(columns="kind")
    classes = {run: _finite(nats) for run, nats in comparison.classes.items()}
    return {
        "data": images.name,
        "split": images.split,
        "images": images.count,
        "shape": images.shape,
        "levels": images.levels,
        "data_md5": images.md5 or None,
        "headline": comparison.headline(),
        "chosen": comparison.chosen.group,
        "groups": [group.as_dict() for group in comparison.groups],
        "rows": [
            _kept(row) | {"settings": _settings(comparison, row.name)} for row in comparison.rows
        ],
        "notes": comparison.notes,
        **({"classes": classes} if classes else {}),
        "differences": {
            "columns": list(pairs.columns),
            "rows": _finite(pairs.values.tolist()),
        },
    }


def _several_seeds(comparison: Comparison) -> bool:
    return any(group.n > 1 for group in comparison.groups)


def _groups(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Return headings and cells of the groups, then of the baselines."""
    rows = [group_cells(group) for group in comparison.groups]
    headings = list(rows[0])
    for row in comparison.rows:
        if row.kind == "baseline":
            theirs = cells(row) | {"group": row.name, "seeds": "–"}
            rows.append({heading: theirs.get(heading, "–") for heading in headings})
    return headings, [list(row.values()) for row in rows]


def _kept(row: Row) -> dict[str, Any]:
    return {key: value for key, value in row.as_dict().items() if key not in PASSING}


def _table(comparison: Comparison, kept: bool = False) -> tuple[list[str], list[list[str]]]:
    """Return headings and cells; the paper's figures only if there is one; `kept`: no seconds."""
    rows = [cells(row) for row in comparison.rows]
    headings = [heading for heading in rows[0] if not (kept and heading == SECONDS)]
    if not any(row.paper for row in comparison.rows):
        headings.remove("the paper's")
    return headings, [[row[name] for name in headings] for row in rows]


def _notes(comparison: Comparison) -> list[str]:
    return [*footnotes(comparison.rows), *comparison.notes]


def _about_differences(comparison: Comparison) -> str:
    pairs, chosen = len(comparison.differences), comparison.chosen.group
    return f"NLL above that of {chosen} (p values corrected for {pairs:,} pairs)"


def _differences(comparison: Comparison) -> list[list[str]]:
    """Return the cells of the pairs with the chosen group, under the headings of DIFFERENCES."""
    pairs = against(comparison.differences, comparison.chosen.group)
    return [
        [
            pair["run"],
            f"{pair['bits_per_dim']:+.4f} ± {pair['bits_per_dim_se']:.4f}",
            f"{pair['nats']:+.2f} ± {pair['nats_se']:.2f}",
            "< 0.0001" if pair["p_holm"] < 1e-4 else f"{pair['p_holm']:.4f}",
            pair["noise"],
            pair["verdict"],
        ]
        for pair in pairs.to_dict("records")
    ]


def _classes(comparison: Comparison) -> tuple[list[str], list[list[str]]] | None:
    """Return headings and cells of the NLL by class; None without classes, or with too many."""
    number = max(map(len, comparison.classes.values()), default=0)
    if not 0 < number <= CLASSES:
        return None
    headings = ["run", *map(str, range(number))]
    rows = [
        [run, *(figures.spell(_finite(nats), digits=1) for nats in own)]
        for run, own in comparison.classes.items()
    ]
    return headings, rows


def _settings(comparison: Comparison, run: str) -> dict[str, Any]:
    """Return the config keys in which the runs differ, as this run has them."""
    if run not in comparison.settings.index:
        return {}
    config = comparison.configs[run]
    return {key: _finite(config[key]) for key in comparison.settings.columns if key in config}


def _finite(value: Any) -> Any:
    """Return a value, or those of a list, with None for what is not finite: JSON has no NaN."""
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _more(rows: int) -> list[Text]:
    if rows <= 0:
        return []
    return [Text(f"... and {rows} more, in comparison.md and comparison.html\n")]


def _rich(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(
        title=Text(title), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left"
    )
    for heading in headings:
        width = 18 if heading in ("run", "group") else None
        side: JustifyMethod = "left" if heading in TEXT else "right"
        table.add_column(heading, justify=side, overflow="fold", min_width=width)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    sides = ["---" if heading in TEXT else "---:" for heading in headings]
    body = [[_escape(cell) for cell in row] for row in rows]
    return [_line(headings), "|" + "|".join(sides) + "|", *map(_line, body)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escape(text: str) -> str:
    """Return text as Markdown that shows it as it is, in one line."""
    return _FIRST.sub(r"\1\\\2", _SPECIAL.sub(r"\\\g<0>", " ".join(text.split())))


def _escape_note(note: str) -> str:
    """Return the same, with the commands that it advises as code."""
    pieces = _ADVICE.split(" ".join(note.split()))
    pieces[::2] = [_SPECIAL.sub(r"\\\g<0>", piece) for piece in pieces[::2]]
    return _FIRST.sub(r"\1\\\2", "".join(pieces))
