"""The charts, in Vega-Lite: what is drawn is said here, scripts fill in what a reader chose.

A text such as "$values" stands for a value of that name (`filled` in `state.js`); one that is left
undefined takes its key with it, and Vega-Lite's default holds.
"""

from typing import Any

Spec = dict[str, Any]

# Drag to pan, Ctrl and the wheel to zoom, a double click to come back: a wheel alone scrolls.
_ZOOM: Spec = {
    "name": "zoom",
    "select": {"type": "interval", "zoom": "wheel![event.ctrlKey || event.metaKey]"},
    "bind": "scales",
}
_HOVER: Spec = {
    "name": "hover",
    "select": {"type": "point", "fields": ["line"], "on": "pointerover", "clear": "pointerout"},
}
_NEAREST: Spec = {**_HOVER, "select": {**_HOVER["select"], "nearest": True}}
_WIDE: Spec = {"width": "container", "autosize": {"type": "fit-x", "contains": "padding"}}
# A nearest point's datum is its cell, whose datum is the point: Vega-Lite's own tooltip says
# undefined for texts.
_POINT = "(datum.datum || datum)"
# Points that a line needs to be one: fewer are drawn as points.
_LINE = 3


def charts() -> dict[str, Any]:
    """Return every chart of the page by its name, and what makes an axis of numbers zoom."""
    return {
        "curves": _curves(),
        "differences": _differences(),
        "results": _results(),
        "parallel": _parallel(),
        "zoom": [_ZOOM],
        "config": _config(),
    }


def _config() -> Spec:
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


def _tooltip(**figures: str) -> Spec:
    """Return a tooltip of what the hovered point says, by label: expressions of `d`."""
    pairs = (f"'{label}': {text.replace('d.', _POINT + '.')}" for label, text in figures.items())
    return {"value": {"expr": "{" + ", ".join(pairs) + "}"}}


def _curves() -> Spec:
    """Return lines against time: each run's, or the mean over a group's seeds ± their deviation."""
    shown = {"condition": {"param": "hover", "value": "$opacity"}, "value": 0.12}
    number = {"labelExpr": "format(datum.value, '~s')", "grid": False, "tickCount": 8}
    tooltip = _tooltip(
        run="d.line",
        curve="d.split",
        epochs="d.epoch",
        steps="format(d.step, ',')",
        value="format(d.y, '.5~g') + (d.seeds > 1 ? ' ± ' + format(d.sd, '.2~g') : '')",
        seeds="d.seeds",
    )
    few = {"test": f"datum.length < {_LINE}", "value": 1}
    dash = {
        "field": "split",
        "title": None,
        "legend": "$dashLegend",
        "scale": {"domain": ["validation", "training"], "range": [[1, 0], [5, 3]]},
    }
    return {
        "description": "$description",
        "data": {"values": "$values"},
        **_WIDE,
        "height": "$height",
        "params": [{"name": "times", "value": "$times"}, {"name": "every", "value": "$every"}],
        "transform": [
            {"flatten": "$lists"},
            {"fold": "$curves", "as": ["split", "value"]},
            {"filter": "isValid(datum.value) && isValid(datum.x)"},
            {"calculate": "datum.value * times", "as": "y"},
            {
                "window": [{"op": "mean", "field": "y", "as": "smooth"}],
                "groupby": ["run", "split"],
                "sort": [{"field": "epoch"}],
                "frame": "$frame",
            },
            {
                "aggregate": [
                    {"op": "mean", "field": "x", "as": "x"},
                    {"op": "mean", "field": "step", "as": "step"},
                    {"op": "mean", "field": "smooth", "as": "y"},
                    {"op": "stdev", "field": "smooth", "as": "sd"},
                    {"op": "count", "as": "seeds"},
                ],
                "groupby": ["line", "by", "split", "epoch"],
            },
            {
                "joinaggregate": [
                    {"op": "count", "as": "length"},
                    {"op": "max", "field": "epoch", "as": "last"},
                ],
                "groupby": ["line", "by", "split"],
            },
            {"calculate": "datum.y - (datum.sd || 0)", "as": "low"},
            {"calculate": "datum.y + (datum.sd || 0)", "as": "high"},
        ],
        "encoding": {
            "x": {
                "field": "x",
                "type": "quantitative",
                "title": "$xTitle",
                "scale": "$xScale",
                "axis": number,
            },
            "y": {
                "field": "y",
                "type": "quantitative",
                "title": "$yTitle",
                "scale": "$yScale",
            },
            "color": {
                "field": "by",
                "type": "nominal",
                "legend": "$legend",
                "scale": {"domain": "$order"},
            },
            "detail": [{"field": "line"}],
        },
        "layer": [
            {
                "mark": {"type": "area", "clip": True, "opacity": 0.2},
                "encoding": {
                    "y": {"field": "low", "type": "quantitative", "title": "$yTitle"},
                    "y2": {"field": "high"},
                    "detail": [{"field": "line"}, {"field": "split"}],
                },
            },
            {
                "params": [_ZOOM],
                "mark": {"type": "line", "clip": True, "strokeWidth": "$stroke"},
                "encoding": {"strokeDash": dash, "opacity": shown},
            },
            {
                "transform": [{"filter": "(datum.last - datum.epoch) % every === 0"}],
                "params": [_NEAREST],
                "mark": {"type": "point", "filled": True, "size": 50, "clip": True},
                "encoding": {
                    "opacity": {
                        "condition": [{"param": "hover", "empty": False, "value": 1}, few],
                        "value": 0,
                    },
                    "tooltip": tooltip,
                },
            },
        ],
    }


