"""The audit: draw images, ask a few outputs what they depend on, judge."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from pixelrnn.causality.dependence import (
    batch_size,
    batches_mix,
    by_changing_each,
    by_changing_the_rest,
    by_gradient,
    total_probability,
)
from pixelrnn.causality.findings import Audit, Leak, Part
from pixelrnn.causality.judge import cover, explain, find_leaks
from pixelrnn.causality.order import Probes, choose_pixels, legal, raster
from pixelrnn.causality.subject import Subject, examine, own_parts
from pixelrnn.errors import InputError
from pixelrnn.models import AutoregressiveModel, MultiScale
from pixelrnn.types import Bool, Float, Tensor

CHANGING = "changing one value at a time"
SUMS = 8  # outputs whose probabilities are added up
OFF_BY = 1e-5  # and may be off by so much
PIXELS, OPERATIONS = (
    9,
    5e11,
)  # of a brief audit: pixels examined at most, multiplications and additions


def audit(
    network: Callable[[Tensor], Tensor],
    shape: Sequence[int] | None = None,
    *,
    pixels: int = 32,
    images: int = 8,
    tolerance: float = 0.0,
    seed: int = 0,
    **conventions: Any,
) -> Audit:
    """Does any output see what it must not, and how much of what it may see does it see?

    `network`: one of this package's models, or any callable from images `(b c h w)` to outputs for each pixel. The
    latter needs the `shape` (colors, rows, columns) of an image, where small is fast, and maybe some `conventions`:

    layout       of the outputs, as einops writes it ("b (c k) h w"); found out where there is only one way to read them
    levels       it takes integers 0..levels-1, not floats
    input_range  the smallest and the largest float it takes, unless 0 and 1
    shift        its output at a pixel describes the next pixel in raster order
    log_probs    its outputs are log-probabilities of integer pixels, which may depend on the pixel itself

    The outputs of so many `pixels` are examined, with up to so many random `images` each: until one shows nothing new.
    A gradient counts from `tolerance` times the largest legal one on; by default any that isn't exactly zero.

    Raises InputError if the network fails, its outputs cannot be read, or none depends on anything.
    """
    if pixels < 1 or images < 1 or tolerance < 0:
        raise InputError(
            f"pixels={pixels} and images={images} must be at least 1, tolerance={tolerance} at least 0"
        )
    if isinstance(network, (AutoregressiveModel, MultiScale)):
        if conventions or tuple(shape or network.shape) != network.shape:
            raise InputError(
                f"{type(network).__name__} knows its own shape and conventions: give none"
            )
        subjects = own_parts(network, seed)
    else:
        subjects = [examine(network, shape, **conventions)]
    parts = []
    for subject in subjects:
        part = _audit(subject, pixels, images, tolerance, seed)
        clean = [
            f"nothing leaks if the layout is {layout!r}"
            for layout in subject.others * bool(part.leaks)
            if not _audit(replace(subject, layout=layout), pixels, images, tolerance, seed).leaks
        ]
        parts.append(replace(part, hints=clean + part.hints))
    return Audit(parts)


def _audit(subject: Subject, pixels: int, images: int, tolerance: float, seed: int) -> Part:
    generator = torch.Generator().manual_seed(seed)
    orders = subject.orders
    chosen = choose_pixels(*subject.shape[1:], pixels, generator)
    probes = torch.tensor([(o, i, j) for i, j in chosen for o in range(orders)])
    past = legal(raster(subject.shape), probes, orders, own=subject.log_probs)
    mixes = batches_mix(subject, generator)
    batch = 1 if mixes else batch_size(subject, generator)
    effect, used, method, elsewhere = _effect(subject, probes, past, batch, images, generator)
    seen = effect > tolerance
    leaks = find_leaks(probes, seen & ~past, effect, orders)
    leaks += _leaks_without_a_place(probes, elsewhere & (not leaks), mixes)
    notes = list(subject.notes)
    if subject.log_probs:
        wrong, note = _check_sums(subject, probes[:SUMS], batch, generator)
        leaks, notes = leaks + wrong, notes + note
    return Part(
        name=subject.name,
        shape=subject.shape,
        layout=subject.layout,
        orders=orders,
        leaks=leaks,
        coverage=cover(probes, past, seen),
        images=used,
        method=f"in {str(subject.dtype).removeprefix('torch.')}, by {method}",
        hints=explain(subject.shape, probes, orders, seen, leaks),
        notes=notes,
        probes=probes,
        legal=past,
        seen=seen,
    )


def _effect(
    subject: Subject,
    probes: Probes,
    past: Bool[Tensor, "p c h w"],
    batch: int,
    images: int,
    generator: torch.Generator,
) -> tuple[Float[Tensor, "p c h w"], int, str, Bool[Tensor, " p"]]:
    """How strongly each output depends on each input (the strongest legal one: 1); by how many images, and how, that
    was found out; which outputs depend on what they must not see although on no single input.
    """

    def unexplained() -> Bool[Tensor, " p"]:
        return moved & ~((effect > 0) & ~past).flatten(1).any(1)

    moved = by_changing_the_rest(subject, probes, past, batch, generator)
    effect, used, method = torch.zeros(past.shape, dtype=torch.float64), images, CHANGING
    if subject.levels is None:
        effect, used = _repeated(
            lambda: by_gradient(subject, probes, batch, generator), past, images
        )
        method = "exact gradients and by changing all that must not be seen"
    if not effect.any() or unexplained().any():  # by more than gradients see
        method = f"exact gradients and by {CHANGING}" if effect.any() else CHANGING
        changes, used = _repeated(
            lambda: by_changing_each(subject, probes, batch, generator), past, images
        )
        effect = torch.maximum(effect, changes)
    if past.any() and not effect.any() and not moved.any():
        raise InputError(
            "no output depends on any input, so there is nothing to audit: is the last layer all zero?"
        )
    return effect, used, method, unexplained()


def _repeated(
    look: Callable[[], Tensor], past: Tensor, images: int
) -> tuple[Float[Tensor, "p c h w"], int]:
    """The strongest effects over several random images, until one shows nothing new; and how many it took.

    A ReLU may hide a dependence for one image, hardly for several.
    """
    most, used = look().double(), 1
    while used < images:
        before = most > 0
        most, used = torch.maximum(most, look().double()), used + 1
        if torch.equal(most > 0, before):
            break
    scale = (most * past).max()
    return most / (
        scale if scale > 0 else most.max().clamp(min=torch.finfo(torch.float64).tiny)
    ), used


def _leaks_without_a_place(
    probes: Probes, elsewhere: Bool[Tensor, " p"], mixes: bool
) -> list[Leak]:
    leaks = []
    if elsewhere.any():
        first = probes[elsewhere][0, 1:].tolist()
        leaks.append(
            Leak("future", None, [], int(elsewhere.sum()), len(probes), (first[0], first[1]), None)
        )
    if mixes:
        leaks.append(Leak("batch", None, [], 1, 1, None, None))
    return leaks


def _check_sums(
    subject: Subject, probes: Probes, batch: int, generator: torch.Generator
) -> tuple[list[Leak], list[str]]:
    """The outputs that score a value which they have seen, and what to note: see `total_probability`."""
    totals = [total_probability(subject, probe, batch, generator) for probe in probes]
    if None in totals:
        return [], [
            "whether an output has seen the value it scores wasn't examined: a pixel has too many values"
        ]
    sums = torch.tensor(totals, dtype=torch.float64)
    wrong = (sums - 1).abs() > OFF_BY
    if not wrong.any():
        return [], []
    (i, j), total = probes[wrong][0, 1:].tolist(), sums[wrong][0]
    told = f"the probabilities of all values at ({i}, {j}) add up to {total:.6g}: was the value seen before it is scored?"
    return [Leak("same pixel", (0, 0), [], int(wrong.sum()), len(probes), (i, j), None)], [told]


def brief_audit(model: AutoregressiveModel | MultiScale, seed: int = 0) -> dict[str, Any]:
    """The verdict to write beside a likelihood, which takes about as long as scoring a hundred images.

    Few pixels are examined, with two images each, and fewer of a larger model; if not even two can be, or if the model
    fails, it is "not audited", and `reason` says why. Else the keys are verdict, sentence, coverage and pixels.
    """
    cost = (
        sum(parameter.numel() for parameter in model.parameters()) * 2 * math.prod(model.shape[1:])
    )  # of an image
    outputs = model.shape[0] * 2 * 4  # colors, images; a backward and two more calls
    pixels = min(PIXELS, int(OPERATIONS / (cost * outputs)))
    if pixels < 2:
        return {"verdict": "not audited", "reason": "too large for evaluate: run pixelrnn audit"}
    try:
        found = audit(model, pixels=pixels, images=2, seed=seed)
    except InputError as error:
        return {"verdict": "not audited", "reason": str(error)}
    return {
        "verdict": found.verdict,
        "sentence": found.sentence,
        "coverage": round(found.coverage, 4),
        "pixels": pixels,
    }
