"""The audit: draw images, ask a few outputs what they depend on, and judge.

To judge is to say which dependences are leaks, how much of the legal context is seen, and what may
be behind a leak.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from pixelrnn.causality.dependence import batch_size, batches_mix, find_effect, total_probability
from pixelrnn.causality.order import (
    Offset,
    Probes,
    choose_pixels,
    color_name,
    distance,
    legal,
    other_orders,
    raster,
)
from pixelrnn.causality.report import KINDS, Audit, Coverage, Leak, Part
from pixelrnn.causality.subject import Subject, examine, own_parts
from pixelrnn.errors import InputError, check_seed, check_whole
from pixelrnn.models import AutoregressiveModel, ClassConditional, DensityModel, MultiScale
from pixelrnn.types import Bool, Float, Tensor

ROUNDING = 1e-13  # leaks so much weaker than the legal dependence are an algorithm's rounding
SUMS = 8  # outputs whose probabilities are added up
OFF_BY = 1e-5  # a sum of probabilities may differ from one by so much
BRIEF_PIXELS = 9  # that a brief audit examines at most
BRIEF_OPERATIONS = 5e11  # multiplications and additions that it may take


def around(probes: Probes, maps: Tensor) -> Tensor:
    """Move maps of the image so that each output's pixel is in the middle.

    `(p c h w) -> (p c 2h-1 2w-1)`.
    """
    p, c, h, w = maps.shape
    moved = maps.new_zeros(p, c, 2 * h - 1, 2 * w - 1)
    for there, here, (_, i, j) in zip(moved, maps, probes.tolist(), strict=True):
        top, left = h - 1 - i, w - 1 - j
        there[:, top : top + h, left : left + w] = here
    return moved


def find_leaks(
    probes: Probes, bad: Bool[Tensor, "p c h w"], strength: Float[Tensor, "p c h w"], groups: int
) -> list[Leak]:
    """Return a leak for each kind and place where an output sees something `bad`, nearest first."""
    group, i, j = probes.T
    _, c, h, w = bad.shape
    own = torch.zeros_like(bad)  # the colors of the output's own pixel
    own[torch.arange(len(probes)), :, i, j] = True
    later = torch.zeros_like(bad)  # those of its colors that come later
    if groups > 1:
        later = own & (torch.arange(c) > group[:, None])[..., None, None]
    kinds = {"future": bad & ~own, "same pixel": bad & own & ~later, "color": bad & later}
    within = torch.ones(len(probes), 1, h, w, dtype=torch.bool)
    possible = around(probes, within).sum((0, 1))  # (2h-1 2w-1)
    leaks = []
    for kind, where in kinds.items():
        there = around(probes, where)  # (p c 2h-1 2w-1)
        strongest = around(probes, strength * where).amax((0, 1))  # (2h-1 2w-1)
        for y, x in there.any(0).any(0).nonzero().tolist():
            outputs, colors = there[:, :, y, x].nonzero().T
            first = outputs[0]
            leak = Leak(
                kind=kind,
                offset=(y - h + 1, x - w + 1),
                colors=_color_pairs(group[outputs], colors, groups, c),
                found=len(outputs.unique()),
                possible=int(possible[y, x]),
                first=(int(i[first]), int(j[first])),
                strength=strongest[y, x].item(),
            )
            leaks.append(leak)
    order = list(KINDS)
    return sorted(leaks, key=lambda leak: (order.index(leak.kind), distance(leak.offset or (0, 0))))


def _color_pairs(outputs: Tensor, colors: Tensor, groups: int, c: int) -> list[str]:
    """Return `R sees G` for each pair; nothing where a pixel has one color."""
    if c == 1:
        return []
    pairs = sorted(set(zip(outputs.tolist(), colors.tolist(), strict=True)))
    if groups == 1:
        return [f"it sees {color_name(color, c)}" for _, color in pairs]
    return [f"{color_name(output, c)} sees {color_name(color, c)}" for output, color in pairs]


def _leak_without_a_place(probes: Probes, elsewhere: Bool[Tensor, " p"]) -> Leak:
    """Return the leak of outputs that only several inputs together change."""
    i, j = probes[elsewhere][0, 1:].tolist()
    return Leak("future", None, [], int(elsewhere.sum()), len(probes), (i, j), None)


def _check_sums(
    subject: Subject, probes: Probes, batch: int, generator: torch.Generator
) -> tuple[list[Leak], list[str]]:
    """Return the leak of outputs that have seen the value they score, and what to note.

    `total_probability` says how that shows.
    """
    totals = [total_probability(subject, probe, batch, generator) for probe in probes]
    if None in totals:
        return [], [
            "whether an output has seen the value it scores wasn't examined: "
            "a pixel has too many values"
        ]
    sums = torch.tensor(totals, dtype=torch.float64)
    wrong = (sums - 1).abs() > OFF_BY
    if not wrong.any():
        return [], []
    (i, j), total = probes[wrong][0, 1:].tolist(), sums[wrong][0]
    note = (
        f"the probabilities of all values at ({i}, {j}) add up to {total:.6g}: "
        "was the value seen before it is scored?"
    )
    return [Leak("same pixel", (0, 0), [], int(wrong.sum()), len(probes), (i, j), None)], [note]


def cover(probes: Probes, past: Bool[Tensor, "p c h w"], seen: Bool[Tensor, "p c h w"]) -> Coverage:
    """Return how much of their `past` the outputs see, and the places that they miss."""
    h, w = past.shape[2:]
    may = around(probes, past).sum((0, 1))  # (2h-1 2w-1)
    does = around(probes, past & seen).sum((0, 1))
    missed: dict[Offset, float] = {}
    for y, x in (does < may).nonzero().tolist():
        missed[y - h + 1, x - w + 1] = (does[y, x] / may[y, x]).item()
    return Coverage(int((seen & past).sum()), int(past.sum()), missed)


def explain(
    probes: Probes, seen: Bool[Tensor, "p c h w"], groups: int, leaks: list[Leak]
) -> list[str]:
    """Return what all leaks may have in common: a mistake, or a convention that was not given."""
    if not leaks:
        return []
    if all(leak.strength is not None and leak.strength < ROUNDING for leak in leaks):
        return [
            "all leaks are at the level of rounding: an FFT or a soft mask? "
            f"tolerance={ROUNDING} lets them pass"
        ]
    _, c, h, w = seen.shape
    hints = []
    for name, rank in other_orders((c, h, w)).items():
        if not (seen & ~legal(rank, probes, groups)).any():
            hints.append(f"nothing leaks if the order is {name}")
    kinds, places = {leak.kind for leak in leaks}, {leak.offset for leak in leaks}
    if places == {(0, 0)} and "same pixel" in kinds:
        hints.append(
            "mask B in the first layer, where A belongs? "
            "Or do outputs describe the next pixel? Then shift=true"
        )
    if "batch" in kinds:
        hints.append(
            "a normalisation over the batch? "
            "A module is put into evaluation mode, what a function calls is not"
        )
    return hints


def _audit_part(subject: Subject, pixels: int, images: int, tolerance: float, seed: int) -> Part:
    generator = torch.Generator().manual_seed(seed)
    groups = subject.groups
    chosen = choose_pixels(*subject.shape[1:], pixels, generator)
    probes = torch.tensor([(group, i, j) for i, j in chosen for group in range(groups)])
    past = legal(raster(subject.shape), probes, groups, own=subject.log_probs)
    mixes = batches_mix(subject, generator)
    batch = 1 if mixes else batch_size(subject, generator)
    effect = find_effect(subject, probes, past, batch, images, generator)
    seen = effect.strength > tolerance
    leaks = find_leaks(probes, seen & ~past, effect.strength, groups)
    notes = list(subject.notes)
    if not leaks and effect.elsewhere.any():
        leaks.append(_leak_without_a_place(probes, effect.elsewhere))
    if mixes:
        leaks.append(Leak("batch", None, [], 1, 1, None, None))
    if subject.log_probs:
        wrong, note = _check_sums(subject, probes[:SUMS], batch, generator)
        leaks += wrong
        notes += note
    return Part(
        name=subject.name,
        shape=subject.shape,
        layout=subject.layout,
        groups=groups,
        leaks=leaks,
        coverage=cover(probes, past, seen),
        images=effect.images,
        method=f"in {str(subject.dtype).removeprefix('torch.')}, by {effect.method}",
        hints=explain(probes, seen, groups, leaks),
        notes=notes,
        probes=probes,
        legal=past,
        seen=seen,
    )


def _other_layouts(subject: Subject, *options: Any) -> Iterator[str]:
    """Name the layouts, of those that the outputs could have as well, in which nothing leaks."""
    for layout in subject.other_layouts:
        if not _audit_part(replace(subject, layout=layout), *options).leaks:
            yield f"nothing leaks if the layout is {layout!r}"


def audit(
    network: DensityModel | Callable[[Tensor], Tensor],
    shape: Sequence[int] | None = None,
    *,
    pixels: int = 32,
    images: int = 8,
    tolerance: float = 0.0,
    seed: int = 0,
    **conventions: Any,
) -> Audit:
    """Find out whether any output sees what it must not, and how much of what it may see it sees.

    `network` is a `DensityModel`, or any callable from images `(b c h w)` to outputs for each
    pixel. The latter needs the `shape` (colors, rows, columns) of an image, where small is fast,
    and maybe some `conventions`:

    layout       of the outputs, as einops writes it, "b (c k) h w"; needed where there are several
    levels       it takes integers 0..levels-1, not floats
    input_range  the smallest and the largest float that it takes, unless 0 and 1
    shift        its output at a pixel describes the next pixel in raster order
    log_probs    its outputs are log-probabilities of integer pixels, which may depend on the pixel

    The outputs of so many `pixels` are examined, with up to so many random `images` each: until one
    shows nothing new. A gradient counts from `tolerance` times the largest legal one on; by default
    any counts that isn't exactly zero.

    Raises InputError if the network fails, its outputs cannot be read, or none depends on anything.
    """
    check_whole(pixels=pixels, images=images)
    check_seed(seed=seed)
    if not 0 <= tolerance < 1:
        raise InputError(f"tolerance={tolerance} must be a number from 0 to less than 1")
    if isinstance(network, DensityModel):
        if conventions or tuple(shape or network.shape) != network.shape:
            name = type(network).__name__
            raise InputError(f"{name} knows its own shape and conventions: give none")
        subjects = own_parts(network, seed)
    else:
        subjects = [examine(network, shape, **conventions)]
    parts = []
    for subject in subjects:
        part = _audit_part(subject, pixels, images, tolerance, seed)
        if part.leaks:
            hints = list(_other_layouts(subject, pixels, images, tolerance, seed))
            part = replace(part, hints=hints + part.hints)
        parts.append(part)
    return Audit(parts)


def brief_audit(model: DensityModel, seed: int = 0) -> dict[str, Any]:
    """Return the verdict to write beside a likelihood; it takes as long as scoring 100 images.

    Few pixels are examined, with two images each, and fewer of a larger model. If not even two can
    be, if the model fails or is not of this package, the verdict is "not audited" and `reason` says
    why. Else the keys are verdict, sentence, coverage and pixels.
    """
    if not isinstance(model, AutoregressiveModel | MultiScale | ClassConditional):
        return {"verdict": "not audited", "reason": "another kind of model: run pixelrnn audit"}
    weights = sum(parameter.numel() for parameter in model.parameters())
    operations = 2 * weights * math.prod(model.shape[1:])  # an image
    outputs = model.shape[0] * 2 * 4  # a pixel: its colors, two images, a backward and two calls
    pixels = min(BRIEF_PIXELS, int(BRIEF_OPERATIONS / (operations * outputs)))
    if pixels < 2:
        return {"verdict": "not audited", "reason": "too large for evaluate: run pixelrnn audit"}
    try:
        report = audit(model, pixels=pixels, images=2, seed=seed)
    except InputError as error:
        return {"verdict": "not audited", "reason": str(error)}
    return {
        "verdict": report.verdict,
        "sentence": report.sentence,
        "coverage": round(report.coverage, 4),
        "pixels": pixels,
    }
