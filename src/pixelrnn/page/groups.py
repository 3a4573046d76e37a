"""Groups of runs that differ in nothing but the seed: each is an entry of the page as a run is.

A group of one run is that run. One of several opens to its runs in the table, is one band among
the curves, and is what the differences are about.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from pixelrnn import figures
from pixelrnn.results.comparison import Comparison

# Figures that are the mean over the runs.
_MEANS = ("train_seconds", "images_per_second", "sample_seconds")
# What is said of a group where all of its runs agree.
_SHARED = ("variant", "head", "parameters", "bound", "audit", "paper", "sample_images", "git")


def several(comparison: Comparison) -> list[dict[str, Any]]:
    """Return the groups that have more than one seed, chosen first."""
    return [group.as_dict() for group in comparison.groups if group.n > 1]


def group_entry(group: dict[str, Any], runs: list[dict[str, Any]], dims: int) -> dict[str, Any]:
    """Return the entry of a group; `runs` are the entries of its runs."""
    shared = {key: runs[0].get(key) for key in _SHARED if _agree([run.get(key) for run in runs])}
    settings = [run.get("settings", {}) for run in runs]
    entry = shared | {
        "name": group["group"],
        "kind": "group",
        "members": list(group["runs"]),
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
    """Return half of the 95 % interval of each difference, in nats, by Student's t."""
    pairs = comparison.differences
    freedom = np.minimum(pairs["freedom"].to_numpy(float), 1e9)
    return stdtrit(freedom, 0.975) * pairs["nats_se"].to_numpy(float)


def _agree(values: list[Any]) -> bool:
    return all(value == values[0] for value in values)
