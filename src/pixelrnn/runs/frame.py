"""Read runs into a pandas frame, a row a run directory: any directory that holds a config.yaml.

Only files are read: neither torch nor the model's code is imported, so the runs of a cluster are
read on a laptop. One unreadable run does not hide the others: `load_runs` never raises for it, its
`status` says what is damaged, and its figures are missing. `history` reads one file and raises.
"""

import glob
import io
import json
import math
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from pixelrnn.errors import InputError
from pixelrnn.files import as_path, first_line, md5
from pixelrnn.reading import read_text
from pixelrnn.runs.directory import CONFIG, HISTORY, TIMING, TRAINING, RunDirectory
from pixelrnn.runs.identity import flat
from pixelrnn.runs.record import Record, read_record
from pixelrnn.runs.seeds import group_names

# pandas dtypes that keep a missing value apart from a number.
_DTYPES: dict[Any, str] = {int | None: "Int64", float | None: "float64", bool | None: "boolean"}
COLUMNS = {field.name: _DTYPES.get(field.type, "object") for field in fields(Record)}


def load_runs(*paths_or_globs: str | Path) -> pd.DataFrame:
    """Return one row a run, with the fields of `Record` as columns.

    A path may be a run, a folder of runs (at any depth) or a glob.

    Raises InputError for a path or glob that matches no run.
    """
    folders: dict[Path, Path] = {}
    for given in paths_or_globs:
        matches = find_runs(given)
        if not matches:
            raise InputError(
                f"no run found at {given}: a run is a directory with a config.yaml; "
                "`pixelrnn train` makes one"
            )
        folders |= {folder.resolve(): folder for folder in matches}
    if not folders:
        raise InputError(
            "no runs named: give runs, folders of runs or globs, such as artifacts/runs/*"
        )
    names = _names(list(folders))
    runs = [read_record(*pair) for pair in zip(folders.values(), names, strict=True)]
    groups = group_names(runs)
    runs = [replace(run, group=group) for run, group in zip(runs, groups, strict=True)]
    return frame_of(runs)


def frame_of(runs: Iterable[Record]) -> pd.DataFrame:
    """Return the frame of runs that were read."""
    return pd.DataFrame([asdict(run) for run in runs], columns=list(COLUMNS)).astype(COLUMNS)


def records(frame: pd.DataFrame) -> list[Record]:
    """Return the rows of a frame that `load_runs` gave, with None for what is missing."""
    return [
        Record(**{name: _plain(row[name]) for name in COLUMNS}) for row in frame.to_dict("records")
    ]


def history(path: str | Path) -> pd.DataFrame:
    """Read the learning curves of a run, one row an epoch (`path`: the run, or its history.csv).

    The column `seconds` comes from timing.json, and is missing where that is. A last line without
    its line break is still being written (or was cut off) and is left out.
    Raises InputError for a missing, empty or damaged file.
    """
    file = as_path(path)
    if file.is_dir():
        file = file / HISTORY
    try:
        text = read_text(file)
        frame = pd.read_csv(io.StringIO(text[: text.rfind("\n") + 1]))
    except FileNotFoundError:
        raise InputError(f"{file} doesn't exist: the run has no epoch behind it yet") from None
    except (OSError, ValueError, pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise InputError(f"{file} is damaged ({first_line(error)}): train the run again") from None
    numbers = all(pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes)
    if "epoch" not in frame or not (numbers or frame.empty) or frame["epoch"].isna().any():
        raise InputError(
            f"{file} is damaged (not a table of numbers with a column 'epoch'): train the run again"
        )
    run = RunDirectory(file.parent)
    recorded = run.read(TRAINING).get("history_md5")
    if recorded and recorded != md5(file):
        raise InputError(
            f"{file} is not as training left it, by its checksum in {TRAINING}: "
            "`dvc pull` it again, or train the run again"
        )
    seconds = run.read_here(TIMING).get("epoch_seconds") or []
    if len(seconds) >= len(frame) > 0:
        frame["seconds"] = seconds[: len(frame)]
    return frame


def config_differences(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the config keys, dotted, in which the runs of `frame` differ.

    There is a row a run and a column a key; the index is `run`. A run without a key has
    None there; runs with a damaged config are left out.
    """
    return differing(flat_configs(frame))


def differing(configs: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return the `config_differences` of configs as `flat_configs` gives them."""
    keys = list(dict.fromkeys(key for config in configs.values() for key in config))
    keys = [key for key in keys if len({_spelled(config, key) for config in configs.values()}) > 1]
    rows = [[config.get(key) for key in keys] for config in configs.values()]
    index = pd.Index(list(configs), name="run")
    return pd.DataFrame(rows, index=index, columns=keys, dtype="object")


def flat_configs(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the config of each run of `frame`, by dotted keys.

    Runs with a damaged one are left out.
    """
    configs: dict[str, dict[str, Any]] = {}
    for run, path in zip(frame["run"], frame["path"], strict=True):
        try:
            configs[run] = dict(flat(RunDirectory(Path(path)).read_config()))
        except InputError:
            continue
    return configs


def find_runs(given: str | Path) -> list[Path]:
    """Return the run directories at or below a path, or every match of a glob.

    Below a run nothing is searched: W&B leaves a config.yaml there as well.
    """
    path = as_path(given)
    matches = [str(path)]
    if not path.exists():
        # Not Path.glob, which refuses absolute patterns and matches hidden folders.
        matches = _searched(glob.glob(str(path), recursive=True))  # noqa: PTH207
    runs = []
    for match in matches:
        for folder, below, files in os.walk(match):
            run = CONFIG in files
            below[:] = [] if run else _searched(below)
            if run:
                runs.append(Path(folder))
    return runs


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


def _plain(value: Any) -> Any:
    """Return a scalar of pandas or numpy as Python's own; None if it is missing or not finite."""
    if pd.isna(value):
        return None
    plain = value.item() if hasattr(value, "item") else value
    return None if plain in (math.inf, -math.inf) else plain


def _spelled(config: dict[str, Any], key: str) -> str:
    """Return a value as text, so that lists can be compared and `true` is not 1.

    A key that is absent differs from every value.
    """
    return json.dumps(config[key], default=str, sort_keys=True) if key in config else "absent"
