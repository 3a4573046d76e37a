"""How fast, and how far from the floor: every figure beside the simple path, in one run.

    make bench                              the whole suite, some minutes on two cores
    python benchmarks/bench.py --only step  one of: step scans sample scaling evaluate ...

Writes benchmarks/results.json, results.md and scaling.png. Not part of the tests: timings gate
nothing.

The simple path is the plain public form: whole masked kernels, of which half is zero, and the plain
scans of `ops/recurrence.py` for training; a network rerun for every pixel for sampling. Between both
stands sampling by steps in torch, the path of GPUs and of anyone's own layers. What is compared is
run in turn, and its least and its median time are given; a machine that is busy is said to be.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

import pixelrnn
from pixelrnn.heads import Bernoulli, Head, Softmax
from pixelrnn.layers import MaskedConv
from pixelrnn.models import AutoregressiveModel as Model
from pixelrnn.models import diagonal_bilstm, pixel_cnn, row_lstm
from pixelrnn.models.drawing import Drawing
from pixelrnn.ops import recurrence
from pixelrnn.ops.pixels import normalize

HERE = Path(__file__).parent
VARIANTS = {"Diagonal BiLSTM": diagonal_bilstm, "Row LSTM": row_lstm, "PixelCNN": pixel_cnn}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def build(
    variant: str, shape: tuple[int, int, int], head: Head, hidden: int = 16, layers: int = 7
) -> Model:
    torch.manual_seed(0)
    return VARIANTS[variant](shape, head, hidden, layers, output_hidden=2 * hidden, skip=False).to(
        DEVICE
    )


def images(model: Model, n: int) -> torch.Tensor:
    return torch.randint(model.levels, (n, *model.shape), device=DEVICE)


def whole_kernel(self: MaskedConv, x: torch.Tensor, context: None = None) -> torch.Tensor:
    """A masked convolution as public code has it: the kernel is square, and half of it is zero."""
    rows, reach = self.weight.shape[2] - 1, self.reach
    weight = torch.nn.functional.pad(self.weight * self.mask, (0, 0, 0, rows))
    return torch.nn.functional.conv2d(x, weight, self.bias, padding=(rows, reach))


@contextmanager
def public_form() -> Iterator[None]:
    """The layers with whole kernels and plain scans."""
    with (
        patch.object(MaskedConv, "forward", whole_kernel),
        patch("pixelrnn.layers.row_lstm.row_scan", recurrence.row_scan),
        patch("pixelrnn.layers.diagonal_lstm.diagonal_scan", recurrence.diagonal_scan),
    ):
        yield


class Times(NamedTuple):
    """Of several runs: the least is what the machine can do when nothing disturbs it."""

    least: float
    median: float


def in_turn(
    *works: Callable[[], object],
    repeats: int = 10,
    warm_up: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Times]:
    """Time several works one after the other, again and again: a busy moment meets all of them."""
    times: list[list[float]] = [[] for _ in works]
    for repeat in range(warm_up + repeats):
        for work, mine in zip(works, times, strict=True):
            if DEVICE == "cuda":
                torch.cuda.synchronize()
            start = clock()
            work()
            if DEVICE == "cuda":
                torch.cuda.synchronize()
            if repeat >= warm_up:
                mine.append(clock() - start)
    return [Times(min(mine), statistics.median(mine)) for mine in times]


def seconds(work: Callable[[], object], repeats: int = 10, warm_up: int = 2) -> float:
    """The least of several runs."""
    return in_turn(work, repeats=repeats, warm_up=warm_up)[0].least


def training_step(model: Model, batch: int) -> Callable[[], None]:
    x = images(model, batch)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        (-model.log_prob(x).mean()).backward()
        optimizer.step()

    return step


# What the machine can do, and what a step must do at least.


def matmul_flops() -> float:
    """Float32 operations a second in a large product."""
    a, b = torch.randn(2, 2048, 2048, device=DEVICE)
    return 2 * 2048**3 / seconds(lambda: a @ b)


def bandwidth() -> float:
    """Bytes a second, read and written, in a large copy."""
    a = torch.randn(64 * 2**20, device=DEVICE)
    b = torch.empty_like(a)
    return 2 * a.numel() * 4 / seconds(lambda: b.copy_(a))


def step_flops(model: Model, batch: int) -> float:
    """Every weight that a mask leaves meets every position once: a product forward, two backward."""
    kept = {id(m.weight): int(m.mask.sum()) for m in model.modules() if hasattr(m, "mask")}
    weights = sum(kept.get(id(p), p.numel()) for p in model.parameters() if p.dim() > 2)
    return 3 * 2 * weights * batch * model.shape[1] * model.shape[2]


def saved_bytes(model: Model, batch: int) -> int:
    """What forward must keep for backward: the tensors that autograd saves, each storage once; parameters left out."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    storages: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = model.log_prob(images(model, batch)).sum()
    total = sum(storages.values())
    del loss
    return total


