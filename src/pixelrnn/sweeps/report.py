"""What a sweep ends with: a table of what finished and what did not, the comparison of the runs, an exit code."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelrnn.errors import InputError
from pixelrnn.sweeps.job import FAILURE, missing
from pixelrnn.sweeps.plan import Sweep


@dataclass(frozen=True)
class Outcome:
    """What a job's directory says."""

    name: str
    problem: str  # why it isn't finished, or nothing
    validation: float | None  # bits per dimension
    test: str
    seconds: float | None  # of training


def report(sweep: Sweep) -> int:
    """Print the table and write the comparison. Returns 0 if all jobs finished, 1 if not."""
    search = sweep.jobs is None
    outcomes = [
        read_outcome(sweep.folder / name, sweep.tested)
        for name in sweep.jobs or _found(sweep.folder)
    ]
    if search:
        outcomes.sort(key=lambda outcome: (bool(outcome.problem), outcome.validation or 0.0))
    _print_table(outcomes)
    finished = [outcome for outcome in outcomes if not outcome.problem]
    print(f"{len(finished)} of {len(outcomes)} finished, in {sweep.folder}")
    if search and finished:
        print(f"Best on the validation images: {finished[0].name}")
    if any(outcome.test for outcome in outcomes):
        _compare(sweep.folder)
    if len(finished) == len(outcomes) > 0:
        return 0
    print("The same command again runs what is missing.")
    return 1


def read_outcome(run: Path, tested: bool) -> Outcome:
    """From the files in the directory of a job."""
    training = _read(run / "training.json")
    metrics = _read(run / "metrics.json").get("test", {})
    validation, seconds = training.get("val_bits_per_dim"), training.get("train_seconds")
    return Outcome(run.name, _problem(run, tested), validation, _test(metrics), seconds)


def _problem(run: Path, tested: bool) -> str:
    if (run / FAILURE).exists():
        return "failed: " + (run / FAILURE).read_text().partition("\n")[0]
    absent = missing(run, tested)
    if "config.yaml" in absent:
        return "not started"
    if "training.json" in absent:
        history = run / "history.csv"
        epochs = len(history.read_text().splitlines()) - 1 if history.exists() else 0
        return f"interrupted in epoch {epochs + 1}"
    return "interrupted after the training" if absent else ""


def _test(metrics: dict[str, Any]) -> str:
    if "bits_per_dim" not in metrics:
        return ""
    error = f" ± {metrics['bits_per_dim_se']:.3f}" if metrics.get("bits_per_dim_se") else ""
    return (
        "≤ " if metrics.get("bound") == "upper" else ""
    ) + f"{metrics['bits_per_dim']:.3f}{error}"


def _read(file: Path) -> dict[str, Any]:
    """A JSON file; nothing if it isn't there or is damaged, which the comparison will say."""
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return {}


def _found(folder: Path) -> list[str]:
    return sorted(
        {file.parent.name for name in ("config.yaml", FAILURE) for file in folder.glob(f"*/{name}")}
    )


def _print_table(outcomes: Sequence[Outcome]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("job")
    for header in ("val bits/dim", "test bits/dim", "training, s"):
        table.add_column(header, justify="right")
    table.add_column("")
    for outcome in outcomes:
        validation = "" if outcome.validation is None else f"{outcome.validation:.3f}"
        seconds = "" if outcome.seconds is None else f"{outcome.seconds:.0f}"
        told = outcome.problem or "finished"
        table.add_row(*map(Text, [outcome.name, validation, outcome.test, seconds, told]))
    console = Console()
    if not console.is_terminal:  # a log file has no width: don't fold the figures
        console = Console(width=140)
    console.print(table)


def _compare(folder: Path) -> None:
    from pixelrnn.stages.compare import write_comparison

    try:
        write_comparison(folder, out=folder / "comparison")
    except InputError as error:
        print(f"No comparison: {error}")
        return
    print(f"Comparison: {folder / 'comparison' / 'comparison.html'}")
