"""The columns of the page's table: what stands in them, and what they are good for.

A column has a `key` (its name in the filter), a `label`, the `field` of an entry (or a setting,
where there is none), the `kind` of its cells (`columns.js` draws them) and whether it is `shown`
unasked. It `explains` the NLL if it is a cost or a key; `few` values make a coloring; a `cost` is
better the lower it is; `log` says that its values span more than a decade.
"""

import math
from typing import Any

# Values of a key that are still a legend.
FEW = 10
Column = dict[str, Any]
Entries = list[dict[str, Any]]

_NLL = {"bits": ("bits_per_dim", "bits/dim", 4), "nats": ("nll_nats", "nats", 2)}


def columns(entries: Entries, keys: list[dict[str, Any]], unit: str) -> list[Column]:
    """Return the columns for `entries`; `keys` are settings, `unit` that of published figures."""
    found: list[Column] = [
        {"key": "run", "field": "name", "kind": "name", "shown": True},
        {"key": "audit", "field": "audit"},
        {"key": "status", "field": "state"},
        {"key": "variant", "field": "variant", "shown": True, "explains": True},
    ]
    for own, (field, label, digits) in _NLL.items():
        about = {"kind": "figure", "digits": digits, "shown": own == unit, "nll": True}
        found.append({"key": own, "field": field, "label": f"{label} ± s.e."} | about)
        found.append(
            {"key": f"val_{own}", "field": f"val_{field}", "label": f"val. {label}"} | about
        )
    found.append({"key": "paper", "field": "paper", "label": "the paper’s", "kind": "paper"})
    found[-1]["shown"] = True
    found.append({"key": "seed", "field": "seed"})
    found += [{"kind": "setting", "explains": True} | key for key in keys]
    found += [
        _cost("parameters", "parameters", "parameters", 0),
        _cost("train", "train_seconds", "training, s", 1),
        {"key": "speed", "field": "images_per_second", "label": "images/s", "kind": "setting"},
        {"key": "sampling", "field": "sample_seconds", "label": "sampling, s", "kind": "sampling"},
        {"key": "git", "field": "git", "label": "revision", "kind": "revision"},
        {"key": "command", "field": "command", "kind": "command"},
    ]
    described = [_describe(column, entries) for column in found]
    variant = next(column for column in described if column["key"] == "variant")
    variant["shown"] = variant["values"] > 1
    always = ("run", "status")
    return [own for own in described if own["values"] or own["key"] in always]


def _cost(key: str, field: str, label: str, digits: int) -> Column:
    about = {"kind": "figure", "digits": digits, "shown": True, "explains": True, "cost": True}
    return {"key": key, "field": field, "label": label} | about


def _describe(column: Column, entries: Entries) -> Column:
    """Return the column with what its values say of it; `values` counts the different ones."""
    values = [value_of(column, entry) for entry in entries if entry["kind"] != "baseline"]
    known = {value for value in values if value is not None}
    numeric = bool(known) and all(isinstance(value, int | float) for value in known)
    about = {
        "label": column["key"],
        "kind": "text",
        "numeric": numeric,
        "values": len(known),
        "log": numeric and min(known) > 0 and max(known) > 10 * min(known),
    }
    explains = column.get("explains", False) and len(known) > 1
    few = explains and len(known) <= FEW and not column.get("cost")
    return about | column | {"explains": explains, "few": few}


def value_of(column: Column, entry: dict[str, Any]) -> Any:
    """Return what a column sorts and filters by; None for nothing."""
    if "field" not in column:
        return entry.get("settings", {}).get(column["key"])
    value = entry.get(column["field"])
    return value["value"] if isinstance(value, dict) else value


def parallel(entries: Entries, table: list[Column], unit: str) -> dict[str, Any]:
    """Return what parallel coordinates show: a line a run (or group) across the keys and the NLL.

    A value is a place from 0 to 1 on its key's axis; `ticks` say what stands there.
    """
    nll = next(column for column in table if column["key"] == unit)
    axes = [column for column in table if column["explains"] and column["shown"]] + [nll]
    inside = {run for entry in entries for run in entry.get("members", [])}
    lines = [
        entry
        for entry in entries
        if entry["kind"] != "baseline"
        and entry["name"] not in inside
        and value_of(nll, entry) is not None
    ]
    values, ticks = [], []
    for column in axes:
        places = _places(column, lines)
        for entry in lines:
            value = value_of(column, entry)
            if value is not None:
                point = {"line": entry["label"], "key": column["label"], "place": places[value]}
                values.append(point | {"text": _spell(value), "nll": value_of(nll, entry)})
        for value, place in places.items():
            if len(places) <= FEW or place in (0, 1):
                ticks.append({"key": column["label"], "place": place, "text": _spell(value)})
    names = [column["label"] for column in axes]
    return {"values": values, "ticks": ticks, "keys": names, "yTitle": nll["label"]}


def _places(column: Column, lines: Entries) -> dict[Any, float]:
    """Return each value's place on its axis: numbers by their size, others in their order."""
    values = {value_of(column, entry) for entry in lines} - {None}
    if not column["numeric"]:
        steps = {value: float(i) for i, value in enumerate(sorted(values, key=str))}
    else:
        steps = {
            value: math.log(value) if column["log"] else float(value) for value in sorted(values)
        }
    if not steps:
        return {}
    low, high = min(steps.values()), max(steps.values())
    return {
        value: round((step - low) / (high - low), 4) if high > low else 0.5
        for value, step in steps.items()
    }


def _spell(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
