"""Weights & Biases, through Lightning's logger: a second reader of the numbers, never the only one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import wandb
from pytorch_lightning.loggers import Logger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from pixelrnn.errors import InputError
from pixelrnn.training.run import Run


def wandb_logger(run: str | Path, folder: str = "artifacts", **options: Any) -> WandbLogger:
    """A logger that writes below `folder`/wandb, online only if WANDB_MODE or WANDB_API_KEY says so.

    Named after the run directory, grouped by the folder it lies in: the jobs of a sweep are one group. A run that is
    continued keeps the id in its wandb.json.
    """
    path = Path(run)
    os.environ.setdefault("WANDB_MODE", "online" if "WANDB_API_KEY" in os.environ else "offline")
    os.environ.setdefault("WANDB_SILENT", "true")
    for place in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR"):  # else the home directory
        os.environ.setdefault(place, str(Path(folder, "wandb").absolute()))
    logger = WandbLogger(
        name=path.name,
        group=path.parent.name,
        id=Run(path, {}).read("wandb.json").get("id"),
        save_dir=folder,
        settings=wandb.Settings(silent=True, console="off"),
        **options,
    )
    logger._wandb_init.pop("anonymous", None)  # W&B warns of it, although Lightning leaves it unset
    return logger


@contextmanager
def tracked(logger: Logger | None, run: Run) -> Iterator[None]:
    """Tell W&B the configuration and wandb.json the id, and end the W&B run whatever happens: 1 marks it failed.

    Without a W&B logger nothing happens.
    """
    if not isinstance(logger, WandbLogger) or getattr(rank_zero_only, "rank", 0) != 0:
        yield
        return
    code = 1
    try:
        _start(logger, run)
        yield
        code = 0
    finally:
        wandb.finish(exit_code=code)


def _start(logger: WandbLogger, run: Run) -> None:
    Path(logger.save_dir or ".", "wandb").mkdir(parents=True, exist_ok=True)
    try:
        experiment = logger.experiment
    except wandb.errors.Error as error:
        raise InputError(f"W&B cannot start ({error}): set WANDB_MODE=offline, or choose logger=none") from error
    logger.log_hyperparams(run.config)
    for metric in ("val/nll_nats", "val/bits_per_dim"):
        experiment.define_metric(metric, step_metric="trainer/global_step", summary="min")
    known = {"id": experiment.id, "group": experiment.group, "mode": os.environ["WANDB_MODE"], "name": experiment.name}
    run.write("wandb.json", known)
