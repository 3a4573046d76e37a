"""What happens around the epochs: rows, pictures, the best weights, the checkpoint.

The trainer's `default_root_dir` is the run directory: callbacks need not be told where to write.
"""

import csv
import io
import math
import time
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.loggers import WandbLogger

from pixelrnn.errors import InputError
from pixelrnn.training.grid import image_grid, save_grid
from pixelrnn.types import Tensor

METRICS = ["train/nll_nats", "train/bits_per_dim", "val/nll_nats", "val/bits_per_dim", "lr"]


class EpochSeed(Callback):
    """Every epoch's randomness follows from (seed, epoch): a resumed run draws what an uninterrupted one would."""

    def __init__(self, seed: int) -> None:
        self.seed, self._first = seed, True

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Seed the shuffle, which is drawn next; Lightning has drawn that of a fit's first epoch already: again."""
        seed_everything((self.seed + 1_000_003 * trainer.current_epoch) % 2**32, verbose=False)
        if self._first:
            iter(trainer.fit_loop._data_fetcher)  # type: ignore[arg-type]
            self._first = False


class History(Callback):
    """history.csv, one row an epoch; `seconds` and `images` count training batches from the very start.

    The rows travel in the checkpoint and the file is written as a whole: a resumed run has no row twice and none of an
    epoch that it goes through again.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._val: dict[str, float] = {}
        self._start = self._seconds = 0.0
        self._images = 0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._start, self._seconds, self._images = time.perf_counter(), 0.0, 0

    def on_train_batch_end(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Tensor, batch_idx: int
    ) -> None:
        self._seconds = time.perf_counter() - self._start  # the last batch's stands: validation is not in it
        self._images += len(batch) * trainer.world_size
        pl_module.log("train/images_per_second", self._images / self._seconds, prog_bar=True)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the figures of this epoch: the trainer's own outlive it."""
        self._val = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val/")}

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add a row."""
        last = self.rows[-1] if self.rows else {"images": 0, "seconds": 0.0}
        now = {name: float(value) for name, value in trainer.callback_metrics.items() if not name.startswith("val/")}
        figures = now | self._val
        row = {
            "epoch": trainer.current_epoch,
            "step": trainer.global_step,
            "images": last["images"] + self._images,
            "seconds": round(last["seconds"] + self._seconds, 3),
        }
        self.rows.append(row | {name: figures.get(name, "") for name in METRICS})
        self._val = {}
        if trainer.is_global_zero:
            self.write(Path(trainer.default_root_dir))

    def write(self, folder: Path) -> None:
        """Replace history.csv; what was not measured in an epoch is left empty."""
        text = io.StringIO()
        writer = csv.DictWriter(text, ["epoch", "step", "images", "seconds", *METRICS], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        new = folder / "history.csv.new"
        new.write_text(text.getvalue())
        new.replace(folder / "history.csv")

    def state_dict(self) -> dict[str, Any]:
        """The rows so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up where the checkpoint was written."""
        self.rows = state_dict["rows"]


class BestWeights(Callback):
    """The model's weights of the epoch with the lowest val/nll_nats, in memory and in the checkpoint.

    Kept beside the last ones in one file, they cannot come from another run, and DVC need not know a second file.
    """

    def __init__(self) -> None:
        self.nll_nats = math.inf
        self.epoch = -1
        self.weights: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the weights if they are the best so far, or the first."""
        nll_nats = float(trainer.callback_metrics["val/nll_nats"])
        if not trainer.sanity_checking and (nll_nats < self.nll_nats or not self.weights):
            self.nll_nats, self.epoch = nll_nats, trainer.current_epoch
            state = pl_module.model.state_dict()  # type: ignore[union-attr]
            self.weights = {name: value.detach().cpu().clone() for name, value in state.items()}

    def state_dict(self) -> dict[str, Any]:
        """What to resume with."""
        return {"nll_nats": self.nll_nats, "epoch": self.epoch, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up where the checkpoint was written."""
        self.nll_nats, self.epoch, self.weights = (state_dict[key] for key in ("nll_nats", "epoch", "weights"))


class LastCheckpoint(Checkpoint):
    """checkpoints/last.ckpt after every epoch: plain tensors and numbers, and the configuration they belong to.

    Lightning's own ModelCheckpoint keeps absolute paths in the file, which is to be versioned and moved.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write it, all callbacks having seen the epoch (Lightning calls checkpoint callbacks last)."""
        trainer.save_checkpoint(Path(trainer.default_root_dir) / "checkpoints" / "last.ckpt")

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Say whose it is, and whether anything is left to do."""
        checkpoint["config"] = self.config
        last_step = trainer.global_step >= trainer.max_steps > 0
        checkpoint["complete"] = last_step or trainer.current_epoch + 1 == trainer.max_epochs


class SampleGrid(Callback):
    """Every `every` epochs and after the last, `images` samples from a fixed seed: to W&B, the latest to grid.png."""

    def __init__(self, every: int = 5, images: int = 16, seed: int = 0) -> None:
        if every < 1 or images < 1:
            raise InputError(f"callbacks.samples: every={every} and images={images} must be at least 1")
        self.every, self.images, self.seed = every, images, seed

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw, without touching the global random numbers."""
        epoch = trainer.current_epoch + 1
        if (
            trainer.sanity_checking
            or not trainer.is_global_zero
            or (epoch % self.every and epoch != trainer.max_epochs)
        ):
            return
        model: Any = pl_module.model
        generator = torch.Generator(pl_module.device).manual_seed(self.seed)
        samples = model.sample(self.images, generator=generator)
        save_grid(samples, model.levels, Path(trainer.default_root_dir) / "grid.png", columns=8)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                picture = image_grid(samples, model.levels).permute(1, 2, 0).numpy()
                logger.log_image("samples", [picture], caption=[f"epoch {epoch}"])
