"""Several processes train one model: which is the first, and what if one is gone."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch.distributed as dist
from pytorch_lightning import Trainer

from pixelrnn.errors import InputError


@contextmanager
def several_processes(trainer: Trainer) -> Iterator[None]:
    """Turn the end of another process into a line.

    Those left find a closed connection, each where it happens to be: gloo raises a plain
    RuntimeError then, NCCL one of torch's. Raises InputError in its place. A process that finds
    nothing, since it computes, is ended by Lightning after five seconds, which says so in a line.
    """
    says = logging.getLogger("lightning_fabric.strategies.launchers.subprocess_script")
    says.setLevel(logging.INFO)  # as other lines of Lightning's are not shown
    try:
        yield
    except RuntimeError as error:
        lost = isinstance(error, dist.DistError) or "gloo" in str(error)
        if trainer.world_size == 1 or not lost:
            raise
        raise InputError(
            "another process of this training has ended, for want of memory or from outside: "
            "the same command goes on from the checkpoint"
        ) from error


@contextmanager
def first_process_first(trainer: Trainer) -> Iterator[None]:
    """Let the other processes wait until the first one is through.

    That is needed where all start at once, as srun does it, and would look into a run directory
    while the first one clears it. Those that Lightning starts come later by themselves.
    """
    strategy: Any = trainer.strategy
    environment: Any = getattr(strategy, "cluster_environment", None)
    together = trainer.world_size > 1 and environment.creates_processes_externally
    if together:
        strategy.setup_environment()
    if together and not trainer.is_global_zero:
        strategy.barrier()
    yield
    if together and trainer.is_global_zero:
        strategy.barrier()
