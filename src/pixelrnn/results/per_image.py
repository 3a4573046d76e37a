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

T = TypeVar("T")
Run = dict[Hashable, Any]  # a row of the frame that `load_runs` gives

_EVALUATE, _SAMPLE = "run `pixelrnn evaluate` again", "run `pixelrnn sample` again"


def read_each(
    frame: pd.DataFrame, read: Callable[[Run], T | None]
) -> tuple[dict[str, T], dict[str, str]]:
    """What `read` gives for each readable run that has it, and what is wrong with the others; both by run."""
    found: dict[str, T] = {}
    problems: dict[str, str] = {}
    for run in frame[~frame["status"].str.startswith("damaged")].to_dict("records"):
        try:
            content = read(run)
        except InputError as error:
            problems[run["run"]] = str(error)
        else:
            if content is not None:
                found[run["run"]] = content
    return found, problems


def image_nats(run: Run) -> np.ndarray | None:
    """The NLL of every image of the evaluated split, float64 (n,), nats."""
    if pd.isna(run["bits_per_dim"]):
        return None
    file = Path(run["path"]) / f"{run['split']}_nll.npy"
    nats = _open(file, _EVALUATE)
    if nats is None:
        return None
    if nats.shape != (run["images"],) or nats.dtype.kind != "f":
        raise InputError(
            f"{file} is {_spell(nats)}, metrics.json says {run['images']} images: {_EVALUATE}"
        )
    mean = nats.mean(dtype=np.float64)
    if (
        not abs(mean - run["nll_nats"]) <= 1e-6 * abs(run["nll_nats"]) + 1e-9
    ):  # so written, NaN is refused as well
        raise InputError(
            f"{file} has a mean of {mean:.4f} nats, metrics.json says {run['nll_nats']:.4f}: {_EVALUATE}"
        )
    return np.asarray(nats, dtype=np.float64)


def nll_maps(run: Run) -> np.ndarray | None:
    """The NLL of every pixel of the evaluated split, float16 (n, h, w), nats, memory-mapped."""
    if pd.isna(run["bits_per_dim"]):
        return None
    file = Path(run["path"]) / f"{run['split']}_nll_map.npy"
    maps = _open(file, _EVALUATE)
    if maps is not None and (
        maps.shape != (run["images"], *run["shape"][1:]) or maps.dtype.kind != "f"
    ):
        raise InputError(
            f"{file} is {_spell(maps)}, not one value a pixel of {run['images']} images: {_EVALUATE}"
        )
    return maps


def samples(run: Run) -> np.ndarray | None:
    """Images drawn from the model, uint8 levels (n, c, h, w)."""
    return _levels(run, "samples.npy", before=1)


def completions(run: Run) -> np.ndarray | None:
    """Test images, each followed by k ways to go on from its upper half: uint8 levels (n, 1 + k, c, h, w)."""
    return _levels(run, "completions.npy", before=2)


def _levels(run: Run, name: str, before: int) -> np.ndarray | None:
    """Images of the run's shape and levels behind `before` axes of any size."""
    file = Path(run["path"]) / name
    images = _open(file, _SAMPLE)
    if images is None:
        return None
    if images.shape[before:] != tuple(run["shape"]) or images.dtype != np.uint8 or images.size == 0:
        raise InputError(
            f"{file} is {_spell(images)}, not images of shape {tuple(run['shape'])}: {_SAMPLE}"
        )
    if images.max() >= run["levels"]:
        raise InputError(
            f"{file} has level {images.max()}, the run has {run['levels']} levels: {_SAMPLE}"
        )
    return images


def _open(file: Path, again: str) -> np.ndarray | None:
    if not file.exists():
        return None
    try:
        return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))
    except Exception as error:  # a damaged header makes numpy raise many kinds
        raise InputError(
            f"{file} is damaged ({' '.join(str(error).split()) or type(error).__name__}): {again}"
        ) from None


def _spell(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"
