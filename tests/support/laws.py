"""The laws that every variant obeys, as functions that raise `AssertionError`.

`test_laws.py` holds every variant to them; `test_faults.py` plants faults and sees which law
catches each.
"""

import itertools
from collections.abc import Callable
from functools import partial

import torch
from tests.support.zoo import parts, random_images
from torch import nn

from pixelrnn.causality import audit
from pixelrnn.models import AutoregressiveModel, ClassConditional, MultiScale
from pixelrnn.ops.pixels import normalize

TIGHT = {"rtol": 1e-9, "atol": 1e-9}


def dependence(model: AutoregressiveModel) -> torch.Tensor:
    """Return `seen[o, i, j, c, k, l]`: do the features o at (i, j) depend on color c of (k, l)?

    o counts the groups of features that the masks tell apart: the colors, or one where the head
    orders them. See `audit`.
    """
    (seen,) = dependences(model)
    return seen


def dependences(model: nn.Module) -> list[torch.Tensor]:
    """Return the `dependence` of each part of the model, the smallest scale first."""
    maps = []
    for part in audit(model, pixels=model.shape[1] * model.shape[2]).parts:
        seen = torch.zeros(part.groups, *part.shape[1:], *part.shape, dtype=torch.bool)
        seen[tuple(part.probes.T)] = part.seen
        maps.append(seen)
    return maps


def allowed(shape: tuple[int, int, int], orders: int) -> torch.Tensor:
    """Return the past in raster and color order, as `dependence` counts, by plain comparisons."""
    c, h, w = shape
    past = torch.zeros(orders, h, w, c, h, w, dtype=torch.bool)
    for o, i, j, color, k, m in itertools.product(*map(range, past.shape)):
        same_pixel = (k, m) == (i, j)
        past[o, i, j, color, k, m] = (k, m) < (i, j) or (same_pixel and orders > 1 and color < o)
    return past


def raster_order(model: nn.Module) -> None:
    """No output depends on a pixel or color that comes at or after it.

    By autograd, and by changing all of the future: a hand-written backward could keep from autograd
    what the forward does.
    """
    report = audit(model, pixels=model.shape[1] * model.shape[2])
    assert report.causal, report
    for part in report.parts:
        past = allowed(part.shape, part.groups)
        assert not (part.seen & ~past[tuple(part.probes.T)]).any()


