"""How fast, and how far from the floor: every figure beside the simple path, in one run.

    make bench                              the whole suite, about two minutes on two cores
    python benchmarks/bench.py --only step  one of: step sample scaling evaluate loading memory

Writes benchmarks/results.json, results.md and scaling.png. Not part of the tests: timings gate
nothing.

The simple path is the package's own oracle: the plain scans of `ops/recurrence.py` for training, a
network rerun for every pixel for sampling, as public implementations do it. Between both stands
sampling by steps in torch, the path of GPUs and of anyone's own layers.
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

import pixelrnn
from pixelrnn.heads import Bernoulli, Head, Softmax
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


# The best public implementation that leaks no future pixel, at these sizes, measured beforehand on
# a like machine (two cores of an EPYC, torch 2.15): seconds a training step, seconds for 16
# samples.
PEERS = {"Diagonal BiLSTM": (1.54, 507.0), "Row LSTM": (0.26, 50.0), "PixelCNN": (0.040, 10.7)}


@contextmanager
def simple_scans() -> Iterator[None]:
    """The layers on the plain scans."""
    with (
        patch("pixelrnn.layers.row_lstm.row_scan", recurrence.row_scan),
        patch("pixelrnn.layers.diagonal_lstm.diagonal_scan", recurrence.diagonal_scan),
    ):
        yield


def seconds(work: Callable[[], object], repeats: int = 10, warm_up: int = 2) -> float:
    """The least of several runs: what the machine can do when nothing disturbs it."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(repeats):
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times)


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
        fast = seconds(work, repeats=25)
        with simple_scans():
            simple = seconds(work, repeats=5)
        by_flops = step_flops(model, 16) / machine["flops"]
        by_bytes = 2 * saved_bytes(model, 16) / machine["bytes"]
        rows.append(
            {
                "variant": variant,
                "parameters": sum(p.numel() for p in model.parameters()),
                "step_s": fast,
                "simple_s": simple,
                "ratio": simple / fast,
                "peer_s": PEERS[variant][0],
                "peer_ratio": PEERS[variant][0] / fast,
                "floor_flops_s": by_flops,
                "floor_bytes_s": by_bytes,
                "times_the_floor": fast / max(by_flops, by_bytes),
            }
        )
        print(rows[-1], flush=True)
    return rows


def bench_sample(machine: dict) -> list[dict]:
    rows = []
    for variant in VARIANTS:
        model = build(variant, (1, 28, 28), Bernoulli())
        stepped, compiled = sampling_seconds(model, 16)
        stepped_1, compiled_1 = sampling_seconds(model, 1)
        # Rerunning the network for all pixels takes minutes; each rerun costs the same, so one is
        # timed.
        with torch.no_grad():
            x = normalize(images(model, 16), 2)
            rerun = 28 * 28 * seconds(lambda m=model, x=x: m.network(x), repeats=5)
        row = {
            "variant": variant,
            "sample16_s": compiled,
            "stepped16_s": stepped,
            "stepped_ratio": stepped / compiled,
            "sample1_s": compiled_1,
            "stepped1_s": stepped_1,
            "stepped1_ratio": stepped_1 / compiled_1,
            "rerun_s": rerun,
            "ratio": rerun / compiled,
        }
        peer = PEERS[variant][1]
        rows.append(row | {"peer_s": peer, "peer_ratio": peer / compiled})
        print(rows[-1], flush=True)
    return rows


def sampling_seconds(model: Model, n: int, repeats: int = 5) -> tuple[float, float]:
    """Time n images stepped in torch, and as `Sampler` draws them (on the CPU compiled), in turn."""
    drawing, known = Drawing(model), np.zeros(model.shape[1:], bool)
    stepped, compiled = [], []
    for _ in range(repeats):
        stepped.append(seconds(lambda: model.sample(n), repeats=1, warm_up=0))
        x = np.zeros((n, *model.shape), np.int64)
        work = partial(drawing.fill, x, known, 0, range(n), 1.0)
        compiled.append(seconds(work, repeats=3, warm_up=1))
    return min(stepped), min(compiled)


def bench_scaling(machine: dict) -> list[dict]:
    rows = []
    for variant in VARIANTS:
        for side in (8, 16, 32, 64):
            model = build(variant, (1, side, side), Bernoulli())
            _, took = sampling_seconds(model, 16, repeats=2)
            step = seconds(training_step(model, 16), repeats=3, warm_up=1)
            rows.append(
                {"variant": variant, "side": side, "batch": 16, "sample_s": took, "step_s": step}
            )
            print(rows[-1], flush=True)
        for batch in (1, 4, 16, 64):
            model = build(variant, (1, 28, 28), Bernoulli())
            _, took = sampling_seconds(model, batch, repeats=2)
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
    "sample": bench_sample,
    "scaling": bench_scaling,
    "evaluate": bench_evaluate,
    "loading": bench_loading,
    "memory": bench_memory,
}

TITLES = {
    "step": "Training step: 16 images of 1×28×28, h = 16, 7 layers, RMSprop",
    "sample": "Sampling 16 images of 1×28×28",
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
        f"{machine['processor']}, {machine['threads']} threads, torch {machine['torch']}: "
        f"{machine['flops'] / 1e9:.0f} GFLOP/s in a float32 product, {machine['bytes'] / 1e9:.1f} GB/s in a copy.",
        "Command: `make bench`. Least of several runs. *simple*: the plain scans; *rerun*: the network again for every",
        "pixel (one rerun timed, times the pixels); *stepped*: in torch, in turn with the compiled path.",
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=SUITE, default=list(SUITE))
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    machine = {
        "processor": processor(),
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
