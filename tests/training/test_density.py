import math
from functools import partial

import pytest
import torch
from pytorch_lightning import Trainer
from tests.support import tiny
from torch.utils.data import DataLoader

from pixelrnn.data import ImageData
from pixelrnn.errors import InputError
from pixelrnn.training.density import DensityModule
from pixelrnn.training.schedules import constant

SGD = partial(torch.optim.SGD, lr=0.0)


@pytest.fixture
def data(tmp_path):
    return ImageData(tiny.write_data(tmp_path / "data"), tiny.SHAPE, tiny.LEVELS, batch_size=4)


def fit(module, data, **options):
    trainer = Trainer(
        max_epochs=1, logger=False, enable_checkpointing=False, **(tiny.QUIET | options)
    )
    trainer.fit(module, datamodule=data)
    return trainer


def exact(model, images):
    with torch.no_grad():
        return -model.log_prob(torch.from_numpy(images[:].astype("int64"))).double().mean().item()


def test_epoch_figures_are_the_means_over_all_images(data):
    """With a rate of 0 the model stands still.

    Fault: batch means (21 images in batches of 4), or bits for nats.
    """
    module = DensityModule(tiny.model(), SGD)
    metrics = fit(module, data).callback_metrics
    for split in ("train", "val"):
        nats = exact(module.model, data.split(split))
        assert metrics[f"{split}/nll_nats"].item() == pytest.approx(nats, rel=1e-6)
        assert metrics[f"{split}/bits_per_dim"].item() == pytest.approx(
            nats / 16 / math.log(2), rel=1e-6
        )


def test_loss_is_nats_per_dimension(data):
    """Fault: the loss per image, whose gradient grows with the image."""
    module = DensityModule(tiny.model(), SGD)
    fit(module, data, limit_train_batches=1)
    module.log = module.log_dict = lambda *_, **__: (
        None
    )  # outside of a fit there is nowhere to log to
    x = next(iter(data.train_dataloader()))
    assert module.training_step(x, 0).item() == pytest.approx(
        exact(module.model, x.numpy()) / 16, rel=1e-6
    )


def test_schedule_spans_the_run_and_steps_every_batch(data):
    """Fault: interval "epoch"."""
    asked = []

    def schedule(optimizer, steps):
        asked.append(steps)
        return constant(optimizer, steps, warmup=0.5)

    trainer = fit(DensityModule(tiny.model(), partial(torch.optim.SGD, lr=1.0), schedule), data)
    assert asked == [10, 6]  # tried at once, then built for 21 images in batches of 4
    assert trainer.callback_metrics["lr"] == 1.0


@pytest.mark.parametrize(
    "optimizer", [partial(torch.optim.SGD, lr=-1), partial(torch.optim.SGD, nope=1)]
)
def test_wrong_optimizer_argument_is_found_at_once(optimizer):
    with pytest.raises(InputError, match="optimizer: "):
        DensityModule(tiny.model(), optimizer)


def test_wrong_scheduler_argument_is_found_at_once():
    with pytest.raises(InputError, match="scheduler: "):
        DensityModule(tiny.model(), SGD, partial(constant, nope=1))


def test_validation_is_in_full_precision_whatever_training_is(data):
    """Fault: Lightning's autocast, which also covers validation."""
    module = DensityModule(tiny.pushed_model(), SGD)
    metrics = fit(module, data, precision="bf16-mixed").callback_metrics
    assert metrics["val/nll_nats"].item() == pytest.approx(
        exact(module.model, data.split("val")), rel=1e-6
    )
    assert metrics["train/nll_nats"].item() != pytest.approx(
        exact(module.model, data.split("train")), rel=1e-6
    )


def in_order(data, n):
    """Make `data` give its training images in file order; the first `n` of them."""
    images = torch.from_numpy(data.split("train").astype("int64"))
    data.train_dataloader = lambda: DataLoader(images, batch_size=data.batch_size)
    return images[:n]


def test_gradient_norm_is_that_before_clipping(data):
    """Of the batch, by hand. Faults: after clipping, or of another step."""
    model, x = tiny.pushed_model(), in_order(data, 4)
    (-model.log_prob(x).mean() / 16).backward()
    norm = math.sqrt(sum(parameter.grad.square().sum().item() for parameter in model.parameters()))
    module = DensityModule(tiny.pushed_model(), partial(torch.optim.SGD, lr=1.0))
    options = {"gradient_clip_val": norm / 10, "log_every_n_steps": 1, "limit_train_batches": 1}
    metrics = fit(module, data, **options).callback_metrics
    assert metrics["gradient_norm"].item() == pytest.approx(norm, rel=1e-5)
    steps = [a - b for a, b in zip(module.model.parameters(), model.parameters(), strict=True)]
    assert math.sqrt(sum(step.square().sum().item() for step in steps)) == pytest.approx(
        norm / 10, rel=1e-3
    )


def test_two_batches_accumulated_are_one_of_twice_the_size(data):
    """And the schedule counts steps. Fault: the sum of their gradients."""
    x = in_order(data, 8)
    module, asked = DensityModule(tiny.pushed_model(), partial(torch.optim.SGD, lr=0.1)), []
    module.scheduler = lambda optimizer, steps: asked.append(steps) or constant(optimizer, steps)
    fit(module, data, accumulate_grad_batches=2, limit_train_batches=2)
    assert asked == [1]
    expected = tiny.pushed_model()
    (-expected.log_prob(x).mean() / 16).backward()
    for ours, theirs in zip(module.model.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours.data, theirs.data - 0.1 * theirs.grad)
