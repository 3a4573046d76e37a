"""From what the outputs depend on to what that means: leaks, coverage, and what may be behind a leak."""

import torch

from pixelrnn.causality.findings import Coverage, Leak
from pixelrnn.causality.order import (
    Offset,
    Probes,
    Shape,
    color_name,
    distance,
    legal,
    other_orders,
)
from pixelrnn.types import Bool, Float, Tensor

ROUNDING = 1e-13  # leaks so much weaker than the legal dependence are an algorithm's rounding


def find_leaks(
    probes: Probes, bad: Bool[Tensor, "p c h w"], strength: Float[Tensor, "p c h w"], orders: int
) -> list[Leak]:
    """One for each kind and place, the nearest first."""
    o, i, j = probes.T
    _, c, h, w = bad.shape
    own = torch.zeros_like(bad)
    own[torch.arange(len(probes)), :, i, j] = True
    later = own & (torch.arange(c) > o[:, None])[..., None, None] & (orders > 1)
    kinds = {"future": bad & ~own, "same pixel": bad & own & ~later, "color": bad & later}
    inside = around(probes, torch.ones(len(probes), 1, h, w, dtype=torch.bool)).sum((0, 1))
    leaks = []
    for kind, where in kinds.items():
        there, force = around(probes, where), around(probes, strength * where).amax((0, 1))
        for y, x in there.any(0).any(0).nonzero().tolist():
            outputs, colors = there[:, :, y, x].nonzero().T
            leaks.append(
                Leak(
                    kind=kind,
                    offset=(y - h + 1, x - w + 1),
                    colors=_pairs(o[outputs], colors, orders, c),
                    found=len(outputs.unique()),
                    possible=int(inside[y, x]),
                    first=(int(i[outputs[0]]), int(j[outputs[0]])),
                    strength=force[y, x].item(),
                )
            )
    return sorted(
        leaks, key=lambda leak: (list(kinds).index(leak.kind), distance(leak.offset or (0, 0)))
    )


def _pairs(outputs: Tensor, colors: Tensor, orders: int, c: int) -> list[str]:
    if c == 1:
        return []
    pairs = sorted(set(zip(outputs.tolist(), colors.tolist(), strict=True)))
    return [
        f"{color_name(o, c) if orders > 1 else 'it'} sees {color_name(color, c)}"
        for o, color in pairs
    ]


def cover(probes: Probes, past: Bool[Tensor, "p c h w"], seen: Bool[Tensor, "p c h w"]) -> Coverage:
    """How much of their `past` the outputs see, and what they miss."""
    here, there = around(probes, past).sum((0, 1)), around(probes, seen & past).sum((0, 1))
    h, w = past.shape[2:]
    missed: dict[Offset, float] = {
        (y - h + 1, x - w + 1): (there[y, x] / here[y, x]).item()
        for y, x in (there < here).nonzero().tolist()
    }
    return Coverage(int((seen & past).sum()), int(past.sum()), missed)


def explain(
    shape: Shape, probes: Probes, orders: int, seen: Bool[Tensor, "p c h w"], leaks: list[Leak]
) -> list[str]:
    """What all the leaks have in common, if anything: a likely mistake, or a convention that the audit wasn't told."""
    if not leaks:
        return []
    if all(leak.strength is not None and leak.strength < ROUNDING for leak in leaks):
        return [
            f"all leaks are at the level of rounding: an FFT or a soft mask? tolerance={ROUNDING} lets them pass"
        ]
    hints = [
        f"nothing leaks if the order is {name}"
        for name, rank in other_orders(shape).items()
        if not (seen & ~legal(rank, probes, orders)).any()
    ]
    if {leak.offset for leak in leaks} == {(0, 0)} and any(
        leak.kind == "same pixel" for leak in leaks
    ):
        hints.append(
            "mask B in the first layer, where A belongs? Or do outputs describe the next pixel? Then shift=true"
        )
    if any(leak.kind == "batch" for leak in leaks):
        hints.append(
            "a normalisation over the batch? A module is put into evaluation mode, what a function calls is not"
        )
    return hints


def around(probes: Probes, maps: Tensor) -> Tensor:
    """Maps of the image moved so that each output's own pixel is in the middle: `(p c h w) -> (p c 2h-1 2w-1)`."""
    p, c, h, w = maps.shape
    moved = maps.new_zeros(p, c, 2 * h - 1, 2 * w - 1)
    for there, here, (_, i, j) in zip(moved, maps, probes.tolist(), strict=True):
        there[:, h - 1 - i : 2 * h - 1 - i, w - 1 - j : 2 * w - 1 - j] = here
    return moved
