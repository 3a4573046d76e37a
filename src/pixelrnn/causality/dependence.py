"""What does an output depend on? Two ways to find out, for a few chosen outputs ("probes").

*Gradients* show all inputs of an output at once, and exactly: what a mask hides has the gradient 0.0, not a small one.
But they are blind to rounding, comparisons and look-ups, and a hand-written backward could be wrong.

*Changes* are the definition itself: change an input, see whether the output changes. Changing everything at once that
an output may not see takes two calls; finding out what it was takes one call for each color of each pixel.
"""

import torch

from pixelrnn.causality.order import Probes
from pixelrnn.causality.subject import Subject, one_line
from pixelrnn.errors import InputError
from pixelrnn.types import Bool, Float, Tensor

MEMORY = 2**27  # bytes that the saved activations of one batch may take
MOST_VALUES = 4096  # that are tried one by one
ULPS = 64  # changes up to so many units in the last place of the largest output are rounding


def batch_size(subject: Subject, generator: torch.Generator) -> int:
    """How many images to give to the network at once: by what it saves for its backward."""
    saved = 0

    def count(tensor: Tensor) -> Tensor:
        nonlocal saved
        saved += tensor.numel() * tensor.element_size()
        return tensor

    image = subject.draw(1, generator)
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        saved += subject(image.requires_grad_(image.is_floating_point())).numel() * 8
    return max(1, MEMORY // saved)


def by_gradient(
    subject: Subject, probes: Probes, batch: int, generator: torch.Generator
) -> Float[Tensor, "p c h w"]:
    """Absolute gradients of the probed outputs by a random image each; zero where there is no gradient to be had.

    Of a pixel's numbers k a random combination is taken, so that none cancels another. One image an output: one
    backward pass gives the gradients of a whole batch of them.
    """
    parts = []
    for some in probes.split(batch):
        images = subject.draw(len(some), generator).requires_grad_()
        outputs = _at(subject(images), some)
        if not outputs.requires_grad:
            return torch.zeros(len(probes), *subject.shape)
        weights = torch.randn(outputs.shape, generator=generator, dtype=torch.float64).to(outputs)
        try:
            (gradient,) = torch.autograd.grad((outputs * weights).sum(), images, allow_unused=True)
        except Exception as error:  # of a backward by hand
            raise InputError(f"the network's backward fails: {one_line(error)}") from error
        parts.append(torch.zeros_like(images) if gradient is None else gradient.abs())
    gradients = torch.cat(parts)
    if not gradients.isfinite().all():
        raise InputError(
            "the gradients aren't finite: are the inputs what the network expects? (levels, input_range)"
        )
    return gradients


@torch.no_grad()
def by_changing_the_rest(
    subject: Subject,
    probes: Probes,
    legal: Bool[Tensor, "p c h w"],
    batch: int,
    generator: torch.Generator,
) -> Bool[Tensor, " p"]:
    """Whether a probed output changes when everything changes that it may not see."""
    changed = []
    for some, past in zip(probes.split(batch), legal.split(batch), strict=True):
        images = subject.draw(len(some), generator)
        others = torch.where(past, images, subject.redraw(images, generator))
        before, after = _at(subject(images), some), _at(subject(others), some)
        changed.append((_difference(before, after) > 0).any(1))
    return torch.cat(changed)


@torch.no_grad()
def by_changing_each(
    subject: Subject, probes: Probes, batch: int, generator: torch.Generator
) -> Float[Tensor, "p c h w"]:
    """How much the probed outputs change with each color of each pixel of a random image."""
    image = subject.draw(1, generator)
    sites = image.numel()
    effect = torch.zeros(sites, len(probes), dtype=torch.float64)
    copies = image.expand(min(batch, sites), -1, -1, -1).clone()
    before = _at_all(subject(copies), probes)
    for first in range(0, sites, len(copies)):
        some = torch.arange(first, min(first + len(copies), sites))
        changed, rows = copies.clone(), torch.arange(len(some))
        changed.flatten(1)[rows, some] = subject.redraw(copies, generator).flatten(1)[rows, some]
        effect[some] = (
            _difference(before, _at_all(subject(changed), probes)).amax(2)[: len(some)].double()
        )
    return effect.T.unflatten(1, subject.shape)


@torch.no_grad()
def batches_mix(subject: Subject, generator: torch.Generator) -> bool:
    """Whether the outputs of an image change with the images beside it."""
    images = subject.draw(4, generator)
    others = torch.cat([images[:1], subject.redraw(images[1:], generator)])
    return bool(_difference(subject(images)[:1], subject(others)[:1]).any())


def _at(outputs: Tensor, probes: Probes) -> Float[Tensor, "p k"]:
    """Of each image the output that it was made for."""
    o, i, j = probes.T
    return outputs[torch.arange(len(probes)), o, :, i, j]


def _at_all(outputs: Tensor, probes: Probes) -> Float[Tensor, "b p k"]:
    """Of each image all probed outputs."""
    o, i, j = probes.T
    return outputs[:, o, :, i, j].transpose(0, 1)


def _difference(before: Tensor, after: Tensor) -> Tensor:
    """Absolute differences beyond rounding, else zero. (Both come from batches of one size: nothing else differs.)"""
    difference = (after - before).abs()
    return difference * (difference > ULPS * torch.finfo(before.dtype).eps * before.abs().max())


@torch.no_grad()
def total_probability(
    subject: Subject, probe: Tensor, batch: int, generator: torch.Generator
) -> float | None:
    """What the probabilities of all values at a probed output add up to; None where they are too many to try.

    A log-probability may depend on the value it scores. One that has also *seen* that value gives it away here: its
    distribution changes with the value, and the probabilities of all of them no longer add up to one.
    """
    o, i, j = probe.tolist()
    colors = [o] if subject.orders > 1 else list(range(subject.shape[0]))
    levels = subject.levels or 0
    if levels ** len(colors) > MOST_VALUES:
        return None
    values = torch.cartesian_prod(*[torch.arange(levels)] * len(colors)).view(-1, len(colors))
    images = subject.draw(1, generator).repeat(len(values), 1, 1, 1)
    images[:, colors, i, j] = values
    return sum(subject(some)[:, o, 0, i, j].exp().sum().item() for some in images.split(batch))
