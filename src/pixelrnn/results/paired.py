"""Which of two models is better, and whether that is noise.

All runs were scored on the same images, and what is hard for one model is hard for the other. So
the test is on the differences, image by image:
    d_i = NLL_b(x_i) - NLL_a(x_i),    z = mean(d) / s.e.(d),    s.e.(d) = std(d) / sqrt(n),
which is far sharper than comparing two means whose standard errors contain the spread of the images
themselves. With many pairs some look good by chance: verdicts are on p values corrected by Holm
(1979) over all pairs, which keeps the chance of even one wrong verdict at 5 %.

Noise here is the choice of test images. Another seed of the training is another source, and only
more runs show it.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from pixelrnn import figures
from pixelrnn.runs.same_images import same_images
from pixelrnn.runs.scores import image_nats, read_each

LEVEL = 0.05
# Images: with fewer, the mean of the differences is not normal enough for z.
FEWEST = 30

NOISE, BETTER, BOUND, FEW = range(4)  # kinds of verdict
COLUMNS = [
    "a",
    "b",
    "nats",
    "nats_se",
    "bits_per_dim",
    "bits_per_dim_se",
    "z",
    "p",
    "p_holm",
    "kind",
    "verdict",
]


def paired_differences(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a paired test of every pair of the runs in `frame` (from `load_runs`), a row a pair.

    `a` is the run of lower NLL. `nats` and `bits_per_dim` say how much higher the NLL of `b` is,
    and `*_se` their paired standard errors; then come `z`, `p` (two-sided), `p_holm` (corrected for
    the number of pairs) and `verdict`: "<a> is better", "not distinguishable from noise", or why
    neither can be said. Runs without a sound test_nll.npy are left out.

    Raises InputError if the runs were evaluated on different images.
    """
    images = same_images(frame)
    nats, _ = read_each(frame, image_nats)
    bounds = set(frame["run"][frame["bound"] == "upper"])
    return differences(nats, bounds, math.prod(images.shape))


def differences(nats: Mapping[str, np.ndarray], bounds: set[str], dims: int) -> pd.DataFrame:
    """Return the `paired_differences` of vectors of equal length, float64 (n,), by name.

    The figures of `bounds` are upper bounds; `dims` is the number of dimensions of an image.
    """
    if len(nats) < 2:
        return pd.DataFrame(columns=COLUMNS)
    names = sorted(nats, key=lambda name: nats[name].mean())
    scores = np.stack([nats[name] for name in names])  # (runs, images)
    n = scores.shape[1]
    delta, error = _delta_and_error(scores)
    first, second = np.triu_indices(len(names), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(delta == 0, 0.0, delta / error)
    p = np.array([math.erfc(abs(value) / math.sqrt(2)) for value in z])
    frame = pd.DataFrame(
        {"a": np.array(names, object)[first], "b": np.array(names, object)[second]}
    )
    frame["nats"], frame["nats_se"] = delta, error
    frame["bits_per_dim"] = figures.bits_per_dim(delta, dims)
    frame["bits_per_dim_se"] = figures.bits_per_dim(error, dims)
    frame["z"], frame["p"], frame["p_holm"] = z, p, holm(p)
    frame["kind"] = [
        _kind(b, p, bounds, n) for b, p in zip(frame["b"], frame["p_holm"], strict=True)
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


def _kind(b: str, p: float, bounds: set[str], n: int) -> int:
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
