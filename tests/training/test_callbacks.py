import pandas as pd
import pytest
import torch
from PIL import Image
from pytorch_lightning import Callback
from tests import tiny

from pixelrnn.errors import InputError
from pixelrnn.training.callbacks import SampleGrid
from pixelrnn.training.grid import image_grid
from pixelrnn.training.progress import Progress


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.write_data(tmp_path_factory.mktemp("data") / "stripes")


class Watch(Callback):
    """Every epoch's validation figure and weights, as the trainer saw them."""

    def __init__(self):
        self.nats, self.weights = [], []

    def on_validation_end(self, trainer, pl_module):
        self.nats.append(trainer.callback_metrics["val/nll_nats"].item())
        self.weights.append({name: value.clone() for name, value in pl_module.model.state_dict().items()})


def test_history_has_a_row_an_epoch(tmp_path, data):
    watch = Watch()
    tiny.fit(tmp_path / "run", data, callbacks=[watch])
    rows = pd.read_csv(tmp_path / "run" / "history.csv")
    assert rows.columns.tolist() == [
        *["epoch", "step", "images", "seconds"],
        *["train/nll_nats", "train/bits_per_dim", "val/nll_nats", "val/bits_per_dim", "lr"],
    ]
    assert rows["epoch"].tolist() == [0, 1, 2]
    assert rows["step"].tolist() == [6, 12, 18]
    assert rows["images"].tolist() == [21, 42, 63]
    assert rows["seconds"].is_monotonic_increasing
    assert rows["val/nll_nats"].tolist() == pytest.approx(watch.nats)
    assert not rows.isna().any(axis=None)


def test_history_leaves_out_what_was_not_measured(tmp_path, data):
    """Fault: the trainer's last validation figure repeated."""
    tiny.fit(tmp_path / "run", data, epochs=3, check_val_every_n_epoch=2)
    rows = pd.read_csv(tmp_path / "run" / "history.csv")
    assert rows["val/nll_nats"].isna().tolist() == [True, False, True]


class Spoil(Callback):
    """Ruins the weights after the second epoch."""

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 2:
            for parameter in pl_module.model.parameters():
                parameter.data += 5


def test_best_weights_are_kept(tmp_path, data):
    """Fault: the last weights, or a reference to them in place of a copy."""
    watch = Watch()
    run = tiny.fit(tmp_path / "run", data, callbacks=[Spoil(), watch])
    best = min(range(3), key=watch.nats.__getitem__)
    assert best < 2
    assert run.read("training.json")["best_epoch"] == best
    assert run.read("training.json")["val_nll_nats"] == pytest.approx(watch.nats[best])
    assert all(torch.equal(value, watch.weights[best][name]) for name, value in run.model.state_dict().items())


def test_grid_every_n_epochs_and_at_the_end(tmp_path, data, monkeypatch):
    """Fault: none at the end."""
    drawn = []
    monkeypatch.setattr("pixelrnn.training.callbacks.save_grid", lambda samples, *_, **__: drawn.append(samples))
    tiny.fit(tmp_path / "run", data, epochs=5, callbacks=[SampleGrid(every=2, images=3, seed=1)])
    assert len(drawn) == 3
    assert drawn[0].shape == (3, *tiny.SHAPE)
    assert not torch.equal(drawn[0], drawn[2])


def test_grid_has_random_numbers_of_its_own(tmp_path, data, monkeypatch):
    """Fault: the global ones, so that pictures of different epochs differ by luck."""
    drawn = []
    monkeypatch.setattr("pixelrnn.training.callbacks.save_grid", lambda samples, *_, **__: drawn.append(samples))
    tiny.fit(tmp_path / "run", data, epochs=1, callbacks=[SampleGrid(seed=seed) for seed in (1, 1, 2)])
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_grid_file(tmp_path, data):
    tiny.fit(tmp_path / "run", data, epochs=1, callbacks=[SampleGrid(images=8)])
    assert Image.open(tmp_path / "run" / "grid.png").mode == "RGB"


@pytest.mark.parametrize("wrong", [{"every": 0}, {"images": 0}])
def test_grid_refuses(wrong):
    with pytest.raises(InputError, match=r"callbacks\.samples"):
        SampleGrid(**wrong)


def test_image_grid_maps_levels_to_gray_and_enlarges_pixels():
    images = torch.tensor([[[[0, 1], [2, 2]]], [[[2, 0], [0, 0]]]])
    grid = image_grid(images, levels=3, columns=2, side=6)
    assert grid.shape == (3, 6 + 8, 12 + 12)
    assert grid.dtype == torch.uint8
    first = grid[0, 4:10, 4:10]
    assert first.tolist() == [[0] * 3 + [128] * 3] * 3 + [[255] * 6] * 3


def test_log_file_gets_a_line_an_epoch(tmp_path, data, capsys):
    tiny.fit(tmp_path / "run", data, epochs=2, callbacks=[Progress()], enable_progress_bar=True)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch ")]
    assert len(lines) == 2
    assert "val bits/dim" in lines[1]
    assert "images/s" in lines[1]