def peak_bytes(work: Callable[[], object]) -> int:
    """The most memory that `work` holds beyond what was there before."""
    work()
    if DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        work()
    events = [
        event for event in recorded.profiler.kineto_results.events() if event.name() == "[memory]"
    ]
    held = np.cumsum(
        [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]
    )
    return int(held.max(initial=0))


# The suite: each part returns rows.


def bench_step(machine: dict) -> list[dict]:
    rows = []
    for variant in VARIANTS:
        model = build(variant, (1, 28, 28), Bernoulli())
        work = training_step(model, 16)

        def public(work: Callable[[], None] = work) -> None:
            with public_form():
                work()

        fast, simple = in_turn(work, public, repeats=15)
        by_flops = step_flops(model, 16) / machine["flops"]
        by_bytes = 2 * saved_bytes(model, 16) / machine["bytes"]
        rows.append(
            {
                "variant": variant,
                "parameters": sum(p.numel() for p in model.parameters()),
                "step_s": fast.least,
                "median_s": fast.median,
                "public_s": simple.least,
                "public_median_s": simple.median,
                "ratio": simple.least / fast.least,
                "floor_flops_s": by_flops,
                "floor_bytes_s": by_bytes,
                "times_the_floor": fast.least / max(by_flops, by_bytes),
            }
        )
        print(rows[-1], flush=True)
    return rows


def bench_scans(machine: dict) -> list[dict]:
    """The training step with compiled scans and with torch's, by the processor's clock, one thread."""
    rows = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for variant in ("Diagonal BiLSTM", "Row LSTM"):
        for batch, hidden, side, layers in (
            (16, 16, 28, 7), (64, 16, 28, 7), (8, 16, 28, 7), (1, 16, 28, 7), (16, 64, 28, 7),
            (32, 32, 8, 3),
        ):  # fmt: skip
            work = training_step(
                build(variant, (1, side, side), Bernoulli(), hidden, layers), batch
            )

            def by_torch(work: Callable[[], None] = work) -> None:
                with patch("pixelrnn.ops.cpu_scans.fits", return_value=False):
                    work()

            repeats, clock = 12 if hidden * batch < 1024 else 4, time.process_time
            compiled, plain = in_turn(work, by_torch, repeats=repeats, clock=clock)
            row = {"variant": variant, "images": batch, "h": hidden, "side": side, "layers": layers}
            row |= {"compiled_s": compiled.least, "torch_s": plain.least}
            rows.append(row | {"ratio": plain.least / compiled.least})
            print(rows[-1], flush=True)
    torch.set_num_threads(threads)
    return rows


