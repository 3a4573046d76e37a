"""What became of a job, read from its files: it may have run in another process, on another machine."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pixelrnn.data.arrays import read_description
from pixelrnn.figures import spell

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


def read_outcome(run: Path, tested: bool) -> Outcome:
    """Read what the directory of a job says; `tested` if it was to evaluate and draw samples, too."""
    training, metrics = _read(run / "training.json"), _read(run / "metrics.json")
    validation, seconds = training.get("val_bits_per_dim"), training.get("train_seconds")
    return Outcome(run.name, _problem(run, tested), validation, _test(metrics), seconds)


def jobs_in(folder: Path) -> list[str]:
    """Return the names of the jobs that have left something in a folder."""
    files = [file for name in ("config.yaml", FAILURE) for file in folder.glob(f"[!.]*/{name}")]
    return sorted({file.parent.name for file in files})


def missing(folder: Path, tested: bool) -> list[str]:
    """Return the files that a finished job leaves, in the order in which it does, and this one has not."""
    files = ["config.yaml", "training.json", "weights.safetensors"]
    if tested:
        files += ["metrics.json", "sampling.json"]
    return [name for name in files if not (folder / name).exists()]


def is_finished(folder: Path, config: dict[str, Any], tested: bool) -> bool:
    """Return whether the directory holds all that a job of this configuration is to leave. Needs no torch."""
    if missing(folder, tested):
        return False
    try:
        held = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        then = json.loads((folder / "origin.json").read_text()).get("data_md5") or {}
        now = read_description(config["data"]["path"]).get("md5") or {}
    except (OSError, ValueError, yaml.YAMLError):
        return False  # training will say what is wrong
    return held == config and all(now.get(name, md5) == md5 for name, md5 in then.items())


def read_validation(run: Path) -> float | None:
    """Return the validation NLL of a run, in bits per dimension: what a search makes small."""
    return _read(run / "training.json").get("val_bits_per_dim")


def print_table(outcomes: Iterable[Outcome]) -> None:
    """Print a line a job."""
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
        status = outcome.problem or "finished"
        table.add_row(*map(Text, [outcome.name, validation, outcome.test, seconds, status]))
    console = Console()
    if not console.is_terminal:  # a log file has no width: don't fold the figures
        console = Console(width=140)
    console.print(table)


def best_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the finished ones by their validation NLL, then the others."""
    return sorted(outcomes, key=lambda outcome: (bool(outcome.problem), outcome.validation or 0.0))


def _problem(run: Path, tested: bool) -> str:
    if (run / FAILURE).exists():
        reason = (run / FAILURE).read_text(encoding="utf-8").partition("\n")[0]
        return f"failed: {reason}"
    absent = missing(run, tested)
    if "config.yaml" in absent:
        return "not started"
    if "training.json" in absent:
        history = run / "history.csv"
        epochs = len(history.read_text().splitlines()) - 1 if history.exists() else 0
        return f"interrupted in epoch {epochs + 1}"
    if "weights.safetensors" in absent:
        return "its weights are gone"
    return "interrupted after the training" if absent else ""


def _test(metrics: dict[str, Any]) -> str:
    if metrics.get("split") != "test":
        return ""
    return spell(metrics["bits_per_dim"], metrics.get("bits_per_dim_se"), metrics.get("bound"))


def _read(file: Path) -> dict[str, Any]:
    """Return a JSON file; nothing if it isn't there or is damaged, which the comparison will say."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
