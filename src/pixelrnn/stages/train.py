"""Train a model in a run directory, or continue where it left off."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelrnn.errors import InputError
from pixelrnn.runs.directory import METRICS, SAMPLING

if TYPE_CHECKING:
    from pytorch_lightning import Callback, Trainer
    from pytorch_lightning.loggers import Logger

    from pixelrnn.data import ImageData
    from pixelrnn.models.in_batches import Model
    from pixelrnn.training.callbacks import BestWeights, History
    from pixelrnn.training.density import DensityModule, MakeOptimizer
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
    logger: "Callable[[str | Path, dict[str, Any]], Logger] | None" = None,
    seed: int = 0,
    compile: bool = False,
    test: bool = False,
) -> "Run":
    """Fit `model` to `data`; leave in the directory `run` what the table in `pixelrnn.training.run` lists.

    `config` is the plain configuration that the objects were built from; it is recorded, and a directory belongs to
    one. A finished run is left alone, an interrupted one continues, and what `Run.claim` finds stale is trained from
    scratch. `compile`: by torch.compile. `test`: evaluate and draw samples afterwards.

    Raises InputError before anything is written, and for a loss that is no number; SystemExit for Ctrl-C and SIGTERM.
    Then the same call continues from the last whole epoch.
    """
    from pixelrnn.data.arrays import read_description
    from pixelrnn.models.in_batches import check_fit
    from pixelrnn.runs.origin import find_origin
    from pixelrnn.training.callbacks import BestWeights, EpochSeed, Finite, History, LastCheckpoint
    from pixelrnn.training.density import DensityModule
    from pixelrnn.training.tracking import tracked

    check_fit(model, data.levels, data.shape)
    history, best = History(), BestWeights()
    module = DensityModule(model, optimizer, scheduler)
    ours = [EpochSeed(seed), Finite(), history, best]
    fit = _build_trainer(
        trainer,
        default_root_dir=run,
        callbacks=[*ours, *_averages_last(callbacks or {}), LastCheckpoint(config)],
        logger=logger(run, config) if logger else False,
    )
    origin = find_origin(find_command(run), read_description(config["data"]["path"]).get("md5"))
    claimed = _claim(run, config, origin["data_md5"])
    if claimed.finished:
        if test:
            _test(claimed)
        return claimed
    if compile:
        _compile(model)
    with tracked(fit.logger, claimed, origin) as fit.logger:
        _fit(fit, module, data, claimed)
        if fit.is_global_zero:
            _finish(claimed, model, fit, history, best)
    if test and fit.is_global_zero:
        _test(claimed, again=True)
    return claimed


def _averages_last(callbacks: "Mapping[str, Callback]") -> "list[Callback]":
    """Those that average weights after all others, which are to see the averages: see `training.callbacks`."""
    from pytorch_lightning.callbacks import WeightAveraging

    return sorted(callbacks.values(), key=lambda callback: isinstance(callback, WeightAveraging))


def _build_trainer(trainer: "Callable[..., Trainer]", **options: Any) -> "Trainer":
    from pytorch_lightning.strategies.launchers import _MultiProcessingLauncher
    from pytorch_lightning.utilities.exceptions import MisconfigurationException

    try:
        built = trainer(**options)
    except (TypeError, ValueError, MisconfigurationException) as error:
        raise InputError(f"trainer: {error}") from error
    if not isinstance(built.max_epochs, int) or built.max_epochs < 1:
        raise InputError(
            f"trainer.max_epochs={built.max_epochs} must be a whole number of at least 1"
        )
    if built.limit_train_batches == 0:
        raise InputError("trainer.limit_train_batches=0 leaves nothing to train on")
    if built.precision in ("16-true", "bf16-true"):
        raise InputError(
            f"trainer.precision={built.precision} keeps the weights in 16 bits, too few for a likelihood: "
            f"take {built.precision.replace('true', 'mixed')}"
        )
    if isinstance(built.strategy.launcher, _MultiProcessingLauncher):
        raise InputError(
            "trainer.strategy: what was learned would stay in the processes that it starts: take ddp"
        )
    return built


def _claim(path: str | Path, config: dict[str, Any], data_md5: dict[str, str]) -> "Run":
    """The directory, and a line about what is found there."""
    from pixelrnn.runs.directory import CHECKPOINT
    from pixelrnn.training.run import Run

    left = Path(path, CHECKPOINT).exists()
    run = Run.claim(path, config, data_md5)
    if run.finished:
        print(f"{path} is finished: nothing to train (another directory: run=...)")
    elif run.checkpoint:
        print(f"{path} continues from its last epoch")
    elif left:
        print(
            f"{path}: its checkpoint is of another configuration, other data or a finished run: starting from scratch"
        )
    return run


def _compile(model: "Model") -> None:
    """In place, so that the weights keep their names; drawing, a pixel at a time, stays as it is."""
    from pixelrnn.models import AutoregressiveModel

    for part in model.modules():
        if isinstance(part, AutoregressiveModel):
            part.compile()


def _fit(trainer: "Trainer", module: "DensityModule", data: "ImageData", run: "Run") -> None:
    import sys

    try:
        trainer.fit(module, datamodule=data, ckpt_path=run.checkpoint, weights_only=True)
    except (
        SystemExit
    ) as stopped:  # Lightning's own has no code for SIGTERM, as if all were well, and 1 for Ctrl-C
        if stopped.code not in (None, 1):
            raise
        if trainer.is_global_zero:
            print(
                f"{run.path} is stopped: the same command goes on from its last whole epoch",
                file=sys.stderr,
            )
        raise SystemExit(130 if stopped.code else 143) from stopped


def _finish(
    run: "Run", model: "Model", trainer: "Trainer", history: "History", best: "BestWeights"
) -> None:
    """Everything comes from what the checkpoint held: DVC may have removed the other files meanwhile."""
    history.write(run.path)
    last = history.rows[-1]
    row = next((row for row in history.rows if row["epoch"] == best.epoch), last)
    training = {
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
    }
    run.finish(best.weights or model.state_dict(), training)
    print(_sentence(run.path, training))


def _test(run: "Run", again: bool = False) -> None:
    """What `pixelrnn evaluate` and `sample` would do, where it isn't there or is `again` to be done."""
    from pixelrnn.stages.evaluate import evaluate
    from pixelrnn.stages.sample import sample

    if again or not run.files.has(METRICS):
        evaluate(run.path)
    if again or not run.files.has(SAMPLING):
        sample(run.path)


def _sentence(run: Path, training: dict[str, Any]) -> str:
    nll = training["val_bits_per_dim"]
    best = (
        f"; best on the validation images in epoch {training['best_epoch'] + 1}: {nll:.4f} bits/dim"
        if nll
        else ""
    )
    return (
        f"{run}: {training['images']:,} images in {training['train_seconds']:.0f} s "
        f"({training['images_per_second']:,.0f} a second), peak memory {training['peak_memory_mb']:,} MiB{best}"
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


def find_command(run: str | Path) -> str | None:
    """What to paste into a shell for this one run, also where it was a job of a sweep; None from Python."""
    import shlex

    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    if not HydraConfig.initialized():
        return None
    hydra = HydraConfig.get()
    hidden = ("stage=", "sweep=", "launcher=")
    words = [word for word in hydra.overrides.task if not word.startswith(hidden)]
    if hydra.mode == RunMode.MULTIRUN:  # where run= is the folder of all jobs
        words = [word for word in words if not word.startswith("run=")] + [f"run={run}"]
    return shlex.join(["pixelrnn", "train", *words])
