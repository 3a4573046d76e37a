"""What became of a job, read from its files: it may have run in another process, on another machine."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pixelrnn.data.arrays import read_description
from pixelrnn.errors import InputError
from pixelrnn.figures import spell
from pixelrnn.runs.directory import CONFIG, HISTORY, ORIGIN, TRAINING, RunDirectory
from pixelrnn.runs.identity import changed_data, differences

FAILURE = "failure.txt"  # why a job failed, until it succeeds


@dataclass(frozen=True)
class Outcome:
    """What a job's directory says."""

    name: str
    problem: str  # why it isn't finished, or nothing
    validation: float | None  # bits per dimension
    test: str
    seconds: float | None  # of training

    @property
    def failed(self) -> bool:
        """Whether it was given up."""
        return self.problem.startswith("failed")


def read_outcome(folder: Path, tested: bool) -> Outcome:
    """Read what the directory of a job says; `tested` if it was to evaluate and draw samples, too."""
    run = RunDirectory(folder)
    try:
        training, metrics = run.read(TRAINING), run.read_metrics().get("test", {})
    except InputError:  # the comparison will say so
        training, metrics = {}, {}
    test = ""
    if "bits_per_dim" in metrics:
        error, bound = metrics.get("bits_per_dim_se"), metrics.get("bound")
        test = spell(metrics["bits_per_dim"], error, bound)
    validation, seconds = training.get("val_bits_per_dim"), training.get("train_seconds")
    return Outcome(folder.name, _problem(run, tested), validation, test, seconds)


def jobs_in(folder: Path) -> list[str]:
    """Return the names of the jobs that have left something in a folder."""
    files = [file for name in (CONFIG, FAILURE) for file in folder.glob(f"[!.]*/{name}")]
    return sorted({file.parent.name for file in files})


def is_finished(folder: Path, config: dict[str, Any], tested: bool) -> bool:
    """Return whether the directory holds all that a job of this configuration is to leave. Needs no torch."""
    run = RunDirectory(folder)
    if run.missing(tested):
        return False
    try:
        held, then = run.read_config(), run.read(ORIGIN).get("data_md5")
        now = read_description(config["data"]["path"]).get("md5")
    except InputError:
        return False  # training will say what is wrong
    return not differences(held, config) and not changed_data(then, now)


def read_validation(folder: Path) -> float | None:
    """Return the validation NLL of a run, in bits per dimension: what a search makes small."""
    return RunDirectory(folder).read(TRAINING).get("val_bits_per_dim")


def print_table(outcomes: Iterable[Outcome]) -> None:
    """Print a line a job."""
    table = Table("job")
    for header in ("val bits/dim", "test bits/dim", "training, s"):
        table.add_column(header, justify="right")
    table.add_column("")
    for outcome in outcomes:
        validation = "" if outcome.validation is None else f"{outcome.validation:.3f}"
        seconds = "" if outcome.seconds is None else f"{outcome.seconds:.0f}"
        status = outcome.problem or "finished"
        table.add_row(*map(Text, [outcome.name, validation, outcome.test, seconds, status]))
    console = Console()
    if not console.is_terminal:  # a log file has no width: don't fold the figures
        console = Console(width=140)
    console.print(table)


def best_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the finished ones by their validation NLL, then the others."""
    return sorted(outcomes, key=lambda outcome: (bool(outcome.problem), outcome.validation or 0.0))


def _problem(run: RunDirectory, tested: bool) -> str:
    if run.has(FAILURE):
        reason = (run.path / FAILURE).read_text(encoding="utf-8").partition("\n")[0]
        return f"failed: {reason}"
    if not run.exists:
        return "not started"
    if run.finished:
        return "interrupted after the training" if run.missing(tested) else ""
    if run.has(TRAINING):
        return "its weights are gone"
    epochs = 0
    if run.has(HISTORY):
        epochs = len((run.path / HISTORY).read_text().splitlines()) - 1
    return f"interrupted in epoch {epochs + 1}"
