"""Negative log-likelihood of a split: summed in float64 over all images, divided once."""

import torch
from torchmetrics import Metric

from pixelrnn.types import Nats, Tensor


class NLL(Metric):
    """Measure the mean negative log-likelihood of an image, in units of `unit` nats.

    `unit=1` gives nats per image, `unit=dims * log(2)` bits per dimension. A mean of batch means
    would weigh the images of a short last batch more than the others, and so would a mean over
    processes of uneven share.
    """

    full_state_update = False
    higher_is_better = False
    nats: Tensor
    images: Tensor

    def __init__(self, unit: float = 1.0) -> None:
        super().__init__()
        self.unit = unit
        self.add_state("nats", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("images", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, log_prob: Nats) -> None:
        """Add a batch: its log-probabilities (b,), in nats per image."""
        self.nats -= log_prob.detach().double().sum()
        self.images += log_prob.numel()

    def compute(self) -> Tensor:
        """Return the mean over all images so far; NaN before the first."""
        return self.nats / self.images / self.unit
