import pandas as pd
import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import EMAWeightAveraging
from tests.support import tiny

from pixelrnn.errors import InputError
from pixelrnn.runs.directory import CHECKPOINT
from pixelrnn.runs.frame import history
from pixelrnn.stages.evaluate import evaluate
from pixelrnn.training import SampleGrid
from pixelrnn.training.callbacks import BestWeights


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.write_data(tmp_path_factory.mktemp("data") / "stripes")


class Watch(Callback):
    """Every epoch's validation figure and weights, as the trainer saw them."""

    def __init__(self):
        self.nats, self.weights = [], []

    def on_validation_end(self, trainer, pl_module):
        self.nats.append(trainer.callback_metrics["val/nll_nats"].item())
        self.weights.append(
            {name: value.clone() for name, value in pl_module.model.state_dict().items()}
        )


def test_history_has_a_row_an_epoch(tmp_path, data):
    watch = Watch()
    tiny.fit(tmp_path / "run", data, callbacks=[watch])
    rows = pd.read_csv(tmp_path / "run" / "history.csv")
    assert rows.columns.tolist() == [
        *["epoch", "step", "images"],
        *["train/nll_nats", "train/bits_per_dim", "val/nll_nats", "val/bits_per_dim", "lr"],
    ]
    assert rows["epoch"].tolist() == [0, 1, 2]
    assert rows["step"].tolist() == [6, 12, 18]
    assert rows["images"].tolist() == [21, 42, 63]
    assert history(tmp_path / "run")["seconds"].is_monotonic_increasing
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
                parameter.data *= -1


def test_best_weights_are_kept(tmp_path, data):
    """Fault: the last weights, or a reference to them in place of a copy."""
    watch = Watch()
    run = tiny.fit(tmp_path / "run", data, callbacks=[Spoil(), watch])
    best = min(range(3), key=watch.nats.__getitem__)
    assert best < 2
    assert run.files.read("training.json")["best_epoch"] == best
    assert run.files.read("training.json")["val_nll_nats"] == pytest.approx(watch.nats[best])
    assert all(
        torch.equal(value, watch.weights[best][name])
        for name, value in run.model.state_dict().items()
    )


class Figures:
    """A trainer and module whose validations cost these nats."""

    sanity_checking = False

    def __init__(self, nats):
        self.nats, self.model, self.val_nll = nats, torch.nn.Linear(1, 1), self
        self.current_epoch = -1

    def compute(self):
        return {"val/nll_nats": torch.tensor(self.nats[self.current_epoch])}


def test_best_is_the_lowest_however_little_it_is():
    """Faults: a tolerance (worse by up to five nats is better), or the later of two equal ones."""
    best, run = BestWeights(), Figures([3.0, 2.0, 2.5, 2.0, 1.9, 1.95])
    epochs = []
    for epoch in range(6):
        run.current_epoch = epoch
        with torch.no_grad():
            run.model.weight.fill_(epoch)
        best.on_validation_epoch_end(run, run)
        epochs.append(best.epoch)
        assert best.weights["weight"].item() == best.epoch
    assert epochs == [0, 1, 1, 1, 4, 4]


def test_the_best_of_before_an_interruption_stays():
    """Fault: after a resume the first epoch is the best, whatever it is."""
    before, after, run = BestWeights(), BestWeights(), Figures([2.0, 2.5])
    run.current_epoch = 0
    before.on_validation_epoch_end(run, run)
    after.load_state_dict(before.state_dict())
    run.current_epoch = 1
    after.on_validation_epoch_end(run, run)
    assert after.epoch == 0
    assert torch.equal(after.weights["weight"], before.weights["weight"])


class Poison(Callback):
    """Makes a weight infinite: before the second epoch, or after its last step."""

    def __init__(self, late):
        self.late = late

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1 and not self.late:
            self.poison(pl_module)

    def on_validation_start(self, trainer, pl_module):
        if trainer.current_epoch == 1 and self.late:
            self.poison(pl_module)

    def poison(self, pl_module):
        next(pl_module.model.parameters()).data[:] = torch.inf


@pytest.mark.parametrize(
    ("late", "options"), [(False, {}), (True, {}), (False, {"limit_val_batches": 0})]
)
def test_a_loss_that_is_no_number_stops_the_run(tmp_path, data, late, options):
    """One line, and weights to continue from.

    Faults: a checkpoint of NaNs, or a look at the losses only.
    """
    with pytest.raises(
        InputError,
        match=r"^the loss is nan in epoch 2, step .*: lower optimizer\.lr or .*clip_val; .*last\.ckpt has the",
    ):
        tiny.fit(tmp_path / "run", data, callbacks=[Poison(late), SampleGrid(every=1)], **options)
    state = torch.load(tmp_path / "run" / CHECKPOINT, weights_only=True)
    assert state["epoch"] == 0
    assert all(value.isfinite().all() for value in state["state_dict"].values())


class Steps(Callback):
    """The weights after every step, and those that a validation saw."""

    def __init__(self):
        self.weights, self.validated = [], []

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.weights.append(copy(pl_module.model))

    def on_validation_epoch_end(self, trainer, pl_module):
        self.validated.append(copy(pl_module.model))


def copy(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(a, b):
    return all(torch.allclose(a[name], b[name], rtol=1e-4, atol=1e-6) for name in a)


def ema(decay=0.8):
    return EMAWeightAveraging(decay=decay, use_buffers=False)


def averages(weights, decay=0.8):
    """By the formula, from the weights after each step."""
    average, every = weights[0], []
    for step in weights:
        average = {name: decay * average[name] + (1 - decay) * step[name] for name in step}
        every.append(average)
    return every


def test_averaged_weights_are_validated_and_saved(tmp_path, data):
    """Faults: the trained weights saved, since Lightning swaps back before a validation's end; samples from those."""
    steps = Steps()
    run = tiny.fit(tmp_path / "run", data, callbacks=[ema(), steps])
    expected = averages(steps.weights)[5::6]  # after each epoch
    assert all(same(a, b) for a, b in zip(steps.validated, expected, strict=True))
    assert not same(expected[-1], steps.weights[-1])
    best = run.files.read("training.json")["best_epoch"]
    assert same(run.model.state_dict(), expected[best])
    assert evaluate(run.path, split="val")["nll_nats"] == pytest.approx(
        run.files.read("training.json")["val_nll_nats"]
    )


def test_averages_continue_after_an_interruption(tmp_path, data):
    """Fault: an average that starts anew, or training that goes on from the average."""
    whole = tiny.fit(tmp_path / "whole", data, callbacks=[ema()])
    with pytest.raises(InputError):
        tiny.fit(tmp_path / "run", data, callbacks=[ema(), Poison(late=False)])
    resumed = tiny.fit(tmp_path / "run", data, callbacks=[ema()])
    assert same(resumed.model.state_dict(), whole.model.state_dict())
    theirs, ours = (
        pd.read_csv(run.path / "history.csv")["val/nll_nats"].tolist() for run in (whole, resumed)
    )
    assert ours == pytest.approx(theirs)
