"""The smallest data, model and run that training takes: 4x4 images of three levels, a few hundred parameters."""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from pytorch_lightning import Trainer

from pixelrnn.data import ImageData, write_arrays
from pixelrnn.heads import Softmax
from pixelrnn.models import pixel_cnn
from pixelrnn.stages.train import train
from pixelrnn.training import cosine

SHAPE, LEVELS, DIMS = (1, 4, 4), 3, 16
QUIET = {
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "accelerator": "cpu",
    "log_every_n_steps": 1,  # there are six
}

WARM_COSINE = partial(cosine, warmup=0.1)


def write_data(path, train=21, val=7, test=5):
    """Diagonal stripes: something to learn. Returns `path`."""
    sizes = {"train": train, "val": val, "test": test}
    stripes = np.add.outer(np.arange(4), np.arange(4))
    splits = {
        name: np.stack([(stripes + i) % LEVELS for i in range(n)])[:, None].astype(np.uint8)
        for name, n in sizes.items()
    }
    write_arrays(path, "stripes", SHAPE, LEVELS, splits)
    return path


def config(data, **changes):
    """A configuration as a run records it: plain values only."""
    return {
        "seed": 0,
        "variant": "pixel_cnn",
        "data": {
            "name": "stripes",
            "path": str(data),
            "shape": list(SHAPE),
            "levels": LEVELS,
            "batch_size": 4,
        },
        "model": {
            "_target_": "pixelrnn.models.pixel_cnn",
            "shape": list(SHAPE),
            "head": {"_target_": "pixelrnn.heads.Softmax", "levels": LEVELS},
            "hidden": 2,
            "layers": 1,
            "output_hidden": 4,
        },
        "scheduler": {"_target_": "pixelrnn.training.cosine", "warmup": 0.1},
        "trainer": {"max_epochs": 3},
    } | changes


def model(seed=0):
    """The model that `config` describes."""
    torch.manual_seed(seed)
    return pixel_cnn(shape=SHAPE, head=Softmax(LEVELS), hidden=2, layers=1, output_hidden=4)


def pushed_model(seed=0):
    """The same off its initial values, so that pixels differ in what they cost."""
    pushed = model(seed)
    for parameter in pushed.parameters():
        parameter.data += 0.5 * torch.randn_like(parameter)
    return pushed


def _describe(scheduler):
    """A schedule as a run records it."""
    if scheduler is None:
        return None
    function = getattr(scheduler, "func", scheduler)
    described = {"_target_": f"pixelrnn.training.{function.__name__}"}
    return described | getattr(scheduler, "keywords", {})


def fit(
    run,
    data,
    *,
    epochs=3,
    callbacks=(),
    changes=None,
    logger=None,
    scheduler=WARM_COSINE,
    test=False,
    replace=False,
    checkpoint_steps=None,
    **trainer,
):
    """Train as `pixelrnn train` does."""
    return train(
        run=run,
        config=config(data, trainer={"max_epochs": epochs}, scheduler=_describe(scheduler))
        | (changes or {}),
        model=model(),
        images=ImageData(data, SHAPE, LEVELS, batch_size=4),
        optimizer=partial(torch.optim.Adam, lr=0.01),
        scheduler=scheduler,
        trainer=partial(Trainer, max_epochs=epochs, **(QUIET | trainer)),
        callbacks=dict(enumerate(callbacks)),
        logger=logger,
        test=test,
        replace=replace,
        checkpoint_steps=checkpoint_steps,
    )


def contents(folder):
    """Every file below a directory, with its bytes: to see that nothing was written."""
    return {file: file.read_bytes() for file in Path(folder).rglob("*") if file.is_file()}


# What makes a command small: 4x4 images from the folder `data`, one epoch of a few hundred
# parameters.
WORDS = ["data.path=data", "data.shape=[1,4,4]", "data.levels=3", "data.batch_size=4"]
WORDS += ["model.hidden=2", "model.layers=1", "model.output_hidden=4"]
WORDS += ["trainer.max_epochs=1", "trainer.accelerator=cpu", "logger=none"]
