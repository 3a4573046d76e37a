"""What runs leave image by image: the NLL of each test image and of its pixels, samples, completions.

Each reader gives None where the file isn't there (a checkout without `dvc pull`, a run that was not sampled) and raises
InputError, one line, where it is damaged or of another evaluation than metrics.json. `read_each` reads all runs and
keeps the lines, so that one damaged file hides nothing else.
"""

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from pixelrnn.errors import InputError
from pixelrnn.files import first_line
from pixelrnn.runs import directory

T = TypeVar("T")
Row = dict[Hashable, Any]  # of the frame that `load_runs` gives

_EVALUATE, _SAMPLE = "run `pixelrnn evaluate` again", "run `pixelrnn sample` again"


def read_each(
    frame: pd.DataFrame, read: Callable[[Row], T | None]
) -> tuple[dict[str, T], dict[str, str]]:
    """Return what `read` gives for each readable run that has it, and what is wrong with others.

    Both are by run.
    """
    contents: dict[str, T] = {}
    problems: dict[str, str] = {}
    for run in frame[~frame["status"].str.startswith("damaged")].to_dict("records"):
        try:
            content = read(run)
        except InputError as error:
            problems[run["run"]] = str(error)
        else:
            if content is not None:
                contents[run["run"]] = content
    return contents, problems


def image_nats(run: Row) -> np.ndarray | None:
    """Read the NLL of every image of the evaluated split: float64 (n,), nats."""
    if pd.isna(run["bits_per_dim"]):
        return None
    file = Path(run["path"], directory.nll_name(run["split"]))
    nats = _open(file, _EVALUATE)
    if nats is None:
        return None
    if nats.shape != (run["images"],) or nats.dtype.kind != "f":
        raise InputError(
            f"{file} is {_spell(nats)}, metrics.json says {run['images']} images: {_EVALUATE}"
        )
    mean, recorded = nats.mean(dtype=np.float64), run["nll_nats"]
    if (
        not abs(mean - recorded) <= 1e-6 * abs(recorded) + 1e-9
    ):  # so written, NaN is refused as well
        raise InputError(
            f"{file} has a mean of {mean:.4f} nats, metrics.json says {recorded:.4f}: {_EVALUATE}"
        )
    return np.asarray(nats, dtype=np.float64)


def nll_maps(run: Row) -> np.ndarray | None:
    """Open the NLL of every pixel of the evaluated split: float16 (n, h, w), nats, memory-mapped."""
    if pd.isna(run["bits_per_dim"]):
        return None
    file = Path(run["path"], directory.nll_map_name(run["split"]))
    maps = _open(file, _EVALUATE)
    expected = (run["images"], *run["shape"][1:])
    if maps is not None and (maps.shape != expected or maps.dtype.kind != "f"):
        raise InputError(
            f"{file} is {_spell(maps)}, not one value a pixel of {run['images']} images: {_EVALUATE}"
        )
    return maps


def samples(run: Row) -> np.ndarray | None:
    """Open the images that the model drew: uint8 (n, c, h, w), levels."""
    return _levels(run, directory.SAMPLES, before=1)


def completions(run: Row) -> np.ndarray | None:
    """Open test images, each followed by completions of it: uint8 (n, 1 + k, c, h, w), levels."""
    return _levels(run, directory.COMPLETIONS, before=2)


def _levels(run: Row, name: str, before: int) -> np.ndarray | None:
    """Open images of the run's shape and levels behind `before` axes of any size."""
    file, shape, levels = Path(run["path"], name), tuple(run["shape"]), run["levels"]
    images = _open(file, _SAMPLE)
    if images is None:
        return None
    if images.shape[before:] != shape or images.dtype != np.uint8 or images.size == 0:
        raise InputError(f"{file} is {_spell(images)}, not images of shape {shape}: {_SAMPLE}")
    if (highest := images.max()) >= levels:
        raise InputError(f"{file} has level {highest}, the run has {levels} levels: {_SAMPLE}")
    return images


def _open(file: Path, again: str) -> np.ndarray | None:
    if not file.exists():
        return None
    try:
        return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))
    except Exception as error:  # a damaged header makes numpy raise many kinds
        raise InputError(f"{file} is damaged ({first_line(error)}): {again}") from None


def _spell(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"
