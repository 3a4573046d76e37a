"""How new is what an agent sees? Counts from a density model, for a bonus that sends it elsewhere.

A model that has learned n images and learns one more, x, raises its probability from rho to rho'.
If it were a table of counts, rho = N/n and rho' = (N + 1)/(n + 1), and solving for N gives the
*pseudo-count* (Bellemare et al., Unifying count-based exploration and intrinsic motivation, 2016):

    N(x) = rho (1 - rho') / (rho' - rho)
         = (1 - rho') / (exp(gain) - 1),    gain = log rho' - log rho

which is defined for every model that can be trained. The bonus is (N + 0.01)^(-1/2). A network at a
constant learning rate does not learn less from the thousandth image than from the first: Ostrovski
et al. (Count-based exploration with neural density models, 2017), who use a PixelCNN, multiply the
n-th gain by c / sqrt(n), and so does this with a `c`.
"""

import math
from numbers import Real

import torch
from torch import nn

from pixelrnn.errors import InputError
from pixelrnn.types import Images


class PseudoCount:
    """Train a density model on what is seen, one image a step, and tell how new each one was.

        count = PseudoCount(model, torch.optim.RMSprop(model.parameters(), lr=1e-3), c=0.1)
        reward = reward + 0.1 * count.bonus(image)

    `model` is any trainable `DensityModel`, `optimizer` one of its parameters. `c`: None for a
    model that counts; 0.1 in the paper. Raises InputError for a `c` that is no number above 0.
    """

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, c: float | None = None
    ) -> None:
        is_number = isinstance(c, Real) and not isinstance(c, bool)
        if c is not None and not (is_number and 0 < c < math.inf):
            raise InputError(f"c={c!r} must be a number above 0, or None")
        self.model = model
        self.optimizer = optimizer
        self.c = c
        self.seen = 0

    def bonus(self, image: Images) -> float:
        """Learn one image, int64 (1 c h w), and return (N + 0.01)^(-1/2), from 0 to 10.

        N is its pseudo-count before.
        """
        return (self.count(image) + 0.01) ** -0.5

    def count(self, image: Images) -> float:
        """Learn one image, int64 (1 c h w), and return its pseudo-count before.

        Infinite where learning didn't make it likelier: there is nothing new in it. Raises
        InputError for several images at once, and where the model gives no number.
        """
        if len(image) != 1:
            raise InputError(f"{len(image)} images: an agent sees one at a time, (1, c, h, w)")
        self.optimizer.zero_grad()
        log_prob = self.model.log_prob(image).sum()  # type: ignore[operator]
        (-log_prob).backward()
        self.optimizer.step()
        self.seen += 1
        with torch.no_grad():
            after = float(self.model.log_prob(image).sum())  # type: ignore[operator]
        before = float(log_prob.detach())
        if not (math.isfinite(before) and math.isfinite(after)):
            raise InputError(f"log p(x) was {before}, then {after}: lower the learning rate")
        return self._solve(before, after)

    def _solve(self, before: float, after: float) -> float:
        """Return N from log rho and log rho'."""
        gain = after - before
        if self.c is not None:
            gain *= self.c / math.sqrt(self.seen)
        if gain <= 0:
            return math.inf
        if gain > 700:  # exp overflows: as new as can be
            return 0.0
        return -math.expm1(after) / math.expm1(gain)
