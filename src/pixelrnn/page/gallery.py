"""The pictures that the page embeds: samples, how they came to be, completions, real images."""

from typing import Any

import numpy as np
from PIL.Image import Image

from pixelrnn.pictures.grids import embed, small_completions, small_grid
from pixelrnn.results.comparison import Comparison

# Characters for the grids of all runs together ...
PICTURES = 4_000_000
# ... and for one grid.
GRID = 280_000
# Epochs of a run whose grid is shown, and images a row of a grid.
EPOCHS, ACROSS = 12, 8


def all_pictures(comparison: Comparison) -> tuple[dict[str, dict[str, Any]], int]:
    """Return grids of samples, also of past epochs, and completions by run, best first.

    While there is room; also how many runs have been left out.
    """
    drawn = comparison.samples.keys() | comparison.completions.keys() | comparison.grids.keys()
    runs = [row.name for row in comparison.rows if row.name in drawn]
    grids = len(comparison.samples) + len(comparison.completions)
    grids += sum(min(EPOCHS, len(drawn)) for drawn in comparison.grids.values())
    share = min(GRID, PICTURES // max(1, grids))
    pictures: dict[str, dict[str, Any]] = {}
    room = PICTURES
    for run in runs:
        pictures[run] = _pictures(comparison, run, share)
        room -= _size(pictures[run])
        if room < 0:  # large images: not even a row a run fits
            del pictures[run]
            break
    return pictures, len(runs) - len(pictures)


def _pictures(comparison: Comparison, run: str, most: int) -> dict[str, Any]:
    """Return a run's grids and completions, in about `most` characters each."""
    levels = comparison.images.levels
    pictures: dict[str, Any] = {}
    drawn = comparison.samples.get(run)
    if drawn is not None:
        pictures["samples"] = _grid(drawn, levels, most)
    done = comparison.completions.get(run)
    if done is not None:
        _, across, *shape = done.shape

        def draw(images: np.ndarray) -> Image:
            return small_completions(images.reshape(-1, across, *shape), shape[1] // 2, levels)

        flat = done.reshape(-1, *shape)
        uri, (width, height), shown = embed(flat, draw, across, most)
        pictures["completions"] = {"uri": uri, "width": width, "height": height}
        pictures["completions"] |= {
            "shown": shown // across,
            "total": len(done),
            "times": across - 1,
        }
    epochs = comparison.grids.get(run)
    if epochs is not None:
        kept = np.unique(np.linspace(0, len(epochs) - 1, EPOCHS).round().astype(int))
        pictures["grids"] = [
            {"epoch": int(grid["epoch"])} | _grid(grid["images"], levels, most)
            for grid in epochs[kept]
        ]
    return pictures


def _size(pictures: dict[str, Any]) -> int:
    """Return how many characters a run's pictures have."""
    single = [picture for name, picture in pictures.items() if name != "grids"]
    return sum(len(picture["uri"]) for picture in [*single, *pictures.get("grids", [])])


def _grid(images: np.ndarray, levels: int | None, most: int) -> dict[str, Any]:
    uri, (width, height), shown = embed(
        images, lambda part: small_grid(part, levels, ACROSS), ACROSS, most
    )
    return {"uri": uri, "width": width, "height": height, "shown": shown, "total": len(images)}


def real_images(comparison: Comparison) -> dict[str, Any] | None:
    """Return as many test images as a run has samples, to judge these by."""
    if not comparison.arrays or not comparison.samples:
        return None
    images = comparison.arrays[comparison.images.split]
    count = min(len(images), max(map(len, comparison.samples.values())))
    chosen = np.linspace(0, len(images) - 1, count).round().astype(int)
    return _grid(images[chosen], comparison.images.levels, GRID)
