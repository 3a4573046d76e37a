"""Runs as a pandas frame, one row a run directory (any directory that holds a `config.yaml`).

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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from pixelrnn.errors import InputError

COLUMNS = {  # name: pandas dtype. Seconds are wall-clock, nats per image, *_se standard errors over the test images
    "run": "object",
    "path": "object",
    "variant": "object",
    "status": "object",  # finished, not evaluated, unfinished, damaged: ...
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
_ORIGIN = {
    "git": str,
    "dirty": bool,
    "command": str,
}  # what is read of origin.json, which older runs lack
_YAML = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # libyaml reads a sweep's configs ten times faster


def load_runs(*paths_or_globs: str | Path) -> pd.DataFrame:
    """One row a run; the columns are `COLUMNS`. A path may be a run, a folder of runs (at any depth) or a glob.

    Raises InputError for a path or glob that matches no run.
    """
    folders: dict[Path, Path] = {}
    for wanted in paths_or_globs:
        found = list(_find(wanted))
        if not found:
            raise InputError(
                f"no run found at {wanted}: a run is a directory with a config.yaml; `pixelrnn train` makes one"
            )
        folders |= {folder.resolve(): folder for folder in found}
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
    """The learning curves of a run, one row an epoch, from its history.csv (`path`: the run or the file).

    A last line without its line break is still being written (or was cut off) and is left out.
    Raises InputError for a missing, empty or damaged file.
    """
    file = Path(path) / "history.csv" if Path(path).is_dir() else Path(path)
    try:
        text = file.read_text()
        frame = pd.read_csv(io.StringIO(text[: text.rfind("\n") + 1]))
    except FileNotFoundError:
        raise InputError(f"{file} doesn't exist: the run has no epoch behind it yet") from None
    except (OSError, UnicodeDecodeError, pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise InputError(f"{file} is damaged ({_one_line(error)}): train the run again") from None
    numbers = all(pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes)
    if "epoch" not in frame or not (numbers or frame.empty) or frame["epoch"].isna().any():
        raise InputError(
            f"{file} is damaged (not a table of numbers with a column 'epoch'): train the run again"
        )
    return frame


def config_differences(frame: pd.DataFrame) -> pd.DataFrame:
    """The config keys, dotted, in which the runs of `frame` differ: one row a run (index: `run`), one column a key.

    A run without a key has None there; runs with a damaged config are left out.
    """
    return differing(flat_configs(frame))


def differing(configs: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """`config_differences` of configs as `flat_configs` gives them."""
    keys = list(dict.fromkeys(key for config in configs.values() for key in config))
    keys = [key for key in keys if len({_spelled(config, key) for config in configs.values()}) > 1]
    rows = [[config.get(key) for key in keys] for config in configs.values()]
    return pd.DataFrame(
        rows, index=pd.Index(list(configs), name="run"), columns=keys, dtype="object"
    )


def flat_configs(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The config of each run of `frame` by dotted keys; runs with a damaged one are left out."""
    configs: dict[str, dict[str, Any]] = {}
    for run, path in zip(frame["run"], frame["path"], strict=True):
        try:
            configs[run] = dict(_flat(_read_config(Path(path))))
        except InputError:
            continue
    return configs


def _find(wanted: str | Path) -> Iterator[Path]:
    """Run directories at or below every match. Below a run isn't searched: W&B leaves a config.yaml there as well."""
    path = Path(wanted)
    # not Path.glob, which refuses absolute patterns and matches hidden folders
    matches = [str(path)] if path.exists() else _searched(glob.glob(str(wanted), recursive=True))  # noqa: PTH207
    for match in matches:
        for folder, below, files in os.walk(match):
            run = "config.yaml" in files
            below[:] = [] if run else _searched(below)
            if run:
                yield Path(folder)


def _searched(folders: list[str]) -> list[str]:
    """All but hidden ones and W&B's, in order."""
    return sorted(
        folder
        for folder in folders
        if not Path(folder).name.startswith(".") and Path(folder).name != "wandb"
    )


