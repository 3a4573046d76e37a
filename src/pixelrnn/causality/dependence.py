"""What does an output depend on? Two ways to find out, for a few chosen outputs ("probes").

*Gradients* show all inputs of an output at once, and exactly: what a mask hides has the gradient
0.0, not a small one. But they are blind to rounding, comparisons and look-ups, and a backward that
was written by hand could be wrong.

*Changes* are the definition itself: change an input, see whether the output changes. Changing
everything at once that an output may not see takes two calls; finding out which input it was takes
one call for each color of each pixel.

`find_effect` takes both: gradients for all inputs, changes where gradients do not explain enough.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from pixelrnn.causality.order import Probes
from pixelrnn.causality.subject import Subject, strangers_code
from pixelrnn.errors import InputError
from pixelrnn.types import Bool, Float, Tensor

MEMORY = 2**27  # bytes that the saved activations of one batch may take
MOST_VALUES = 4096  # that are tried one by one
ULPS = 64  # changes up to so many units in the last place of the largest output are rounding
ONE_BY_ONE = "changing one value at a time"
ALL_HIDDEN = "changing all that must not be seen"


class Effect(NamedTuple):
    """What the probed outputs depend on, and how that was found out."""

    strength: Float[Tensor, "p c h w"]  # on each input; that of the strongest legal one is 1
    images: int  # random ones that it took
    method: str
    elsewhere: Bool[Tensor, " p"]  # sees what it must not, although no single input shows it


def batch_size(subject: Subject, generator: torch.Generator) -> int:
    """Return how many images fit into MEMORY, judged by what one saves for its backward."""
    saved = 0

    def count(tensor: Tensor) -> Tensor:
        nonlocal saved
        saved += tensor.numel() * tensor.element_size()
        return tensor

    image = subject.draw(1, generator)
    image.requires_grad_(image.is_floating_point())
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        outputs = subject(image)
    return max(1, MEMORY // (saved + outputs.numel() * 8))


def by_gradient(
    subject: Subject, probes: Probes, batch: int, generator: torch.Generator
) -> Float[Tensor, "p c h w"]:
    """Return the absolute gradients of the probed outputs, each by a random image of its own.

    They are zero where the network has no gradient to give. Of an output's numbers k a random
    combination is taken, so that none cancels another. As every output has its own image, one
    backward pass gives the gradients of a whole batch of outputs.

    Raises InputError if the backward fails or gives gradients that aren't finite.
    """
    parts = []
    for some in probes.split(batch):
        images = subject.draw(len(some), generator).requires_grad_()
        outputs = _at(subject(images), some)
        if not outputs.requires_grad:
            return torch.zeros(len(probes), *subject.shape)
        weights = torch.randn(outputs.shape, generator=generator, dtype=torch.float64).to(outputs)
        total = (outputs * weights).sum()
        with strangers_code("the network's backward fails"):
            (gradient,) = torch.autograd.grad(total, images, allow_unused=True)
        parts.append(torch.zeros_like(images) if gradient is None else gradient.abs())
    gradients = torch.cat(parts)
    if not gradients.isfinite().all():
        raise InputError(
            "the gradients aren't finite: are the inputs what the network expects? "
            "(levels, input_range)"
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
    """Return which probed outputs change when everything changes that they may not see."""
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
    """Return how much the probed outputs change with each color of each pixel of a random image."""
    image = subject.draw(1, generator)
    inputs = image.numel()
    effect = torch.zeros(inputs, len(probes), dtype=torch.float64)
    copies = image.expand(min(batch, inputs), -1, -1, -1).clone()
    before = _at_all(subject(copies), probes)  # (b p k)
    for first in range(0, inputs, len(copies)):
        some = torch.arange(first, min(first + len(copies), inputs))
        rows = torch.arange(len(some))
        changed = copies.clone()
        redrawn = subject.redraw(copies, generator)
        changed.flatten(1)[rows, some] = redrawn.flatten(1)[rows, some]
        difference = _difference(before, _at_all(subject(changed), probes))  # (b p k)
        effect[some] = difference.amax(2)[: len(some)].double()
    return effect.T.unflatten(1, subject.shape)


@torch.no_grad()
def batches_mix(subject: Subject, generator: torch.Generator) -> bool:
    """Return whether the outputs of an image change with the images beside it."""
    images = subject.draw(4, generator)
    others = torch.cat([images[:1], subject.redraw(images[1:], generator)])
    return bool(_difference(subject(images)[:1], subject(others)[:1]).any())


def _at(outputs: Tensor, probes: Probes) -> Float[Tensor, "p k"]:
    """Take from each image the output that it was drawn for."""
    group, i, j = probes.T
    return outputs[torch.arange(len(probes)), group, :, i, j]


def _at_all(outputs: Tensor, probes: Probes) -> Float[Tensor, "b p k"]:
    """Take from each image all probed outputs."""
    group, i, j = probes.T
    return outputs[:, group, :, i, j].transpose(0, 1)


def _difference(before: Tensor, after: Tensor) -> Tensor:
    """Return absolute differences, with zero for those that rounding explains.

    Both come from batches of one size, so that nothing but the change makes them differ.
    """
    difference = (after - before).abs()
    rounding = ULPS * torch.finfo(before.dtype).eps * before.abs().max()
    return difference * (difference > rounding)


def find_effect(
    subject: Subject,
    probes: Probes,
    past: Bool[Tensor, "p c h w"],
    batch: int,
    images: int,
    generator: torch.Generator,
) -> Effect:
    """Find out what each probed output depends on, with at most so many random `images` each.

    `past` is what the outputs may see. Raises InputError if they depend on nothing at all.
    """
    moved = by_changing_the_rest(subject, probes, past, batch, generator)
    strength, used = torch.zeros(past.shape, dtype=torch.float64), 0
    if subject.levels is None:
        strength, used = _strongest(
            lambda: by_gradient(subject, probes, batch, generator), past, images
        )
    method = f"exact gradients and by {ALL_HIDDEN}"
    elsewhere = moved & ~_leaking(strength, past)
    if not strength.any() or elsewhere.any():  # by more than gradients see
        method = f"exact gradients and by {ONE_BY_ONE}" if strength.any() else ONE_BY_ONE
        changes, used = _strongest(
            lambda: by_changing_each(subject, probes, batch, generator), past, images
        )
        strength = torch.maximum(strength, changes)
        elsewhere = moved & ~_leaking(strength, past)
    if past.any() and not strength.any() and not moved.any():
        raise InputError(
            "no output depends on any input, so there is nothing to audit: "
            "is the last layer all zero?"
        )
    return Effect(strength, used, method, elsewhere)


def _leaking(strength: Tensor, past: Tensor) -> Bool[Tensor, " p"]:
    """Return which outputs depend on a single input that is not in their past."""
    return ((strength > 0) & ~past).flatten(1).any(1)


def _strongest(
    look: Callable[[], Tensor], past: Tensor, images: int
) -> tuple[Float[Tensor, "p c h w"], int]:
    """Look with new random images until one shows nothing new. Return the most seen, and how many.

    A ReLU may hide a dependence for one image, hardly for several. The strongest legal dependence
    becomes 1.
    """
    most, used = look().double(), 1
    while used < images:
        before = most > 0
        most, used = torch.maximum(most, look().double()), used + 1
        if torch.equal(most > 0, before):
            break
    scale = (most * past).max()
    if scale == 0:
        scale = most.max().clamp(min=torch.finfo(torch.float64).tiny)
    return most / scale, used


@torch.no_grad()
def total_probability(
    subject: Subject, probe: Tensor, batch: int, generator: torch.Generator
) -> float | None:
    """Add up the probabilities of all values at a probed output; None if they are too many to try.

    A log-probability may depend on the value that it scores. One that has also *seen* that value
    gives it away here: its distribution changes with the value, and the probabilities of all values
    no longer add up to one.
    """
    group, i, j = probe.tolist()
    colors = [group] if subject.groups > 1 else list(range(subject.shape[0]))
    levels = subject.levels or 0
    if levels ** len(colors) > MOST_VALUES:
        return None
    choices = [torch.arange(levels)] * len(colors)
    values = torch.cartesian_prod(*choices).view(-1, len(colors))
    images = subject.draw(1, generator).repeat(len(values), 1, 1, 1)
    images[:, colors, i, j] = values
    return sum(subject(some)[:, group, 0, i, j].exp().sum().item() for some in images.split(batch))
