"""What the model draws while it is trained, from fixed seeds: samples every few epochs, completions at the end."""

from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import WandbLogger

from pixelrnn.errors import InputError
from pixelrnn.models.in_batches import Sampler, spread
from pixelrnn.pictures.grids import completion_grid, image_grid, save_picture
from pixelrnn.runs.directory import GRID_PICTURE


class SampleGrid(Callback):
    """Every `every` epochs and after the last, `images` samples from a fixed seed: to W&B, the latest to grid.png."""

    def __init__(self, every: int = 5, images: int = 16, seed: int = 0) -> None:
        if every < 1 or images < 1:
            raise InputError(
                f"callbacks.samples: every={every} and images={images} must be at least 1"
            )
        self.every, self.images, self.seed = every, images, seed

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw, without touching the global random numbers."""
        epoch = trainer.current_epoch + 1
        wanted = epoch % self.every == 0 or epoch == trainer.max_epochs
        if trainer.sanity_checking or not trainer.is_global_zero or not wanted:
            return
        model: Any = pl_module.model
        generator = torch.Generator(pl_module.device).manual_seed(self.seed)
        samples = model.sample(self.images, generator=generator).cpu().numpy()
        picture = image_grid(samples, model.levels)
        save_picture(picture, Path(trainer.default_root_dir) / GRID_PICTURE)
        _log(trainer, "samples", picture, f"epoch {epoch}")


class Completions(Callback):
    """After training, `images` test images a row, each with `times` completions of its top half: to W&B."""

    def __init__(self, images: int = 8, times: int = 4, seed: int = 0) -> None:
        if images < 1 or times < 1:
            raise InputError(
                f"callbacks.completions: images={images} and times={times} must be at least 1"
            )
        self.images, self.times, self.seed = images, times, seed

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw, where there is somebody to show it to."""
        if not trainer.is_global_zero or not any(
            isinstance(logger, WandbLogger) for logger in trainer.loggers
        ):
            return
        model: Any = pl_module.model
        images = spread(trainer.datamodule.split("test"), self.images)  # type: ignore[attr-defined]
        known = torch.zeros(model.shape[1:], dtype=torch.bool)
        known[: model.shape[1] // 2] = True
        drawn = Sampler(model, self.seed).complete(images, known, self.times)
        picture = completion_grid(drawn, known.numpy(), model.levels)
        _log(trainer, "completions", picture, "the image, then completions")


def _log(trainer: Trainer, name: str, picture: Image, caption: str) -> None:
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            step = trainer.global_step - 1
            logger.log_image(name, [picture], step=step, caption=[caption])
