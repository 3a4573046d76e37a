import pytest
import torch

from pixelrnn.errors import InputError
from pixelrnn.runs.identity import depends_on_length
from pixelrnn.training.schedules import constant, cosine, stepwise


def rates(schedule, steps, **options):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    scheduler = schedule(optimizer, steps, **options)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


def test_constant():
    assert rates(constant, 5) == [2.0] * 5


def test_constant_with_warmup_rises_from_the_first_step_on():
    """Fault: a warm-up from 0, whose first step does nothing."""
    assert rates(constant, 8, warmup=0.5) == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0, 2.0, 2.0]


def test_cosine_falls_from_the_rate_to_final():
    seen = rates(cosine, 100, warmup=0.1, final=0.25)
    assert seen[9] == 2.0
    assert seen[55] == pytest.approx(2 * (0.25 + 0.75 / 2))
    assert 0.5 < seen[-1] < 0.502
    assert sorted(seen[9:], reverse=True) == seen[9:]


def test_step_drops_at_fractions_of_the_run():
    assert rates(stepwise, 4, at=[0.5, 0.75], factor=0.5) == [2.0, 2.0, 1.0, 0.5]


@pytest.mark.parametrize("warmup", [-0.1, 1.0])
def test_warmup_outside_the_run(warmup):
    with pytest.raises(InputError, match="warmup"):
        rates(cosine, 10, warmup=warmup)


def test_step_outside_the_run():
    with pytest.raises(InputError, match="at="):
        rates(stepwise, 10, at=[10])


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (constant, {}),
        (constant, {"warmup": 0.0}),
        (constant, {"warmup": 0.25}),
        (cosine, {}),
        (stepwise, {"at": [0.5]}),
    ],
)
def test_which_runs_may_be_made_longer(function, options):
    """Those whose rate at a step is the same in a run of twice the length.

    Fault: the rule about identity, which reads the description, and the schedule itself disagree.
    """
    short, long = (rates(function, steps, **options)[:20] for steps in (20, 40))
    described = {"_target_": f"pixelrnn.training.{function.__name__}", **options}
    assert depends_on_length(described) == (short != long)
