"""The charts, in Vega-Lite: what is drawn is said here, scripts fill in what a reader chose.

A text such as "$values" stands for a value of that name (`filled` in `state.js`); one that is left
undefined takes its key with it, and Vega-Lite's default holds.
"""

from typing import Any

from pixelrnn.page.chart_parts import LINE, NEAREST, WIDE, ZOOM, Spec, config, tooltip_of
from pixelrnn.page.key_charts import parallel, results


def charts() -> dict[str, Any]:
    """Return every chart of the page by its name, and what makes an axis of numbers zoom."""
    return {
        "curves": _curves(),
        "differences": _differences(),
        "results": results(),
        "parallel": parallel(),
        "zoom": [ZOOM],
        "config": config(),
    }


def _curves() -> Spec:
    """Return lines against time: each run's, or the mean over a group's seeds ± their deviation."""
    shown = {"condition": {"param": "hover", "value": "$opacity"}, "value": 0.12}
    number = {"labelExpr": "format(datum.value, '~s')", "grid": False, "tickCount": 8}
    tooltip = tooltip_of(
        run="d.line",
        curve="d.split",
        epochs="d.epoch",
        steps="format(d.step, ',')",
        value="format(d.y, '.5~g') + (d.seeds > 1 ? ' ± ' + format(d.sd, '.2~g') : '')",
        seeds="d.seeds",
    )
    few = {"test": f"datum.length < {LINE}", "value": 1}
    dash = {
        "field": "split",
        "title": None,
        "legend": "$dashLegend",
        "scale": {"domain": ["validation", "training"], "range": [[1, 0], [5, 3]]},
    }
    return {
        "description": "$description",
        "data": {"values": "$values"},
        **WIDE,
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
                "params": [ZOOM],
                "mark": {"type": "line", "clip": True, "strokeWidth": "$stroke"},
                "encoding": {"strokeDash": dash, "opacity": shown},
            },
            {
                "transform": [{"filter": "(datum.last - datum.epoch) % every === 0"}],
                "params": [NEAREST],
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
        **WIDE,
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
