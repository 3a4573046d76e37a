"""Is an image of the kind that a model was trained on? Scores made of its NLL, each published.

The NLL alone is known to fail: images of another kind that are simple are often *likelier* than the
model's own (Nalisnick et al., Do deep generative models know what they don't know?, 2019).

    ratio       -log p(x) + log p0(x), where p0 is a background model, trained on mutated images
                (Ren et al., 2019): what all images have in common cancels
    complexity  -log p(x) less what a lossless coder spends on x (Serra et al., 2020): simple images
                are no longer likely for being simple
    typical_p   how rare a NLL as low or as high is among images that the model should know: the
                typical set of one image (Nalisnick et al., 2019; Choi et al., 2018)

Ratio and complexity are in nats, and the larger, the less an image belongs; the smaller typical_p.
"""

import math

import numpy as np

from pixelrnn.results.baselines import encodings

ONES_OWN = 500  # validation images that are enough to rank among


def coder_nats(images: np.ndarray, levels: int | None) -> np.ndarray:
    """Return the nats of each image, uint8 (n, c, h, w), as a file by the best coder for it.

    The coders are of pictures in bytes: NaN for more than 256 levels and for real numbers.
    """
    if levels is None or levels > 256:
        return np.full(len(images), math.nan)
    files = (encodings(image.transpose(1, 2, 0), levels) for image in images)
    return np.array([8 * math.log(2) * min(map(len, kinds.values())) for kinds in files])


def typical_p(nats: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the two-sided rank of each of `nats` among the nats of `known` images, both float64.

    2 min(P(as low), P(as high)), where the image itself counts as one of the known ones, so that it
    is a p-value: of images of the known kind at most a share p has a value of p or less. At least
    2 / (n + 1), at most 1.
    """
    ordered = np.sort(known)
    as_low = 1 + np.searchsorted(ordered, nats, side="right")
    as_high = 1 + len(ordered) - np.searchsorted(ordered, nats, side="left")
    return np.minimum(1, 2 * np.minimum(as_low, as_high) / (len(ordered) + 1))


def auroc(own: np.ndarray, others: np.ndarray) -> float:
    """Return the chance that one of the `others` has a larger score than one of its `own`.

    A tie counts half; 0.5: the score tells nothing.
    """
    ordered = np.sort(own)
    below = np.searchsorted(ordered, others, side="left")
    equal = np.searchsorted(ordered, others, side="right") - below
    return float((below + equal / 2).mean() / len(own))


def auroc_interval(
    own: np.ndarray, others: np.ndarray, times: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % percentile interval of `auroc` over images drawn anew, a bootstrap."""
    draw = np.random.default_rng(seed).choice
    values = [auroc(draw(own, len(own)), draw(others, len(others))) for _ in range(times)]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