def _differences() -> Spec:
    """Return a forest plot: differences from the reference with their intervals."""
    verdicts = {"better": "$good", "noise": "$soft", "undecided": "$warn", "worse": "$bad"}
    hue = {
        "field": "verdict",
        "type": "nominal",
        "scale": {"domain": list(verdicts), "range": list(verdicts.values())},
        "legend": {"orient": "top", "title": None, "values": "$present"},
    }
    names = {"labelLimit": 170, "ticks": False, "domain": False}
    y = {"field": "run", "type": "nominal", "sort": None, "title": None, "axis": names}
    x = {"type": "quantitative", "title": "$xTitle", "axis": {"tickCount": 5}}
    figures = [
        {"field": field, "type": "quantitative", "format": "+.4f"}
        for field in ("delta", "low", "high")
    ]
    tooltip: list[Spec] = [{"field": "run"}, *figures, {"field": "verdict"}]
    return {
        "description": "$description",
        "data": {"values": "$values"},
        **_WIDE,
        "height": "$height",
        "layer": [
            {
                "mark": {"type": "rule", "color": "$strong", "strokeDash": [3, 3]},
                "encoding": {"x": {"datum": 0}},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {
                    "y": y,
                    "x": {**x, "field": "low"},
                    "x2": {"field": "high"},
                    "color": hue,
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
                "encoding": {
                    "y": y,
                    "x": {**x, "field": "delta"},
                    "color": hue,
                    "tooltip": tooltip,
                },
            },
        ],
    }


def _results() -> Spec:
    """Return points of NLL against a key, and the front that no run is below and left of."""
    x = {"field": "x", "type": "$xType", "title": "$xTitle", "scale": "$xScale", "sort": "$sort"}
    y = {"field": "y", "type": "quantitative", "title": "$yTitle", "scale": {"zero": False}}
    front = [
        {
            "window": [{"op": "min", "field": "y", "as": "lowest"}],
            "sort": [{"field": "x"}, {"field": "y"}],
            "frame": [None, 0],
        },
        {"filter": "datum.y === datum.lowest"},
    ]
    right = "scale('x', datum.x) > 0.8 * width"
    side, apart = {"expr": f"{right} ? 'right' : 'left'"}, {"expr": f"{right} ? -8 : 8"}
    tooltip: list[Spec] = [{"field": "run"}, {"field": "x", "title": "$xTitle"}]
    tooltip += [{"field": "y", "title": "$yTitle", "format": ".4f"}, {"field": "by"}]
    return {
        "description": "$description",
        "data": {"values": "$values"},
        **_WIDE,
        "height": 340,
        "layer": [
            {
                "transform": front,
                "mark": {
                    "type": "line",
                    "interpolate": "step-after",
                    "strokeDash": [4, 3],
                    "opacity": "$frontOpacity",
                },
                "encoding": {"x": x, "y": y, "color": {"value": "$soft"}},
            },
            {
                "mark": {"type": "rule", "opacity": 0.5},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
            },
            {
                "params": "$params",
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 0.9},
                "encoding": {"x": x, "y": y, "tooltip": tooltip},
            },
            {
                "mark": {
                    "type": "text",
                    "align": side,
                    "dx": apart,
                    "dy": -6,
                    "opacity": "$nameOpacity",
                },
                "encoding": {"x": x, "y": y, "text": {"field": "run"}},
            },
        ],
        "encoding": {
            "color": {
                "field": "by",
                "type": "nominal",
                "legend": "$legend",
                "scale": {"domain": "$order"},
            }
        },
    }


def _parallel() -> Spec:
    """Return a line a run across one axis a key, the last that of the NLL, which colors it."""
    x: Spec = {"field": "key", "type": "nominal", "sort": "$keys", "title": None}
    axis = {"labelAngle": 0, "domain": False, "ticks": False, "labelFontWeight": 600}
    x |= {"axis": {**axis, "labelPadding": 14}}
    y = {"field": "place", "type": "quantitative", "axis": None}
    nll = {
        "field": "nll",
        "type": "quantitative",
        "title": "$yTitle",
        "scale": {"scheme": "viridis", "reverse": "$reverse", "zero": False},
    }
    shown = {"condition": {"param": "hover", "value": 0.8}, "value": 0.08}
    own = {"type": "text", "align": "left", "dx": 5}
    text = {"data": {"values": "$ticks"}, "encoding": {"text": {"field": "text"}}}
    return {
        "description": "$description",
        "data": {"values": "$values"},
        **_WIDE,
        "height": 340,
        "encoding": {"x": x, "y": y},
        "layer": [
            {
                "data": {"values": "$ticks"},
                "mark": {"type": "rule", "color": "$strong"},
                "encoding": {"y": {"datum": 0}, "y2": {"datum": 1}},
            },
            {
                "mark": {"type": "line", "strokeWidth": 1.6},
                "encoding": {"detail": {"field": "line"}, "color": nll, "opacity": shown},
            },
            {
                "params": [_NEAREST],
                "mark": {"type": "point", "opacity": 0, "size": 50},
                "encoding": {"tooltip": _tooltip(run="d.line", key="d.key", value="d.text")},
            },
            {**text, "mark": {**own, "stroke": "$paper", "strokeWidth": 4, "strokeJoin": "round"}},
            {**text, "mark": {**own, "color": "$ink"}},
        ],
    }
