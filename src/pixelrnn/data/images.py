"""Prepared arrays as batches: int64 tensors (b, c, h, w) of levels 0..K-1, nothing else.

Where labels are asked for a batch is a pair, of the images and their labels, int64 (b).

A batch is one indexing operation on a memory-mapped array, not b small ones glued together: for
small images the data would otherwise cost more than the model.

Training images are shuffled, and may be changed at random. Both follow from the seed and the epoch
(see `sampler`): a resumed run sees what an uninterrupted one would.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.overrides.distributed import UnrepeatedDistributedSampler
from torch.utils.data import DataLoader, Dataset

from pixelrnn.data.arrays import (
    check_description,
    check_gray,
    open_arrays,
    open_labels,
    open_npy,
    read_description,
)
from pixelrnn.data.changes import Change, Mutate, draw_levels, flip_half
from pixelrnn.data.sampler import LateLoader, Picks, Shuffled
from pixelrnn.data.splits import GRAY, SPLITS
from pixelrnn.errors import InputError, check_whole
from pixelrnn.files import as_path
from pixelrnn.schema import check, takes
from pixelrnn.types import Images, Labels, Tensor

MOST_WORKERS = 1024  # processes; their number is typed, and a zero too many stops the machine

Batch = Images | tuple[Images, Labels]


def count_images(batch: Batch) -> int:
    """Return how many images a batch has."""
    return len(batch if isinstance(batch, Tensor) else batch[0])


class Levels(Dataset[Any]):
    """The images in an npy file, uint8 (n, c, h, w), changed by `changes`, handed out as int64.

    `labels` (n) are handed out with them. `at_random`: they will be asked for in no order.
    """

    def __init__(
        self,
        file: Path,
        labels: np.ndarray | None = None,
        changes: Sequence[Change] = (),
        at_random: bool = False,
    ) -> None:
        self.file = file
        self.labels = labels
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

    def __getitem__(self, which: int | Picks) -> Batch | Tensor:
        """Return a whole batch (b, c, h, w) as `Shuffled` picks it, or one image (c, h, w)."""
        if isinstance(which, Picks):
            return self._take(which)
        return self._images(Picks([which], [which]))[0]

    def __getitems__(self, indices: list[int]) -> Batch:
        """Return a whole batch (b, c, h, w) in file order, changed in the same way every time."""
        return self._take(Picks(indices, indices))

    def _take(self, picks: Picks) -> Batch:
        images = self._images(picks)
        if self.labels is None:
            return images
        return images, torch.from_numpy(self.labels[picks.indices].astype(np.int64))

    def _images(self, picks: Picks) -> Images:
        batch = torch.from_numpy(self.images[picks.indices])
        if self.changes:
            generator = torch.Generator()
            for image, key in zip(batch, picks.keys, strict=True):
                generator.manual_seed(key)
                for change in self.changes:
                    image.copy_(change(image, generator))
        return batch.long()


class ImageData(pl.LightningDataModule):
    """The three splits of a directory written by `prepare`, checked before any work.

    Every epoch of the training split is shuffled by `seed`; the last, smaller batch is part of it.
    In a distributed run each process has its share of each batch (see `sampler.Shuffled`), and of
    the images of the other splits: no image is repeated, so that their figures are exact.

    `flip` mirrors half of the training images, others every epoch. `mutate` draws that share of
    their levels anew, see `Mutate`. `resample` draws the training
    images anew every epoch from the gray levels that were prepared beside them; `split("train")` is
    the one drawing that was prepared. Where the trainer overfits a few batches, they come in file
    order and are the same in every epoch.

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
        mutate: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_whole(batch_size=batch_size)
        check_whole(0, num_workers=num_workers, seed=seed)
        if num_workers > MOST_WORKERS:
            raise InputError(f"data.num_workers={num_workers} must be at most {MOST_WORKERS}")
        for name, switch in {"flip": flip, "resample": resample}.items():
            if not isinstance(switch, bool):
                raise InputError(f"data.{name}={switch!r} must be true or false")
        if not _is_share(mutate):
            raise InputError(f"data.mutate={mutate!r} must be a number from 0 to 1")
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
        self.mutate = mutate
        self.seed = seed
        self.labels: dict[str, np.ndarray] = {}  # by split, once they are asked for
        self._done = 0  # batches of the epoch that a resumed training is in
        arrays = open_arrays(self.path, self.shape, levels)
        if resample:
            check_gray(self.path, arrays["train"])

    @classmethod
    def of(cls, data: Mapping[str, Any], seed: int = 0) -> "ImageData":
        """Return the images of a description, conf/data/<name>.yaml, shuffled by the run's seed.

        Those of its keys are taken that are arguments here.
        """
        annotations = takes(cls)
        given = {name: data[name] for name in annotations if name in data}
        for name, value in given.items():
            check(f"data.{name}", value, annotations[name])
        return cls(**{**given, "seed": seed})

    def split(self, name: str) -> np.ndarray:
        """Map one split, uint8 (n, c, h, w), read-only."""
        if name not in SPLITS:
            raise InputError(f"no split '{name}': expected {', '.join(SPLITS)}")
        return open_npy(self.path / f"{name}.npy")

    def tell_labels(self, classes: int) -> None:
        """Hand out labels with the images from now on.

        Raises InputError where there are none, or of another number of classes.
        """
        self.labels = open_labels(self.path)
        number = read_description(self.path)["classes"]
        if number != classes:
            raise InputError(
                f"{self.path} has {number} classes, the model {classes}: set model.classes={number}"
            )

    def state_dict(self) -> dict[str, Any]:
        """Return how many batches of the epoch are done, for a checkpoint: none between epochs."""
        batches: Any = self.trainer.fit_loop.epoch_loop.batch_progress.current  # type: ignore[union-attr]
        # a batch whose end is not over is not yet counted as completed
        return {"done": batches.processed if batches.processed > batches.completed else 0}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Leave them out of the next epoch."""
        self._done = state_dict["done"]

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Return batches that are shuffled, and changed, anew every epoch."""
        changes: list[Change] = []
        if self.resample:
            changes.append(draw_levels)
        if self.flip:
            changes.append(flip_half)
        if self.mutate:
            changes.append(Mutate(self.mutate, self.levels))
        name = GRAY if self.resample else "train"
        labels = self.labels.get("train")
        images = Levels(self.path / f"{name}.npy", labels, changes, at_random=True)
        if self.trainer is not None and self.trainer.overfit_batches:  # type: ignore[attr-defined]
            return self._in_order(images)
        processes, rank = _processes()
        sampler = Shuffled(images, self.batch_size, self.seed, processes, rank, self._done)
        return LateLoader(
            images,
            batch_size=None,  # the sampler picks whole batches
            sampler=sampler,
            generator=torch.Generator(),  # its own: those of the model are left alone
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
        )

    def val_dataloader(self) -> DataLoader[Tensor]:
        """Return batches in file order."""
        return self._in_order(Levels(self.path / "val.npy", self.labels.get("val")))

    def test_dataloader(self) -> DataLoader[Tensor]:
        """Return batches in file order."""
        return self._in_order(Levels(self.path / "test.npy", self.labels.get("test")))

    def _in_order(self, images: Levels) -> DataLoader[Tensor]:
        return DataLoader(
            images,
            batch_size=self.batch_size,
            sampler=_share(images),
            collate_fn=_as_is,
            generator=torch.Generator(),
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
        )


def _is_share(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and 0 <= number <= 1


def _processes() -> tuple[int, int]:
    """Return how many processes there are, and which one this is."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_world_size(), dist.get_rank()
    return 1, 0


def _share(images: Levels) -> UnrepeatedDistributedSampler | None:
    """Return this process's share, in a distributed run.

    Raises InputError where there is none for one of the processes.
    """
    processes, _ = _processes()
    if processes == 1:
        return None
    if len(images) < processes:
        raise InputError(
            f"{images.file} has {len(images)} images for {processes} processes: lower "
            "trainer.devices"
        )
    return UnrepeatedDistributedSampler(images, shuffle=False)


def _as_is(batch: Any) -> Any:
    """Return what `__getitems__` made: a named function, as workers must be able to pickle it."""
    return batch
