"""What the files of one run say: a row of the frame, of a comparison and of the page.

A new figure is one more field of `Record`, filled here, and a cell where it is to be seen:
`results/rows.py` for a terminal and Markdown, `page/columns.py` for the page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pixelrnn.data.splits import SPLITS
from pixelrnn.data.values import values_of
from pixelrnn.errors import InputError
from pixelrnn.files import first_line
from pixelrnn.runs.directory import (
    CONFIG,
    METRICS,
    ORIGIN,
    SAMPLING,
    TIMING,
    TRAINING,
    RunDirectory,
)

DAMAGED = "damaged"
# Trained and gone: the figures were recorded elsewhere, and committed or copied.
WEIGHTS_MISSING = "weights missing"
# The first of these that was evaluated is what a run reports.
REPORTED = ("test", "val", "train")

# What is read of origin.json, which older runs lack.
_ORIGIN = {"git": str, "dirty": bool, "command": str}
_TRAINING = ("parameters", "epochs")
_VALIDATION = ("best_epoch", "val_nll_nats", "val_bits_per_dim")
# What stands in timing.json; runs of the first edition have it in training.json and sampling.json.
_TIMING = ("train_seconds", "images_per_second", "sample_seconds")
_METRICS = ("nll_nats", "bits_per_dim", "images")
_ERRORS = ("nll_nats_se", "bits_per_dim_se")


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run. None stands for what its files do not say.

    Nats are per image, seconds are wall-clock, `*_se` are standard errors over the images.
    """

    run: str  # its name
    variant: str | None = None
    status: str | None = None  # finished, not evaluated, unfinished, weights missing, damaged: ...
    path: str | None = None
    data: str | None = None  # name of the data set
    data_path: str | None = None  # folder of prepared arrays, as the run's config names it
    shape: tuple[int, int, int] | None = None  # colors, rows, columns
    levels: int | None = None  # None of real numbers, too
    head: str | None = None
    seed: int | None = None
    group: str | None = None  # of the runs that differ in nothing but the seed
    parameters: int | None = None
    bits_per_dim: float | None = None
    bits_per_dim_se: float | None = None
    nll_nats: float | None = None
    nll_nats_se: float | None = None
    bound: str | None = None  # exact or upper
    split: str | None = None  # the split that was evaluated
    images: int | None = None  # ... and its size
    audit: str | None = None  # causal, leak (the NLL is no likelihood) or not audited
    train_seconds: float | None = None
    images_per_second: float | None = None
    epochs: int | None = None
    best_epoch: int | None = None  # counted from 0; its weights are the run's
    val_nll_nats: float | None = (
        None  # of the validation images in that epoch: what choosing looks at
    )
    val_bits_per_dim: float | None = None
    sample_seconds: float | None = None
    sample_images: int | None = None
    git: str | None = None  # revision that it was trained at, 40 hex digits
    dirty: bool | None = None  # ... with uncommitted changes
    command: str | None = None  # that trains it again

    @property
    def folder(self) -> Path:
        """Its directory."""
        return Path(self.path or "")

    @property
    def label(self) -> str:
        """What stands behind its figures: whether they are of densities."""
        return "" if self.shape is None else values_of(self.levels).label

    @property
    def damaged(self) -> bool:
        """Whether a file could not be read; then `status` says which and why."""
        return (self.status or "").startswith(DAMAGED)


_WHOLE = {field.name for field in fields(Record) if field.type == int | None}


def read_record(folder: Path, name: str) -> Record:
    """Return what the files in `folder` say of the run called `name`.

    Nothing is raised for a damaged file: `status` names it, and the figures are missing.
    """
    files = RunDirectory(folder)
    values: dict[str, Any] = {"run": name, "path": str(folder)}
    try:
        values |= _describe(files)
        training = _read_figures(files, TRAINING, _TRAINING, _VALIDATION)
        took = _read_sampling(files) | _read_timing(files)
        values |= _read_origin(files)
        evaluated = _read_evaluation(files)
    except InputError as damage:
        return Record(**values, status=f"{DAMAGED}: {damage}")
    values |= training | evaluated | took
    return Record(**values, status=_status(files, training, evaluated))


