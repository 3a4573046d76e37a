"""Groups of runs that differ in nothing but the seed: each is an entry of the page as a run is.

A group of one run is that run. One of several opens to its runs in the table, is one band among
the curves, and is what the differences are about.
"""

import math
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pixelrnn import figures
from pixelrnn.results.comparison import Comparison

# Figures that are the mean over the runs.
_MEANS = ("train_seconds", "images_per_second", "sample_seconds")
# What is said of a group where all of its runs agree.
_SHARED = ("variant", "head", "parameters", "bound", "audit", "paper", "sample_images", "git")


def several(comparison: Comparison) -> list[dict[str, Any]]:
    """Return the groups that have more than one run, best first."""
    return [group for group in getattr(comparison, "groups", []) if group["n"] > 1]


def group_entry(group: dict[str, Any], runs: list[dict[str, Any]], dims: int) -> dict[str, Any]:
    """Return the entry of a group; `runs` are the entries of its runs."""
    shared = {key: runs[0].get(key) for key in _SHARED if _agree([run.get(key) for run in runs])}
    settings = [run.get("settings", {}) for run in runs]
    entry = shared | {
        "name": group["group"],
        "kind": "group",
        "members": group["runs"],
        "bound": group["bound"],
        "variant": group["variant"],
        "settings": {
            key: value
            for key, value in settings[0].items()
            if _agree([own.get(key) for own in settings])
        },
    }
    for figure in ("bits_per_dim", "val_bits_per_dim"):
        nats = figure.replace("bits_per_dim", "nll_nats")
        for end in ("", "_se"):
            bits = group.get(figure + end)
            entry[figure + end] = bits
            entry[nats + end] = None if bits is None else bits * figures.nats_of_one_bit(dims)
    for key in _MEANS:
        values = [run[key] for run in runs if run.get(key) is not None]
        entry[key] = sum(values) / len(values) if values else None
    return {key: value for key, value in entry.items() if value is not None}


def half_widths(comparison: Comparison) -> npt.NDArray[np.float64]:
    """Return half of the 95 % interval of each difference, in nats.

    Over images it is normal. Over seeds it is Welch's: Student's t with as many degrees of freedom
    as the errors a and b of the two means, over n and m runs, leave:
        (a² + b²)² / (a⁴ / (n - 1) + b⁴ / (m - 1)).
    """
    pairs = comparison.differences
    groups = {group["group"]: group for group in several(comparison)}
    factors = np.full(len(pairs), 1.96)
    for i, (a, b, noise) in enumerate(
        zip(pairs["a"], pairs["b"], pairs.get("noise", pairs["a"]), strict=True)
    ):
        if noise == "seeds":
            both = [(groups[name]["bits_per_dim_se"] ** 2, groups[name]["n"]) for name in (a, b)]
            spread = sum(variance**2 / (n - 1) for variance, n in both)
            total = sum(variance for variance, _ in both)
            factors[i] = student(round(total**2 / spread, 1)) if spread else math.nan
    return factors * pairs["nats_se"].to_numpy(float)


@cache
def student(freedom: float) -> float:
    """Return the end of the central 95 % of Student's t.

    With x = √freedom · tan(angle) its density is that of cos(angle)^(freedom - 1).
    """
    angle = (np.arange(50_000) + 0.5) / 50_000 * np.pi / 2
    share = np.cumsum(np.cos(angle) ** (freedom - 1))
    return math.sqrt(freedom) * math.tan(angle[np.searchsorted(share, 0.95 * share[-1])])


def _agree(values: list[Any]) -> bool:
    return all(value == values[0] for value in values)
