"""What one sees of training: a bar in a terminal, a line an epoch in a log file."""

import sys
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import RichProgressBar

SHOWN = {  # a metric's name, and what the bar calls it
    "train/nll_nats_step": "nats",
    "val/nll_nats": "val nats",
    "val/bits_per_dim": "val bits/dim",
    "train/images_per_second": "images/s",
}


class Progress(RichProgressBar):
    """The negative log-likelihood and images a second beside the bar."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if not sys.stdout.isatty() or parent_process():  # another job writes to the same terminal
            self.disable()

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """The figures that the bar shows."""
        metrics = trainer.callback_metrics
        return {
            shown: f"{float(metrics[name]):.4g}" for name, shown in SHOWN.items() if name in metrics
        }

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print a line instead of the bar."""
        super().on_train_epoch_end(trainer, pl_module)
        if self.is_disabled and trainer.is_global_zero:
            figures = ", ".join(
                f"{value} {name}" for name, value in self.get_metrics(trainer, pl_module).items()
            )
            run = f"{Path(trainer.default_root_dir).name}: " if parent_process() else ""
            print(
                f"{run}epoch {trainer.current_epoch + 1}/{trainer.max_epochs}: {figures}",
                flush=True,
            )
