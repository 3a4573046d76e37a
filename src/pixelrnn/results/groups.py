"""Groups of runs: what a configuration does over its seeds, chosen by validation, told by the test.

The headline of a comparison is a choice and a report. Chosen is the group of lowest validation NLL,
since whoever picks the lowest of many test figures reports the luck of the pick as well; what the
test images say of the chosen one comes after, and whether they tell it from the others.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

import pandas as pd

from pixelrnn.runs.frame import records
from pixelrnn.runs.record import Record


@dataclass(frozen=True, kw_only=True)
class Group:
    """The runs of one configuration. Figures are means over its seeds; None for what is missing.

    `*_se` are standard errors of the mean over seeds, None with one seed. Nats are per image.
    """

    group: str
    runs: tuple[str, ...]
    seeds: tuple[int | None, ...]  # those with a test figure
    data: str | None
    variant: str | None
    bound: str | None
    bits_per_dim: float | None
    bits_per_dim_se: float | None
    nll_nats: float | None
    nll_nats_se: float | None
    best: float | None  # of the seeds, bits per dimension
    worst: float | None
    val_bits_per_dim: float | None
    val_bits_per_dim_se: float | None
    parameters: int | None
    leaks: bool  # the audit found that a model sees what it predicts

    @property
    def n(self) -> int:
        """The number of seeds with a test figure."""
        return len(self.seeds)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return asdict(self) | {"n": self.n}


def groups(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row a group of the runs in `frame` (from `load_runs`), chosen first.

    The columns are the fields of `Group`, and `n`, the number of seeds.
    """
    made = make_groups(records(frame))
    columns = [*Group.__annotations__, "n"]
    return pd.DataFrame([one.as_dict() for one in made], columns=columns)


def make_groups(runs: Sequence[Record]) -> list[Group]:
    """Return the groups of runs that were evaluated, lowest validation NLL first.

    Those without a validation figure come after, by their test figure.
    """
    members: dict[str, list[Record]] = {}
    for run in runs:
        if run.bits_per_dim is not None:
            members.setdefault(run.group or run.run, []).append(run)
    return sorted((_summary(name, own) for name, own in members.items()), key=_place)


def _summary(name: str, members: list[Record]) -> Group:
    one_a_seed = list({run.seed: run for run in reversed(members)}.values())[::-1]
    bits = [run.bits_per_dim for run in one_a_seed if run.bits_per_dim is not None]
    nats = [run.nll_nats for run in one_a_seed if run.nll_nats is not None]
    validation = [run.val_bits_per_dim for run in one_a_seed]
    known = [value for value in validation if value is not None and math.isfinite(value)]
    if len(known) < len(validation):  # a mean over some of the seeds is not that of the group
        known = []
    first = members[0]
    return Group(
        group=name,
        runs=tuple(run.run for run in members),
        seeds=tuple(run.seed for run in one_a_seed),
        data=first.data,
        variant=first.variant,
        bound=first.bound,
        bits_per_dim=fmean(bits),
        bits_per_dim_se=_error(bits),
        nll_nats=fmean(nats) if nats else None,
        nll_nats_se=_error(nats),
        best=min(bits),
        worst=max(bits),
        val_bits_per_dim=fmean(known) if known else None,
        val_bits_per_dim_se=_error(known),
        parameters=first.parameters,
        leaks=any(run.audit == "leak" for run in members),
    )


def _error(values: Sequence[float]) -> float | None:
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def _place(group: Group) -> tuple[bool, float, str]:
    validation = group.val_bits_per_dim
    figure = group.bits_per_dim if validation is None else validation
    return validation is None, math.inf if figure is None else figure, group.group
