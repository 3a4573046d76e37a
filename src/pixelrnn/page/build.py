"""The file itself."""

import html
import json
from collections.abc import Sequence
from importlib.resources import files
from string import Template
from urllib.parse import quote

from pixelrnn.page.content import content
from pixelrnn.results.comparison import Comparison

# What a script uses stands in one before it.
SCRIPTS = (
    "state.js",
    "columns.js",
    "table.js",
    "curves.js",
    "results.js",
    "differences.js",
    "pictures.js",
    "configs.js",
    "images.js",
    "address.js",
    "page.js",
)


def build(comparison: Comparison, vega: str) -> str:
    """Return the page as text; `vega` is the plotting library's script."""
    folder = files(__package__)
    data = json.dumps(
        content(comparison), ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str
    )
    script = "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return Template((folder / "page.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(comparison.title),
        style=(folder / "page.css").read_text(encoding="utf-8"),
        data=data.replace("<", "\\u003c"),  # a run may be named </script>
        vega=vega.replace("</script", "<\\/script"),
        script=f'"use strict";\n{{\n{script}}}\n',
    )


def contents(comparisons: Sequence[Comparison], pages: Sequence[str]) -> str:
    """Return a page that leads to the page of each data set, with what each says first."""
    folder = files(__package__)
    style = (folder / "page.css").read_text(encoding="utf-8")
    entries = [
        f'<section><h2><a href="{quote(page)}">{html.escape(comparison.title)}</a></h2>'
        f"<p>{html.escape(comparison.headline())}</p></section>"
        for comparison, page in zip(comparisons, pages, strict=True)
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Comparisons</title><style>{style}</style></head>"
        f"<body><header><h1>Comparisons</h1></header><main>{''.join(entries)}</main></body></html>\n"
    )
