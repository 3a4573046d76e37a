"""Which test images are worth their bytes in the page.

The NLL of every image under every run goes in (as far as SCORES allows, else of the images on which
runs differ most), so that any two runs can be compared. Pictures, and maps of what each pixel cost,
are for fewer images: round by round, the next one on which a pair of runs differs most, one way and
the other, for PAIRS pairs, those of the best run first; and the next most and least likely one
under the best runs.
"""

from itertools import combinations, islice
from typing import Any

import numpy as np

from pixelrnn.data.values import values_of
from pixelrnn.page.packing import pack
from pixelrnn.results.comparison import Comparison

# Bytes for the NLL of images.
SCORES = 4_000_000
# Bytes for pictures and maps, and how many images at most.
MAPS = 4_000_000
IMAGES = 240
# Pairs of runs, and single runs, whose extremes are chosen.
PAIRS, LIKELIHOODS = 64, 4
# Runs without a map that are named.
NAMED = 3

BYTE, SHORT = 2**8 - 1, 2**16 - 1  # the highest uint8 and uint16


def scores(comparison: Comparison) -> dict[str, Any]:
    """Return the nats of each image: by run, packed as uint16 (`runs`), and `about` them.

    `about` holds the `scale`, nats a step, what they are counted from if that is not 0 (`least`),
    and the `ids` of the images, None if all are there.
    """
    names, nats = _stack(comparison)
    if not names:
        return {"about": {}, "runs": {}}
    kept = np.arange(nats.shape[1])
    if 2 * nats.size > SCORES:
        spread = np.argsort(-nats.std(axis=0), kind="stable")
        fitting = spread[: SCORES // (2 * len(names))]
        kept = np.union1d(fitting, choose(nats, _room(comparison)))
    least = min(0.0, float(nats.min()))  # below 0 of a density
    scale = float((nats.max() - least) / SHORT) or 1.0
    steps = np.clip(np.round((nats[:, kept] - least) / scale), 0, SHORT)
    ids = pack(kept, "i4") if len(kept) < nats.shape[1] else None
    runs = {name: pack(row, "u2") for name, row in zip(names, steps, strict=True)}
    about = {"scale": scale, "ids": ids} | ({"least": least} if least else {})
    return {"about": about, "runs": runs}


def pictured(comparison: Comparison) -> dict[str, Any]:
    """Return maps of what pixels cost: by run, packed as bytes (`runs`), and `about` them.

    `about` holds the `ids` of the chosen images, the nats of the brightest byte (`most`), counted
    from those of the darkest if they are not 0 (`least`: of a density), and the `images` if they
    are at hand; it is None where there is neither image nor map.
    """
    names, nats = _stack(comparison)
    if not names or not (comparison.maps or comparison.arrays):
        return {"about": None, "runs": {}, "count": 0}
    chosen = np.sort(choose(nats, _room(comparison)))
    maps = {run: np.asarray(all_[chosen], np.float32) for run, all_ in comparison.maps.items()}
    least, most = 0.0, 1.0
    if maps:
        # A pixel in a thousand may cost more: one of a hundred nats would leave all others black.
        low, high = np.quantile(np.stack(list(maps.values())), [0.001, 0.999])
        least = min(0.0, float(low))
        most = float(high) - least or 1.0
    images = None
    if comparison.arrays:
        images = pack(
            _in_bytes(comparison.arrays[comparison.images.split][chosen], comparison), "u1"
        )
    about = {"ids": pack(chosen, "i4"), "most": most, "images": images}
    about |= {"least": least} if least else {}
    runs = {
        run: pack(np.clip(np.round(BYTE / most * (values - least)), 0, BYTE), "u1")
        for run, values in maps.items()
    }
    return {"about": about, "runs": runs, "count": len(chosen)}


def shown_levels(comparison: Comparison) -> int:
    """Return how many levels the bytes of the embedded test images have."""
    return min(comparison.images.levels or 256, 256)


def _in_bytes(images: np.ndarray, comparison: Comparison) -> np.ndarray:
    """Return images of up to 256 levels as they are, others as gray levels 0..255."""
    if comparison.images.levels == shown_levels(comparison):
        return images
    return values_of(comparison.images.levels).to_bytes(images)


def choose(nats: np.ndarray, count: int) -> np.ndarray:
    """Return up to `count` different images, chosen as this module says.

    `nats` is (runs, images), the best run first.
    """
    runs, images = nats.shape
    if count >= images:
        return np.arange(images)
    pairs = islice(combinations(range(runs), 2), PAIRS)
    rankings = [np.argsort(nats[a] - nats[b], kind="stable") for a, b in pairs]
    rankings += [np.argsort(row, kind="stable") for row in nats[:LIKELIHOODS]]
    ends = [end for ranking in rankings for end in (ranking, ranking[::-1])]
    order = np.stack(ends, axis=1).ravel()  # the first of each, the second of each, ...
    _, first = np.unique(order, return_index=True)
    return order[np.sort(first)[:count]]


def describe(comparison: Comparison, shown: dict[str, Any]) -> str:
    """Return in words what of the test images is in the page (`shown`: from `pictured`)."""
    images = comparison.images
    if not shown["count"]:
        return "No pictures: neither the prepared images nor any test_nll_map.npy is at hand."
    part = "All" if shown["count"] == images.count else f"{shown['count']:,} of the"
    lines = [f"{part} {images.count:,} {images.split} images are embedded"]
    if shown["count"] < images.count:
        lines[0] += ": those on which the best runs differ most, and the least and most likely"
    if not comparison.arrays:
        lines.append("The images themselves are not at hand, only what their pixels cost")
    without = [
        row.name
        for row in comparison.rows
        if row.kind == "run" and row.bits_per_dim is not None and row.name not in comparison.maps
    ]
    if without:
        names = ", ".join(without[:NAMED])
        if len(without) > NAMED:
            names += f" and {len(without) - NAMED} more"
        what = "No map of what each pixel costs (test_nll_map.npy, by `pixelrnn evaluate`)"
        lines.append(f"{what} for {names}")
    return ". ".join(lines) + "."


def _stack(comparison: Comparison) -> tuple[list[str], np.ndarray]:
    """Return the names of runs and baselines, best first, and their nats: (runs, images)."""
    names = [row.name for row in comparison.rows if row.name in comparison.nats]
    if not names:
        return names, np.empty((0, 0))
    return names, np.stack([comparison.nats[name] for name in names])


def _room(comparison: Comparison) -> int:
    """Return how many images fit with their maps."""
    c, h, w = comparison.images.shape
    return min(IMAGES, MAPS // (h * w * (c + len(comparison.maps))))
