"""What every training does around its epochs: a look at the loss, rows, the best weights.

The trainer's `default_root_dir` is the run directory: callbacks need not be given a place to
write to. With averaged weights (`callbacks=ema`) the model holds the averages between a
validation's start and `on_validation_epoch_end`: whatever is to see the validated weights does it
there, and comes before the averaging callback in the list.
"""

import csv
import io
import math
import time
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from pixelrnn.data.images import Batch, count_images
from pixelrnn.errors import InputError
from pixelrnn.files import write_text
from pixelrnn.runs.directory import CHECKPOINT, HISTORY, RunDirectory
from pixelrnn.types import Tensor

METRICS = ["train/nll_nats", "train/bits_per_dim", "val/nll_nats", "val/bits_per_dim", "lr"]


def validation_nats(pl_module: LightningModule) -> float:
    """Return nats per image of the validation that is ending; Lightning's figure comes later."""
    return float(pl_module.val_nll.compute()["val/nll_nats"])  # type: ignore[union-attr, operator]


# A loss above so many times that of a uniform guess is beyond repair.
HOPELESS = 4


def check_loss(trainer: Trainer, pl_module: Any, loss: Tensor | float) -> None:
    """Look at a loss, in nats per dimension: at its mean over processes, so that all stop or none.

    Raises InputError if it is infinite, not a number or far above that of a uniform guess, which
    is log K: nothing good comes after it. SystemExit in all processes but the first.
    """
    if isinstance(loss, Tensor):
        loss = float(trainer.strategy.reduce(loss.detach().clone(), reduce_op="mean"))
    uniform = math.log(pl_module.model.levels)
    if loss < HOPELESS * uniform:  # so written, NaN is refused as well
        return
    if not trainer.is_global_zero:
        raise SystemExit(2)  # the first process says why
    rate = trainer.optimizers[0].param_groups[0]["lr"]
    norm = float(trainer.callback_metrics.get("gradient_norm", math.nan))
    kept = Path(trainer.default_root_dir) / CHECKPOINT
    raise InputError(
        f"the loss is {loss:.4g} in epoch {trainer.current_epoch + 1}, step {trainer.global_step} "
        f"(nats/dim; a uniform guess has {uniform:.2f}), with rate {rate:.2g} and gradient norm "
        f"{norm:.2g}: lower optimizer.lr or trainer.gradient_clip_val"
        + (f"; {kept} has the last good weights" if kept.exists() else "")
    )


class Finite(Callback):
    """Stop at a loss from which nothing recovers, see `check_loss`.

    It is looked at when the trainer logs, since a look waits for the device, and at the end of an
    epoch, before the checkpoint: that one always holds weights to continue from.
    """

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Look at the loss of a batch."""
        every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
        if trainer.global_step % every == 0 or trainer.is_last_batch:
            check_loss(trainer, pl_module, outputs["loss"])

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the loss of the weights that the epoch ended with."""
        if not trainer.sanity_checking:
            check_loss(trainer, pl_module, validation_nats(pl_module) / pl_module.dims)  # type: ignore[operator]


