"""Learning rates over a training run, as factors of the optimizer's own rate.

A schedule is a function `schedule(optimizer, steps, ...)`, stepped once an optimizer step;
`steps` is the length of the whole run. Times are fractions of the run, so that a schedule keeps
its shape when the number of epochs changes.

For the same reason a run that follows a schedule is not the beginning of a longer one: its rates
would have been others from the start. Only a constant rate without warm-up is the same however
long the run is: see `pixelrnn.runs.identity`.
"""

import math
from collections.abc import Callable, Sequence

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pixelrnn.errors import InputError

Schedule = Callable[[Optimizer, int], LambdaLR]


def constant(optimizer: Optimizer, steps: int, warmup: float = 0.0) -> LambdaLR:
    """Keep the optimizer's rate, after a linear warm-up over the fraction `warmup` of the run.

    Without warm-up nothing depends on `steps`: such a run can be continued to any length. Raises
    InputError unless 0 <= warmup < 1.
    """
    return LambdaLR(optimizer, _warmup(steps, warmup))


def cosine(optimizer: Optimizer, steps: int, warmup: float = 0.05, final: float = 0.0) -> LambdaLR:
    """Warm up linearly, then follow half a cosine from 1 down to `final` at the end of the run.

    Loshchilov & Hutter, "SGDR", 2017, equation 5, without restarts. Raises InputError unless
    0 <= warmup < 1.
    """
    rise, start = _warmup(steps, warmup), round(warmup * steps)

    def factor(step: int) -> float:
        done = min(max(step - start, 0) / max(steps - start, 1), 1.0)
        return rise(step) * (final + (1 - final) * (1 + math.cos(math.pi * done)) / 2)

    return LambdaLR(optimizer, factor)


def stepwise(
    optimizer: Optimizer, steps: int, at: Sequence[float], factor: float = 0.1, warmup: float = 0.0
) -> LambdaLR:
    """Multiply the rate by `factor` at each of the fractions `at` of the run.

    Raises InputError unless each of them is between 0 and 1, and 0 <= warmup < 1.
    """
    if not all(0 < fraction < 1 for fraction in at):
        raise InputError(f"scheduler: at={list(at)} must be fractions of the run, between 0 and 1")
    rise = _warmup(steps, warmup)

    def rate(step: int) -> float:
        passed = sum(step >= fraction * steps for fraction in at)
        return rise(step) * factor**passed

    return LambdaLR(optimizer, rate)


def _warmup(steps: int, warmup: float) -> Callable[[int], float]:
    """Return the factor of a step while the rate rises; the first step has one above 0."""
    if not 0 <= warmup < 1:
        raise InputError(
            f"scheduler: warmup={warmup} must be a fraction of the run, from 0 to below 1"
        )
    length = max(round(warmup * steps), 1)
    return lambda step: min((step + 1) / length, 1.0)
