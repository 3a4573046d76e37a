"""Prepared arrays as batches: int64 tensors (b, c, h, w) of levels 0..K-1, nothing else.

A batch is one indexing operation on a memory-mapped array (`__getitems__`), not b small ones glued
together: for small images the data would otherwise cost more than the model.

Training images may be changed at random, a batch at once and by torch's generator: what is drawn in
an epoch follows from the run's seed and the epoch (`EpochSeed`), so a resumed run sees what an
uninterrupted one would.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.overrides.distributed import UnrepeatedDistributedSampler
from torch.utils.data import DataLoader, Dataset

from pixelrnn.data.arrays import check_description, check_gray, open_arrays, open_npy
from pixelrnn.data.splits import GRAY, SPLITS
from pixelrnn.errors import InputError, check_whole
from pixelrnn.files import as_path
from pixelrnn.types import Images, Tensor

Change = Callable[[Tensor], Tensor]  # of a batch, uint8 (b, c, h, w)


def draw_levels(gray: Tensor) -> Tensor:
    """Draw ink with a probability of gray/255: 0 or 1 for each pixel of (b, c, h, w), uint8."""
    # uniform over 0..254, it is below x with a probability of exactly x/255
    return (torch.randint(255, gray.shape, dtype=torch.uint8) < gray).to(torch.uint8)


def flip_half(images: Tensor) -> Tensor:
    """Mirror each image left to right with a probability of one half, (b, c, h, w)."""
    flipped = torch.rand(len(images)) < 0.5
    images[flipped] = images[flipped].flip(-1)
    return images


class Levels(Dataset[Tensor]):
    """The images in an npy file, uint8 (n, c, h, w), changed by `changes`, handed out as int64.

    `at_random`: they will be asked for in no order.
    """

    def __init__(self, file: Path, changes: Sequence[Change] = (), at_random: bool = False) -> None:
        self.file = file
        self.changes = changes
        self.at_random = at_random
        self._count = len(open_npy(file))

    @cached_property
    def images(self) -> np.ndarray:
        """Map the file: whoever reads it, so that no process is sent the images by another."""
        return open_npy(self.file, self.at_random)

    def __len__(self) -> int:
        """Return the number of images."""
        return self._count

    def __getitem__(self, index: int) -> Tensor:
        """Return one image (c, h, w)."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> Images:
        """Return a whole batch (b, c, h, w); the DataLoader calls this one."""
        batch = torch.from_numpy(self.images[indices])
        for change in self.changes:
            batch = change(batch)
        return batch.long()


class ImageData(pl.LightningDataModule):
    """The three splits of a directory written by `prepare`, checked before any work.

    Every epoch of the training split is shuffled by torch's generator (`seed_everything` fixes it);
    the last, smaller batch is part of it. In a distributed run Lightning gives each process its
    share of the training images, some twice so that all shares are of one size; no image of the
    other splits is repeated, so that their figures are exact.

    `flip` mirrors half of the training images, others every epoch. `resample` draws the training
    images anew every epoch from the gray levels that were prepared beside them; `split("train")` is
    the one drawing that was prepared.

    Raises InputError if a file is missing or damaged, if its dtype, shape, levels or length is
    wrong, or for a number or a switch that is none.
    """

    def __init__(
        self,
        path: str | Path,
        shape: Sequence[int],
        levels: int,
        batch_size: int = 64,
        num_workers: int = 0,
        flip: bool = False,
        resample: bool = False,
    ) -> None:
        super().__init__()
        check_whole(batch_size=batch_size)
        check_whole(0, num_workers=num_workers)
        for name, switch in {"flip": flip, "resample": resample}.items():
            if not isinstance(switch, bool):
                raise InputError(f"data.{name}={switch} must be true or false")
        if resample and levels != 2:
            raise InputError(
                f"resample=true draws two levels, but data.levels is {levels}: set data.levels=2"
            )
        self.path = as_path(path, "data.path")
        self.shape = check_description(shape, levels)
        self.levels = levels
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.flip = flip
        self.resample = resample
        arrays = open_arrays(self.path, self.shape, levels)
        if resample:
            check_gray(self.path, arrays["train"])

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "ImageData":
        """Return the images of a description, conf/data/<name>.yaml: its keys that are arguments here."""
        names = inspect.signature(cls).parameters
        return cls(**{name: data[name] for name in names if name in data})

    def split(self, name: str) -> np.ndarray:
        """Map one split, uint8 (n, c, h, w), read-only."""
        if name not in SPLITS:
            raise InputError(f"no split '{name}': expected {', '.join(SPLITS)}")
        return open_npy(self.path / f"{name}.npy")

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Return batches that are shuffled anew every epoch."""
        changes: list[Change] = []
        if self.resample:
            changes.append(draw_levels)
        if self.flip:
            changes.append(flip_half)
        return self._loader(GRAY if self.resample else "train", changes, shuffle=True)

    def val_dataloader(self) -> DataLoader[Tensor]:
        """Return batches in file order."""
        return self._loader("val")

    def test_dataloader(self) -> DataLoader[Tensor]:
        """Return batches in file order."""
        return self._loader("test")

    def _loader(
        self, name: str, changes: Sequence[Change] = (), shuffle: bool = False
    ) -> DataLoader[Tensor]:
        images = Levels(self.path / f"{name}.npy", changes, at_random=shuffle)
        return DataLoader(
            images,
            batch_size=self.batch_size,
            shuffle=shuffle,
            sampler=None if shuffle else _share(images),
            collate_fn=_as_is,
            num_workers=self.num_workers,
            # Workers that outlive an epoch would go on with the generator of the last one: an epoch
            # changed at random gets new ones, which torch seeds from its own generator.
            persistent_workers=self.num_workers > 0 and not changes,
        )


def _share(images: Levels) -> UnrepeatedDistributedSampler | None:
    """Return this process's share, in a distributed run.

    Raises InputError where there is none for one of the processes.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return None
    processes = dist.get_world_size()
    if len(images) < processes:
        raise InputError(
            f"{images.file} has {len(images)} images for {processes} processes: lower "
            "trainer.devices"
        )
    return UnrepeatedDistributedSampler(images, shuffle=False)


def _as_is(batch: Any) -> Any:
    """Return what `__getitems__` made: a named function, as workers must be able to pickle it."""
    return batch
