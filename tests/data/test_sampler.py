"""Which images come in which batch: a law for every number of images, batch size and processes."""

from itertools import chain

import pytest
import torch
from torch.utils.data import DistributedSampler

from pixelrnn.data.sampler import Shuffled
from pixelrnn.errors import InputError

SIZES = [
    (37, 8, 1),
    (37, 4, 2),
    (37, 2, 3),
    (21, 2, 2),
    (21, 1, 2),
    (24, 4, 3),
    (5, 8, 2),
    (3, 1, 3),
]


def batches(images: int, batch_size: int, processes: int, seed: int = 0, epoch: int = 0):
    """What each process gets, a list of batches each; a batch is a list of (index, key)."""
    samplers = [
        Shuffled(range(images), batch_size, seed, processes, rank) for rank in range(processes)
    ]
    for sampler in samplers:
        sampler.set_epoch(epoch)
    drawn = [[list(zip(*picks, strict=True)) for picks in sampler] for sampler in samplers]
    for sampler, own in zip(samplers, drawn, strict=True):
        assert len(sampler) == len(own)
    return drawn


@pytest.mark.parametrize(("images", "batch_size", "processes"), SIZES)
def test_every_image_once_an_epoch(images: int, batch_size: int, processes: int) -> None:
    """Faults: images repeated to make all shares equal, as Lightning does; the last ones dropped;
    a process without a batch, for which the others would wait for ever.
    """
    drawn = batches(images, batch_size, processes)
    together = [index for own in drawn for batch in own for index, _ in batch]
    assert sorted(together) == list(range(images))
    assert len({len(own) for own in drawn}) == 1
    assert all(own and all(own) for own in drawn)
    for own in drawn:
        assert all(len(batch) == batch_size for batch in own[:-1])
        assert len(own[-1]) <= batch_size + 1


@pytest.mark.parametrize(("images", "batch_size", "processes"), SIZES)
def test_the_same_batches_for_any_number_of_processes(
    images: int, batch_size: int, processes: int
) -> None:
    """With the keys of the images. Faults: a permutation of each process's own; keys drawn by rank.

    What can't be divided among the processes goes into the batch before.
    """
    shares = batches(images, batch_size, processes)
    whole = batches(images, batch_size * processes, 1)[0]
    if 0 < images % (batch_size * processes) < processes:
        whole[-2:] = [whole[-2] + whole[-1]]
    joined = [sorted(chain(*parts)) for parts in zip(*shares, strict=True)]
    assert joined == [sorted(batch) for batch in whole]


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    """Faults: the same order every epoch; torch's generator asked, or used up."""
    before = torch.get_rng_state()
    first, other = batches(37, 8, 1), batches(37, 8, 1, seed=1)
    second = batches(37, 8, 1, epoch=1)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(5)
    assert batches(37, 8, 1) == first
    assert len({str(drawn) for drawn in (first, other, second, batches(37, 8, 1, 1, 1))}) == 4
    assert [i for batch in first[0] for i, _ in batch] != list(range(37))


def test_set_epoch_is_what_lightning_calls() -> None:
    """On a DistributedSampler, which it leaves alone. Fault: an epoch kept from the beginning."""
    sampler = Shuffled(range(37), 8, seed=0)
    assert isinstance(sampler, DistributedSampler)
    sampler.set_epoch(3)
    assert [list(zip(*picks, strict=True)) for picks in sampler] == batches(37, 8, 1, epoch=3)[0]


def test_no_two_images_have_a_key() -> None:
    """Fault: one key a batch, so that all its images are mirrored or none."""
    drawn = [batches(1000, 8, 1, seed, epoch)[0] for seed in (0, 1) for epoch in (0, 1)]
    keys = [key for epoch in drawn for batch in epoch for _, key in batch]
    assert len(set(keys)) == len(keys) == 4000


def test_fewer_images_than_processes() -> None:
    with pytest.raises(InputError, match=r"2 training images for 3 processes: lower trainer\.dev"):
        Shuffled(range(2), 1, seed=0, processes=3)
