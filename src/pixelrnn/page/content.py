"""What the page is given to show, as plain values for JSON.

Nats are per image, pictures are data URIs.
"""

import json
import math
from typing import Any

import numpy as np
import pandas as pd

from pixelrnn import figures
from pixelrnn.page.charts import charts
from pixelrnn.page.groups import group_entry, several
from pixelrnn.page.image_choice import describe, pictured, scores
from pixelrnn.page.packing import pack
from pixelrnn.pictures.grids import embed
from pixelrnn.results.comparison import Comparison
from pixelrnn.results.names import short_names
from pixelrnn.results.rows import footnotes

# Points of a curve.
POINTS = 200
# Characters for sample grids and completions, of all runs together ...
PICTURES = 4_000_000
# ... and for one grid.
GRID = 280_000
# Columns of config keys that are shown unasked.
KEYS = 8

Numbers = list[float | None]
_CURVE = ("epoch", "step", "images", "seconds")
_TIMED = {"images", "seconds"}
# Further panels below the curves, by column of the history.
PANELS = {
    "lr": "learning rate",
    "grad_norm": "gradient norm",
    "images_per_second": "images per second",
}
# Of a class or function of these packages its own name says enough.
_PACKAGES = ("pixelrnn.", "torch.", "pytorch_lightning.")


def content(comparison: Comparison) -> dict[str, Any]:
    """Return the page's data, which `page/state.js` and the scripts after it read.

    An entry is a row of the comparison, under the row's own names, and what belongs to it.
    """
    images, dims = comparison.images, math.prod(comparison.images.shape)
    shown, scored = pictured(comparison), scores(comparison)
    keys, settings = _settings(comparison)
    pictures, crowded = _all_pictures(comparison)
    labels = _labels(comparison)
    entries = []
    for row in comparison.rows:
        entry = row.as_dict() | pictures.get(row.name, {})
        entry["label"] = labels.get(row.name, row.name)
        entry["settings"] = settings.get(row.name)
        entry["curve"] = _curve(comparison, row.name, dims)
        entry["scores"] = scored["runs"].get(row.name)
        entry["maps"] = shown["runs"].get(row.name)
        entries.append({key: value for key, value in entry.items() if value is not None})
    entries += _group_entries(comparison, entries)
    drawn = set().union(*(entry.get("curve", {}) for entry in entries))
    about_scores = None
    if scored["runs"]:
        about_scores = scored["about"] | {"note": describe(comparison, shown)}
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
        "differences": _differences(comparison, [entry["name"] for entry in entries]),
        "scores": about_scores,
        "pictured": shown["about"],
        "panels": [[name, title] for name, title in PANELS.items() if name in drawn],
        "charts": charts(),
    }


def _curve(comparison: Comparison, run: str, dims: int) -> dict[str, Numbers] | None:
    """Return the history of a run in nats, every so many epochs if it is long.

    Epochs are counted from one.
    """
    history = comparison.histories.get(run)
    if history is None or history.empty:
        return None
    kept = np.unique(np.linspace(0, len(history) - 1, POINTS).round().astype(int))
    history = history.iloc[kept]
    gap = pd.Series(math.nan, index=history.index)
    curve = {name: _numbers(history.get(name, gap)) for name in _CURVE}
    curve["epoch"] = [None if epoch is None else epoch + 1 for epoch in curve["epoch"]]
    for split in ("train", "val"):
        bits = history.get(f"{split}/bits_per_dim", gap)
        nats = history.get(f"{split}/nll_nats", bits * figures.nats_of_one_bit(dims))
        curve[split] = _numbers(nats)
    speed = history["images"].diff() / history["seconds"].diff() if {*history} >= _TIMED else gap
    history = history.assign(images_per_second=history.get("images_per_second", speed))
    panels = {name: _numbers(history[name]) for name in PANELS if name in history}
    return curve | {name: values for name, values in panels.items() if any(values)}


