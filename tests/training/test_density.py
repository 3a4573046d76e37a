import math
from functools import partial

import pytest
import torch
from pytorch_lightning import Trainer
from tests import tiny

from pixelrnn.data import ImageData
from pixelrnn.errors import InputError
from pixelrnn.training.density import DensityModule
from pixelrnn.training.schedules import constant

SGD = partial(torch.optim.SGD, lr=0.0)


@pytest.fixture
def data(tmp_path):
    return ImageData(tiny.write_data(tmp_path / "data"), tiny.SHAPE, tiny.LEVELS, batch_size=4)


def fit(module, data, **options):
    trainer = Trainer(max_epochs=1, logger=False, enable_checkpointing=False, **(tiny.QUIET | options))
    trainer.fit(module, datamodule=data)
    return trainer


def exact(model, images):
    with torch.no_grad():
        return -model.log_prob(torch.from_numpy(images[:].astype("int64"))).double().mean().item()


def test_epoch_figures_are_the_means_over_all_images(data):
    """With a rate of 0 the model stands still. Fault: batch means (21 images in batches of 4), or bits for nats."""
    module = DensityModule(tiny.model(), SGD)
    metrics = fit(module, data).callback_metrics
    for split in ("train", "val"):
        nats = exact(module.model, data.split(split))
        assert metrics[f"{split}/nll_nats"].item() == pytest.approx(nats, rel=1e-6)
        assert metrics[f"{split}/bits_per_dim"].item() == pytest.approx(nats / 16 / math.log(2), rel=1e-6)


def test_loss_is_nats_per_dimension(data):
    """Fault: the loss per image, whose gradient grows with the image."""
    module = DensityModule(tiny.model(), SGD)
    fit(module, data, limit_train_batches=1)
    module.log = module.log_dict = lambda *_, **__: None  # outside of a fit there is nowhere to log to
    x = next(iter(data.train_dataloader()))
    assert module.training_step(x, 0).item() == pytest.approx(exact(module.model, x.numpy()) / 16, rel=1e-6)


def test_schedule_spans_the_run_and_steps_every_batch(data):
    """Fault: interval "epoch"."""
    asked = []

    def schedule(optimizer, steps):
        asked.append(steps)
        return constant(optimizer, steps, warmup=0.5)

    trainer = fit(DensityModule(tiny.model(), partial(torch.optim.SGD, lr=1.0), schedule), data)
    assert asked == [10, 6]  # tried at once, then built for 21 images in batches of 4
    assert trainer.callback_metrics["lr"] == 1.0


@pytest.mark.parametrize("optimizer", [partial(torch.optim.SGD, lr=-1), partial(torch.optim.SGD, nope=1)])
def test_wrong_optimizer_argument_is_found_at_once(optimizer):
    with pytest.raises(InputError, match="optimizer: "):
        DensityModule(tiny.model(), optimizer)


def test_wrong_scheduler_argument_is_found_at_once():
    with pytest.raises(InputError, match="scheduler: "):
        DensityModule(tiny.model(), SGD, partial(constant, nope=1))
