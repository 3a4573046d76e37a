"""NLL against the keys of the configuration, in Vega-Lite: one at a time, or all at once."""

from pixelrnn.page.chart_parts import NEAREST, WIDE, Spec, tooltip_of


def results() -> Spec:
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
        **WIDE,
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


def parallel() -> Spec:
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
        **WIDE,
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
                "params": [NEAREST],
                "mark": {"type": "point", "opacity": 0, "size": 50},
                "encoding": {"tooltip": tooltip_of(run="d.line", key="d.key", value="d.text")},
            },
            {**text, "mark": {**own, "stroke": "$paper", "strokeWidth": 4, "strokeJoin": "round"}},
            {**text, "mark": {**own, "color": "$ink"}},
        ],
    }
