"""The Lightning module: maximum likelihood for any model with a `log_prob`.

A batch with labels is scored with them: of image and label together, log p(x, y), of which log p(y)
moves no weight. That NLL is an upper bound on the NLL of the image, which takes a pass a class.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import nn
from torch.optim import Optimizer
from torchmetrics import MetricCollection

from pixelrnn import figures
from pixelrnn.data.images import Batch
from pixelrnn.data.sampler import Shuffled
from pixelrnn.errors import InputError
from pixelrnn.models.in_batches import Model, full_precision
from pixelrnn.training.nll import NLL
from pixelrnn.training.schedules import Schedule
from pixelrnn.types import Nats, Tensor

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]


class DensityModule(LightningModule):
    """Minimize the mean negative log-likelihood per dimension.

    It is in nats per dimension, so that learning rates carry over between image sizes.
    `optimizer` takes parameters, `scheduler` an optimizer and the number of steps of the run
    (None: a constant rate). Raises InputError if one of them rejects its arguments.
    """

    def __init__(
        self, model: Model, optimizer: MakeOptimizer, scheduler: Schedule | None = None
    ) -> None:
        super().__init__()
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.dims = math.prod(model.shape)
        units = {"nll_nats": NLL(), "bits_per_dim": NLL(unit=figures.nats_of_one_bit(self.dims))}
        self.train_nll = MetricCollection(dict(units), prefix="train/")
        self.val_nll = MetricCollection(dict(units), prefix="val/").clone()
        self._try_optimizer()

    def training_step(self, batch: Batch, number: int) -> Tensor:
        """Return the loss of a batch: nats per dimension, by its `_weight`."""
        log_prob = self._log_prob(batch)
        self._log_epoch(self.train_nll, log_prob)
        nats = -log_prob.mean()
        self.log("train/nll_nats_step", nats, prog_bar=True)
        self.log("train/bits_per_dim_step", figures.bits_per_dim(nats, self.dims))
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        self.log("lr", torch.tensor(float(rate), dtype=torch.float64))
        return self._weight(len(log_prob), number) * nats / self.dims

    def validation_step(self, batch: Batch, _: int) -> None:
        """Add a batch to the split's likelihood, in float32 whatever training's precision is."""
        with full_precision(self.device):
            log_prob = self._log_prob(batch)
        self._log_epoch(self.val_nll, log_prob, prog_bar=True)

    def configure_gradient_clipping(
        self, optimizer: Optimizer, *clipping: Any, **named: Any
    ) -> None:
        """Clip as the trainer does; log the norm before it, in steps that the trainer logs."""
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        if (self.trainer.global_step + 1) % every == 0:
            gradients = [
                parameter.grad for parameter in self.parameters() if parameter.grad is not None
            ]
            self.log("gradient_norm", nn.utils.get_total_norm(gradients))
        self.clip_gradients(optimizer, *clipping, **named)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return the optimizer, and the schedule over the whole run, stepped every batch."""
        optimizer = self.optimizer(self.model.parameters())
        if self.scheduler is None:
            return optimizer
        schedule = self.scheduler(optimizer, int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _log_prob(self, batch: Batch) -> Nats:
        """Return log p(x) of images (b, c, h, w), or log p(x, y) of images with labels."""
        score: Any = self.model.log_prob
        log_prob: Nats = score(batch) if isinstance(batch, Tensor) else score(*batch)
        return log_prob

    def _weight(self, images: int, batch: int) -> float:
        """Return what a batch of so many images counts for in its step: 1 unless shares differ.

        A step takes the mean over processes and over accumulated batches, which at the end of an
        epoch may hold fewer images, or be fewer. With this weight it is the mean over the images,
        as of one large batch in one process:

            images of this batch × batches a step × processes / images of the step
        """
        sampler = getattr(self.trainer.train_dataloader, "sampler", None)
        if not isinstance(sampler, Shuffled):
            return 1.0
        together = self.trainer.accumulate_grad_batches
        first = batch - batch % together
        stop = min(first + together, int(self.trainer.num_training_batches))
        return images * together * sampler.num_replicas / sampler.images_in(first, stop)

    def _log_epoch(self, metrics: MetricCollection, log_prob: Nats, **options: Any) -> None:
        metrics.update(log_prob)
        self.log_dict(metrics, on_step=False, on_epoch=True, **options)

    def _try_optimizer(self) -> None:
        """Build both once for a throw-away parameter: a wrong argument shows before any work."""
        try:
            optimizer = self.optimizer([nn.Parameter(torch.zeros(1))])
        except (TypeError, ValueError) as error:
            raise InputError(f"optimizer: {error}") from error
        if self.scheduler is None:
            return
        try:
            self.scheduler(optimizer, 10)
        except InputError:
            raise
        except (TypeError, ValueError) as error:
            raise InputError(f"scheduler: {error}") from error
