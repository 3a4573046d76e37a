"""A comparison of two groups of runs over seeds and of a single run."""

import numpy as np
from tests.support.runs import write_data, write_run

from pixelrnn.results.comparison import compare_runs
from pixelrnn.runs.directory import RunDirectory
from pixelrnn.runs.frame import load_runs
from pixelrnn.runs.same_images import same_images

GROUPS = {
    name: [f"{name}_seed-{seed}" for seed in range(n)] for name, n in (("row_lstm", 3), ("cnn", 2))
}
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
            files = RunDirectory(write_run(folder / "runs" / run, config, nats=own, drawn=True))
            validation = {"val_nll_nats": 6.9, "val_bits_per_dim": 2.5 + i / 100}
            files.write("training.json", files.read("training.json") | validation)
    return folder / "runs"


def compare_seeds(runs):
    """Compare them."""
    frame = load_runs(runs)
    return compare_runs(frame, same_images(frame))
