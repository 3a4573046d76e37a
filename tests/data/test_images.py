"""Batches: the right integers, each image once an epoch, in one process and in two, changed at
random or not.
"""

import mmap
import pickle
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from tests.support import tiny

from pixelrnn.data import ImageData, write_arrays
from pixelrnn.data.images import FileImages
from pixelrnn.errors import InputError
from pixelrnn.training.checkpoints import LastCheckpoint

SHAPE, LEVELS = (1, 2, 3), 40
COUNTS = {"train": 37, "val": 10, "test": 6}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The first pixel of image i is i, the others count on."""
    splits = {
        split: (np.arange(n)[:, None, None, None] + np.arange(6).reshape(SHAPE))
        .clip(max=39)
        .astype(np.uint8)
        for split, n in COUNTS.items()
    }
    write_arrays(tmp_path / "toy", "toy", SHAPE, LEVELS, splits)
    return tmp_path / "toy"


def train_batches(data: ImageData, epoch: int = 0) -> list[torch.Tensor]:
    loader = data.train_dataloader()
    loader.sampler.set_epoch(epoch)
    return list(loader)


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


@pytest.mark.parametrize("large", [2**30, 0])
def test_images_come_whole(path: Path, monkeypatch, large: int) -> None:
    """Fault: the index applied to another axis. Files above a size are read with other advice to
    the system.
    """
    monkeypatch.setattr("pixelrnn.data.npy.LARGE", large)
    data = ImageData(path, SHAPE, LEVELS, batch_size=8)
    assert sorted(first_pixels(data.train_dataloader())) == list(range(37))
    for x in torch.cat(list(data.val_dataloader())):
        assert x.flatten().tolist() == [int(x[0, 0, 0]) + k for k in range(6)]


def test_a_batch_is_made_by_one_index(path: Path, monkeypatch) -> None:
    """Fault: `__getitems__` misspelled, so that torch quietly falls back to one image at a time."""
    asked = []
    take = FileImages._take
    monkeypatch.setattr(
        FileImages, "_take", lambda self, picks: asked.append(1) or take(self, picks)
    )
    data = ImageData(path, SHAPE, LEVELS, batch_size=8)
    assert [len(list(data.train_dataloader())), len(asked)] == [5, 5]
    assert [len(list(data.val_dataloader())), len(asked)] == [2, 7]


def test_shuffled_anew_every_epoch_by_the_seed(path: Path) -> None:
    """Faults: no shuffling; the same order every epoch; a seed that does not reach the sampler."""
    data = ImageData(path, SHAPE, LEVELS, batch_size=8, seed=3)
    first, second = (first_pixels(train_batches(data, epoch)) for epoch in (0, 1))
    assert first == first_pixels(train_batches(data, 0)) != second
    assert first != sorted(first)
    assert first != first_pixels(train_batches(ImageData(path, SHAPE, LEVELS, batch_size=8), 0))


def test_the_runs_seed_reaches_the_shuffle(pixelrnn, monkeypatch) -> None:
    """Fault: images shuffled by seed 0 whatever the run's."""
    given = []

    def note(images, batch_size, seed, *processes):
        given.append(seed)
        raise InputError("noted")

    monkeypatch.setattr("pixelrnn.data.images.Shuffled", note)
    code, _, err = pixelrnn("train", *tiny.WORDS, "seed=7")
    assert (code, "noted" in err, given) == (2, True, [7])


