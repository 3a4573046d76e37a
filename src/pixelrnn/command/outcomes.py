"""What became of a job, read from its files: it may have run elsewhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pixelrnn.data.arrays import read_description
from pixelrnn.errors import InputError
from pixelrnn.figures import spell
from pixelrnn.runs import identity
from pixelrnn.runs.directory import CONFIG, HISTORY, TRAINING, WEIGHTS, RunDirectory
from pixelrnn.runs.origin import code_md5
from pixelrnn.runs.queue import FAILURE, failure
from pixelrnn.runs.record import Record, read_record

if TYPE_CHECKING:
    from pixelrnn.results.groups import Group


@dataclass(frozen=True)
class Outcome:
    """What a job's directory says."""

    name: str
    problem: str  # why it isn't finished, or nothing
    validation: float | None  # bits per dimension
    record: Record

    @property
    def failed(self) -> bool:
        """Whether it was given up."""
        return self.problem.startswith("failed")

    @property
    def row(self) -> list[str]:
        """Its cells in the table."""
        run = self.record
        validation = "" if self.validation is None else f"{self.validation:.3f}"
        tested = run.split == "test"
        test = spell(run.bits_per_dim, run.bits_per_dim_se, run.bound) if tested else ""
        seconds = "" if run.train_seconds is None else f"{run.train_seconds:.0f}"
        return [self.name, validation, test, seconds, self.problem or "finished"]


def read_outcome(run: RunDirectory, tested: bool) -> Outcome:
    """Read what a job says; `tested` if it was to evaluate and draw samples, too."""
    name = run.path.name
    return Outcome(name, _problem(run, tested), read_validation(run), read_record(run.path, name))


def read_validation(run: RunDirectory) -> float | None:
    """Return the validation NLL of a run, in bits per dimension: what a search makes small."""
    try:
        return run.read(TRAINING).get("val_bits_per_dim")
    except InputError:  # the record says what is damaged
        return None


def jobs_in(folder: Path) -> list[str]:
    """Return the names of the jobs that have left something in a folder."""
    files = [file for name in (CONFIG, FAILURE) for file in folder.glob(f"[!.]*/{name}")]
    return sorted({file.parent.name for file in files})


def is_finished(
    run: RunDirectory, config: dict[str, Any], tested: bool, replace: bool = False
) -> bool:
    """Return whether a directory holds all that a job of this configuration is to leave.

    With `replace`, made by this code. Needs no torch.
    """
    if run.missing(tested):
        return False
    try:
        held = run.read_config()
        then = run.read_data_md5()
        if replace and run.read(TRAINING).get("code") != code_md5():
            return False
        now = read_description(config["data"]["path"]).get("md5")
    except InputError:
        return False  # training will say what is wrong
    return not identity.differences(held, config) and not identity.changed_data(then, now)


def print_table(outcomes: Iterable[Outcome]) -> None:
    """Print a line a job."""
    table = Table("job")
    for header in ("val bits/dim", "test bits/dim", "training, s"):
        table.add_column(header, justify="right")
    table.add_column("")
    for outcome in outcomes:
        table.add_row(*map(Text, outcome.row))
    _print(table)


def print_groups(groups: "Sequence[Group]") -> None:
    """Print a line a group, ± the standard error over its seeds, if any has several."""
    if all(group.n == 1 for group in groups):
        return
    table = Table("group")
    for header in ("seeds", "val bits/dim", "test bits/dim"):
        table.add_column(header, justify="right")
    for group in groups:
        validation = spell(group.val_bits_per_dim, group.val_bits_per_dim_se, group.bound)
        test = spell(group.bits_per_dim, group.bits_per_dim_se, group.bound)
        table.add_row(*map(Text, (group.group, str(group.n), validation, test)))
    _print(table)


def _print(table: Table) -> None:
    console = Console()
    if not console.is_terminal:  # a log file has no width: don't fold the figures
        console = Console(width=140)
    console.print(table)


def _problem(run: RunDirectory, tested: bool) -> str:
    if reason := failure(run.path):
        return reason
    missing = run.missing(tested)
    if CONFIG in missing:
        return "not started"
    if WEIGHTS in missing:
        history = run.path / HISTORY
        epochs = len(history.read_text().splitlines()) - 1 if history.exists() else 0
        return f"interrupted in epoch {epochs + 1}"
    return "interrupted after the training" if missing else ""


def spell_time(seconds: float) -> str:
    """Return a duration as people say it: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
