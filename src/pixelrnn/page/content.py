"""What the page is given to show, as plain values for JSON.

Nats are per image, pictures are data URIs.
"""

import math
from typing import Any

import numpy as np
import pandas as pd

from pixelrnn import figures
from pixelrnn.errors import InputError
from pixelrnn.page.charts import charts
from pixelrnn.page.columns import columns, parallel
from pixelrnn.page.gallery import all_pictures, real_images
from pixelrnn.page.groups import group_entry, half_widths, several
from pixelrnn.page.image_choice import describe, pictured, scores, shown_levels
from pixelrnn.page.packing import pack
from pixelrnn.page.settings import settings_of
from pixelrnn.results.comparison import Comparison
from pixelrnn.results.names import short_names
from pixelrnn.results.rows import Row, footnotes
from pixelrnn.runs.directory import RunDirectory

# Points of a curve.
POINTS = 200

Numbers = list[float | None]
_CURVE = ("epoch", "step", "images", "seconds")
_TIMED = {"images", "seconds"}
# Further panels below the curves, by column of the history.
PANELS = {
    "lr": "learning rate",
    "grad_norm": "gradient norm",
    "images_per_second": "images per second",
}


def content(comparison: Comparison) -> dict[str, Any]:
    """Return the page's data, which `page/state.js` and the scripts after it read.

    An entry is a row of the comparison, under the row's own names, and what belongs to it.
    """
    images, dims = comparison.images, math.prod(comparison.images.shape)
    shown, scored = pictured(comparison), scores(comparison)
    keys, settings, common = settings_of(comparison)
    pictures, crowded = all_pictures(comparison)
    labels = _labels(comparison)
    entries = []
    for row in comparison.rows:
        entry = row.as_dict() | pictures.get(row.name, {})
        entry["label"] = labels.get(row.name, row.name)
        entry["settings"] = settings.get(row.name)
        entry["state"] = (row.status or "").partition(":")[0] or None
        entry["origin"] = _origin(row) if row.kind == "run" else None
        entry["curve"] = _curve(comparison, row.name, dims)
        entry["scores"] = scored["runs"].get(row.name)
        entry["maps"] = shown["runs"].get(row.name)
        entries.append({key: value for key, value in entry.items() if value is not None})
    entries += _group_entries(comparison, entries)
    unit = "nats" if images.levels == 2 else "bits"  # as published figures are read
    table = columns(entries, keys, unit)
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
        "levels": shown_levels(comparison),
        "dims": dims,
        "unit": unit,
        "columns": table,
        "common": common,
        "parallel": parallel(entries, table, unit),
        "example": _example(entries, table),
        "entries": entries,
        "real": real_images(comparison),
        "crowded": crowded,
        "differences": _differences(comparison, [entry["name"] for entry in entries]),
        "scores": about_scores,
        "pictured": shown["about"],
        "panels": [[name, title] for name, title in PANELS.items() if name in drawn],
        "charts": charts(),
    }


def _origin(row: Row) -> dict[str, Any]:
    """Return where a run comes from, as far as it is known."""
    try:
        trained_on = RunDirectory(row.folder).read_data_md5() or {}
    except InputError:
        trained_on = {}
    changed = ", with uncommitted changes" if row.dirty else ""
    origin = {
        "status": row.status,
        "folder": row.path,
        "revision": row.git and row.git + changed,
        "command": row.command,
        "data (md5)": ", ".join(f"{file} {md5[:8]}" for file, md5 in trained_on.items()),
        "epochs": row.epochs,
        "best epoch": getattr(row, "best_epoch", None),
    }
    return {key: value for key, value in origin.items() if value not in (None, "")}


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


def _example(entries: list[dict[str, Any]], table: list[dict[str, Any]]) -> str:
    """Return a filter that finds the best run in this very page."""
    best = next(entry for entry in entries if entry["kind"] == "run")
    terms = [best.get("variant")]
    for column in table:
        value = best.get("settings", {}).get(column["key"])
        if column["explains"] and column["shown"] and isinstance(value, int):
            terms.append(f"{column['label']}={value}")
            break
    if "bits_per_dim" in best:
        terms.append(f"bits<{math.ceil(20 * best['bits_per_dim']) / 20:.2f}")
    return " ".join(term for term in terms if term)


def _labels(comparison: Comparison) -> dict[str, str]:
    """Return the short names of runs and of groups, by name."""
    runs = short_names([row.name for row in comparison.rows if row.kind == "run"])
    groups = short_names([group.group for group in comparison.groups])
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
        "half": pack(half_widths(comparison), "f4"),
        "p": pack(pairs["p_holm"], "f4"),
        "kind": pack(pairs["kind"], "u1"),
        "seeds": pack(noise == "seeds", "u1"),
        "note": _about_noise(set(noise), len(pairs), comparison.images.count),
    }


def _about_noise(noise: set[str], pairs: int, images: int) -> str:
    """Return what the differences are, and which noise their errors are about."""
    lines = ["NLL of each run minus that of the reference; negative is better"]
    counted = "" if pairs == 1 else f", with p values corrected for all {pairs:,} pairs (Holm)"
    lines.append(f"A verdict is given below 0.05{counted}")
    if "seeds" in noise:
        lines.append("Noise of seeds: over the runs of both groups, by Welch's t")
    if "images" in noise:
        lines.append(
            f"Noise of images: over {images:,} images, image by image, this pair of trained "
            "models; the luck of the seed is not in it"
        )
    return ". ".join(lines) + "."