def test_split_is_mapped_and_read_only(path: Path) -> None:
    """Faults: the whole file read into memory; a caller who changes the images on disk."""
    images = ImageData(path, SHAPE, LEVELS).split("test")
    assert (images.dtype, images.shape) == (np.uint8, (6, 1, 2, 3))
    assert isinstance(images.base, mmap.mmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 1


def test_unknown_split(path: Path) -> None:
    with pytest.raises(InputError, match="no split 'dev': expected train, val, test"):
        ImageData(path, SHAPE, LEVELS).split("dev")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("batch_size", 0),
        ("batch_size", -1),
        ("batch_size", "8"),
        ("num_workers", -1),
        ("num_workers", None),
        ("seed", -1),
        ("flip", "maybe"),
        ("flip", 1),
        ("resample", None),
        ("mutate", True),
        ("mutate", 1.5),
        ("mutate", "much"),
    ],
)
def test_keys_of_another_kind(path: Path, key: str, value: object) -> None:
    """Faults: a TypeError let through; any text taken for true."""
    with pytest.raises(InputError, match=f"{key}={value!r} must be"):
        ImageData(path, SHAPE, LEVELS, **{key: value})


def test_a_home_folder_is_expanded(path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(path.parent))
    data = ImageData("~/toy", SHAPE, LEVELS, batch_size=8)
    assert first_pixels(data.test_dataloader()) == list(range(6))
    with pytest.raises(InputError, match=r"data\.path=2024 must be text"):
        ImageData(2024, SHAPE, LEVELS)


def test_bad_files_are_seen_before_any_work(path: Path) -> None:
    """Fault: checks in `setup` or at the first batch. All other bad files: test_arrays."""
    np.save(path / "test.npy", np.full((6, *SHAPE), 40, np.uint8))
    with pytest.raises(InputError, match=r"test\.npy: level 40 found"):
        ImageData(path, SHAPE, LEVELS)
    with pytest.raises(
        InputError, match=r"data\.json is missing: run `pixelrnn prepare data=nowhere`"
    ):
        ImageData(path.parent / "nowhere", SHAPE, LEVELS)


class Witness(pl.LightningModule):
    """Trains nothing; writes down what this process saw, a list of batches an epoch."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.folder = folder
        self.seen: list[torch.Tensor] = []

    def training_step(self, batch: torch.Tensor) -> torch.Tensor:
        assert batch.dtype == torch.int64
        self.seen.append(batch)
        return self.weight.sum()

    def on_train_epoch_end(self) -> None:
        torch.save(self.seen, self.folder / f"{self.current_epoch}-{self.global_rank}.pt")
        self.seen = []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_two_processes_share_the_batches_of_one(path: Path, tmp_path: Path, workers: int) -> None:
    """Flipped alike, too. Faults: a sampler that Lightning replaces, whose shares repeat an image;
    one that it leaves alone and that gives every process every image.
    """
    options = {"flip": True, "seed": 5, "num_workers": workers}
    trainer = pl.Trainer(
        devices=2, strategy="ddp_spawn", max_epochs=2, default_root_dir=tmp_path, **QUIET
    )
    trainer.fit(Witness(tmp_path), ImageData(path, SHAPE, LEVELS, batch_size=4, **options))
    alone = ImageData(path, SHAPE, LEVELS, batch_size=8, **options)
    for epoch in (0, 1):
        shares = [torch.load(tmp_path / f"{epoch}-{rank}.pt") for rank in (0, 1)]
        assert [len(share) for share in shares] == [5, 5]
        for batch, *parts in zip(train_batches(alone, epoch), *shares, strict=True):
            together = torch.cat(parts)
            assert sorted(together.flatten(1).tolist()) == sorted(batch.flatten(1).tolist())


def test_a_few_batches_over_and_over(path: Path, tmp_path: Path) -> None:
    """Faults: other images in every epoch; single images, as Lightning's own sampler would pick."""
    trainer = pl.Trainer(max_epochs=2, overfit_batches=2, default_root_dir=tmp_path, **QUIET)
    data = ImageData(path, SHAPE, LEVELS, batch_size=8, flip=True)
    trainer.fit(Witness(tmp_path), data)
    first, second = (torch.load(tmp_path / f"{epoch}-0.pt") for epoch in (0, 1))
    assert [tuple(batch.shape) for batch in first] == [(8, *SHAPE)] * 2
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


