"""What a model draws while it is trained: samples every few epochs, completions at the end.

The seeds are fixed, so that pictures differ by what was learned and not by luck.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger, WandbLogger
from torchvision.utils import make_grid

from pixelrnn.errors import InputError, check_seed, check_whole
from pixelrnn.files import write_array
from pixelrnn.models.in_batches import Sampler, spread
from pixelrnn.pictures.grids import GAP, GRAY, completion_grid, enlarge, save_picture
from pixelrnn.runs.directory import GRID_PICTURE, GRIDS
from pixelrnn.types import Tensor

SHOW_PICTURES = (WandbLogger, TensorBoardLogger)  # Lightning has no method that all loggers share
MOST_IMAGES = 4096


class SampleGrid(Callback):
    """Draw `images` samples every `every` epochs and after the last, always from the same seed.

    They go to the loggers that show pictures. The latest are the run's grid.png, and all of them
    its grids.npy: (e,) of `epoch`, counted from 1, and `images` (n, c, h, w). They travel in
    the checkpoint, as the rows of `History` do. Raises InputError for numbers below 1.
    """

    def __init__(self, every: int = 5, images: int = 16, seed: int = 0) -> None:
        check_whole(**{"callbacks.samples.every": every, "callbacks.samples.images": images})
        check_seed(**{"callbacks.samples.seed": seed})
        _check_most("callbacks.samples.images", images)
        self.every, self.images, self.seed = every, images, seed
        self.drawn: dict[int, Tensor] = {}  # by epoch

    @property
    def state_key(self) -> str:
        """Return the name of its state in a checkpoint: grids of other images are no use."""
        return f"samples {self.every} {self.images} {self.seed}"

    def state_dict(self) -> dict[str, Any]:
        """Return the grids so far, for the checkpoint."""
        return {"drawn": self.drawn}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up where the checkpoint was written."""
        self.drawn = state_dict["drawn"]

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw, without touching the global random numbers."""
        epoch = trainer.current_epoch + 1
        due = epoch % self.every == 0 or epoch == trainer.max_epochs
        if trainer.sanity_checking or not trainer.is_global_zero or not due:
            return
        model: Any = pl_module.model
        samples = Sampler(model, self.seed).sample(self.images)
        self.drawn[epoch] = torch.from_numpy(samples)
        write_grids(Path(trainer.default_root_dir), self.drawn)
        large = torch.from_numpy(enlarge(samples, model.levels, side=64))  # (n 3 H W)
        grid = make_grid(large, nrow=8, padding=GAP, pad_value=GRAY).permute(1, 2, 0).numpy()
        save_picture(Image.fromarray(grid), Path(trainer.default_root_dir) / GRID_PICTURE)
        show(trainer, "samples", grid, f"epoch {epoch}")


def write_grids(run: Path, drawn: Mapping[int, Tensor]) -> None:
    """Write a run's grids by epoch, as (e,) of `epoch` and `images`; also where there are none."""
    rows = [(epoch, images.numpy()) for epoch, images in sorted(drawn.items())]
    first = rows[0][1] if rows else np.empty((0, 1, 1, 1), np.uint8)
    kind = [("epoch", "<i4"), ("images", first.dtype, first.shape)]
    write_array(run / GRIDS, np.array(rows, kind))


class Completions(Callback):
    """After training, let the best model complete the top halves of test images, for the loggers.

    A row each for `images` images: first itself, then `times` completions. Raises InputError for
    numbers below 1.
    """

    def __init__(self, images: int = 8, times: int = 4, seed: int = 0) -> None:
        check_whole(
            **{"callbacks.completions.images": images, "callbacks.completions.times": times}
        )
        check_seed(**{"callbacks.completions.seed": seed})
        _check_most("callbacks.completions.images or times", images * (1 + times))
        self.images, self.times, self.seed = images, times, seed

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw, where there is a logger that shows it."""
        shown = any(isinstance(logger, SHOW_PICTURES) for logger in trainer.loggers)
        if not trainer.is_global_zero or not shown:
            return
        model: Any = pl_module.model
        images = spread(trainer.datamodule.split("test"), self.images)  # type: ignore[attr-defined]
        _, h, w = model.shape
        top = torch.zeros(h, w, dtype=torch.bool)
        top[: h // 2] = True
        drawn = Sampler(model, self.seed).complete(images, top, self.times)
        picture = completion_grid(drawn, top.numpy(), model.levels)
        show(trainer, "completions", np.asarray(picture), "the image, then completions")


def _check_most(key: str, number: int) -> None:
    if number > MOST_IMAGES:
        raise InputError(f"{key} make {number:,} images, one picture has at most {MOST_IMAGES:,}")


def show(trainer: Trainer, name: str, pixels: np.ndarray, caption: str) -> None:
    """Give a picture, uint8 (H, W, 3), to each of the trainer's loggers that shows pictures."""
    step = trainer.global_step - 1  # that of the row which the trainer logs at this moment
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            logger.log_image(name, [pixels], step=step, caption=[caption])
        elif isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image(name, pixels, step, dataformats="HWC")
