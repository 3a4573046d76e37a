"""`evaluate` on models whose likelihood is known:

pixels drawn independently, each color with its own probabilities.

Every weight of the network is zero, so that its output is the last layer's bias: the logits. They
are fitted by counting. The nats are then added up again here, from the counts alone.
"""

import math

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from tests.support.zoo import VARIANTS, describe

from pixelrnn.data import write_arrays
from pixelrnn.models import AutoregressiveModel
from pixelrnn.stages.evaluate import evaluate
from pixelrnn.training.run import Run

pytestmark = pytest.mark.slow


def prepare(folder, shape, levels):
    """Levels of unequal probability, another for each color; every level occurs in training."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(levels, 0.7), size=shape[0])

    def draw(n):
        return np.stack([rng.choice(levels, (n, *shape[1:]), p=q) for q in p], 1).astype(np.uint8)

    every = np.arange(levels, dtype=np.uint8)
    train = np.concatenate(
        [np.broadcast_to(every[:, None, None, None], (levels, *shape)), draw(40)]
    )
    write_arrays(
        folder, "independent", shape, levels, {"train": train, "val": draw(3), "test": draw(13)}
    )
    return folder


def counted(data, levels):
    """log p of each level in the training images: (c, k)."""
    train = np.load(data / "train.npy")
    counts = np.stack(
        [np.bincount(train[:, color].ravel(), minlength=levels) for color in range(train.shape[1])]
    )
    return np.log(counts / counts.sum(1, keepdims=True))


def by_hand(images, log_p):
    """Nats of each pixel, its colors added up: one look-up a color."""
    return -sum(log_p[color][images[:, color]] for color in range(len(log_p)))


def make_run(path, data, variant, head, shape, levels, biases, changes=None):
    """A run of the variant with zero weights; `biases`: of the last layers, one for each model within."""
    model = describe(variant, head, shape, levels, hidden=3, layers=1, output_hidden=3) | (
        changes or {}
    )
    config = {
        "data": {
            "name": "x",
            "path": str(data),
            "shape": list(shape),
            "levels": levels,
            "batch_size": 4,
        }
    }
    run = Run.claim(path, {"seed": 0, "variant": variant, **config, "model": model})
    built = instantiate(model, _convert_="all")
    for parameter in built.parameters():
        parameter.data.zero_()
    parts = [part for part in built.modules() if isinstance(part, AutoregressiveModel)]
    for part, bias in zip(parts, biases, strict=True):
        part.network.layers[-1].bias.data = torch.as_tensor(bias, dtype=torch.float32)
    run.finish(built.state_dict(), {})
    return run.path


def check(run, nats):
    """All that `evaluate` writes, against nats (n, h, w) of the test images."""
    metrics = evaluate(run)
    dims = math.prod(nats.shape[1:]) * np.load(run.parent / "data" / "test.npy").shape[1]
    assert metrics["nll_nats"] == pytest.approx(nats.sum() / len(nats), rel=1e-6)
    assert metrics["bits_per_dim"] == pytest.approx(
        nats.sum() / len(nats) / math.log(2) / dims, rel=1e-6
    )
    np.testing.assert_allclose(np.load(run / "test_nll.npy"), nats.sum((1, 2)), rtol=1e-6)
    np.testing.assert_allclose(np.load(run / "test_nll_map.npy"), nats, rtol=1e-3)
    return metrics


@pytest.mark.parametrize(("shape", "levels"), [((1, 4, 6), 17), ((3, 2, 4), 256)])
@pytest.mark.parametrize(
    "variant", [name for name in VARIANTS if not name.startswith("multi_scale")]
)
def test_independent_pixels(tmp_path, variant, shape, levels):
    """Faults: nats of a mean over pixels, colors or batches; levels normalized before they are scored."""
    data = prepare(tmp_path / "data", shape, levels)
    log_p = counted(data, levels)
    run = make_run(tmp_path / "run", data, variant, "softmax", shape, levels, [log_p.T.ravel()])
    assert check(run, by_hand(np.load(data / "test.npy"), log_p))["bound"] == "exact"


def test_independent_coins(tmp_path):
    data = prepare(tmp_path / "data", (3, 4, 4), 2)
    log_p = counted(data, 2)
    run = make_run(
        tmp_path / "run", data, "pixel_cnn", "bernoulli", (3, 4, 4), 2, [log_p[:, 1] - log_p[:, 0]]
    )
    check(run, by_hand(np.load(data / "test.npy"), log_p))


def test_independent_logistics(tmp_path):
    """One component, no coupling of the colors: differences of the logistic's distribution function, in numpy."""
    shape, levels = (3, 2, 4), 9
    data = prepare(tmp_path / "data", shape, levels)
    mean, scale = np.array([-0.5, 0.1, 0.4]), np.array([0.2, 0.5, 0.3])
    edges = (np.arange(1, levels) * 2 - 1) / (levels - 1) - 1
    below = 1 / (1 + np.exp(-(edges - mean[:, None]) / scale[:, None]))
    log_p = np.log(np.diff(below, prepend=0, append=1))
    bias = np.concatenate([[0], mean, np.log(scale), np.zeros(3)])
    run = make_run(
        tmp_path / "run", data, "pixel_cnn", "logistic_mixture", shape, levels, [bias],
        {"head": {"_target_": "pixelrnn.heads.LogisticMixture", "levels": levels, "components": 1}},
    )  # fmt: skip
    check(run, by_hand(np.load(data / "test.npy"), log_p))


@pytest.mark.parametrize("clamp", [False, True])
def test_multi_scale(tmp_path, clamp):
    """The small image's pixels cost what the small model says, and again what the large one does, unless clamped."""
    shape, levels = (1, 4, 4), 5
    data = prepare(tmp_path / "data", shape, levels)
    small, large = counted(data, levels), np.log(np.full((1, levels), 1 / levels))
    biases = [small.T.ravel(), large.T.ravel()]
    run = make_run(
        tmp_path / "run", data, "multi_scale", "softmax", shape, levels, biases, {"clamp": clamp}
    )
    images = np.load(data / "test.npy")
    nats = by_hand(images, large)
    grid = by_hand(images[..., ::2, ::2], small)
    nats[:, ::2, ::2] = grid if clamp else nats[:, ::2, ::2] + grid
    assert check(run, nats)["bound"] == ("exact" if clamp else "upper")
