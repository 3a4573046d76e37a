"""Which of two groups of runs is better, and whether that is noise.

A group is a configuration, trained from one seed or several. There are two sources of noise, and a
verdict says which one it is about.

**Seeds.** With several on both sides, each group is a sample of trainings: Welch's t-test (1947) on
their mean NLLs, which assumes no common variance. The test images are the same for all and add
nothing to it. What is asked of a configuration is how its trainings do, not one lucky model
(Bouthillier et al., *Accounting for Variance in Machine Learning Benchmarks*, 2021).

**Images.** With one seed on either side nothing is known about seeds. All runs were scored on the
same images, and what is hard for one model is hard for the other. So the test is on the
differences, image by image:
    d_i = NLL_b(x_i) - NLL_a(x_i),    z = mean(d) / s.e.(d),    s.e.(d) = std(d) / sqrt(n),
which is far sharper than comparing two means whose standard errors contain the spread of the images
themselves. Of a group of several seeds the mean NLL of each image counts. It is a verdict on these
trained models; the luck of the seed is not in it.

With many pairs some look good by chance: verdicts are on p values corrected by Holm (1979) over all
pairs of groups, which keeps the chance of even one wrong verdict at 5 %. Two seeds of one group are
never compared: they differ in luck alone.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtr

from pixelrnn import figures
from pixelrnn.runs.frame import records
from pixelrnn.runs.same_images import by_images
from pixelrnn.runs.scores import image_nats, read_each

LEVEL = 0.05
# Images: with fewer, the mean of the differences is not normal enough for z.
FEWEST = 30

NOISE, BETTER, BOUND, FEW = range(4)  # kinds of verdict
SEEDS, IMAGES = "seeds", "images"  # sources of noise
COLUMNS = [
    "a",
    "b",
    "nats",
    "nats_se",
    "bits_per_dim",
    "bits_per_dim_se",
    "z",
    "freedom",
    "p",
    "p_holm",
    "noise",
    "kind",
    "verdict",
]


def paired_differences(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a test of every pair of groups of the runs in `frame` (from `load_runs`), a row each.

    `a` is the group of lower NLL; one of a single run has its name. `nats` and `bits_per_dim` say
    how much higher the NLL of `b` is, and `*_se` the standard errors; then come `z` (Welch's t
    where `noise` is "seeds", of so many degrees of `freedom`), `p` (two-sided), `p_holm` (corrected
    for the number of pairs), `noise`, and `verdict`: "<a> is better", "not distinguishable from
    noise", or why neither can be said. Runs without a sound test_nll.npy are left out. Runs over
    different images are not compared: there are rows for each set of images, corrected apart, with
    its name in `data`.

    Raises InputError if no run was evaluated.
    """
    tables = []
    for part, images in by_images(frame)[0]:
        nats, _ = read_each(part, image_nats)
        bounds = set(part["group"][part["bound"] == "upper"])
        table = differences(by_group(part, nats), bounds, math.prod(images.shape))
        table.insert(0, "data", images.name)
        tables.append(table)
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]