def no_blind_spot(model: AutoregressiveModel) -> None:
    """A Gated PixelCNN sees every earlier pixel in the rectangle that its kernels reach."""
    kernels = [layer.vertical.kernel_size for layer in model.network.layers[0].layers]
    above = 1 + sum(rows - 1 for rows, _ in kernels)
    beside = sum(columns // 2 for _, columns in kernels)
    seen = dependence(model)
    rows, columns = torch.arange(model.shape[1]), torch.arange(model.shape[2])
    near_row = (rows[:, None] - rows <= above)[:, None, None, :, None]
    near = near_row & ((columns[:, None] - columns).abs() <= beside)[:, None, None]
    missed = allowed(model.shape, len(seen)) & near & ~seen
    assert not missed.any(), missed.nonzero()


def step_is_forward(model: nn.Module) -> None:
    """Stepping in raster order reproduces forward, each color shown only what was drawn before."""
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
                    # What is not drawn yet must not matter.
                    pixel = torch.full((2, c), 1e3, dtype=torch.float64)
                    for order, drawn in enumerate(passes):
                        got = part.network.step(pixel, state, i, j)
                        mine = slice(order, None, len(passes))
                        torch.testing.assert_close(got[:, mine], expected[:, mine, i, j], **TIGHT)
                        pixel[:, drawn] = pixels[:, drawn, i, j]
                    torch.testing.assert_close(got, expected[:, :, i, j], **TIGHT)
                    part.network.write(pixel, state, i, j)


def sample_scores_as_drawn(model: nn.Module) -> None:
    """`log_prob` of a drawn image equals the nats added up while drawing it.

    Where `log_prob` is a bound, the nats are those of the images of all scales that were drawn.
    """
    x, nats = model.sample_and_log_prob(4, torch.Generator().manual_seed(1))
    assert (x == model.sample(4, torch.Generator().manual_seed(1))).all()
    if model.exact:
        torch.testing.assert_close(model.log_prob(x), nats, **TIGHT)
    if isinstance(model, MultiScale):
        scales, same_nats = model.sample_scales(4, torch.Generator().manual_seed(1))
        assert [images.shape[1:] for images in scales] == model.shapes
        assert (scales[-1] == x).all()
        torch.testing.assert_close(same_nats, nats, rtol=0, atol=0)
        torch.testing.assert_close(model.scales_log_prob(scales), nats, **TIGHT)


@torch.no_grad()
def sums_to_one(model: nn.Module) -> None:
    """The probabilities of all images add up to one, or where they are bounds to less.

    Those of all images of a scale, drawn after given smaller ones, add up to the probability of
    these: of every small image where there are two scales, of one draw where there are more. Of
    very many images the second sum is left out where the first proves all, and the first where it
    proves little.
    """
    images = every_image(model)
    few = len(images) <= 4096
    if few or model.exact:
        total = _probability(model.log_prob, images)
        assert abs(total - 1) < 1e-9 if model.exact else 0 < total < 1 - 1e-3, total
    if not isinstance(model, MultiScale):
        return
    sums_to_one(model.small)
    if model.exact and not few:
        return
    if isinstance(model.small, MultiScale):
        givens = [model.small.sample_scales(1, torch.Generator().manual_seed(0))[0]]
    else:
        givens = [[small] for small in every_image(model.small).split(1)]
    for given in givens:
        log_prob = partial(_log_prob_after, model, given)
        if isinstance(model.small, MultiScale):
            expected = model.small.scales_log_prob(given).exp().item()
        else:
            expected = model.small.log_prob(given[0]).exp().item()
        assert abs(_probability(log_prob, images) / expected - 1) < 1e-9


def _log_prob_after(model: MultiScale, given: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    return model.scales_log_prob([*(small.expand(len(x), -1, -1, -1) for small in given), x])


def _probability(log_prob: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> float:
    """Add up the probabilities of the images, in batches that fit into a cache."""
    return sum(log_prob(batch).exp().sum().item() for batch in images.split(4096))


@torch.no_grad()
def every_pixel_sums_to_one(model: nn.Module) -> None:
    """Given the pixels before it, the probabilities of all values of a pixel add up to one.

    For models with too many images to add up: with `raster_order` it follows that they do.
    """
    for part, context in parts(model):
        colors, h, w = part.shape
        values = torch.tensor(list(itertools.product(range(part.levels), repeat=colors)))
        contexts = None if context is None else context.expand(len(values), -1, -1, -1)
        x = random_images(part, 1).repeat(len(values), 1, 1, 1)
        for i, j in itertools.product(range(h), range(w)):
            changed = x.clone()
            changed[:, :, i, j] = values
            total = part.log_prob_map(changed, contexts)[:, i, j].exp().sum().item()
            assert abs(total - 1) < 1e-9, total


def every_image(model: nn.Module) -> torch.Tensor:
    """Return all images of the model's shape and levels."""
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
        pixels = part.shape[1] * part.shape[2]
        known = torch.arange(pixels).view(part.shape[1:]) < min(part.shape[2] + 2, pixels // 2)
        filled, nats = part.fill(x, known, torch.Generator().manual_seed(0), context)
        assert (filled == x)[..., known].all()
        assert not (filled == x)[..., ~known].all()
        scored = part.log_prob_map(filled, context)[:, ~known].sum(1)
        torch.testing.assert_close(scored, nats, **TIGHT)


def completion_continues_the_drawing(model: nn.Module) -> None:
    """Where nothing is left to chance, any beginning of a drawn image is completed to that image.

    Every scale goes on from its own known pixels. Not of a model whose scales may disagree.
    """
    x = model.sample(2, temperature=0.0)
    _, h, w = model.shape
    for known in (0, 1, w + 2, (h - 1) * w + 1):
        unknown = torch.arange(x[0, 0].numel()).view(x.shape[2:]) >= known
        blotted = x.masked_fill(unknown, model.levels + 5)
        assert (model.complete(blotted, known, temperature=0.0) == x).all(), known


def labels_act_on_their_images_alone(model: ClassConditional) -> None:
    """An image's nats depend on its own label, and on no other of the batch."""
    x = random_images(model, 3)
    labels = torch.tensor([0, 1, 2])
    nats = model.given(labels).log_prob_map(x)
    for i in range(3):
        alone = model.given(i).log_prob_map(x[i : i + 1])
        torch.testing.assert_close(nats[i : i + 1], alone, **TIGHT)
        others = model.given(labels.where(labels == i, (labels + 1) % 3)).log_prob_map(x)
        torch.testing.assert_close(others[i], nats[i], **TIGHT)
        changed = model.given((labels + 1) % 3).log_prob_map(x)
        assert (changed[i] - nats[i]).abs().max() > 1e-4
