"""Train a model in a run directory, or continue where it left off."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelrnn.errors import InputError

if TYPE_CHECKING:
    from pytorch_lightning import Callback, Trainer
    from pytorch_lightning.loggers import Logger

    from pixelrnn.data import ImageData
    from pixelrnn.training import Model
    from pixelrnn.training.callbacks import BestWeights, History
    from pixelrnn.training.density import MakeOptimizer
    from pixelrnn.training.run import Run
    from pixelrnn.training.schedules import Schedule


def train(
    run: str | Path,
    config: dict[str, Any],
    model: "Model",
    data: "ImageData",
    optimizer: "MakeOptimizer",
    scheduler: "Schedule | None",
    trainer: "Callable[..., Trainer]",
    callbacks: "Mapping[str, Callback] | None" = None,
    logger: "Callable[[str | Path], Logger] | None" = None,
    seed: int = 0,
) -> "Run":
    """Fit `model` to `data`; leave in the directory `run` what the table in `pixelrnn.training.run` lists.

    `config` is the plain configuration that the objects were built from; it is recorded, and a directory belongs to
    one. A finished run is left alone, an interrupted one continues, and what `Run.create` finds stale is trained from
    scratch. Raises InputError before anything is written.
    """
    from pixelrnn.training.callbacks import BestWeights, EpochSeed, History, LastCheckpoint
    from pixelrnn.training.density import DensityModule
    from pixelrnn.training.run import CHECKPOINT, Run, check_fit
    from pixelrnn.training.tracking import tracked

    check_fit(model, data)
    history, best = History(), BestWeights()
    module = DensityModule(model, optimizer, scheduler)
    fit = _build_trainer(
        trainer,
        default_root_dir=run,
        callbacks=[*(callbacks or {}).values(), EpochSeed(seed), history, best, LastCheckpoint(config)],
        logger=logger(run) if logger else False,
    )
    left = Path(run, CHECKPOINT).exists()
    claimed = Run.create(run, config)
    if claimed.finished:
        print(f"{run} is finished: nothing to train (another directory: run=...)")
        return claimed
    if claimed.checkpoint:
        print(f"{run} continues from its last epoch")
    elif left:
        print(f"{run}: the checkpoint there was of another configuration or a finished run: starting from scratch")
    with tracked(fit.logger, claimed):
        fit.fit(module, datamodule=data, ckpt_path=claimed.checkpoint, weights_only=True)
    if fit.is_global_zero:
        _finish(claimed, model, fit, history, best)
    return claimed


def _build_trainer(trainer: "Callable[..., Trainer]", **options: Any) -> "Trainer":
    from pytorch_lightning.utilities.exceptions import MisconfigurationException

    try:
        built = trainer(**options)
    except (TypeError, ValueError, MisconfigurationException) as error:
        raise InputError(f"trainer: {error}") from error
    if not isinstance(built.max_epochs, int) or built.max_epochs < 1:
        raise InputError(f"trainer.max_epochs={built.max_epochs} must be a whole number of at least 1")
    if built.limit_train_batches == 0:
        raise InputError("trainer.limit_train_batches=0 leaves nothing to train on")
    return built


def _finish(run: "Run", model: "Model", trainer: "Trainer", history: "History", best: "BestWeights") -> None:
    """Everything comes from what the checkpoint held: DVC may have removed the other files meanwhile."""
    history.write(run.path)
    run.save_weights(best.weights or model.state_dict())
    last = history.rows[-1]
    row = next((row for row in history.rows if row["epoch"] == best.epoch), last)
    run.write(
        "training.json",
        {
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "train_seconds": last["seconds"],
            "images_per_second": round(last["images"] / last["seconds"], 1),
            "epochs": last["epoch"] + 1,
            "steps": last["step"],
            "images": last["images"],
            "best_epoch": row["epoch"],
            "val_nll_nats": row["val/nll_nats"] or None,
            "val_bits_per_dim": row["val/bits_per_dim"] or None,
            "peak_memory_mb": _peak_memory_mb(),
        },
    )


def _peak_memory_mb() -> int:
    """Of the accelerator if there is one, else of this process, in MiB."""
    import resource
    import sys

    import torch

    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() // 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, KiB elsewhere
