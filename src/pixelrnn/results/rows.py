"""The rows of a comparison: one a run and one a baseline, best bits per dimension first."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from pixelrnn import figures
from pixelrnn.results.baselines import Baseline
from pixelrnn.results.paper import Figure
from pixelrnn.runs.frame import records
from pixelrnn.runs.record import WEIGHTS_MISSING, Record

BOUND_NOTE = (
    "≤: an upper bound on the NLL (the model's own value is at most this); "
    "all other figures are exact."
)
MEMORY_NOTE = "*: the paper's figure is quoted from memory."
WEIGHTS_NOTE = (
    f"{WEIGHTS_MISSING}: its figures are recorded ones, and its weights are not here "
    "(`dvc pull` fetches committed ones)"
)
# Fields of a record that all rows of a comparison share: the comparison has them once.
_SHARED = ("data_path", "shape", "levels", "split")


@dataclass(frozen=True, kw_only=True)
class Row(Record):
    """One line of the comparison: the record of a run, or as much of one as a baseline has."""

    kind: str  # run or baseline
    paper: Figure | None = None
    note: str | None = None  # how a baseline counts; what is wrong with a run's files

    @property
    def name(self) -> str:
        """The run's name, or the baseline's."""
        return self.run

    def as_dict(self) -> dict[str, Any]:
        """Return the row as plain values for JSON, without what all rows share."""
        values = asdict(self)
        for shared in _SHARED:
            del values[shared]
        return {"name": values.pop("run"), "kind": values.pop("kind")} | values


def make_rows(frame: pd.DataFrame, baselines: Iterable[Baseline]) -> list[Row]:
    """Return rows sorted by bits/dim, those without one last (`frame`: from `load_runs`)."""
    rows = [Row(kind="run", **asdict(record)) for record in records(frame)]
    rows += [_of_baseline(baseline) for baseline in baselines]
    return sorted(rows, key=_place)


def _of_baseline(baseline: Baseline) -> Row:
    return Row(
        kind="baseline",
        run=baseline.name,
        bits_per_dim=baseline.bits_per_dim,
        bits_per_dim_se=_finite(baseline.bits_per_dim_se),
        nll_nats=baseline.nll_nats,
        nll_nats_se=_finite(baseline.nll_nats_se),
        bound="exact",
        note=baseline.note,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _place(row: Row) -> tuple[float, str]:
    return math.inf if row.bits_per_dim is None else row.bits_per_dim, row.name


def footnotes(rows: Sequence[Row]) -> list[str]:
    """Return the lines below a table.

    They explain its marks, how the baselines count, and what is wrong with runs or their files.
    """
    lines = []
    if any(row.bound == "upper" for row in rows):
        lines.append(BOUND_NOTE)
    if any(row.paper and row.paper.memory for row in rows):
        lines.append(MEMORY_NOTE)
    lines += [f"{row.name}: {row.note}." for row in rows if row.note]
    for row in rows:
        if row.kind == "run" and row.status != "finished":
            status = WEIGHTS_NOTE if row.status == WEIGHTS_MISSING else row.status
            lines.append(f"{row.name}: {status}.")
    return lines


def title_of(row: Row) -> str:
    """Return a run's name, with its variant unless the name says it."""
    if not row.variant or row.variant in row.name:
        return row.name
    return f"{row.name} ({row.variant})"


def bits(row: Row) -> str:
    """Return bits per dimension with the bound's mark and the standard error, for people."""
    return figures.spell(row.bits_per_dim, row.bits_per_dim_se, row.bound, 4)


def cells(row: Row) -> dict[str, str]:
    """Return what people read of a row, by heading; a missing figure is a dash."""
    seconds = figures.spell(row.sample_seconds, digits=2)
    drawn = "" if row.sample_images is None else f" ({row.sample_images})"
    return {
        "run": title_of(row),
        "parameters": figures.spell(row.parameters, digits=0),
        "bits/dim ± s.e.": bits(row),
        "nats ± s.e.": figures.spell(row.nll_nats, row.nll_nats_se, row.bound, 2),
        "the paper's": _spell_paper(row.paper),
        "train s": figures.spell(row.train_seconds, digits=1),
        "images/s": figures.spell(row.images_per_second, digits=0),
        "sampling s (images)": seconds + drawn,
        "bound": row.bound or "–",
    }


def _spell_paper(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    mark = "*" if figure.memory else ""
    return f"{figure.value:.2f} {figure.unit}{mark}"
