"""Learning rates over a training run, as factors of the optimizer's own rate.

A schedule is `schedule(optimizer, steps, ...)`, stepped once an optimizer step; `steps` is the length of the whole run.
Lengths are fractions of the run, so that a schedule keeps its shape when the number of epochs changes.
"""

import math
from collections.abc import Callable, Sequence

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pixelrnn.errors import InputError

Schedule = Callable[[Optimizer, int], LambdaLR]


def constant(optimizer: Optimizer, steps: int, warmup: float = 0.0) -> LambdaLR:
    """The optimizer's rate throughout, after a linear warm-up over the first `warmup` of the run."""
    rise = _warmup(steps, warmup)
    return LambdaLR(optimizer, rise)


def cosine(optimizer: Optimizer, steps: int, warmup: float = 0.05, final: float = 0.0) -> LambdaLR:
    """Linear warm-up, then half a cosine from 1 down to `final` at the end of the run (Loshchilov & Hutter, 2017)."""
    rise, start = _warmup(steps, warmup), round(warmup * steps)

    def factor(step: int) -> float:
        done = min(max(step - start, 0) / max(steps - start, 1), 1.0)
        return rise(step) * (final + (1 - final) * (1 + math.cos(math.pi * done)) / 2)

    return LambdaLR(optimizer, factor)


def step(
    optimizer: Optimizer, steps: int, at: Sequence[float], factor: float = 0.1, warmup: float = 0.0
) -> LambdaLR:
    """The rate times `factor` at each of the fractions `at` of the run."""
    if not all(0 < fraction < 1 for fraction in at):
        raise InputError(f"scheduler: at={list(at)} must be fractions of the run, between 0 and 1")
    rise = _warmup(steps, warmup)
    return LambdaLR(
        optimizer, lambda now: rise(now) * factor ** sum(now >= fraction * steps for fraction in at)
    )


def _warmup(steps: int, warmup: float) -> Callable[[int], float]:
    if not 0 <= warmup < 1:
        raise InputError(
            f"scheduler: warmup={warmup} must be a fraction of the run, from 0 to below 1"
        )
    length = max(round(warmup * steps), 1)
    return lambda now: min((now + 1) / length, 1.0)
