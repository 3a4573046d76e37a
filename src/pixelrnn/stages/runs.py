"""What runs there are: status, group, what validation and test say; for people or for programs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from json import dumps
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pixelrnn import figures
from pixelrnn.files import as_path
from pixelrnn.results.groups import groups
from pixelrnn.runs.frame import find_runs, frame_of, load_runs, records
from pixelrnn.runs.queue import NOT_STARTED, standings
from pixelrnn.runs.record import Record

HOMES = ("artifacts/runs", "artifacts/sweeps")


def runs(*runs: str | Path, json: bool = False) -> pd.DataFrame:
    """List the runs at `runs`: directories, folders of runs or globs; by default all of HOMES.

    Of sweeps also the jobs that are none yet: what failed, and what waits or runs in Slurm's queue.
    Prints a line a run; with `json` one document, described by docs/runs.schema.json. Returns the
    frame of `load_runs`. Raises InputError for a path without a run.
    """
    homes = [home for home in HOMES if find_runs(home)] or [HOMES[0]]
    frame = _with_jobs(runs or homes)
    if json:
        print(to_json(frame))
        return frame
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    table = Table("run", "data", "group", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("val bits/dim", "test bits/dim ± s.e."):
        table.add_column(heading, justify="right")
    table.add_column("status")
    for run in records(frame):
        table.add_row(*map(Text, _cells(run)))
    console.print(table)
    return frame


def _with_jobs(given: Sequence[str | Path]) -> pd.DataFrame:
    """Return the runs at some paths, and the jobs of sweeps there that have not become runs."""
    jobs = _jobs(given)
    if not jobs:
        return load_runs(*given)
    with_runs = [path for path in given if find_runs(path)]
    there = records(load_runs(*with_runs)) if with_runs else []
    told = [run if _is_settled(run) else replace(run, status=_told(run, jobs)) for run in there]
    known = {run.folder for run in there}
    others = [
        Record(run=folder.name, path=str(folder), status=status)
        for folder, status in jobs.items()
        if folder not in known
    ]
    return frame_of([*told, *others])


def _is_settled(run: Record) -> bool:
    return (run.status or "").startswith(("finished", "weights missing", "damaged"))


def _told(run: Record, jobs: Mapping[Path, str]) -> str | None:
    """Return how a run stands by the queue or its failure; by its own files if neither says so."""
    status = jobs.get(run.folder, NOT_STARTED)
    return run.status if status == NOT_STARTED else status


def _jobs(given: Sequence[str | Path]) -> dict[Path, str]:
    """Return how the jobs of the sweeps at or just below some paths stand."""
    folders = [as_path(path) for path in given]
    sweeps = [sweep for folder in folders for sweep in (folder, *sorted(folder.glob("*/")))]
    return {sweep / job: status for sweep in sweeps for job, status in standings(sweep).items()}


def to_json(frame: pd.DataFrame) -> str:
    """Return runs and groups as JSON, by the names of their columns; null for what is missing."""
    content = {
        "runs": [_plain(asdict(run)) for run in records(frame)],
        "groups": [_plain(group) for group in groups(frame).to_dict("records")],
    }
    return dumps(content, indent=2, allow_nan=False, default=str)


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    missing = [key for key, value in row.items() if isinstance(value, float) and math.isnan(value)]
    return {str(key): None if key in missing else value for key, value in row.items()}


def _cells(run: Record) -> list[str]:
    """Return what people read of a run; its group where it has other members."""
    test = validation = "–"
    if run.split == "test" and run.bits_per_dim is not None:
        test = figures.spell(run.bits_per_dim, run.bits_per_dim_se, run.bound) + run.label
    group = run.group if run.group != run.run else ""
    if run.val_bits_per_dim is not None:
        validation = figures.spell(run.val_bits_per_dim, bound=run.bound) + run.label
    return [run.path or run.run, run.data or "–", group or "", validation, test, run.status or ""]