def _status(files: RunDirectory, training: dict[str, Any], evaluated: dict[str, Any]) -> str:
    if not training:
        return "unfinished"
    if not files.finished:
        return WEIGHTS_MISSING
    return "finished" if evaluated else "not evaluated"


def _describe(files: RunDirectory) -> dict[str, Any]:
    """Return what the config says. Raises InputError for a key that is missing or wrong."""
    config = files.read_config()
    try:
        data, head = config["data"], config.get("head") or {}
        colors, rows, columns = (int(side) for side in data["shape"])
        return {
            "variant": str(config["variant"]),
            "data": str(data.get("name") or Path(data["path"]).name),
            "data_path": str(data["path"]),
            "shape": (colors, rows, columns),
            "levels": None if data["levels"] is None else int(data["levels"]),
            "head": str(head.get("_target_", "")).rpartition(".")[2],
            "seed": None if config.get("seed") is None else int(config["seed"]),
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"missing or wrong entry ({first_line(error)})"
        raise InputError(f"{files.path / CONFIG}: {reason}") from None


def _read_evaluation(files: RunDirectory) -> dict[str, Any]:
    """Return the figures of the first split of `REPORTED` that was evaluated; nothing without one.

    Figures of other weights than those of today count as nothing: the run was trained again since.
    """
    file = files.path / METRICS
    metrics = files.read_metrics()
    strange = sorted(metrics.keys() - set(SPLITS))
    if strange:
        raise InputError(f"{file}: there is no split {strange[0]!r}, only {', '.join(SPLITS)}")
    split = next((split for split in REPORTED if split in metrics), None)
    if split is None:
        return {}
    evaluated = metrics[split]
    if evaluated.get("weights_md5") != files.read(TRAINING).get("weights_md5"):
        return {}
    figures = _figures(evaluated, file, _METRICS, _ERRORS)
    if evaluated.get("bound") not in ("exact", "upper"):
        raise InputError(f"{file}: bound must be exact or upper")
    audit = evaluated.get("audit")  # older runs have none
    verdict = audit.get("verdict") if isinstance(audit, dict) else None
    return figures | {"bound": evaluated["bound"], "split": split, "audit": verdict}


def _read_origin(files: RunDirectory) -> dict[str, Any]:
    """Return how the run came about, None for what is not recorded."""
    origin = files.read_here(ORIGIN)
    for key, kind in _ORIGIN.items():
        if not isinstance(origin.get(key), kind | None):
            file = files.path / ORIGIN
            raise InputError(f"{file}: {key} is {origin[key]}, not a {kind.__name__}")
    return {key: origin.get(key) for key in _ORIGIN}


def _read_sampling(files: RunDirectory) -> dict[str, Any]:
    """Return how many images were drawn."""
    images = _read_figures(files, SAMPLING, ("images",)).get("images")
    return {"sample_images": images}


def _read_timing(files: RunDirectory) -> dict[str, Any]:
    """Return the seconds that the run took here; None for what nobody took."""
    before = files.read(TRAINING) | {"sample_seconds": files.read(SAMPLING).get("seconds")}
    timing = before | files.read_here(TIMING)
    return _figures(timing, files.path / TIMING, (), _TIMING)


def _read_figures(
    files: RunDirectory, name: str, required: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the named numbers of a JSON file; nothing if there is no such file."""
    if not files.has(name):
        return {}
    return _figures(files.read(name), files.path / name, required, optional)


def _figures(
    content: dict[str, Any], file: Path, required: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the named numbers of what a JSON file holds.

    Raises InputError for a required one that is missing, not finite, or a fraction where a count
    belongs; and for an optional one that is no number (it may be NaN or null: the standard error
    of a single image is).
    """
    for key in required:
        value = content.get(key, "missing")
        if not (_is_number(value) and math.isfinite(value)):
            raise InputError(f"{file}: {key} is {value}, not a finite number")
        if key in _WHOLE and value != int(value):
            raise InputError(f"{file}: {key} is {value}, not a whole number")
    for key in optional:
        value = content.get(key)
        if value is not None and not _is_number(value):
            raise InputError(f"{file}: {key} is {value}, not a number")
    return {key: content.get(key) for key in (*required, *optional)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