# Changed at random


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Two levels, drawn from gray 0, 51, 204, 255 in the four columns."""
    splits = {split: np.zeros((n, 1, 2, 4), np.uint8) for split, n in COUNTS.items()}
    gray = np.broadcast_to(np.array([0, 51, 204, 255], np.uint8), (37, 1, 2, 4))
    write_arrays(tmp_path / "drawn", "drawn", (1, 2, 4), 2, splits | {"train_gray": gray})
    return tmp_path / "drawn"


def epoch(data: ImageData, number: int = 0) -> torch.Tensor:
    return torch.cat(train_batches(data, number))


def test_half_of_the_training_images_are_mirrored(path: Path) -> None:
    """Faults: all of them, or whole batches; upside down; the same ones every epoch; validation
    images, too.
    """
    data = ImageData(path, SHAPE, LEVELS, batch_size=8, flip=True)
    epochs = [epoch(data, number) for number in range(30)]
    whole = torch.from_numpy(data.split("train").astype(np.int64))
    mirrored = torch.zeros(30, 37)
    for i, images in enumerate(epochs):
        for x in images:
            number = int(min(x[0, 0, 0], x[0, 0, 2]))
            mirrored[i, number] = not torch.equal(x, whole[number])
            assert torch.equal(x.flip(-1) if mirrored[i, number] else x, whole[number])
    assert 0.4 < mirrored.mean() < 0.6
    assert (mirrored.mean(0) > 0.1).all()
    assert (mirrored.mean(0) < 0.9).all()
    assert torch.equal(
        torch.cat(list(data.val_dataloader())), torch.from_numpy(data.split("val").astype(np.int64))
    )
    assert first_pixels(data.test_dataloader()) == list(range(6))


def test_training_images_are_drawn_anew_from_their_gray(drawn: Path) -> None:
    """Faults: one drawing for all epochs; ink as likely as 1 - gray; gray levels handed out;
    validation drawn, too.
    """
    data = ImageData(drawn, (1, 2, 4), 2, batch_size=8, resample=True)
    epochs = torch.stack([epoch(data, number) for number in range(40)]).double()
    assert epochs.unique().tolist() == [0, 1]
    assert torch.allclose(
        epochs.mean((0, 1, 2, 3)), torch.tensor([0, 0.2, 0.8, 1]).double(), atol=0.02
    )
    assert not torch.equal(epochs[0], epochs[1])
    assert not data.split("train").any()
    assert not torch.cat([*data.val_dataloader(), *data.test_dataloader()]).any()
    assert not epoch(ImageData(drawn, (1, 2, 4), 2)).any()


def test_both_at_once(drawn: Path) -> None:
    means = epoch(ImageData(drawn, (1, 2, 4), 2, flip=True, resample=True)).double().mean((0, 1, 2))
    assert ((means - means.flip(0)).abs() < 0.45).all()
    assert 0.2 < means[0] < 0.8


def test_a_share_of_the_levels_is_drawn_anew(drawn: Path, path: Path) -> None:
    """All training images are 0, so that a third of the levels drawn anew show.

    Faults: images replaced as a whole; the highest level never drawn; the same places every epoch;
    validation changed, too.
    """
    data = ImageData(drawn, (1, 2, 4), 2, batch_size=8, mutate=0.6)
    epochs = torch.stack([epoch(data, number) for number in range(60)]).double()
    assert epochs.unique().tolist() == [0, 1]
    assert ((epochs.mean((0, 1)) - 0.3).abs() < 0.05).all()  # 2,220 draws a place
    assert 0.02 < (epochs.flatten(2).sum(-1) == 0).double().mean() < 0.1  # 0.7^8 is 0.06
    assert not torch.equal(epochs[0], epochs[1])
    assert not torch.cat([*data.val_dataloader(), *data.test_dataloader()]).any()
    many = epoch(ImageData(path, SHAPE, LEVELS, batch_size=8, mutate=1.0))
    assert many.min() == 0
    assert many.max() == LEVELS - 1


def test_nothing_to_draw_from(path: Path, drawn: Path) -> None:
    with pytest.raises(InputError, match=r"resample=true draws two levels, but data\.levels is 40"):
        ImageData(path, SHAPE, LEVELS, resample=True)
    (drawn / "train_gray.npy").unlink()
    ImageData(drawn, (1, 2, 4), 2)
    with pytest.raises(InputError, match=r"train_gray\.npy is missing"):
        ImageData(drawn, (1, 2, 4), 2, resample=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(drawn: Path, workers: int) -> None:
    """Faults: what is drawn follows from a worker's generator, or from which batches it has had."""
    options = {"batch_size": 8, "flip": True, "resample": True}
    alone = ImageData(drawn, (1, 2, 4), 2, **options)
    loader = ImageData(drawn, (1, 2, 4), 2, num_workers=workers, **options).train_dataloader()
    for number in (0, 1, 2):
        loader.sampler.set_epoch(number)
        assert torch.equal(torch.cat(list(loader)), epoch(alone, number))


