"""The rows of a comparison: one a run and one a baseline, best bits per dimension first."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from pixelrnn import figures
from pixelrnn.results.baselines import Baseline
from pixelrnn.results.groups import Group
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


def make_rows(
    frame: pd.DataFrame, baselines: Iterable[Baseline], groups: Sequence[Group]
) -> list[Row]:
    """Return rows in the order of `groups`, then baselines, then runs without a figure.

    Within a group the seeds are in order. `frame` is from `load_runs`.
    """
    places = {name: place for place, group in enumerate(groups) for name in group.runs}

    def place(row: Row) -> tuple[float, float, float, str]:
        figure = math.inf if row.bits_per_dim is None else row.bits_per_dim
        group = places.get(row.name, len(places) + (row.kind == "run"))
        seed = figure if row.kind == "baseline" or row.seed is None else row.seed
        return group, seed, figure, row.name

    rows = [Row(kind="run", **asdict(record)) for record in records(frame)]
    rows += [_of_baseline(baseline) for baseline in baselines]
    return sorted(rows, key=place)


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
    return {
        "run": title_of(row),
        "parameters": figures.spell(row.parameters, digits=0),
        "val bits/dim": figures.spell(row.val_bits_per_dim, bound=row.bound, digits=4),
        "bits/dim ± s.e.": bits(row),
        "nats ± s.e.": figures.spell(row.nll_nats, row.nll_nats_se, row.bound, 2),
        "the paper's": _spell_paper(row.paper),
        "train s": figures.spell(row.train_seconds, digits=1),
        "bound": row.bound or "–",
    }


def group_cells(group: Group) -> dict[str, str]:
    """Return what people read of a group, by heading: means over seeds, ± their standard errors."""
    spread = "–"
    if group.n > 1:
        spread = f"{figures.spell(group.best, digits=4)} to {figures.spell(group.worst, digits=4)}"
    return {
        "group": group.group,
        "seeds": str(group.n),
        "parameters": figures.spell(group.parameters, digits=0),
        "val bits/dim ± s.e.": figures.spell(
            group.val_bits_per_dim, group.val_bits_per_dim_se, group.bound, 4
        ),
        "bits/dim ± s.e.": figures.spell(group.bits_per_dim, group.bits_per_dim_se, group.bound, 4),
        "best to worst": spread,
        "nats ± s.e.": figures.spell(group.nll_nats, group.nll_nats_se, group.bound, 2),
        "bound": group.bound or "–",
    }


def _spell_paper(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    mark = "*" if figure.memory else ""
    return f"{figure.value:.2f} {figure.unit}{mark}"