def bench_sample(machine: dict) -> list[dict]:
    rows = []
    for variant in VARIANTS:
        model = build(variant, (1, 28, 28), Bernoulli())
        for n in (1, 16, 256):
            stepped, compiled = sampling_seconds(model, n, repeats=5 if n <= 16 else 2)
            # Rerunning the network for all pixels takes minutes; each rerun costs the same, so one
            # is timed.
            with torch.no_grad():
                x = normalize(images(model, n), 2)
                rerun = 28 * 28 * seconds(lambda m=model, x=x: m.network(x), repeats=3)
            row = {
                "variant": variant,
                "images": n,
                "compiled_s": compiled.least,
                "compiled_median_s": compiled.median,
                "stepped_s": stepped.least,
                "stepped_ratio": stepped.least / compiled.least,
                "rerun_s": rerun,
                "rerun_ratio": rerun / compiled.least,
                "floor_s": step_flops(model, n) / 3 / machine["flops"],
            }
            rows.append(row)
            print(rows[-1], flush=True)
    return rows


def sampling_seconds(model: Model, n: int, repeats: int = 5) -> list[Times]:
    """Time n images stepped in torch, and as `Sampler` draws them (on the CPU compiled), in turn."""
    drawing, known = Drawing(model), np.zeros(model.shape[1:], bool)

    def compiled() -> None:
        drawing.fill(np.zeros((n, *model.shape), np.int64), known, 0, range(n), 1.0)

    return in_turn(lambda: model.sample(n), compiled, repeats=repeats, warm_up=1)


def bench_scaling(machine: dict) -> list[dict]:
    rows = []
    for variant in VARIANTS:
        for side in (8, 16, 32, 64, 128):
            model = build(variant, (1, side, side), Bernoulli())
            took = sampling_seconds(model, 16, repeats=2)[1].least
            step = seconds(training_step(model, 16), repeats=2 if side > 32 else 3, warm_up=1)
            rows.append(
                {"variant": variant, "side": side, "batch": 16, "sample_s": took, "step_s": step}
            )
            print(rows[-1], flush=True)
        for batch in (1, 4, 16, 64):
            model = build(variant, (1, 28, 28), Bernoulli())
            took = sampling_seconds(model, batch, repeats=2)[1].least
            step = seconds(training_step(model, batch), repeats=3, warm_up=1)
            rows.append(
                {"variant": variant, "side": 28, "batch": batch, "sample_s": took, "step_s": step}
            )
            print(rows[-1], flush=True)
    return rows


def bench_evaluate(machine: dict) -> list[dict]:
    rows = []
    for variant in VARIANTS:
        for shape, head in (((1, 28, 28), Bernoulli()), ((3, 32, 32), Softmax(256))):
            model = build(variant, shape, head)
            x = images(model, 64)
            with torch.no_grad():
                took = seconds(lambda m=model, x=x: m.log_prob(x), repeats=3, warm_up=1)
            rows.append({"variant": variant, "shape": list(shape), "images_per_s": 64 / took})
            print(rows[-1], flush=True)
    return rows


def bench_loading(machine: dict) -> list[dict]:
    from pixelrnn.data.arrays import write_arrays

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for shape, n in (((1, 28, 28), 60_000), ((3, 32, 32), 20_000)):
            split = np.random.default_rng(0).integers(0, 256, (n, *shape), dtype=np.uint8)
            path = Path(folder, "x".join(map(str, shape)))
            write_arrays(
                path,
                "random",
                list(shape),
                256,
                {"train": split, "val": split[:64], "test": split[:64]},
            )
            data = pixelrnn.data.ImageData(path, list(shape), 256, batch_size=64)
            data.setup("fit")
            took = seconds(
                lambda d=data: sum(len(batch) for batch in d.train_dataloader()),
                repeats=2,
                warm_up=1,
            )
            rows.append({"shape": list(shape), "images_per_s": n / took})
            print(rows[-1], flush=True)
    return rows


def bench_memory(machine: dict) -> list[dict]:
    rows = []
    for variant in VARIANTS:
        model = build(variant, (1, 28, 28), Bernoulli())
        saved = saved_bytes(model, 16)
        peak = peak_bytes(training_step(model, 16))
        sampling = peak_bytes(lambda m=model: m.sample(16))
        rows.append(
            {
                "variant": variant,
                "saved_mb": saved / 2**20,
                "step_peak_mb": peak / 2**20,
                "ratio": peak / saved,
                "sampling_peak_mb": sampling / 2**20,
            }
        )
        print(rows[-1], flush=True)
    return rows


