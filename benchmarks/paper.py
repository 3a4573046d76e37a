"""What the paper's experiments ask of a machine: memory and time of each, by batch and device.

    python benchmarks/paper.py                          all, about a quarter of an hour of one core
    python benchmarks/paper.py mnist_row_lstm ...       some

Measured here, by one training step of one thread in a process of its own: the seconds of a core
(what others do meanwhile is not in them), the process's peak memory, the products counted by torch, the bytes that autograd keeps for the backward
pass. The last two depend on the shapes alone, so that they are those of any device. Computed from
them: what larger batches hold, and the least time of an epoch where the products run at a rate R.
Writes benchmarks/paper.json, and prints the tables of docs/cluster.md.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from bench import images, saved_bytes
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch.utils.flop_counter import FlopCounterMode

from pixelrnn.conf import CONF

HERE = Path(__file__).parent
EXPERIMENTS = [file.stem for file in sorted((CONF / "experiment").glob("[!s]*.yaml"))]
BATCHES = {"mnist": (1, 16), "cifar": (1, 4), "imagenet32": (1,), "imagenet64": (1,)}
# Training images, as `prepare` leaves them.
IMAGES = {"mnist": 50_000, "cifar": 45_000, "imagenet32": 1_271_167, "imagenet64": 1_271_167}
# A step's memory by what it keeps for the backward pass: of its tensors (benchmarks/results.md), and
# by how much the process grew from a batch to a larger one here (2.6 to 3.2), the allocator included.
OVERHEAD = (1.2, 3.2)
RATE = 19.5e12  # float32 operations a second: the data sheet of an A100; no GPU was at hand
GPUS = (24, 80)  # GB


def kind(experiment: str) -> str:
    return next(name for name in IMAGES if experiment.startswith(name))


def measure(experiment: str, batch: int) -> dict[str, Any]:
    """Take two training steps; the second is timed."""
    torch.set_num_threads(1)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"experiment={experiment}", "variant=any"])
    torch.manual_seed(0)
    model = instantiate(config.model, _convert_="all")
    parameters = sum(p.numel() for p in model.parameters())
    x = images(model, batch)
    saved = [saved_bytes(model, n) for n in (1, 2)]
    optimizer = instantiate(config.optimizer)(model.parameters())

    def step() -> None:
        optimizer.zero_grad()
        (-model.log_prob(x).mean()).backward()
        optimizer.step()

    with FlopCounterMode(display=False) as counter:
        step()
    start = time.process_time()
    step()
    return {
        "experiment": experiment,
        "batch": batch,
        "usual_batch": config.data.batch_size,
        "parameters": parameters,
        "core_seconds": time.process_time() - start,
        "saved_bytes": saved,  # of one image, of two
        "flops": counter.get_total_flops(),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "load": os.getloadavg()[0],
    }


def fixed_bytes(row: dict[str, Any]) -> int:
    """Weights, gradients and RMSProp's squares: float32."""
    return 3 * 4 * row["parameters"]


def saved_for(row: dict[str, Any], batch: int) -> int:
    """Kept for the backward pass: something once, such as masked weights, and so much an image."""
    one, two = row["saved_bytes"]
    return one + (batch - 1) * (two - one)


def memory(row: dict[str, Any], batch: int, overhead: float) -> float:
    return fixed_bytes(row) + overhead * saved_for(row, batch)


def largest_batch(row: dict[str, Any], gigabytes: int) -> int:
    """Return what surely fits."""
    overhead = max(OVERHEAD)
    left = gigabytes * 1e9 - memory(row, 1, overhead)
    return 1 + int(left / (overhead * (saved_for(row, 2) - saved_for(row, 1))))


def hours(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1g}"


def tables(rows: list[dict[str, Any]]) -> str:
    """Return what was measured, then what follows from it."""
    loads = sorted(row["load"] for row in rows)
    lines = [
        f"Measured: one training step, float32, one thread of {os.cpu_count()} cores, load "
        f"{loads[0]:.0f} to {loads[-1]:.0f}; seconds are those of the core, not of the clock. About 740 MB of "
        "the peak are Python and torch.",
        "",
        "| experiment | parameters | batch | core s a step | kept for backward, MB | peak of the process, MB | GFLOP a step |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(
            f"| {row['experiment']} | {row['parameters']:,} | {row['batch']} | {row['core_seconds']:.2f} | "
            f"{saved_for(row, row['batch']) / 1e6:.0f} | {row['peak_rss_bytes'] / 1e6:,.0f} | "
            f"{row['flops'] / 1e9:,.1f} |"
        )
    sizes = " and ".join(f"{size} GB" for size in GPUS)
    lines += [
        "",
        f"Computed from these: weights, gradients and RMSProp's squares, and {OVERHEAD[0]} to {OVERHEAD[1]} times what is "
        "kept for backward (its tensors alone, and by how much the process grew here, the allocator included), in float32; hours of one such core an epoch, at the rate measured with the largest batch above (small ones "
        "cost more an image); and the "
        f"least on a GPU of {RATE / 1e12:.1f} TFLOP/s (the data sheet of an A100), where products take all the time (a scan "
        "takes its steps one after the other, and will not come near). No GPU was at hand.",
        "",
        f"| experiment | its batch | memory at it, GB | largest batch in {sizes} | epoch, core h | epoch on such a GPU, h at least |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in {row["experiment"]: row for row in rows}.values():  # the largest batch of each
        batch = row["usual_batch"]
        steps = IMAGES[kind(row["experiment"])] / row["batch"] / 3600
        least, most = (memory(row, batch, overhead) / 1e9 for overhead in OVERHEAD)
        fit = " and ".join(f"{largest_batch(row, size):,}" for size in GPUS)
        lines.append(
            f"| {row['experiment']} | {batch} | {least:.2f} to {most:.2f} | {fit} | "
            f"{hours(steps * row['core_seconds'])} | {hours(steps * row['flops'] / RATE)} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
        return
    rows = []
    for experiment in sys.argv[1:] or EXPERIMENTS:
        for batch in BATCHES[kind(experiment)]:
            one = [sys.executable, __file__, "--one", experiment, str(batch)]
            done = subprocess.run(one, capture_output=True, text=True, check=True)
            rows.append(json.loads(done.stdout))
            print(rows[-1], flush=True)
    (HERE / "paper.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(tables(rows))


if __name__ == "__main__":
    main()