def by_group(frame: pd.DataFrame, nats: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the NLL of each image by group, float64 (seeds, n), from those by run.

    A seed counts once, however often it was trained: again it gives the same.
    """
    groups: dict[str, dict[object, np.ndarray]] = {}
    for run in records(frame):
        if run.run in nats:
            groups.setdefault(run.group or run.run, {}).setdefault(run.seed, nats[run.run])
    return {group: np.stack(list(seeds.values())) for group, seeds in groups.items()}


def differences(nats: Mapping[str, np.ndarray], bounds: set[str], dims: int) -> pd.DataFrame:
    """Return the `paired_differences` of groups by name: float64 (seeds, n), or (n,) for one seed.

    The figures of `bounds` are upper bounds; `dims` is the number of dimensions of an image.
    """
    if len(nats) < 2:
        return pd.DataFrame(columns=COLUMNS)
    names = sorted(nats, key=lambda name: nats[name].mean())
    groups = [np.atleast_2d(nats[name]) for name in names]
    scores = np.stack([group.mean(axis=0) for group in groups])  # (groups, images)
    n = scores.shape[1]
    delta, error = _delta_and_error(scores)
    first, second = np.triu_indices(len(names), 1)
    freedom = np.full(len(delta), np.inf)  # of images: as many that t is normal
    counts = np.array([len(group) for group in groups])
    over_seeds = np.minimum(counts[first], counts[second]) > 1
    if over_seeds.any():
        welch_error, welch_freedom = _welch([group.mean(axis=1) for group in groups], first, second)
        error = np.where(over_seeds, welch_error, error)
        freedom = np.where(over_seeds, welch_freedom, freedom)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(delta == 0, 0.0, delta / error)
    p = 2 * stdtr(freedom, -np.abs(z))
    frame = pd.DataFrame(
        {"a": np.array(names, object)[first], "b": np.array(names, object)[second]}
    )
    frame["nats"], frame["nats_se"] = delta, error
    frame["bits_per_dim"] = figures.bits_per_dim(delta, dims)
    frame["bits_per_dim_se"] = figures.bits_per_dim(error, dims)
    frame["z"], frame["freedom"], frame["p"], frame["p_holm"] = z, freedom, p, holm(p)
    frame["noise"] = np.where(over_seeds, SEEDS, IMAGES)
    frame["kind"] = [
        _kind(b, p, bounds, math.inf if noise == SEEDS else n)
        for b, p, noise in zip(frame["b"], frame["p_holm"], frame["noise"], strict=True)
    ]
    frame["verdict"] = [
        _sentence(*pair) for pair in zip(frame["a"], frame["b"], frame["kind"], strict=True)
    ]
    return frame


def against(pairs: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Return the pairs with `reference` in them, seen from it, best first.

    `run` is the other one, and differences are its NLL minus that of `reference`.
    """
    lower = pairs[pairs["b"] == reference].drop(columns="b").rename(columns={"a": "run"})
    higher = pairs[pairs["a"] == reference].drop(columns="a").rename(columns={"b": "run"})
    for figure in ("nats", "bits_per_dim", "z"):
        lower[figure] = -lower[figure]
    return pd.concat([lower, higher]).sort_values("nats")


def holm(p: np.ndarray) -> np.ndarray:
    """Return Holm's step-down correction of p values (m,).

    The i-th smallest is taken times m - i; corrected ones never decrease and are at most 1.
    """
    order = np.argsort(p)
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return corrected


def _delta_and_error(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean differences and their standard errors, of all pairs (i < j) of the rows.

    `scores` is (runs, images); the errors come from the rows' covariances.
    """
    runs, n = scores.shape
    first, second = np.triu_indices(runs, 1)
    mean = scores.mean(axis=1)
    # What is hard for all cancels in every difference: without it no digits are lost.
    centered = scores - scores.mean(axis=0)
    centered -= centered.mean(axis=1, keepdims=True)
    covariance = centered @ centered.T / (n - 1) if n > 1 else np.full((runs, runs), np.nan)
    variance = covariance[first, first] + covariance[second, second] - 2 * covariance[first, second]
    return mean[second] - mean[first], np.sqrt(np.maximum(variance, 0) / n)


def _welch(
    means: Sequence[np.ndarray], first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return standard errors of the differences of pairs of groups, and degrees of freedom.

    `means` are the mean NLLs of each group's trainings, (seeds,). Those of pairs with a single seed
    are not to be used.
    """
    counts = np.array([len(own) for own in means])
    variances = np.array([own.var(ddof=1) / len(own) if len(own) > 1 else np.nan for own in means])
    one, other = variances[first], variances[second]
    with np.errstate(divide="ignore", invalid="ignore"):
        lower = one**2 / (counts[first] - 1) + other**2 / (counts[second] - 1)
        freedom = (one + other) ** 2 / lower
    return np.sqrt(one + other), np.where(one + other == 0, 1.0, freedom)


def _kind(b: str, p: float, bounds: set[str], n: float) -> int:
    """Return the kind of verdict on a pair.

    An upper bound that is lower proves the point; one that is higher proves nothing.
    """
    if n < FEWEST:
        return FEW
    if p >= LEVEL:
        return NOISE
    return BOUND if b in bounds else BETTER


def _sentence(a: str, b: str, kind: int) -> str:
    if kind == FEW:
        return f"undecided: fewer than {FEWEST} images"
    if kind == BOUND:
        return f"undecided: the figure of {b} is only an upper bound"
    return f"{a} is better" if kind == BETTER else "not distinguishable from noise"
