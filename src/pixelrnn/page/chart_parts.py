"""What the charts share: zooming, hovering, tooltips, and the colors of the page."""

from typing import Any

Spec = dict[str, Any]

# Drag to pan, Ctrl and the wheel to zoom, a double click to come back: a wheel alone scrolls.
ZOOM: Spec = {
    "name": "zoom",
    "select": {"type": "interval", "zoom": "wheel![event.ctrlKey || event.metaKey]"},
    "bind": "scales",
}
HOVER: Spec = {
    "name": "hover",
    "select": {"type": "point", "fields": ["line"], "on": "pointerover", "clear": "pointerout"},
}
NEAREST: Spec = {**HOVER, "select": {**HOVER["select"], "nearest": True}}
WIDE: Spec = {"width": "container", "autosize": {"type": "fit-x", "contains": "padding"}}
# A nearest point's datum is its cell, whose datum is the point: Vega-Lite's own tooltip says
# undefined for texts.
POINT = "(datum.datum || datum)"
# Points that a line needs to be one: fewer are drawn as points.
LINE = 3


def config() -> Spec:
    """Return the page's colors and letters."""
    text = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 500}
    lines = {"gridColor": "$line", "domainColor": "$line", "tickColor": "$line"}
    return {
        "background": None,
        "font": "$font",
        "view": {"stroke": None},
        "axis": {**text, **lines, "labelColor": "$soft", "titleColor": "$ink"},
        "legend": {
            **text,
            "labelColor": "$ink",
            "titleColor": "$soft",
            "labelLimit": 420,
            "symbolStrokeWidth": 2.5,
        },
        "range": {"category": "$category"},
    }


def tooltip_of(**figures: str) -> Spec:
    """Return a tooltip of what the hovered point says, by label: expressions of `d`."""
    pairs = (f"'{label}': {text.replace('d.', POINT + '.')}" for label, text in figures.items())
    return {"value": {"expr": "{" + ", ".join(pairs) + "}"}}
