"""What images cost under a trained model, pixel by pixel: negative log-likelihood in nats.

Computed in float32 or better, whatever training's precision was, and added up in float64.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from pixelrnn.errors import InputError
from pixelrnn.training import Model


def nll_maps(model: Model, images: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """The NLL of each pixel, batch by batch: uint8 (n, c, h, w) -> float64 (b, h, w), which add up to the images' own.

    Raises InputError where the model gives no number.
    """
    parameter = next(model.parameters())
    if torch.finfo(parameter.dtype).bits < 32:
        model = model.float()
    for first in range(0, len(images), batch_size):
        batch = torch.from_numpy(images[first : first + batch_size].astype(np.int64)).to(
            parameter.device
        )
        with torch.inference_mode(), full_precision(parameter.device):
            nats = -model.log_prob_map(batch).double().cpu().numpy()
        if not np.isfinite(nats).all():
            raise InputError(
                f"the model gives image {first + _first_bad(nats)} no finite likelihood: train it again"
            )
        yield nats


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Products of float32 numbers in float32: no autocast, and no TF32, which convolutions on CUDA use by default."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with (
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
            torch.autocast(device.type, enabled=False),
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def _first_bad(nats: np.ndarray) -> int:
    return int(np.flatnonzero(~np.isfinite(nats).all(axis=(1, 2)))[0])