SUITE = {
    "step": bench_step,
    "scans": bench_scans,
    "sample": bench_sample,
    "scaling": bench_scaling,
    "evaluate": bench_evaluate,
    "loading": bench_loading,
    "memory": bench_memory,
}

TITLES = {
    "step": "Training step: 16 images of 1×28×28, h = 16, 7 layers, RMSprop",
    "scans": "Training step with compiled scans, and with torch's: processor time, one thread",
    "sample": "Sampling images of 1×28×28",
    "scaling": "Against image size and batch",
    "evaluate": "Evaluation: log_prob, h = 16, 7 layers, batch 64",
    "loading": "Data loading: shuffled batches of 64",
    "memory": "Memory: 16 images of 1×28×28",
}


def markdown(results: dict) -> str:
    machine = results["machine"]
    lines = [
        "# Benchmarks",
        "",
        f"{machine['processor']} ({machine['vectors']}), {machine['threads']} threads, torch {machine['torch']}: "
        f"{machine['flops'] / 1e9:.0f} GFLOP/s in a float32 product, {machine['bytes'] / 1e9:.1f} GB/s in a copy. "
        f"{machine['quiet']}",
        "Command: `make bench`. Least of several runs, what is compared in turn. *public*: whole masked kernels and plain",
        "scans; *rerun*: the network again for every pixel (one rerun timed, times the pixels); *stepped*: in torch.",
    ]
    for part, rows in results["parts"].items():
        columns = list(rows[0])
        lines += [
            "",
            f"## {TITLES[part]}",
            "",
            "| " + " | ".join(columns) + " |",
            "|" + "---|" * len(columns),
        ]
        lines += [
            "| " + " | ".join(_cell(row[column]) for column in columns) + " |" for row in rows
        ]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return "×".join(map(str, value)) if isinstance(value, list) else str(value)


def plot(rows: list[dict], path: Path) -> None:
    """Sampling and training time against the number of pixels and against the batch, on doubly logarithmic axes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), sharey=True)
    for axis, key, keep, label in (
        (
            axes[0],
            "side",
            lambda r: r["batch"] == 16 and r["side"] != 28,
            "side of the image, pixels (16 images)",
        ),
        (axes[1], "batch", lambda r: r["side"] == 28, "images at once (28×28)"),
    ):
        for color, variant in enumerate(VARIANTS):
            mine = [row for row in rows if row["variant"] == variant and keep(row)]
            x = [row[key] for row in mine]
            axis.plot(
                x,
                [row["sample_s"] for row in mine],
                "o-",
                color=f"C{color}",
                label=f"{variant}, sampling",
            )
            axis.plot(
                x,
                [row["step_s"] for row in mine],
                "s:",
                color=f"C{color}",
                label=f"{variant}, training step",
            )
        axis.set(xscale="log", yscale="log", xlabel=label)
        axis.set_xticks(x, [str(value) for value in x])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("seconds")
    axes[1].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def processor() -> str:
    if DEVICE == "cuda":
        return torch.cuda.get_device_name()
    known = [
        line
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return known[0].split(":")[1].strip() if known else platform.processor()


def quiet() -> str:
    """Whether anything else wants the processors, which would make every figure too large."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    busy = load > 0.3 * cores
    return f"Load before: {load:.1f} on {cores} cores" + (": NOT QUIET." if busy else ".")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=SUITE, default=list(SUITE))
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    machine = {
        "processor": processor(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "quiet": quiet(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "flops": matmul_flops(),
        "bytes": bandwidth(),
    }
    print(machine, flush=True)
    results = {"machine": machine, "parts": {part: SUITE[part](machine) for part in arguments.only}}
    (arguments.out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    (arguments.out / "results.md").write_text(markdown(results))
    if "scaling" in results["parts"]:
        plot(results["parts"]["scaling"], arguments.out / "scaling.png")


if __name__ == "__main__":
    main()
