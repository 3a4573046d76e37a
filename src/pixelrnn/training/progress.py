"""What one sees of training: one bar for all of it in a terminal, a line an epoch in a log file."""

import time
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar

from pixelrnn.data.values import values_of
from pixelrnn.terminal import Bar

SHOWN = {  # a metric's name, and what is written of it
    "train/nll_nats_step": "nats",
    "val/nll_nats": "val nats",
    "val/bits_per_dim": "val bits/dim",
    "train/images_per_second": "images/s",
}
PAUSE = 0.5  # seconds between two looks at the figures, each of which waits for the device


class Progress(ProgressBar):
    """Show the whole training as one bar, with the likelihood, the speed and the time that is left.

    Where there is no bar (see `pixelrnn.terminal.Bar`) a line is printed after every epoch.
    """

    def __init__(self) -> None:
        super().__init__()
        self._enabled = True
        self.bar: Bar | None = None  # from the start of a training on
        self._looked = 0.0

    def enable(self) -> None:
        """Show it again, after `disable`."""
        self._enabled = True

    def disable(self) -> None:
        """Show nothing: Lightning asks for it in every process but the first."""
        self._enabled = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the bar, at the step that a resumed run has reached."""
        if self._enabled:
            steps = int(trainer.estimated_stepping_batches)
            self.bar = Bar("training", steps, trainer.global_step)
            self.bar.start()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Move the bar."""
        now = time.monotonic()
        if self.bar is not None and self.bar.shown and now - self._looked > PAUSE:
            self._looked = now
            self.bar.reach(trainer.global_step, _sentence(trainer, pl_module))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print a line where there is no bar."""
        if self.bar is not None and not self.bar.shown:
            one_of_several = parent_process() is not None
            run = f"{Path(trainer.default_root_dir).name}: " if one_of_several else ""
            print(run + _sentence(trainer, pl_module), flush=True)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Take the bar away, so that what is wrong stands on a line of its own."""
        self.on_train_end(trainer, pl_module)


def _sentence(trainer: Trainer, pl_module: Any) -> str:
    """Return `epoch 3/20: 12.34 nats, 13.2 val nats, ...`, the figures that there are."""
    metrics = trainer.callback_metrics
    bits = f"val bits/dim{values_of(pl_module.model.levels).label}"
    shown = {**SHOWN, "val/bits_per_dim": bits}
    figures = ", ".join(
        f"{float(metrics[name]):.4g} {unit}" for name, unit in shown.items() if name in metrics
    )
    return f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}: {figures}"
