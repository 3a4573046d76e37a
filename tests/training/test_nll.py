import math

import pytest
import torch

from pixelrnn.training.nll import NLL


def test_uneven_batches_weigh_images_not_batches():
    """Fault: a mean of batch means."""
    metric = NLL()
    metric.update(torch.tensor([-1.0, -1.0, -1.0]))
    metric.update(torch.tensor([-5.0]))
    assert metric.compute() == 2.0


def test_unit_turns_nats_per_image_into_bits_per_dimension():
    metric = NLL(unit=10 * math.log(2))
    metric.update(torch.full((3,), -10 * math.log(17)))
    assert metric.compute().item() == pytest.approx(math.log2(17))


def test_sums_in_float64():
    """Faults: a float32 sum over a batch or over batches, in which a small value beside a large one is lost."""
    metric = NLL()
    metric.update(torch.tensor([-(2.0**24), -1.0]))
    metric.update(torch.tensor([-1.0]))
    assert metric.compute().item() == (2**24 + 2) / 3


def test_processes_add_up():
    """What DDP does: the sums of all processes, then one division. Fault: dist_reduce_fx="mean"."""
    metrics = [NLL(), NLL()]
    metrics[0].update(torch.tensor([-1.0, -1.0, -1.0]))
    metrics[1].update(torch.tensor([-5.0]))
    merged = NLL()
    for state in ("nats", "images"):
        reduce = merged._reductions[state]
        setattr(merged, state, reduce(torch.stack([getattr(metric, state) for metric in metrics])))
    merged._update_count = 1
    assert merged.compute() == 2.0


def test_reset_forgets():
    metric = NLL()
    metric.update(torch.tensor([-1.0]))
    metric.reset()
    metric.update(torch.tensor([-3.0]))
    assert metric.compute() == 3.0
