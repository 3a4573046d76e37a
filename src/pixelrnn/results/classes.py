"""What a class-conditional model knows of classes: NLL given the label, and Bayes' rule as a test.

p(y | x) = p(y) p(x | y) / sum_y' p(y') p(x | y')
"""

from typing import Any

import numpy as np

BINS = 15


def class_figures(
    nats: np.ndarray, log_frequency: np.ndarray, labels: np.ndarray
) -> dict[str, Any]:
    """Return what the labels of n images say of -log p(x | y), nats (n, classes).

    `given_nll_nats` is the mean of the image's own class, ± `given_nll_nats_se` over the images;
    `accuracy` the share of images whose likeliest class is their own; `posterior_nll_nats` the mean
    of -log p(y | x); `calibration_error` see below.
    """
    here = np.arange(len(labels))
    given = nats[here, labels]
    log_posterior = bayes(nats, log_frequency)
    error = float(given.std(ddof=1) / np.sqrt(len(given))) if len(given) > 1 else None
    return {
        "given_nll_nats": float(given.mean()),
        "given_nll_nats_se": error,
        "accuracy": float((log_posterior.argmax(1) == labels).mean()),
        "posterior_nll_nats": float(-log_posterior[here, labels].mean()),
        "calibration_error": calibration_error(log_posterior, labels),
    }


def bayes(nats: np.ndarray, log_frequency: np.ndarray) -> np.ndarray:
    """Return log p(y | x) from -log p(x | y) (n, classes) and log p(y) (classes)."""
    joint = log_frequency - nats
    return joint - np.logaddexp.reduce(joint, axis=1, keepdims=True)


def calibration_error(log_posterior: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """Return the expected calibration error: 0 where a share p is right of what is said with p.

    Answers are gathered by their probability in `bins` of equal width, and the gaps between its
    mean and the share that is right are averaged, weighed by the number of answers (Guo et al., *On
    Calibration of Modern Neural Networks*, 2017, equation 3).
    """
    sure = np.exp(log_posterior.max(1))
    gap = sure - (log_posterior.argmax(1) == labels)
    place = np.minimum((sure * bins).astype(int), bins - 1)
    return float(np.abs(np.bincount(place, gap, bins)).sum() / len(labels))


def by_class(nats: np.ndarray, labels: np.ndarray) -> list[float]:
    """Return the mean NLL of the images of each class, from nats (n,); NaN where there is none."""
    count = np.bincount(labels)
    with np.errstate(invalid="ignore"):
        means: list[float] = (np.bincount(labels, nats) / count).tolist()
    return means
