"""Where training stands: written whole, every few minutes and when asked to stop.

A checkpoint may be written after any step, also in the middle of an epoch. Beside Lightning's own
content it holds what an epoch has gathered until then, so that the same command goes on bit by bit:
the batches that are done (`data.ImageData` leaves them out), the sums of the training's likelihood
(of each process), and the state of torch's random numbers.
"""

import time
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from pixelrnn.errors import InputError, check_whole
from pixelrnn.runs.directory import CHECKPOINT, RunDirectory
from pixelrnn.training.callbacks import check_loss
from pixelrnn.training.run import Run
from pixelrnn.training.stopping import Stop
from pixelrnn.types import Tensor


class LastCheckpoint(Checkpoint):
    """Write checkpoints/last.ckpt after every epoch, every `minutes` or `steps`, and on a signal.

    It holds plain tensors and numbers, and the configuration and origin that they belong to.
    Lightning's own ModelCheckpoint keeps absolute paths in the file, which is to be versioned and
    moved. Raises InputError for a time or a number of steps that is not positive.
    """

    def __init__(
        self,
        config: dict[str, Any],
        stop: Stop | None = None,
        minutes: float = 10,
        steps: int | None = None,
    ) -> None:
        if not isinstance(minutes, int | float) or isinstance(minutes, bool) or not minutes > 0:
            raise InputError(f"checkpoint_minutes={minutes} must be a positive number")
        if steps is not None:
            check_whole(checkpoint_steps=steps)
        self.config, self.stop = config, stop or Stop()
        self.seconds, self.steps = 60 * minutes, steps
        self._before: dict[str, Any] = {}  # what the checkpoint to continue from has of this

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen to signals, and take up an epoch where the checkpoint was written."""
        self.stop.listen()
        self._seen = trainer.global_step
        self._restart_clock(trainer)
        if self._before:
            _take_up(trainer, pl_module, self._before)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Tensor,
        batch_idx: int,
    ) -> None:
        """Write a checkpoint if it is time: after a step, where nothing else is due."""
        stepped, self._seen = trainer.global_step > self._seen, trainer.global_step
        late = time.monotonic() - self._since >= self.seconds
        many = self.steps is not None and trainer.global_step - self._written >= self.steps
        if stepped and _any(trainer, late or many or self.stop.signal) and _is_apart(trainer):
            check_loss(trainer, pl_module, outputs["loss"])
            self._save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write it: Lightning calls checkpoint callbacks when all others have seen the epoch."""
        self._save(trainer)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add whose it is, what the epoch gathered, and whether nothing is left to do.

        That is so by length or by another callback's decision.
        """
        checkpoint["config"] = self.config
        checkpoint["origin"] = Run(RunDirectory(Path(trainer.default_root_dir)), self.config).origin
        checkpoint["so_far"] = _so_far(trainer, pl_module)
        ended = not _is_within_epoch(trainer)
        last_epoch = ended and trainer.current_epoch + 1 == trainer.max_epochs
        checkpoint["complete"] = last_epoch or (ended and trainer.should_stop)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep it until the training starts; checkpoints of the first edition have none."""
        self._before = checkpoint.get("so_far", {})

    def _save(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(Path(trainer.default_root_dir) / CHECKPOINT)
        self._restart_clock(trainer)
        last = not _is_within_epoch(trainer) and trainer.current_epoch + 1 == trainer.max_epochs
        if not last and _any(trainer, self.stop.signal):
            self.stop.leave()

    def _restart_clock(self, trainer: Trainer) -> None:
        self._since, self._written = time.monotonic(), trainer.global_step


class LastStep(Callback):
    """End the training after so many steps, in whatever epoch.

    In place of the trainer's `max_steps`, which makes it repeat a finished epoch after a resume. It
    then validates, as an epoch that is cut short has figures, too.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Stop at the last step."""
        if trainer.global_step >= self.steps:
            trainer.should_stop = True


def _is_within_epoch(trainer: Trainer) -> bool:
    """Return whether a batch is just ending: Lightning counts it as complete after the hooks."""
    batches: Any = trainer.fit_loop.epoch_loop.batch_progress.current
    return batches.processed > batches.completed


def _is_apart(trainer: Trainer) -> bool:
    """Return whether nothing else follows on this batch, no validation and no end of the epoch.

    Lightning would leave that out after a resume. The end of an epoch has its own checkpoint.
    """
    progress = trainer.fit_loop.epoch_loop.batch_progress
    of_epoch = trainer.check_val_every_n_epoch is not None
    batches = progress.current.ready if of_epoch else progress.total.ready
    every: Any = trainer.val_check_batch  # inf: at the end
    last = trainer.is_last_batch or progress.current.ready >= trainer.num_training_batches
    ends = last or trainer.should_stop or bool(trainer.overfit_batches)  # type: ignore[attr-defined]
    return not ends and (every == float("inf") or batches % every > 0)


def _any(trainer: Trainer, decision: object) -> bool:
    """Return whether it is so in one of the processes."""
    return trainer.strategy.reduce_boolean_decision(bool(decision), all=False)


def _so_far(trainer: Trainer, module: Any) -> dict[str, Any]:
    """Return what is not in Lightning's checkpoint: random numbers, sums of the epoch that is on.

    Sums are of each process, so that they go on as they were.
    """
    content: dict[str, Any] = {"random": torch.get_rng_state()}
    if torch.cuda.is_available():
        content["random_cuda"] = torch.cuda.get_rng_state_all()
    if _is_within_epoch(trainer):
        content["sums"] = {
            name: {
                key: trainer.strategy.all_gather(value).reshape(-1).cpu()
                for key, value in metric.metric_state.items()
            }
            for name, metric in module.train_nll.items()
        }
    return content


def _take_up(trainer: Trainer, module: Any, content: dict[str, Any]) -> None:
    """Restore what `_so_far` returned; of other processes than there were, the first has it all."""
    torch.set_rng_state(content["random"].cpu())
    if torch.cuda.is_available() and len(content.get("random_cuda", ())):
        torch.cuda.set_rng_state_all([state.cpu() for state in content["random_cuda"]])
    for name, states in content.get("sums", {}).items():
        for key, values in states.items():
            if len(values) == trainer.world_size:
                own = values[trainer.global_rank]
            else:
                own = values.sum() if trainer.is_global_zero else torch.zeros_like(values[0])
            setattr(module.train_nll[name], key, own.to(module.device))
