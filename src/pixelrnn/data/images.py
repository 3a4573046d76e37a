"""Prepared arrays as batches: int64 tensors (b, c, h, w) of levels 0..K-1, nothing else beside them.

A batch is one indexing operation on a memory-mapped array (`__getitems__`), not b small ones glued together: for small
images the data would otherwise cost more than the model.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset

from pixelrnn.data.arrays import check_description, open_arrays
from pixelrnn.errors import InputError
from pixelrnn.types import Images, Tensor


class Levels(Dataset[Tensor]):
    """Images of one split, uint8 (n, c, h, w), handed out as int64."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        """One image (c, h, w)."""
        return torch.from_numpy(self.images[index].astype(np.int64))

    def __getitems__(self, indices: list[int]) -> Images:
        """A whole batch (b, c, h, w); the DataLoader calls this one."""
        return torch.from_numpy(self.images[indices].astype(np.int64))


class ImageData(pl.LightningDataModule):
    """The three splits of a directory written by `prepare`, checked before any work.

    Every epoch of the training split is shuffled by torch's generator (`seed_everything` fixes it); the last, smaller
    batch is part of it. The loaders are plain, so that Lightning can give each process of a distributed run its share.

    Raises:
        InputError: a file is missing or damaged, its dtype, shape, levels or length is wrong, or a number is below 1.
    """

    def __init__(
        self, path: str | Path, shape: Sequence[int], levels: int, batch_size: int = 64, num_workers: int = 0
    ) -> None:
        super().__init__()
        if batch_size < 1 or num_workers < 0:
            raise InputError(f"batch_size={batch_size}, num_workers={num_workers}: expected at least 1 and 0")
        self.shape = check_description(shape, levels)
        self.levels = levels
        self.batch_size = batch_size
        self.num_workers = num_workers
        self._arrays = open_arrays(path, shape, levels)

    def split(self, name: str) -> np.ndarray:
        """One split, uint8 (n, c, h, w), memory-mapped and read-only."""
        if name not in self._arrays:
            raise InputError(f"no split '{name}': expected {', '.join(self._arrays)}")
        return self._arrays[name]

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Shuffled anew every epoch."""
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> DataLoader[Tensor]:
        """In file order."""
        return self._loader("val")

    def test_dataloader(self) -> DataLoader[Tensor]:
        """In file order."""
        return self._loader("test")

    def _loader(self, name: str, shuffle: bool = False) -> DataLoader[Tensor]:
        return DataLoader(
            Levels(self.split(name)),
            batch_size=self.batch_size,
            shuffle=shuffle,
            collate_fn=_as_is,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
        )


def _as_is(batch: Any) -> Any:
    """`__getitems__` made the batch already. A named function, because workers must be able to pickle it."""
    return batch
