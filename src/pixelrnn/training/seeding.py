"""The seed of a training, and quiet."""

import logging
import warnings

import pytorch_lightning as pl

from pixelrnn.errors import InputError


def seed_everything(seed: int) -> None:
    """Seed every generator before the model is built; silence Lightning's tips.

    Raises InputError for a seed that is no whole number from 0 to 2^32 - 1.
    """
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)
    tips = ("does not have many workers", "smaller than the logging interval", "LeafSpec", "`srun`")
    warnings.filterwarnings("ignore", message=f".*({'|'.join(tips)}).*")
    try:
        pl.seed_everything(seed, workers=True, verbose=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"seed={seed} is not a whole number from 0 to 2**32 - 1") from error
