"""What the page is given to show, as plain values for JSON. Nats are per image, pictures are data URIs."""

import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from pixelrnn import figures
from pixelrnn.page.image_choice import describe, pictured, scores
from pixelrnn.page.packing import pack
from pixelrnn.pictures.grids import embed
from pixelrnn.results.comparison import Comparison
from pixelrnn.results.rows import Row, footnotes, short_names

POINTS = 200  # of a curve
PICTURES = 4_000_000  # characters for sample grids and completions, of all runs together
GRID = 280_000  # ... and for one grid
KEYS = 8  # columns of config keys that are shown unasked
Numbers = list[float | None]
_CURVE = ("epoch", "step", "images", "seconds")


def content(comparison: Comparison) -> dict[str, Any]:
    """The page's data; `page/state.js` and what follows it there read it."""
    images, dims = comparison.images, math.prod(comparison.images.shape)
    shown, scored = pictured(comparison), scores(comparison)
    keys, settings = _settings(comparison)
    pictures, crowded = _all_pictures(comparison)
    labels = short_names([row.name for row in comparison.rows if row.kind == "run"])
    entries = []
    for row in comparison.rows:
        entry = _entry(row) | {
            "settings": settings.get(row.name),
            "curve": _curve(comparison, row.name, dims),
        }
        entry |= pictures.get(row.name, {}) | {
            "scores": scored["runs"].get(row.name),
            "maps": shown["runs"].get(row.name),
        }
        entry["label"] = labels.get(row.name, row.name)
        entries.append({key: value for key, value in entry.items() if value is not None})
    return {
        "title": comparison.title,
        "headline": comparison.headline(labels),
        "notes": [*footnotes(comparison.rows), *comparison.notes],
        "images": images.count,
        "shape": images.shape,
        "levels": images.levels,
        "dims": dims,
        "unit": "nats" if images.levels == 2 else "bits",  # as published figures are read
        "keys": keys,
        "entries": entries,
        "crowded": crowded,
        "differences": _differences(comparison),
        "scores": scored["about"] | {"note": describe(comparison, shown)}
        if scored["runs"]
        else None,
        "pictured": shown["about"],
    }


def _entry(row: Row) -> dict[str, Any]:
    """A row under the page's shorter names."""
    short = {
        "bits_per_dim": "bits",
        "bits_per_dim_se": "bits_se",
        "nll_nats": "nats",
        "nll_nats_se": "nats_se",
    }
    return {short.get(name, name): value for name, value in asdict(row).items()}


def _curve(comparison: Comparison, run: str, dims: int) -> dict[str, Numbers] | None:
    """The history of a run in nats, every so many epochs if it is long; epochs are counted from one."""
    history = comparison.histories.get(run)
    if history is None or history.empty:
        return None
    history = history.iloc[np.unique(np.linspace(0, len(history) - 1, POINTS).round().astype(int))]
    gap = pd.Series(math.nan, index=history.index)
    curve = {name: _numbers(history.get(name, gap)) for name in _CURVE}
    curve["epoch"] = [None if epoch is None else epoch + 1 for epoch in curve["epoch"]]
    for split in ("train", "val"):
        bits = history.get(f"{split}/bits_per_dim", gap)
        curve[split] = _numbers(
            history.get(f"{split}/nll_nats", bits * figures.nats_of_one_bit(dims))
        )
    return curve


def _numbers(values: pd.Series) -> Numbers:
    """Six digits are more than a screen shows; what isn't finite is a gap."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values]


def _settings(comparison: Comparison) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Columns for the keys in which runs differ, and each run's values.

    Keys that agree in every run are one column, named after the shortest; those that say no more than the variant are
    left out. Shown unasked are the ones of which there are two values: not those that only some variants have.
    """
    variants = {row.name: row.variant for row in comparison.rows}
    settings = {
        run: {key: _spell(config[key]) for key in comparison.settings.columns if key in config}
        for run, config in comparison.configs.items()
    }
    alike: dict[str, list[str]] = {}
    for key in sorted(comparison.settings.columns, key=len):
        values = [values.get(key) for values in settings.values()]
        if values != [variants.get(run) for run in settings]:
            alike.setdefault(json.dumps(values), []).append(key)
    order = list(comparison.settings.columns)
    groups = sorted(alike.items(), key=lambda item: order.index(item[1][0]))
    columns = [
        {"key": key, "also": also, "shown": len(set(json.loads(values)) - {None}) > 1}
        for values, (key, *also) in groups
    ]
    for extra in [column for column in columns if column["shown"]][KEYS:]:
        extra["shown"] = False
    kept = {column["key"] for column in columns}
    return columns, {
        run: {key: values[key] for key in values if key in kept} for run, values in settings.items()
    }


def _spell(value: Any) -> str | float:
    """Numbers stay numbers, so that they sort; of a class or function its own name says enough."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if math.isfinite(value) else str(value)
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return (
        text.rpartition(".")[2]
        if text.startswith(("pixelrnn.", "torch.", "pytorch_lightning."))
        else text
    )


def _all_pictures(comparison: Comparison) -> tuple[dict[str, dict[str, Any]], int]:
    """Sample grids and completions by run, best first while there is room; and how many runs have been left out."""
    runs = [
        row.name
        for row in comparison.rows
        if row.name in comparison.samples | comparison.completions
    ]
    share = min(GRID, PICTURES // max(1, len(comparison.samples) + len(comparison.completions)))
    pictures: dict[str, dict[str, Any]] = {}
    room = PICTURES
    for run in runs:
        pictures[run] = _pictures(comparison, run, share)
        room -= sum(len(picture["uri"]) for picture in pictures[run].values())
        if room < 0:  # large images: not even a row a run fits
            del pictures[run]
            break
    return pictures, len(runs) - len(pictures)


def _pictures(comparison: Comparison, run: str, most: int) -> dict[str, Any]:
    """Sample grid and completions, one pixel a pixel, in about `most` characters each."""
    pictures, levels = {}, comparison.images.levels
    if (drawn := comparison.samples.get(run)) is not None:
        uri, (width, height), shown = embed(drawn, levels, 8, most)
        pictures["samples"] = {
            "uri": uri,
            "width": width,
            "height": height,
            "shown": shown,
            "total": len(drawn),
        }
    if (done := comparison.completions.get(run)) is not None:
        total, columns = done.shape[:2]
        uri, (width, height), shown = embed(
            done.reshape(-1, *done.shape[2:]), levels, columns, most
        )
        size = {
            "width": width,
            "height": height,
            "shown": shown // columns,
            "total": total,
            "times": columns - 1,
        }
        pictures["completions"] = {"uri": uri, **size}
    return pictures


def _differences(comparison: Comparison) -> dict[str, Any] | None:
    """All pairs i < j, row by row, of the runs in order of their NLL; `entries` are their places in the table."""
    pairs = comparison.differences
    if pairs.empty:
        return None
    places = {row.name: place for place, row in enumerate(comparison.rows)}
    names = [pairs["a"].iloc[0], *pairs["b"].iloc[: int(pairs["a"].eq(pairs["a"].iloc[0]).sum())]]
    return {
        "entries": [places[name] for name in names],
        "delta": pack(pairs["nats"], "f4"),
        "error": pack(pairs["nats_se"], "f4"),
        "p": pack(pairs["p_holm"], "f4"),
        "kind": pack(pairs["kind"], "u1"),
    }
