"""What a trained model's codec costs and saves, beside PNG, WebP and JPEG XL: the tables of RESULTS.md.

    python benchmarks/compress.py artifacts/runs/digits/*

For each run, the test images of its data: compressed, decompressed, compared. Sizes are bits an
image. `sheet`: all of them in one picture, so that the format's headers don't count. JPEG XL takes
imagecodecs, which is no dependency of the project (`pip install imagecodecs`). Speeds are of the
processor time of one core, so that other work on the machine does not count.
"""

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import pixelrnn
from pixelrnn.models.in_batches import nll_maps
from pixelrnn.results.baselines import encodings, independent_pixels, tile

try:
    import imagecodecs
except ImportError:
    imagecodecs = None

HEADER, STREAM = 44, 8  # bytes


def main() -> None:
    """Print two tables for each data set of the runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--batch-size", type=int, default=1000, help="images a stream")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    by_data: dict[str, list[pixelrnn.Run]] = {}
    for run in map(pixelrnn.Run.load, arguments.runs):
        by_data.setdefault(run.config["data"]["name"], []).append(run)
    for name, runs in by_data.items():
        images, levels = np.asarray(runs[0].split("test")), runs[0].config["data"]["levels"]
        shape = "x".join(map(str, images.shape[1:]))
        print(f"\n{name}: {len(images)} test images {shape}, {levels} levels; bits an image\n")
        others = print_others(images, np.asarray(runs[0].split("train")), levels)
        print()
        print_codec(runs, images, others, arguments.batch_size)


def print_others(images: np.ndarray, train: np.ndarray, levels: int) -> float:
    """Print what other coders take; return the least, in bits an image."""
    sheet = coded(tile(images), levels)
    each = {kind: 0.0 for kind in sheet}
    for image in images:
        for kind, size in coded(image.transpose(1, 2, 0), levels).items():
            each[kind] += size
    print("| | a file an image | all in one sheet |\n|---|---:|---:|")
    for kind, size in sheet.items():
        print(f"| {kind} | {8 * each[kind] / len(images):,.0f} | {8 * size / len(images):,.1f} |")
    baseline = independent_pixels(train, images, levels)
    print(f"| independent pixels, ideal length | | {baseline.nll_nats / math.log(2):,.1f} |")
    return min(*(8 * size / len(images) for size in sheet.values()))


def coded(picture: np.ndarray, levels: int) -> dict[str, int]:
    """Return the bytes of levels (rows, columns, c) as a file, the smallest of each kind."""
    sizes: dict[str, int] = {}
    for name, file in encodings(picture, levels).items():
        kind = name.partition(",")[0]
        sizes[kind] = min(len(file), sizes.get(kind, len(file)))
    if imagecodecs is not None:
        pixels = np.ascontiguousarray(picture if picture.shape[2] == 3 else picture[:, :, 0])
        file = imagecodecs.jpegxl_encode(pixels, lossless=True, effort=9)
        if not np.array_equal(imagecodecs.jpegxl_decode(file), pixels):
            raise RuntimeError("JPEG XL isn't lossless here")
        sizes["JPEG XL, effort 9"] = len(file)
    return sizes


def print_codec(
    runs: list[pixelrnn.Run], images: np.ndarray, others: float, batch_size: int
) -> None:
    """Print a row a run: what it takes, against its likelihood and the best of the others."""
    print(
        "| | NLL | payload | above NLL | file | of the best sheet | weights, bytes | paid back after "
        "| encode, images/s | decode, images/s | decode, pixels/s |\n" + "|---|" + 10 * "---:|"
    )
    n, pixels = len(images), images.shape[2] * images.shape[3]
    streams = -(-n // batch_size)
    for run in runs:
        model, weights = run.model, (run.path / "weights.safetensors").stat().st_size
        nll = sum(maps.sum() for maps in nll_maps(model, images, 64)) / math.log(2) / n
        data, encoding = timed(
            pixelrnn.compress, model, images, verify=False, batch_size=batch_size
        )
        back, decoding = timed(pixelrnn.decompress, model, data)
        if not np.array_equal(back, images):
            raise RuntimeError(f"{run.path}: other images came back")
        payload = 8 * (len(data) - HEADER - STREAM * streams) / n
        file = 8 * len(data) / n
        saved = others - file
        paid = f"{8 * weights / saved:,.0f} images" if saved > 0 else "never"
        print(
            f"| {run.path.name} | {nll:,.2f} | {payload:,.2f} | {payload / nll - 1:+.2%} "
            f"| {file:,.2f} | {file / others:.0%} | {weights:,} | {paid} "
            f"| {n / encoding:,.1f} | {n / decoding:,.1f} | {n * pixels / decoding:,.0f} |",
            flush=True,
        )


def timed(function: Callable, *arguments: object, **options: object) -> tuple:
    """Return what a function returns, and the seconds of processor time that it took."""
    start = time.process_time()
    result = function(*arguments, **options)
    return result, time.process_time() - start


if __name__ == "__main__":
    main()
