"""Read runs into a pandas frame, a row a run directory: any directory that holds a config.yaml.

Only files are read: neither torch nor the model's code is imported, so the runs of a cluster are read on a laptop.
One unreadable run doesn't hide the others: `load_runs` never raises for it, its `status` says what is damaged and
its figures are missing. `history` reads one file and raises.
"""

import glob
import io
import json
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pixelrnn.data.splits import SPLITS
from pixelrnn.errors import InputError
from pixelrnn.files import as_path, first_line
from pixelrnn.runs.directory import (
    CONFIG,
    HISTORY,
    METRICS,
    ORIGIN,
    SAMPLING,
    TRAINING,
    RunDirectory,
)
from pixelrnn.runs.identity import flat

# Name and pandas dtype. Seconds are wall-clock, nats per image, *_se standard errors over images.
COLUMNS = {
    "run": "object",
    "path": "object",
    "variant": "object",
    "status": "object",  # finished, not evaluated, unfinished, weights missing, damaged: ...
    "data": "object",  # name of the data set
    "data_path": "object",  # folder of prepared arrays, as the run's config names it
    "shape": "object",  # (colors, rows, columns)
    "levels": "Int64",
    "head": "object",
    "parameters": "Int64",
    "bits_per_dim": "float64",
    "bits_per_dim_se": "float64",
    "nll_nats": "float64",
    "nll_nats_se": "float64",
    "bound": "object",  # exact or upper
    "split": "object",  # the split that was evaluated
    "images": "Int64",  # ... and its size
    "audit": "object",  # of `evaluate`: causal, leak (the NLL is no likelihood) or not audited
    "train_seconds": "float64",
    "images_per_second": "float64",
    "epochs": "Int64",
    "sample_seconds": "float64",
    "sample_images": "Int64",
    "git": "object",  # revision that it was trained at, 40 hex digits
    "dirty": "boolean",  # ... with uncommitted changes
    "command": "object",  # that trains it again
}
# The figures were recorded elsewhere: committed, or copied from a cluster.
WEIGHTS_MISSING = "weights missing"
# The first of these that was evaluated is what a run reports.
REPORTED = ("test", "val", "train")
# What is read of origin.json, which older runs lack.
_ORIGIN = {"git": str, "dirty": bool, "command": str}
_TRAINING = ("parameters", "train_seconds", "images_per_second", "epochs")
_METRICS = ("nll_nats", "bits_per_dim", "images")
_ERRORS = ("nll_nats_se", "bits_per_dim_se")


