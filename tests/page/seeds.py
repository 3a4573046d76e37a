"""A comparison of two groups of runs over seeds and of a single run."""

import math
from statistics import mean, stdev

import numpy as np
import pandas as pd
from tests.support.runs import write_data, write_run

from pixelrnn.results.comparison import compare_runs
from pixelrnn.runs.frame import load_runs
from pixelrnn.runs.same_images import same_images

GROUPS = {"row_lstm": ["row_lstm-0", "row_lstm-1", "row_lstm-2"], "cnn": ["cnn-0", "cnn-1"]}
SINGLE = "alone"


def write_seeds(folder):
    """Write the runs; `row_lstm` is best, `alone` worst."""
    write_data(folder / "digits")
    random = np.random.default_rng(0)
    nats = 5 + random.normal(size=40)
    for i, runs in enumerate([*GROUPS.values(), [SINGLE]]):
        for seed, run in enumerate(runs):
            own = nats + 0.5 * i + 0.05 * seed + 0.1 * random.normal(size=40)
            rate = [0.012345, 0.1, 0.5][i]
            config = {"seed": seed, "optimizer": {"lr": rate}, "model": {"layers": 2 + i}}
            write_run(folder / "runs" / run, config, nats=own, drawn=True)
    return folder / "runs"


def compare_seeds(runs):
    """Compare them; what `results` does not say of groups yet is put in."""
    frame = load_runs(runs)
    comparison = compare_runs(frame, same_images(frame))
    return comparison if hasattr(comparison, "groups") else _with_groups(comparison)


def _with_groups(comparison):
    bits = {row.name: row.bits_per_dim for row in comparison.rows}
    named = GROUPS | {SINGLE: [SINGLE]}
    groups = [_group(name, runs, bits) for name, runs in named.items()]
    object.__setattr__(comparison, "groups", groups)
    places = {run: (name, seed) for name, runs in named.items() for seed, run in enumerate(runs)}
    for row in comparison.rows:
        if row.kind == "run":
            group, seed = places[row.name]
            more = {"group": group, "seed": seed, "val_bits_per_dim": 2.5, "val_nll_nats": 6.9}
            values = row.as_dict() | more
            object.__setattr__(row, "as_dict", lambda values=values: values)
    object.__setattr__(comparison, "differences", _pairs(groups, bits["independent pixels"]))
    return comparison


def _group(name, runs, bits):
    figures = [bits[run] for run in runs]
    n = len(runs)
    error = stdev(figures) / math.sqrt(n) if n > 1 else None
    return {
        "group": name,
        "runs": runs,
        "n": n,
        "variant": "row_lstm",
        "bits_per_dim": mean(figures),
        "bits_per_dim_se": error,
        "best": min(figures),
        "worst": max(figures),
        "val_bits_per_dim": 2.5,
        "val_bits_per_dim_se": 0.0 if n > 1 else None,
        "bound": "exact",
    }


def _pairs(groups, baseline):
    found = [(group["group"], group["bits_per_dim"], group["n"]) for group in groups]
    found.append(("independent pixels", baseline, 1))
    rows = []
    for i, (a, low, n) in enumerate(found):
        for b, high, m in found[i + 1 :]:
            bits = {"bits_per_dim": high - low, "bits_per_dim_se": 0.01}
            nats = {"nats": 2.77 * (high - low), "nats_se": 0.03, "z": 9.0}
            verdict = {"p": 0.001, "p_holm": 0.003, "kind": 1, "verdict": f"{a} is better"}
            noise = {"noise": "seeds" if min(n, m) > 1 else "images"}
            rows.append({"a": a, "b": b} | bits | nats | verdict | noise)
    return pd.DataFrame(rows)
