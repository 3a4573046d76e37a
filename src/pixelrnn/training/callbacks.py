"""What happens around the epochs: a look at the loss, rows, the best weights, the checkpoint.

The trainer's `default_root_dir` is the run directory: callbacks need not be told where to write. With averaged weights
(`callbacks=ema`) the model holds the averages between a validation's start and `on_validation_epoch_end`: whatever is
to see the validated weights does it there, and comes before the averaging callback in the list.
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

from pixelrnn.errors import InputError
from pixelrnn.files import write_text
from pixelrnn.runs.directory import HISTORY, RunDirectory
from pixelrnn.training.run import Run
from pixelrnn.types import Tensor

METRICS = ["train/nll_nats", "train/bits_per_dim", "val/nll_nats", "val/bits_per_dim", "lr"]


def validation_nats(pl_module: LightningModule) -> float:
    """Nats per image of the validation that is ending: Lightning's own figure comes later."""
    return float(pl_module.val_nll.compute()["val/nll_nats"])  # type: ignore[union-attr, operator]


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


class Finite(Callback):
    """Stop at a loss that is infinite or not a number: nothing good comes after it.

    Looked at when the trainer logs, since a look waits for the device, and at the end of an epoch, before the
    checkpoint: that one always holds weights to continue from.
    """

    def on_train_batch_end(  # noqa: D102
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Tensor,
        batch_idx: int,
    ) -> None:
        every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
        if trainer.global_step % every == 0 or trainer.is_last_batch:
            loss = outputs["loss"].detach().clone()
            self._check(
                trainer, float(trainer.strategy.reduce(loss, reduce_op="mean"))
            )  # all processes stop, or none

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The loss of the weights that the epoch ended with."""
        self._check(trainer, validation_nats(pl_module))

    def _check(self, trainer: Trainer, loss: float) -> None:
        if not math.isfinite(loss):
            if not trainer.is_global_zero:
                raise SystemExit(2)  # the first process tells
            epoch = trainer.current_epoch + 1
            raise InputError(
                f"the loss is {loss} in epoch {epoch}: lower optimizer.lr or trainer.gradient_clip_val"
            )


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
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Tensor,
        batch_idx: int,
    ) -> None:
        self._seconds = (
            time.perf_counter() - self._start
        )  # the last batch's stands: validation is not in it
        self._images += len(batch) * trainer.world_size
        pl_module.log("train/images_per_second", self._images / self._seconds, prog_bar=True)
        pl_module.log("images", self._seen)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say how many images were seen, as in every row that goes to a logger."""
        pl_module.log("images", self._seen.to(pl_module.device), sync_dist=True)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the figures of this epoch: the trainer's own outlive it."""
        self._val = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name.startswith("val/")
        }

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add a row."""
        pl_module.log("images", self._seen.to(pl_module.device), sync_dist=True)
        now = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if not name.startswith("val/")
        }
        figures = now | self._val
        row = {
            "epoch": trainer.current_epoch,
            "step": trainer.global_step,
            "images": self._before["images"] + self._images,
            "seconds": round(self._before["seconds"] + self._seconds, 3),
        }
        self.rows.append(row | {name: figures.get(name, "") for name in METRICS})
        self._val = {}
        if trainer.is_global_zero:
            self.write(Path(trainer.default_root_dir))

    @property
    def _before(self) -> dict[str, Any]:
        return self.rows[-1] if self.rows else {"images": 0, "seconds": 0.0}

    @property
    def _seen(self) -> Tensor:
        return torch.tensor(
            self._before["images"] + self._images, dtype=torch.float64
        )  # float32 ends at 2^24

    def write(self, folder: Path) -> None:
        """Replace history.csv; what was not measured in an epoch is left empty."""
        text = io.StringIO()
        writer = csv.DictWriter(
            text, ["epoch", "step", "images", "seconds", *METRICS], lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(folder / HISTORY, text.getvalue())

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

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the weights if they are the best so far, or the first."""
        nll_nats = validation_nats(pl_module)
        if not trainer.sanity_checking and (nll_nats < self.nll_nats or not self.weights):
            self.nll_nats, self.epoch = nll_nats, trainer.current_epoch
            state = pl_module.model.state_dict()  # type: ignore[union-attr]
            self.weights = {name: value.detach().cpu().clone() for name, value in state.items()}

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The model ends as its best."""
        if self.weights:
            pl_module.model.load_state_dict(self.weights)  # type: ignore[union-attr]

    def state_dict(self) -> dict[str, Any]:
        """What to resume with."""
        return {"nll_nats": self.nll_nats, "epoch": self.epoch, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up where the checkpoint was written."""
        self.nll_nats, self.epoch, self.weights = (
            state_dict[key] for key in ("nll_nats", "epoch", "weights")
        )


class LastCheckpoint(Checkpoint):
    """checkpoints/last.ckpt after every epoch: plain tensors and numbers, the configuration and origin they belong to.

    Lightning's own ModelCheckpoint keeps absolute paths in the file, which is to be versioned and moved.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write it, all callbacks having seen the epoch (Lightning calls checkpoint callbacks last)."""
        trainer.save_checkpoint(Path(trainer.default_root_dir) / "checkpoints" / "last.ckpt")

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Say whose it is, and whether anything is left to do."""
        checkpoint["config"] = self.config
        checkpoint["origin"] = Run(RunDirectory(Path(trainer.default_root_dir)), self.config).origin
        last_step = trainer.global_step >= trainer.max_steps > 0
        checkpoint["complete"] = last_step or trainer.current_epoch + 1 == trainer.max_epochs