def load_runs(*paths_or_globs: str | Path) -> pd.DataFrame:
    """Return one row a run, with the columns of `COLUMNS`.

    A path may be a run, a folder of runs (at any depth) or a glob.

    Raises InputError for a path or glob that matches no run.
    """
    folders: dict[Path, Path] = {}
    for wanted in paths_or_globs:
        matches = list(_find(wanted))
        if not matches:
            raise InputError(
                f"no run found at {wanted}: a run is a directory with a config.yaml; "
                "`pixelrnn train` makes one"
            )
        folders |= {folder.resolve(): folder for folder in matches}
    if not folders:
        raise InputError(
            "no runs named: give run directories, folders of runs or globs, such as artifacts/runs/*"
        )
    rows = [
        _read_run(folder, name)
        for folder, name in zip(folders.values(), _names(list(folders)), strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def history(path: str | Path) -> pd.DataFrame:
    """Read the learning curves of a run, one row an epoch (`path`: the run, or its history.csv).

    A last line without its line break is still being written (or was cut off) and is left out.
    Raises InputError for a missing, empty or damaged file.
    """
    file = as_path(path)
    if file.is_dir():
        file = file / HISTORY
    try:
        text = file.read_text()
        frame = pd.read_csv(io.StringIO(text[: text.rfind("\n") + 1]))
    except FileNotFoundError:
        raise InputError(f"{file} doesn't exist: the run has no epoch behind it yet") from None
    except (OSError, UnicodeDecodeError, pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise InputError(f"{file} is damaged ({first_line(error)}): train the run again") from None
    numbers = all(pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes)
    if "epoch" not in frame or not (numbers or frame.empty) or frame["epoch"].isna().any():
        raise InputError(
            f"{file} is damaged (not a table of numbers with a column 'epoch'): train the run again"
        )
    return frame


def config_differences(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the config keys, dotted, in which the runs of `frame` differ: a row a run, a column a key.

    The index is `run`. A run without a key has None there; runs with a damaged config are left out.
    """
    return differing(flat_configs(frame))


def differing(configs: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return the `config_differences` of configs as `flat_configs` gives them."""
    keys = list(dict.fromkeys(key for config in configs.values() for key in config))
    keys = [key for key in keys if len({_spelled(config, key) for config in configs.values()}) > 1]
    rows = [[config.get(key) for key in keys] for config in configs.values()]
    return pd.DataFrame(
        rows, index=pd.Index(list(configs), name="run"), columns=keys, dtype="object"
    )


def flat_configs(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the config of each run of `frame` by dotted keys; runs with a damaged one are left out."""
    configs: dict[str, dict[str, Any]] = {}
    for run, path in zip(frame["run"], frame["path"], strict=True):
        try:
            configs[run] = dict(flat(RunDirectory(Path(path)).read_config()))
        except InputError:
            continue
    return configs


def _find(wanted: str | Path) -> Iterator[Path]:
    """Yield the run directories at or below every match.

    Below a run isn't searched: W&B leaves a config.yaml there as well.
    """
    path = as_path(wanted)
    matches = [str(path)]
    if (
        not path.exists()
    ):  # not Path.glob, which refuses absolute patterns and matches hidden folders
        matches = _searched(glob.glob(str(path), recursive=True))  # noqa: PTH207
    for match in matches:
        for folder, below, files in os.walk(match):
            run = CONFIG in files
            below[:] = [] if run else _searched(below)
            if run:
                yield Path(folder)


def _searched(folders: list[str]) -> list[str]:
    """Return all but hidden folders and those of W&B, in order."""
    return sorted(
        folder
        for folder in folders
        if not Path(folder).name.startswith(".") and Path(folder).name != "wandb"
    )


def _names(folders: list[Path]) -> list[str]:
    """Return directory names; where they clash, as much of the path as tells all runs apart."""
    if max(Counter(folder.name for folder in folders).values()) == 1:
        return [folder.name for folder in folders]
    return [str(folder.relative_to(os.path.commonpath(folders))) for folder in folders]


def _read_run(folder: Path, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"run": name, "path": str(folder)}
    run = RunDirectory(folder)
    try:
        row |= _describe(run.read_config(), folder)
        training = _read_figures(run, TRAINING, _TRAINING)
        sampling = _read_figures(run, SAMPLING, ("seconds", "images"))
        row |= _read_origin(run)
        evaluated = _read_evaluation(run)
    except InputError as damage:
        return row | {"status": f"damaged: {damage}"}
    row["status"] = _status(run, training, evaluated)
    return row | training | evaluated | {f"sample_{key}": value for key, value in sampling.items()}


def _status(run: RunDirectory, training: dict[str, Any], evaluated: dict[str, Any]) -> str:
    if not training:
        return "unfinished"
    if not run.finished:
        return WEIGHTS_MISSING
    return "finished" if evaluated else "not evaluated"


def _describe(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the columns that come from the config. Raises InputError for a missing key."""
    try:
        data, head = config["data"], config.get("head") or {}
        return {
            "variant": str(config["variant"]),
            "data": str(data.get("name") or Path(data["path"]).name),
            "data_path": str(data["path"]),
            "shape": tuple(int(side) for side in data["shape"]),
            "levels": int(data["levels"]),
            "head": str(head.get("_target_", "")).rpartition(".")[2],
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{folder / CONFIG}: missing or wrong entry ({first_line(error)})"
        ) from None


def _read_evaluation(run: RunDirectory) -> dict[str, Any]:
    """Return the figures of the test split; where it was not evaluated, of validation or training; else nothing."""
    file = run.path / METRICS
    metrics = run.read_metrics()
    if strange := sorted(metrics.keys() - set(SPLITS)):
        raise InputError(f"{file}: there is no split {strange[0]!r}, only {', '.join(SPLITS)}")
    split = next((split for split in REPORTED if split in metrics), None)
    if split is None:
        return {}
    evaluated = metrics[split]
    if evaluated.get("weights_md5") != run.read(TRAINING).get("weights_md5"):
        return {}  # of other weights: it was trained again since
    figures = _figures(evaluated, file, _METRICS, _ERRORS)
    if evaluated.get("bound") not in ("exact", "upper"):
        raise InputError(f"{file}: bound must be exact or upper")
    audit = evaluated.get("audit")  # older runs have none
    verdict = audit.get("verdict") if isinstance(audit, dict) else None
    return figures | {"bound": evaluated["bound"], "split": split, "audit": verdict}


def _read_origin(run: RunDirectory) -> dict[str, Any]:
    """Return how the run came about; nothing if there is no such file, null for what isn't recorded."""
    origin = run.read(ORIGIN)
    for key, kind in _ORIGIN.items():
        if not isinstance(origin.get(key), kind | None):
            raise InputError(f"{run.path / ORIGIN}: {key} is {origin[key]}, not a {kind.__name__}")
    return {key: origin.get(key) for key in _ORIGIN}


def _read_figures(run: RunDirectory, name: str, required: Sequence[str]) -> dict[str, Any]:
    """Return the named numbers of a JSON file; nothing if there is no such file."""
    return _figures(run.read(name), run.path / name, required) if run.has(name) else {}


def _figures(
    content: dict[str, Any], file: Path, required: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the named numbers of what a JSON file holds.

    Raises InputError for a required one that is missing or isn't finite, and for an optional one that isn't a number.
    """
    for key in required:
        if not (_is_number(content.get(key)) and math.isfinite(content[key])):
            raise InputError(f"{file}: {key} is {content.get(key, 'missing')}, not a finite number")
    for key in optional:  # the standard error of a single image is NaN or null
        value = content.get(key)
        if value is not None and not _is_number(value):
            raise InputError(f"{file}: {key} is {value}, not a number")
    return {key: content.get(key) for key in (*required, *optional)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _spelled(config: dict[str, Any], key: str) -> str:
    """Return a value as text, so that lists compare and `true` isn't 1; an absent key differs from every value."""
    return json.dumps(config[key], default=str, sort_keys=True) if key in config else "absent"