def _names(folders: list[Path]) -> list[str]:
    """Directory names; where they clash (`sweep_a/0`, `sweep_b/0`), as much of the path as tells all runs apart."""
    if max(Counter(folder.name for folder in folders).values()) == 1:
        return [folder.name for folder in folders]
    return [str(folder.relative_to(os.path.commonpath(folders))) for folder in folders]


def _read_run(folder: Path, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"run": name, "path": str(folder)}
    try:
        row |= _describe(_read_config(folder), folder)
        training = _read_figures(
            folder / "training.json", "parameters train_seconds images_per_second epochs"
        )
        metrics = _read_figures(
            folder / "metrics.json", "nll_nats bits_per_dim images", "nll_nats_se bits_per_dim_se"
        )
        sampling = _read_figures(folder / "sampling.json", "seconds images")
        row |= _read_origin(folder / "origin.json")
        if metrics:
            metrics |= _describe_metrics(folder / "metrics.json")
    except InputError as damage:
        return row | {"status": f"damaged: {damage}"}
    row["status"] = "unfinished" if not training else "finished" if metrics else "not evaluated"
    return row | training | metrics | {f"sample_{key}": value for key, value in sampling.items()}


def _describe(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The columns that come from the config. Raises InputError for a missing key."""
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
            f"{folder / 'config.yaml'}: missing or wrong entry ({_one_line(error)})"
        ) from None


def _describe_metrics(file: Path) -> dict[str, str | None]:
    metrics = read_json(file)
    if metrics.get("bound") not in ("exact", "upper") or metrics.get("split") not in (
        "train",
        "val",
        "test",
    ):
        raise InputError(f"{file}: bound must be exact or upper, and split train, val or test")
    audit = metrics.get("audit")  # older runs have none
    verdict = audit.get("verdict") if isinstance(audit, dict) else None
    return {"bound": metrics["bound"], "split": metrics["split"], "audit": verdict}


def _read_config(folder: Path) -> dict[str, Any]:
    file = folder / "config.yaml"
    try:
        config = yaml.load(file.read_text(), _YAML)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{file} can't be read: {_one_line(error)}") from None
    if not isinstance(config, dict):
        raise InputError(f"{file} holds no config")
    return config


def _read_origin(file: Path) -> dict[str, Any]:
    """How the run came about; nothing if there is no such file, null for what wasn't known."""
    origin = read_json(file) if file.exists() else {}
    for key, kind in _ORIGIN.items():
        if not isinstance(origin.get(key), kind | None):
            raise InputError(f"{file}: {key} is {origin[key]}, not a {kind.__name__}")
    return {key: origin.get(key) for key in _ORIGIN}


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object. Raises InputError for a file that is missing or holds anything else."""
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{file} can't be read: {_one_line(error)}") from None
    if not isinstance(content, dict):
        raise InputError(f"{file} holds no figures")
    return content


def _read_figures(file: Path, required: str, optional: str = "") -> dict[str, Any]:
    """The named numbers of a JSON file; nothing if there is no such file.

    Raises InputError for a required one that is missing or isn't finite, and for an optional one that isn't a number.
    """
    if not file.exists():
        return {}
    content = read_json(file)
    for key in required.split():
        if not (_is_number(content.get(key)) and math.isfinite(content[key])):
            raise InputError(f"{file}: {key} is {content.get(key, 'missing')}, not a finite number")
    for key in optional.split():  # the standard error of a single image is NaN or null
        content.setdefault(key, None)
        if content[key] is not None and not _is_number(content[key]):
            raise InputError(f"{file}: {key} is {content[key]}, not a number")
    return {key: content[key] for key in (required + " " + optional).split()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, entry in value.items():
        if isinstance(entry, dict) and entry:
            yield from _flat(entry, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", entry


def _spelled(config: dict[str, Any], key: str) -> str:
    """A value as text, so that lists compare and `true` isn't 1; an absent key differs from every value."""
    return json.dumps(config[key], default=str, sort_keys=True) if key in config else "absent"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
