"""Which images come in which batch: a permutation that follows from the seed and the epoch.

With B = images a process × processes, the batches of an epoch are

    batch k of all processes   order[k B : (k + 1) B]
    that of process r          every processes-th of these, from the r-th on

so that as many processes as one likes see the same images in the same batches, none twice and none
left out. Beside each image goes a key, also drawn from (seed, epoch): what is changed at random in
the image follows from it, whoever loads it. So workers and processes change nothing either.
"""

from collections.abc import Iterator, Sized
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, DistributedSampler

from pixelrnn.errors import InputError


class Picks(NamedTuple):
    """The images of a batch by their numbers, and a key for each."""

    indices: list[int]
    keys: list[int]


class Shuffled(DistributedSampler[Picks]):
    """The batches of one process, in another order every epoch: Lightning calls `set_epoch`.

    The last batch is smaller, or, where it would leave a process without an image, part of the one
    before. `done`: so many batches of the first epoch that is asked for are left out, as they have
    been trained on. It is a DistributedSampler because Lightning replaces any other in a
    distributed run.

    Raises InputError where there are fewer images than processes.
    """

    def __init__(
        self,
        images: Sized,
        batch_size: int,
        seed: int,
        processes: int = 1,
        rank: int = 0,
        done: int = 0,
    ) -> None:
        if len(images) < processes:
            raise InputError(
                f"{len(images)} training images for {processes} processes: lower trainer.devices"
            )
        super().__init__(images, processes, rank, seed=seed)  # type: ignore[arg-type]
        self.count = len(images)
        self.together = batch_size * processes
        self.done = done

    def __len__(self) -> int:
        """Return the number of batches of an epoch, the same for each process."""
        whole, rest = divmod(self.count, self.together)
        return whole + 1 if rest >= self.num_replicas else whole

    def images_in(self, first: int, stop: int) -> int:
        """Return how many images all processes see in the batches from `first` up to `stop`."""
        end = self.count if stop >= len(self) else stop * self.together
        return end - first * self.together

    def __iter__(self) -> Iterator[Picks]:
        """Draw the order and the keys of this epoch; give them a batch at a time."""
        mixed = np.random.SeedSequence((self.seed, self.epoch)).generate_state(1)
        generator = torch.Generator().manual_seed(int(mixed[0]))
        order = torch.randperm(self.count, generator=generator)
        keys = torch.randint(2**63 - 1, (self.count,), generator=generator)
        done, self.done = self.done, 0
        for k in range(done, len(self)):
            start = k * self.together
            share = slice(start + self.rank, start + self.images_in(k, k + 1), self.num_replicas)
            yield Picks(order[share].tolist(), keys[share].tolist())


class LateLoader(DataLoader[Any]):
    """A DataLoader that begins an epoch with its first batch, and not before.

    Lightning asks for the iterator before it says which epoch it is: after a resume, workers would
    begin to load the images of the first one.
    """

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Give the batches of the epoch that the sampler is in when the first is asked for."""
        yield from super().__iter__()