def _numbers(values: pd.Series) -> Numbers:
    """Return six digits of each, which is more than a screen shows; what is not finite is a gap."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values]


def _settings(comparison: Comparison) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return columns for the keys in which runs differ, and each run's values.

    Keys that agree in every run are one column, named after the shortest; those that say no more
    than the variant are left out. Shown unasked are the keys with at least two values: not those
    that only some variants have.
    """
    order = list(comparison.settings.columns)
    settings = {
        run: {key: _spell(config[key]) for key in order if key in config}
        for run, config in comparison.configs.items()
    }
    variants = {row.name: row.variant for row in comparison.rows}
    of_variant = tuple(variants.get(run) for run in settings)
    alike: dict[tuple[Any, ...], list[str]] = {}  # keys by their values in all runs
    for key in sorted(order, key=len):
        values = tuple(own.get(key) for own in settings.values())
        if values != of_variant:
            alike.setdefault(values, []).append(key)
    groups = sorted(alike.items(), key=lambda group: order.index(group[1][0]))
    columns = [
        {"key": key, "also": also, "shown": len({*values} - {None}) > 1}
        for values, (key, *also) in groups
    ]
    for extra in [column for column in columns if column["shown"]][KEYS:]:
        extra["shown"] = False
    kept = {column["key"] for column in columns}
    return columns, {
        run: {key: value for key, value in own.items() if key in kept}
        for run, own in settings.items()
    }


def _spell(value: Any) -> str | float:
    """Return a setting as text, but numbers as they are, so that they sort.

    Of a class or function its own name says enough.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if math.isfinite(value) else str(value)
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text.rpartition(".")[2] if text.startswith(_PACKAGES) else text


def _all_pictures(comparison: Comparison) -> tuple[dict[str, dict[str, Any]], int]:
    """Return sample grids and completions by run, best first while there is room.

    Also how many runs have been left out.
    """
    drawn = comparison.samples.keys() | comparison.completions.keys()
    runs = [row.name for row in comparison.rows if row.name in drawn]
    grids = len(comparison.samples) + len(comparison.completions)
    share = min(GRID, PICTURES // max(1, grids))
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
    """Return a run's sample grid and completions, in about `most` characters each."""
    pictures: dict[str, Any] = {}
    drawn = comparison.samples.get(run)
    if drawn is not None:
        pictures["samples"] = _grid(comparison, drawn, 8, most) | {"total": len(drawn)}
    done = comparison.completions.get(run)
    if done is not None:
        total, across = done.shape[:2]
        grid = _grid(comparison, done.reshape(-1, *done.shape[2:]), across, most)
        grid["shown"] //= across
        pictures["completions"] = grid | {"total": total, "times": across - 1}
    return pictures


def _grid(comparison: Comparison, images: np.ndarray, columns: int, most: int) -> dict[str, Any]:
    uri, (width, height), shown = embed(images, comparison.images.levels, columns, most)
    return {"uri": uri, "width": width, "height": height, "shown": shown}


def _labels(comparison: Comparison) -> dict[str, str]:
    """Return the short names of runs and of groups, by name."""
    runs = short_names([row.name for row in comparison.rows if row.kind == "run"])
    groups = short_names([group["group"] for group in getattr(comparison, "groups", [])])
    return groups | runs


def _group_entries(comparison: Comparison, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return an entry for each group of several runs."""
    labels, dims = _labels(comparison), math.prod(comparison.images.shape)
    by_name = {entry["name"]: entry for entry in entries}
    return [
        group_entry(group, [by_name[run] for run in group["runs"]], dims)
        | {"label": labels[group["group"]]}
        for group in several(comparison)
    ]


def _differences(comparison: Comparison, entries: list[str]) -> dict[str, Any] | None:
    """Return all pairs i < j, row by row, of groups and baselines in order of their NLL.

    `entries` are their places among the page's `entries`, and `seeds` says of which noise a pair's
    error is: of the seeds (1) or of the images (0).
    """
    pairs = comparison.differences
    if pairs.empty:
        return None
    places = {name: place for place, name in enumerate(entries)}
    best = pairs["a"].iloc[0]
    names = [best, *pairs["b"][pairs["a"] == best]]
    noise = pairs.get("noise", pd.Series("images", index=pairs.index))
    return {
        "entries": [places[name] for name in names],
        "delta": pack(pairs["nats"], "f4"),
        "error": pack(pairs["nats_se"], "f4"),
        "p": pack(pairs["p_holm"], "f4"),
        "kind": pack(pairs["kind"], "u1"),
        "seeds": pack(noise == "seeds", "u1"),
    }