class Diary(pl.LightningModule):
    """Trains nothing; writes down what it saw, an entry an epoch.

    Asks how many steps there will be, as schedules do: Lightning then makes its loader at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.epochs: dict[int, list[torch.Tensor]] = {}

    def training_step(self, batch: torch.Tensor) -> torch.Tensor:
        self.epochs.setdefault(self.current_epoch, []).append(batch)
        return self.weight.sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        assert self.trainer.estimated_stepping_batches
        return torch.optim.SGD(self.parameters(), lr=0.1)


def diary(
    data: ImageData, folder: Path, epochs: int, resume: bool = False
) -> dict[int, torch.Tensor]:
    quiet = {key: value for key, value in QUIET.items() if key != "enable_checkpointing"}
    trainer = pl.Trainer(
        max_epochs=epochs, callbacks=[LastCheckpoint({})], default_root_dir=folder, **quiet
    )
    module = Diary()
    torch.manual_seed(epochs)  # whatever came before an epoch has no part in it
    last = folder / "checkpoints" / "last.ckpt" if resume else None
    trainer.fit(module, datamodule=data, ckpt_path=last, weights_only=True)
    return {i: torch.cat(batches) for i, batches in module.epochs.items()}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_run_sees_what_an_uninterrupted_one_does(
    drawn: Path, tmp_path: Path, workers: int
) -> None:
    """Faults: the order of epoch 0 in the first epoch after a resume, which workers begin to load
    before Lightning says which it is; a generator seeded once for all epochs.
    """

    def data() -> ImageData:
        options = {"batch_size": 8, "num_workers": workers, "flip": True, "resample": True}
        return ImageData(drawn, (1, 2, 4), 2, seed=3, **options)

    whole = diary(data(), tmp_path / "a", epochs=3)
    first = diary(data(), tmp_path / "b", epochs=1)
    rest = diary(data(), tmp_path / "b", epochs=3, resume=True)
    assert (sorted(whole), sorted(first), sorted(rest)) == ([0, 1, 2], [0], [1, 2])
    for i, images in (first | rest).items():
        assert torch.equal(images, whole[i])
        assert torch.equal(images, epoch(data(), i))
    assert not torch.equal(whole[1], whole[2])


def test_another_process_is_not_sent_the_images(drawn: Path) -> None:
    """Fault: memory-mapped arrays pickled with what they hold, 15 GB for each process."""
    many = {split: np.zeros((5000, 1, 2, 4), np.uint8) for split in COUNTS}
    write_arrays(drawn, "drawn", (1, 2, 4), 2, many | {"train_gray": many["train"]})
    data = ImageData(drawn, (1, 2, 4), 2, batch_size=8, flip=True, resample=True)
    data.split("train")
    loader = data.train_dataloader()
    assert len(loader) == 625
    for thing in (data, loader.dataset):
        assert len(pickle.dumps(thing)) < 5000
    again = pickle.loads(pickle.dumps(data))
    assert len(again.split("train")) == len(again.train_dataloader().dataset) == 5000
