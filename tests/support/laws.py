"""The laws that every variant obeys, as functions that raise `AssertionError`.

`test_laws.py` holds every variant to them; `test_faults.py` plants faults and sees which law catches each.
"""

import itertools

import torch
from tests.support.zoo import parts, random_images
from torch import nn

from pixelrnn.causality import audit
from pixelrnn.models import AutoregressiveModel, MultiScale
from pixelrnn.ops.pixels import normalize

TIGHT = {"rtol": 1e-9, "atol": 1e-9}


def dependence(model: AutoregressiveModel) -> torch.Tensor:
    """`seen[o, i, j, c, k, l]`: do the features of order o at (i, j) depend on color c of pixel (k, l)? See `audit`.

    o counts the groups of features that the masks tell apart: the colors, or one where the head orders them.
    """
    (part,) = audit(model, pixels=model.shape[1] * model.shape[2]).parts
    seen = torch.zeros(part.groups, *part.shape[1:], *part.shape, dtype=torch.bool)
    seen[tuple(part.probes.T)] = part.seen
    return seen


def allowed(shape: tuple[int, int, int], orders: int) -> torch.Tensor:
    """The past in raster and color order, as `dependence` counts: written out with plain comparisons."""
    c, h, w = shape
    past = torch.zeros(orders, h, w, c, h, w, dtype=torch.bool)
    for o, i, j, color, k, m in itertools.product(*map(range, past.shape)):
        same_pixel = (k, m) == (i, j)
        past[o, i, j, color, k, m] = (k, m) < (i, j) or (same_pixel and orders > 1 and color < o)
    return past


def raster_order(model: nn.Module) -> None:
    """No output depends on a pixel or color that comes at or after it: by autograd, and by changing all of the future.

    (A hand-written backward could keep from autograd what the forward does.)
    """
    report = audit(model, pixels=model.shape[1] * model.shape[2])
    assert report.causal, report
    for part in report.parts:
        past = allowed(part.shape, part.groups)
        assert not (part.seen & ~past[tuple(part.probes.T)]).any()


def step_is_forward(model: nn.Module) -> None:
    """Stepping in raster order, each color's pass shown only what was drawn before, reproduces forward."""
    for part, context in parts(model, batch=2):
        x = random_images(part, 2)
        expected = part(x, context)
        c, h, w = part.shape
        passes = part.head.passes(c)
        pixels = normalize(x, part.levels, torch.float64)
        with torch.no_grad():
            state = part.network.init_state(2, w, context)
            for i in range(h):
                part.network.start_row(state, i)
                for j in range(w):
                    pixel = torch.full(
                        (2, c), 1e3, dtype=torch.float64
                    )  # what is not drawn yet must not matter
                    for order, drawn in enumerate(passes):
                        got = part.network.step(pixel, state, i, j)
                        mine = slice(order, None, len(passes))
                        torch.testing.assert_close(got[:, mine], expected[:, mine, i, j], **TIGHT)
                        pixel[:, drawn] = pixels[:, drawn, i, j]
                    torch.testing.assert_close(got, expected[:, :, i, j], **TIGHT)
                    part.network.write(pixel, state, i, j)


def sample_scores_as_drawn(model: nn.Module) -> None:
    """`log_prob` of a drawn image equals the nats added up while drawing it."""
    generator = torch.Generator().manual_seed(1)
    if isinstance(model, MultiScale):
        small, x, nats = model.sample_pair(4, generator)
        scored = model.pair_log_prob(small, x)
    else:
        x, nats = model.sample_and_log_prob(4, generator)
        scored = model.log_prob(x)
    torch.testing.assert_close(scored, nats, **TIGHT)


def sums_to_one(model: nn.Module) -> None:
    """The probabilities of all images add up to one (of all pairs, where only the pair's is known)."""
    images = _every_image(model)
    if isinstance(model, MultiScale) and not model.clamp:
        total = sum(
            model.pair_log_prob(small.expand(len(images), -1, -1, -1), images).exp().sum().item()
            for small in _every_image(model.small).unsqueeze(1)
        )
    else:
        total = model.log_prob(images).exp().sum().item()
    assert abs(total - 1) < 1e-9, total


def _every_image(model: nn.Module) -> torch.Tensor:
    dims = torch.Size(model.shape).numel()
    return torch.cartesian_prod(*[torch.arange(model.levels)] * dims).view(-1, *model.shape)


def gradient_reaches_every_parameter(model: nn.Module) -> None:
    """No parameter is left without a gradient."""
    model.log_prob(random_images(model, 3)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def batches_do_not_mix(model: nn.Module) -> None:
    """An image scores the same alone and in company."""
    x = random_images(model, 3)
    alone = torch.cat([model.log_prob(image) for image in x.split(1)])
    torch.testing.assert_close(model.log_prob(x), alone, **TIGHT)


def completion_scores_as_drawn(model: nn.Module) -> None:
    """Known pixels stay; the nats of the drawn ones are their share of `log_prob_map`."""
    for part, context in parts(model, batch=2):
        x = random_images(part, 2)
        known = torch.arange(part.shape[1] * part.shape[2]).view(part.shape[1:]) < part.shape[2] + 2
        filled, nats = part.fill(x, known, torch.Generator().manual_seed(0), context)
        assert (filled == x)[..., known].all()
        assert not (filled == x)[..., ~known].all()
        torch.testing.assert_close(
            part.log_prob_map(filled, context)[:, ~known].sum(1), nats, **TIGHT
        )
