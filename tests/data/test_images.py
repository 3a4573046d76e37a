"""Batches: the right integers, each image once an epoch, in one process and in two."""

from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from pixelrnn.data import ImageData, write_arrays
from pixelrnn.errors import InputError

SHAPE, LEVELS = (1, 2, 3), 40
COUNTS = {"train": 37, "val": 10, "test": 6}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The first pixel of image i is i, the others count on."""
    splits = {
        split: (np.arange(n)[:, None, None, None] + np.arange(6).reshape(SHAPE)).clip(max=39).astype(np.uint8)
        for split, n in COUNTS.items()
    }
    write_arrays(tmp_path / "toy", "toy", SHAPE, LEVELS, splits)
    return tmp_path / "toy"


def first_pixels(loader) -> list[int]:
    return [int(image[0, 0, 0]) for batch in loader for image in batch]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_is_a_tensor_of_whole_numbers(path: Path, workers: int) -> None:
    """Faults: a tuple or list; uint8, which wraps round when added to; a dropped last batch."""
    data = ImageData(path, SHAPE, LEVELS, batch_size=8, num_workers=workers)
    batches = list(data.train_dataloader())
    assert [tuple(batch.shape) for batch in batches] == [(8, 1, 2, 3)] * 4 + [(5, 1, 2, 3)]
    assert all(batch.dtype == torch.int64 for batch in batches)
    assert all(batch.is_contiguous() for batch in batches)


def test_every_image_once_an_epoch(path: Path) -> None:
    data = ImageData(path, SHAPE, LEVELS, batch_size=8)
    assert sorted(first_pixels(data.train_dataloader())) == list(range(37))
    assert first_pixels(data.val_dataloader()) == list(range(10))
    assert first_pixels(data.test_dataloader()) == list(range(6))


def test_images_come_whole(path: Path) -> None:
    """Fault: the index applied to another axis."""
    for x in torch.cat(list(ImageData(path, SHAPE, LEVELS, batch_size=8).val_dataloader())):
        assert x.flatten().tolist() == [int(x[0, 0, 0]) + k for k in range(6)]


def test_a_batch_is_made_by_one_index(path: Path, monkeypatch) -> None:
    """Fault: `__getitems__` misspelled, so that torch quietly falls back to one image at a time."""
    loader = ImageData(path, SHAPE, LEVELS, batch_size=8).train_dataloader()
    monkeypatch.setattr(type(loader.dataset), "__getitem__", None)
    assert len(list(loader)) == 5


def test_shuffled_anew_every_epoch_by_torchs_generator(path: Path) -> None:
    """Faults: no shuffling; the same order every epoch; numpy's generator."""
    data = ImageData(path, SHAPE, LEVELS, batch_size=8)
    torch.manual_seed(0)
    first, second = first_pixels(data.train_dataloader()), first_pixels(data.train_dataloader())
    torch.manual_seed(0)
    again = first_pixels(data.train_dataloader())
    assert first == again != second
    assert first != sorted(first)


def test_split_is_mapped_and_read_only(path: Path) -> None:
    """Faults: the whole file read into memory; a caller who changes the images on disk."""
    images = ImageData(path, SHAPE, LEVELS).split("test")
    assert (images.dtype, images.shape) == (np.uint8, (6, 1, 2, 3))
    assert isinstance(images.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 1


def test_unknown_split(path: Path) -> None:
    with pytest.raises(InputError, match="no split 'dev': expected train, val, test"):
        ImageData(path, SHAPE, LEVELS).split("dev")


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"batch_size": -1}, {"num_workers": -1}])
def test_numbers_out_of_range(path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"batch_size=.*num_workers="):
        ImageData(path, SHAPE, LEVELS, **wrong)


def test_bad_files_are_seen_before_any_work(path: Path) -> None:
    """Fault: checks in `setup` or at the first batch. All other bad files: test_arrays."""
    np.save(path / "test.npy", np.full((6, *SHAPE), 40, np.uint8))
    with pytest.raises(InputError, match=r"test\.npy: level 40 found"):
        ImageData(path, SHAPE, LEVELS)
    with pytest.raises(InputError, match=r"data\.json is missing: run `pixelrnn prepare data=nowhere`"):
        ImageData(path.parent / "nowhere", SHAPE, LEVELS)


class Witness(pl.LightningModule):
    """Trains nothing; writes down which images this process saw in each epoch."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.folder = folder
        self.seen: list[int] = []

    def training_step(self, batch: torch.Tensor) -> torch.Tensor:
        assert batch.dtype == torch.int64
        self.seen += batch[:, 0, 0, 0].tolist()
        return self.weight.sum()

    def on_train_epoch_end(self) -> None:
        torch.save(self.seen, self.folder / f"{self.current_epoch}-{self.global_rank}.pt")
        self.seen = []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_two_processes_share_an_epoch(path: Path, tmp_path: Path) -> None:
    """Fault: a sampler of our own, which Lightning leaves alone, so that both processes see every image."""
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=2,
        strategy="ddp_spawn",
        max_epochs=2,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(Witness(tmp_path), ImageData(path, SHAPE, LEVELS, batch_size=8))
    epochs = [[torch.load(tmp_path / f"{epoch}-{rank}.pt") for rank in (0, 1)] for epoch in (0, 1)]
    for shares in epochs:
        assert [len(share) for share in shares] == [19, 19]  # 37 images, one of them twice to fill up
        assert sorted(set(shares[0] + shares[1])) == list(range(37))
    assert epochs[0] != epochs[1]
