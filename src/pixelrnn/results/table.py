"""A comparison as a table: for a terminal, for a paper (Markdown), for a program (JSON).

An upper bound on the NLL is marked with ≤ and a footnote (Multi-Scale without `clamp` scores an image together with one
way of drawing it, and log p(small) + log p(x | small) <= log p(x)). Missing figures are a dash, in JSON null.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import ConsoleRenderable, Group, JustifyMethod
from rich.table import Table
from rich.text import Text

from pixelrnn.results.comparison import Comparison
from pixelrnn.results.paired import against
from pixelrnn.results.rows import cells, footnotes

ROWS, PAIRS = 50, 12  # that are still read in a terminal
DIFFERENCES = ("run", "bits/dim above it ± s.e.", "nats", "p (Holm)", "verdict")


def to_rich(comparison: Comparison) -> Group:
    """For the terminal: the table, its footnotes, the differences from the best run. Names aren't read as markup."""
    headings, rows = _table(comparison)
    parts: list[ConsoleRenderable] = [
        _rich(comparison.title, headings, rows[:ROWS]),
        *_more(len(rows) - ROWS),
    ]
    parts += [Text(line) for line in [*footnotes(comparison.rows), *comparison.notes]]
    if pairs := _differences(comparison):
        parts += [
            Text(),
            _rich(_about_differences(comparison), DIFFERENCES, pairs[:PAIRS]),
            *_more(len(pairs) - PAIRS),
        ]
    return Group(*parts, Text(comparison.headline()))


def to_markdown(comparison: Comparison) -> str:
    """A Markdown table with its footnotes, and the differences from the best run."""
    pairs = _differences(comparison)
    notes = [f"- {line}" for line in [*footnotes(comparison.rows), *comparison.notes]]
    blocks = [
        [f"# {comparison.title}"],
        _markdown(*_table(comparison)),
        notes,
        [comparison.headline()],
    ]
    if pairs:
        blocks += [["## " + _about_differences(comparison)], _markdown(DIFFERENCES, pairs)]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def to_json(comparison: Comparison) -> str:
    """What was measured, the rows and all pairs of runs, every figure in full precision; missing ones are null.

    The pairs, which may be thousands, are a table: `columns`, and `rows` of one line each.
    """
    images = comparison.images
    page = {
        "data": images.name,
        "split": images.split,
        "images": images.count,
        "shape": images.shape,
        "levels": images.levels,
        "data_md5": images.md5 or None,
        "headline": comparison.headline(),
        "rows": [
            asdict(row) | {"settings": _settings(comparison, row.name)} for row in comparison.rows
        ],
        "notes": comparison.notes,
    }
    text = json.dumps(page, indent=2, allow_nan=False, default=str).removesuffix("\n}")
    pairs = comparison.differences.drop(columns="kind")
    lines = ",\n".join(
        f"    {json.dumps([_finite(value) for value in row])}" for row in pairs.values.tolist()
    )
    columns = json.dumps(list(pairs.columns))
    return f'{text},\n  "differences": {{"columns": {columns}, "rows": [\n{lines}\n  ]}}\n}}\n'


def _table(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Headings and cells; the paper's figures only if there is one."""
    rows = [cells(row) for row in comparison.rows]
    headings = [
        name
        for name in rows[0]
        if name != "the paper's" or any(row.paper for row in comparison.rows)
    ]
    return headings, [[row[name] for name in headings] for row in rows]


def _about_differences(comparison: Comparison) -> str:
    pairs, best = len(comparison.differences), _best(comparison)
    return f"NLL above that of {best}, image by image (p values corrected for {pairs:,} pairs)"


def _best(comparison: Comparison) -> str:
    return next(row.name for row in comparison.rows if row.kind == "run")


def _differences(comparison: Comparison) -> list[list[str]]:
    pairs = against(comparison.differences, _best(comparison))
    return [
        [
            pair["run"],
            f"{pair['bits_per_dim']:+.4f} ± {pair['bits_per_dim_se']:.4f}",
            f"{pair['nats']:+.2f} ± {pair['nats_se']:.2f}",
            "< 0.0001" if pair["p_holm"] < 1e-4 else f"{pair['p_holm']:.4f}",
            pair["verdict"],
        ]
        for pair in pairs.to_dict("records")
    ]


def _settings(comparison: Comparison, run: str) -> dict[str, Any]:
    """The config keys in which the runs differ, as this run has them."""
    if run not in comparison.settings.index:
        return {}
    config = comparison.configs[run]
    return {key: config[key] for key in comparison.settings.columns if key in config}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _more(rows: int) -> list[Text]:
    return (
        [Text(f"... and {rows} more, in comparison.md and comparison.html\n")] if rows > 0 else []
    )


def _rich(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(
        title=Text(title), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left"
    )
    for heading in headings:
        width = 18 if heading == "run" else None
        side: JustifyMethod = "left" if heading in ("run", "bound", "verdict") else "right"
        table.add_column(heading, justify=side, overflow="fold", min_width=width)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    sides = ["---" if heading in ("run", "bound", "verdict") else "---:" for heading in headings]
    return [_line(headings), "|" + "|".join(sides) + "|", *map(_line, rows)]


def _line(row: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
