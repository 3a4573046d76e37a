"""Networks as other people write them, sound and with the classical bugs.

They know nothing of this package.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn


class MaskedConv2d(nn.Conv2d):
    """The one of a hundred tutorials: `weight.data *= mask` in forward."""

    def __init__(self, kind, *args, **options):
        super().__init__(*args, **options)
        rows, columns = self.kernel_size
        self.register_buffer("mask", torch.ones_like(self.weight))
        self.mask[:, :, rows // 2, columns // 2 + (kind == "B") :] = 0
        self.mask[:, :, rows // 2 + 1 :] = 0

    def forward(self, x):
        self.weight.data *= self.mask
        return super().forward(x)


def pixel_cnn(first="A", outputs=5, norm=nn.Identity, colors=1):
    return nn.Sequential(
        MaskedConv2d(first, colors, 8, 3, padding=1),
        norm(8),
        nn.ELU(),
        MaskedConv2d("B", 8, 8, 3, padding=1),
        nn.ELU(),
        nn.Conv2d(8, outputs, 1),
    )


class GatedPixelCNN(nn.Module):
    """Two stacks: what is above, what is to the left.

    Bugs: "shift" (the vertical stack isn't moved down by a row before the horizontal one reads it),
    "first" (the first horizontal kernel includes the pixel itself).
    """

    def __init__(self, bug=None, features=6, layers=3, levels=4):
        super().__init__()
        self.bug = bug
        sizes = [1] + [features] * layers
        pairs = list(pairwise(sizes))
        self.vertical = nn.ModuleList(nn.Conv2d(a, 2 * b, (2, 3)) for a, b in pairs)
        self.horizontal = nn.ModuleList(nn.Conv2d(a, 2 * b, (1, 2)) for a, b in pairs)
        self.down = nn.ModuleList(nn.Conv2d(2 * b, 2 * b, 1) for _, b in pairs)
        self.out = nn.Conv2d(features, levels, 1)

    def forward(self, x):
        v = h = x
        for layer, (vertical, horizontal, down) in enumerate(
            zip(self.vertical, self.horizontal, self.down, strict=True)
        ):
            v = vertical(F.pad(v, (1, 1, 1, 0)))
            above = v if self.bug == "shift" else F.pad(v, (0, 0, 1, 0))[:, :, :-1]
            before = (
                F.pad(h, (1, 0)) if layer or self.bug == "first" else F.pad(h, (2, 0))[..., :-1]
            )
            h = self.gate(horizontal(before) + down(above))
            v = self.gate(v)
        return self.out(h)

    @staticmethod
    def gate(x):
        a, b = x.chunk(2, dim=1)
        return a.tanh() * b.sigmoid()


def sound():
    return GatedPixelCNN()


def unshifted():
    return GatedPixelCNN("shift")


class Transformer(nn.Module):
    """A sequence of pixels of one or more colors, looked up by their level, after a start token."""

    def __init__(self, shape=(1, 4, 4), levels=4, features=8, masked=True):
        super().__init__()
        self.shape, self.masked = shape, masked
        n = torch.Size(shape).numel()
        self.embed = nn.Embedding(levels + 1, features)
        self.place = nn.Parameter(torch.randn(n, features))
        self.queries, self.keys, self.values = (nn.Linear(features, features) for _ in range(3))
        self.out = nn.Linear(features, levels)
        self.start = levels

    def forward(self, x):
        tokens = x.movedim(1, -1).flatten(1)
        tokens = F.pad(tokens, (1, 0), value=self.start)[:, :-1]
        h = self.embed(tokens) + self.place
        h = h + F.scaled_dot_product_attention(
            self.queries(h), self.keys(h), self.values(h), is_causal=self.masked
        )
        return self.out(h)
