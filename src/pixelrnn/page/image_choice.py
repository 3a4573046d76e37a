"""Which test images are worth their bytes in the page.

The NLL of every image under every run goes in (as far as SCORES allows, else of the images on which runs differ most),
so that any two runs can be compared. Pictures, and maps of what each pixel cost, are for fewer images: round by round,
the next one on which a pair of runs differs most, one way and the other, for PAIRS pairs, those of the best run first;
and the next most and least likely one under the best runs.
"""

from itertools import combinations, islice
from typing import Any

import numpy as np

from pixelrnn.page.packing import pack
from pixelrnn.results.comparison import Comparison

SCORES = 4_000_000  # bytes for the NLL of images
MAPS = 4_000_000  # bytes for pictures and maps
IMAGES = 240  # of them at most
PAIRS, LIKELIHOODS = 64, 4


def scores(comparison: Comparison) -> dict[str, Any]:
    """`runs`: nats of each image as uint16, by name; `about`: their `scale`, and the images' `ids`, if not all."""
    names, nats = _stack(comparison)
    if not names:
        return {"about": {}, "runs": {}}
    kept = np.arange(nats.shape[1])
    if 2 * nats.size > SCORES:
        spread = np.argsort(-nats.std(axis=0), kind="stable")[: SCORES // (2 * len(names))]
        kept = np.union1d(spread, choose(nats, _room(comparison)))
    scale = float(nats.max() / (2**16 - 1)) or 1.0
    steps = np.clip(np.round(nats[:, kept] / scale), 0, 2**16 - 1)
    about = {"scale": scale, "ids": pack(kept, "i4") if len(kept) < nats.shape[1] else None}
    return {
        "about": about,
        "runs": {name: pack(row, "u2") for name, row in zip(names, steps, strict=True)},
    }


def pictured(comparison: Comparison) -> dict[str, Any]:
    """`runs`: maps as bytes, by name; `about`: `ids` of the chosen images, the nats of the brightest byte (`most`), and
    the `images` if they are at hand. Nothing where there is neither image nor map."""
    names, nats = _stack(comparison)
    if not names or not (comparison.maps or comparison.arrays):
        return {"about": None, "runs": {}, "count": 0}
    chosen = np.sort(choose(nats, _room(comparison)))
    maps = {
        run: np.asarray(maps[chosen], dtype=np.float32) for run, maps in comparison.maps.items()
    }
    # a pixel in a thousand may cost more: one that costs a hundred nats would leave all others black
    most = float(np.quantile(np.stack(list(maps.values())), 0.999)) if maps else 0.0
    most = most or 1.0
    levels = comparison.arrays[comparison.images.split][chosen] if comparison.arrays else None
    about = {
        "ids": pack(chosen, "i4"),
        "most": most,
        "images": None if levels is None else pack(levels, "u1"),
    }
    bytes_ = {
        run: pack(np.clip(np.round(255 / most * values), 0, 255), "u1")
        for run, values in maps.items()
    }
    return {"about": about, "runs": bytes_, "count": len(chosen)}


def choose(nats: np.ndarray, count: int) -> np.ndarray:
    """Up to `count` different images as described above; `nats`: (runs, images), the best run first."""
    runs, images = nats.shape
    if count >= images:
        return np.arange(images)
    pairs = islice(combinations(range(runs), 2), PAIRS)
    rankings = [np.argsort(nats[a] - nats[b], kind="stable") for a, b in pairs]
    rankings += [np.argsort(row, kind="stable") for row in nats[:LIKELIHOODS]]
    order = np.stack(
        [end for ranking in rankings for end in (ranking, ranking[::-1])], axis=1
    ).ravel()
    _, first = np.unique(order, return_index=True)
    return order[np.sort(first)[:count]]


def describe(comparison: Comparison, shown: dict[str, Any]) -> str:
    """What of the test images is in the page, in words."""
    images = comparison.images
    if not shown["count"]:
        return "No pictures: neither the prepared images nor any test_nll_map.npy is at hand."
    part = "All" if shown["count"] == images.count else f"{shown['count']:,} of the"
    said = [f"{part} {images.count:,} {images.split} images are embedded"]
    if shown["count"] < images.count:
        said[0] += ": those on which the best runs differ most, and the least and most likely"
    if not comparison.arrays:
        said.append("The images themselves are not at hand, only what their pixels cost")
    if without := [
        row.name
        for row in comparison.rows
        if row.bits_per_dim is not None and _lacks_map(comparison, row)
    ]:
        names = ", ".join(without[:3]) + (
            f" and {len(without) - 3} more" if len(without) > 3 else ""
        )
        said.append(
            f"No map of what each pixel costs (test_nll_map.npy, by `pixelrnn evaluate`) for {names}"
        )
    return ". ".join(said) + "."


def _lacks_map(comparison: Comparison, row: Any) -> bool:
    return row.kind == "run" and row.name not in comparison.maps


def _stack(comparison: Comparison) -> tuple[list[str], np.ndarray]:
    """Names, best first, and their nats (runs, images)."""
    names = [row.name for row in comparison.rows if row.name in comparison.nats]
    return names, np.stack([comparison.nats[name] for name in names]) if names else np.empty((0, 0))


def _room(comparison: Comparison) -> int:
    """How many images fit with their maps."""
    c, h, w = comparison.images.shape
    return min(IMAGES, MAPS // (h * w * (c + len(comparison.maps))))