class History(Callback):
    """Write history.csv, a row an epoch; the seconds of each, which differ every time, elsewhere.

    `seconds` and `images` count training batches from the very start. The rows travel in the
    checkpoint and the file is written as a whole: a resumed run has no row twice and none of an
    epoch that it goes through again. Raises InputError where a step would come twice, for then
    Lightning has repeated an epoch.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []  # None: not measured in that epoch
        self._val: dict[str, float] = {}
        self._start = self._seconds = 0.0
        self._images = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the clock go on where a checkpoint within an epoch was written."""
        self._start = time.perf_counter() - self._seconds

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._start, self._seconds, self._images = time.perf_counter(), 0.0, 0

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Read the clock: the last batch's time stands, so that validation is not in it."""
        self._seconds = time.perf_counter() - self._start
        self._images += count_images(batch) * trainer.world_size
        pl_module.log("train/images_per_second", self._images / self._seconds, prog_bar=True)
        pl_module.log("images", self._seen)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log how many images were seen, as in every row that goes to a logger."""
        pl_module.log("images", self._seen.to(pl_module.device), sync_dist=True)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the figures of this epoch: the trainer's own outlive it."""
        metrics = trainer.callback_metrics
        self._val = {name: float(metrics[name]) for name in metrics if name.startswith("val/")}

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add a row."""
        if self.rows and trainer.global_step <= self.rows[-1]["step"]:
            raise InputError(f"step {trainer.global_step} came twice: delete the checkpoint")
        seen = self._seen.to(pl_module.device)
        pl_module.log("images", seen, sync_dist=True)
        metrics = trainer.callback_metrics
        now = {name: float(metrics[name]) for name in metrics if not name.startswith("val/")}
        figures = now | self._val
        row = {
            "epoch": trainer.current_epoch,
            "step": trainer.global_step,
            # a process may have had one image more than another: the mean is the true number
            "images": round(float(trainer.strategy.reduce(seen.clone(), reduce_op="mean"))),
            "seconds": round(self._before["seconds"] + self._seconds, 3),
        }
        self.rows.append(row | {name: figures.get(name) for name in METRICS})
        self._val = {}
        if trainer.is_global_zero:
            self.write(Path(trainer.default_root_dir))

    @property
    def _before(self) -> dict[str, Any]:
        return self.rows[-1] if self.rows else {"images": 0, "seconds": 0.0}

    @property
    def _seen(self) -> Tensor:
        images = self._before["images"] + self._images
        return torch.tensor(images, dtype=torch.float64)  # float32 counts up to 2^24

    def write(self, folder: Path) -> None:
        """Replace history.csv in the folder, where what was not measured is left empty.

        The seconds go to timing.json.
        """
        text = io.StringIO()
        columns = ["epoch", "step", "images", *METRICS]
        writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(folder / HISTORY, text.getvalue())
        RunDirectory(folder).write_timing(epoch_seconds=[row["seconds"] for row in self.rows])

    def state_dict(self) -> dict[str, Any]:
        """Return the rows so far and what the epoch has gathered, for the checkpoint."""
        epoch = {"seconds": self._seconds, "images": self._images, "val": self._val}
        return {"rows": self.rows, "epoch": epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up where the checkpoint was written."""
        self.rows = state_dict["rows"]
        epoch = state_dict.get("epoch", {"seconds": 0.0, "images": 0, "val": {}})
        self._seconds, self._images, self._val = epoch["seconds"], epoch["images"], epoch["val"]


class BestWeights(Callback):
    """Keep the weights of the epoch with the lowest val/nll_nats, in memory and in the checkpoint.

    Beside the last ones in one file they cannot come from another run, and DVC has one file to
    keep.
    """

    def __init__(self) -> None:
        self.nll_nats = math.inf
        self.epoch = -1
        self.weights: dict[str, Tensor] = {}

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the weights if they are the best so far, or the first."""
        nll_nats = validation_nats(pl_module)
        better = nll_nats < self.nll_nats or not self.weights
        if trainer.sanity_checking or not better:
            return
        self.nll_nats, self.epoch = nll_nats, trainer.current_epoch
        state = pl_module.model.state_dict()  # type: ignore[union-attr]
        self.weights = {name: value.detach().cpu().clone() for name, value in state.items()}

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the model its best weights."""
        if self.weights:
            pl_module.model.load_state_dict(self.weights)  # type: ignore[union-attr]

    def state_dict(self) -> dict[str, Any]:
        """Return the best weights so far, for the checkpoint."""
        return {"nll_nats": self.nll_nats, "epoch": self.epoch, "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up where the checkpoint was written."""
        self.nll_nats = state_dict["nll_nats"]
        self.epoch = state_dict["epoch"]
        self.weights = state_dict["weights"]
