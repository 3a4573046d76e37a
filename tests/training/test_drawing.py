import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_lightning import Callback
from pytorch_lightning.loggers import WandbLogger
from tests.support import tiny

from pixelrnn.errors import InputError
from pixelrnn.models.in_batches import Sampler
from pixelrnn.pictures.grids import completion_grid, enlarge
from pixelrnn.training import Completions, SampleGrid


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.write_data(tmp_path_factory.mktemp("data") / "stripes")


def test_grid_every_n_epochs_and_at_the_end(tmp_path, data, monkeypatch):
    """Fault: none at the end."""
    drawn = []
    monkeypatch.setattr(
        "pixelrnn.training.drawing.enlarge",
        lambda samples, *_, **size: drawn.append(samples) or enlarge(samples, *_, **size),
    )
    tiny.fit(tmp_path / "run", data, epochs=5, callbacks=[SampleGrid(every=2, images=3, seed=1)])
    assert len(drawn) == 3
    assert drawn[0].shape == (3, *tiny.SHAPE)
    assert (drawn[0] != drawn[2]).any()


def test_grid_has_random_numbers_of_its_own(tmp_path, data, monkeypatch):
    """Fault: the global ones, so that pictures of different epochs differ by luck."""
    drawn = []
    monkeypatch.setattr(
        "pixelrnn.training.drawing.enlarge",
        lambda samples, *_, **size: drawn.append(samples) or enlarge(samples, *_, **size),
    )
    grids = [SampleGrid(every, seed=seed) for every, seed in ((1, 1), (2, 1), (1, 2))]
    tiny.fit(tmp_path / "run", data, epochs=1, callbacks=grids)
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).any()


def test_grids_of_all_epochs_survive_an_interruption(tmp_path, data):
    """Faults: the latest only; after a resume, those from then on only."""
    whole = tiny.fit(tmp_path / "whole", data, epochs=5, callbacks=[SampleGrid(every=2, images=3)])
    with pytest.raises(RuntimeError, match="stop"):
        tiny.fit(
            tmp_path / "run",
            data,
            epochs=5,
            callbacks=[SampleGrid(every=2, images=3), StopAfter(3)],
        )
    (tmp_path / "run/grids.npy").unlink()  # as DVC does before a stage
    run = tiny.fit(tmp_path / "run", data, epochs=5, callbacks=[SampleGrid(every=2, images=3)])
    grids = [np.load(each.path / "grids.npy") for each in (whole, run)]
    assert grids[0]["epoch"].tolist() == [2, 4, 5]
    assert grids[0].tobytes() == grids[1].tobytes()


def test_grid_file(tmp_path, data):
    tiny.fit(tmp_path / "run", data, epochs=1, callbacks=[SampleGrid(images=8)])
    with Image.open(tmp_path / "run" / "grid.png") as grid:
        assert (grid.mode, grid.size) == ("RGB", (8 * 68 + 4, 68 + 4))


@pytest.mark.parametrize("wrong", [{"every": 0}, {"images": 0}])
def test_grid_refuses(wrong):
    with pytest.raises(InputError, match=r"callbacks\.samples"):
        SampleGrid(**wrong)


class StopAfter(Callback):
    """Breaks off in the epoch after so many."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == self.epochs:
            raise RuntimeError("stop")


class Recorder(WandbLogger):
    """W&B's logger without W&B: keeps the pictures."""

    experiment = None

    def __init__(self):
        super().__init__()
        self.pictures = {}

    def log_image(self, key, images, **_):
        self.pictures.setdefault(key, []).extend(images)

    def log_metrics(self, *_, **__):
        pass

    def log_hyperparams(self, params):
        pass


def test_completions_of_the_best_model_keep_the_top_half(tmp_path, data):
    """Drawn again from the saved weights.

    Faults: the last weights, training images, or a row for each completion.
    """
    callbacks, recorder = [Completions(images=3, times=2, seed=5), SpoilAfterTheFirst()], Recorder()
    run = tiny.fit(
        tmp_path / "run", data, epochs=2, callbacks=callbacks, logger={"recorder": recorder}
    )
    known = torch.tensor([[True] * 4] * 2 + [[False] * 4] * 2)
    drawn = Sampler(run.model, seed=5).complete(run.split("test")[[0, 2, 4]], known, times=2)
    (picture,) = recorder.pictures["completions"]
    assert (picture == np.asarray(completion_grid(drawn, known.numpy(), tiny.LEVELS))).all()


class SpoilAfterTheFirst(Callback):
    """Ruins the weights after the first epoch."""

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            for parameter in pl_module.model.parameters():
                parameter.data *= -1


def test_no_completions_without_anybody_to_show_them_to(tmp_path, data, monkeypatch):
    monkeypatch.setattr("pixelrnn.training.drawing.Sampler", None)
    assert tiny.fit(tmp_path / "run", data, epochs=1, callbacks=[Completions()]).finished


@pytest.mark.parametrize("wrong", [{"images": 0}, {"times": 0}])
def test_completions_refuse(wrong):
    with pytest.raises(InputError, match=r"callbacks\.completions"):
        Completions(**wrong)
