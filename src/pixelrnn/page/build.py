"""The file itself."""

import html
import json
from importlib.resources import files
from string import Template

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
