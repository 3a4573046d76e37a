"""What runs leave image by image: the NLL of test images and their pixels, samples, completions.

Each reader gives None where there is no such file (a checkout without `dvc pull`, a run that was
not sampled), and raises InputError, one line, where the file is damaged or of another evaluation
than metrics.json. `read_each` reads all runs and keeps the lines, so that one damaged file hides
nothing else.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from pixelrnn.data.npy import map_npy
from pixelrnn.data.values import values_of
from pixelrnn.errors import InputError
from pixelrnn.files import first_line, md5
from pixelrnn.runs import directory
from pixelrnn.runs.frame import records
from pixelrnn.runs.record import Record

T = TypeVar("T")

_EVALUATE, _SAMPLE = "run `pixelrnn evaluate` again", "run `pixelrnn sample` again"
_TRAIN = "delete it; the next training writes it again"


def read_each(
    frame: pd.DataFrame, read: Callable[[Record], T | None]
) -> tuple[dict[str, T], dict[str, str]]:
    """Return what `read` gives for each readable run that has it, and what is wrong with others.

    Both are by the run's name.
    """
    contents: dict[str, T] = {}
    problems: dict[str, str] = {}
    for run in records(frame):
        if run.damaged:
            continue
        try:
            content = read(run)
        except InputError as error:
            problems[run.run] = str(error)
        else:
            if content is not None:
                contents[run.run] = content
    return contents, problems


def image_nats(run: Record) -> np.ndarray | None:
    """Read the NLL of every image of the evaluated split: float64 (n,), nats."""
    if run.split is None or run.nll_nats is None:
        return None
    file = run.folder / directory.nll_name(run.split)
    nats = _open(file, _EVALUATE)
    if nats is None:
        return None
    _check_sum(file, _evaluated(run), _EVALUATE)
    if nats.shape != (run.images,) or nats.dtype.kind != "f":
        raise InputError(
            f"{file} is {_spell(nats)}, metrics.json says {run.images} images: {_EVALUATE}"
        )
    mean, recorded = nats.mean(dtype=np.float64), run.nll_nats
    same = abs(mean - recorded) <= 1e-6 * abs(recorded) + 1e-9
    if not same:  # so written, NaN is refused as well
        raise InputError(
            f"{file} has a mean of {mean:.4f} nats, metrics.json says {recorded:.4f}: {_EVALUATE}"
        )
    return np.asarray(nats, dtype=np.float64)


def nll_maps(run: Record) -> np.ndarray | None:
    """Open the NLL of every pixel of the evaluated split: float16 (n, h, w), nats."""
    if run.split is None or run.shape is None:
        return None
    file = run.folder / directory.nll_map_name(run.split)
    maps = _open(file, _EVALUATE)
    if maps is None:
        return None
    _check_sum(file, _evaluated(run), _EVALUATE)
    _, height, width = run.shape
    if maps.shape != (run.images, height, width) or maps.dtype.kind != "f":
        what = f"not one value a pixel of {run.images} images"
        raise InputError(f"{file} is {_spell(maps)}, {what}: {_EVALUATE}")
    return maps


def samples(run: Record) -> np.ndarray | None:
    """Open the images that the model drew: (n, c, h, w)."""
    return _images(run, directory.SAMPLES, before=1)


def grids(run: Record) -> np.ndarray | None:
    """Read what a run drew while it was trained: (e,) of `epoch`, int, and `images`.

    `images` are (n, c, h, w) for each epoch, and epochs are counted from 1.
    """
    file = run.folder / directory.GRIDS
    drawn = _open(file, _TRAIN)
    if drawn is None or run.shape is None:
        return None
    if drawn.ndim != 1 or drawn.dtype.names != ("epoch", "images"):
        raise InputError(f"{file} is {_spell(drawn)}, not grids of samples: {_TRAIN}")
    recorded = directory.RunDirectory(run.folder).read(directory.TRAINING).get("grids_md5")
    _check_sum(file, {file.name: recorded}, _TRAIN)
    if not len(drawn):
        return None
    _check_images(run, file, drawn["images"], 2, _TRAIN)
    return drawn


def completions(run: Record) -> np.ndarray | None:
    """Open test images, each followed by completions of it: (n, 1 + k, c, h, w)."""
    return _images(run, directory.COMPLETIONS, before=2)


def _images(run: Record, name: str, before: int) -> np.ndarray | None:
    """Open images of the run's shape and values, behind `before` axes of any size."""
    file = run.folder / name
    images = _open(file, _SAMPLE)
    if images is None or run.shape is None:
        return None
    recorded = directory.RunDirectory(run.folder).read(directory.SAMPLING).get("md5")
    _check_sum(file, recorded, _SAMPLE)
    _check_images(run, file, images, before, _SAMPLE)
    return images


def _check_images(run: Record, file: Path, images: np.ndarray, before: int, again: str) -> None:
    values = values_of(run.levels)
    if images.shape[before:] != run.shape or images.dtype != values.dtype or images.size == 0:
        raise InputError(f"{file} is {_spell(images)}, not images of shape {run.shape}: {again}")
    if fault := values.fault(images):
        raise InputError(f"{file} has {fault}, the run has {values}: {again}")


def _open(file: Path, again: str) -> np.ndarray | None:
    if not file.exists():
        return None
    try:
        return map_npy(file)
    except Exception as error:  # a damaged header makes numpy raise many kinds
        raise InputError(f"{file} is damaged ({first_line(error)}): {again}") from None


def _evaluated(run: Record) -> object:
    """Return the checksums of what `evaluate` wrote; older runs have none."""
    return directory.RunDirectory(run.folder).read_metrics().get(run.split or "", {}).get("md5")


def _check_sum(file: Path, recorded: object, again: str) -> None:
    """Raise InputError unless a file has the checksum that is `recorded`, if there is one."""
    checksum = recorded.get(file.name) if isinstance(recorded, dict) else None
    if checksum is not None and checksum != md5(file):
        raise InputError(f"{file} is not as it was written, by its checksum: {again}")


def _spell(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"
