"""Train a model in a run directory, or continue where it left off."""

import resource
import shutil
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import WeightAveraging
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from pixelrnn.data import ImageData
from pixelrnn.data.arrays import read_description
from pixelrnn.errors import InputError
from pixelrnn.files import first_line
from pixelrnn.models import AutoregressiveModel
from pixelrnn.models.description import foreign
from pixelrnn.models.in_batches import Model, check_fit
from pixelrnn.runs.directory import CHECKPOINT, METRICS, SAMPLING
from pixelrnn.runs.origin import find_origin
from pixelrnn.stages.evaluate import evaluate
from pixelrnn.stages.sample import sample
from pixelrnn.training.callbacks import BestWeights, Finite, History, LastCheckpoint
from pixelrnn.training.density import DensityModule, MakeOptimizer
from pixelrnn.training.run import Run
from pixelrnn.training.schedules import Schedule
from pixelrnn.training.tracking import tracked

Part = TypeVar("Part", Callback, Logger)


def train(
    run: str | Path,
    *,
    config: dict[str, Any],
    model: Model,
    images: ImageData,
    optimizer: MakeOptimizer,
    scheduler: Schedule | None,
    trainer: Callable[..., Trainer],
    callbacks: Mapping[str, Callback | None] | None = None,
    logger: Mapping[str, Logger | None] | None = None,
    compile: bool = False,
    test: bool | None = False,
    replace: bool = False,
    command: str | None = None,
) -> Run:
    """Fit `model` to `images`; leave in the directory `run` what `pixelrnn.runs.directory` lists.

    `config` is the plain configuration that the objects were built from; it is recorded, and a
    directory belongs to one. A finished run is left alone, an interrupted one continues, and what
    `Run.claim` finds stale is trained from scratch. `callbacks` and `logger` are any of
    Lightning's, by name; None leaves one out. `compile`: by torch.compile. `test`: evaluate and
    draw samples afterwards. `replace`: see `Run.claim`. `command`: what to paste into a shell for
    this run, for its origin.json.

    Raises InputError before anything is written, and for a loss that is no number; SystemExit for
    Ctrl-C and SIGTERM. Then the same call continues from the last whole epoch.
    """
    check_fit(model, images.levels, images.shape)
    module = DensityModule(model, optimizer, scheduler)
    history, best = History(), BestWeights()
    theirs = _parts("callbacks", Callback, callbacks)
    theirs.sort(key=lambda callback: isinstance(callback, WeightAveraging))  # they come last
    ours = [Finite(), history, best]
    fit = _build_trainer(
        trainer,
        default_root_dir=run,
        callbacks=[*ours, *theirs, LastCheckpoint(config)],
        logger=_parts("logger", Logger, logger) or False,
    )
    origin = find_origin(command, read_description(images.path).get("md5"))
    left = Path(run, CHECKPOINT).exists()
    before = set(Path(run).iterdir()) if Path(run).is_dir() else None
    trust = foreign(config.get("model"))  # named by whoever trains it
    claimed = Run.claim(run, config, origin["data_md5"], replace)
    if fit.is_global_zero:
        print(_beginning(claimed, model, left), flush=True)
    trains = not claimed.finished
    if trains:
        if compile:
            _compile(model)
        with _nothing_left(claimed, before), tracked(fit, claimed, origin):
            _fit(fit, module, images, claimed)
            if fit.is_global_zero:
                training = _finish(claimed, model, history, best, origin)
                print(_ending(claimed.path, training), flush=True)
                if test:
                    evaluate(claimed.path, trust=trust)  # recorded with the training
    if test and fit.is_global_zero:
        _complete(claimed, again=trains, trust=trust)
    return claimed


@contextmanager
def _nothing_left(run: Run, before: set[Path] | None) -> Iterator[None]:
    """Take away what a training leaves that failed before its first checkpoint.

    `before`: what the directory held, None where it was not there. What stops a training in other
    ways, such as Ctrl-C, may be of use to look at.
    """
    try:
        yield
    except Exception:
        if not run.checkpoint and not run.finished:
            for path in set(run.path.iterdir()) - (before or set()):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
            if before is None:
                with suppress(OSError):  # another process of this training has done it
                    run.path.rmdir()
        raise


def _parts(key: str, kind: type[Part], parts: Mapping[str, Part | None] | None) -> list[Part]:
    """Return the parts that there are. Raises InputError for what is none of Lightning's."""
    if parts is None:
        return []
    if not isinstance(parts, Mapping):
        raise InputError(f"{key}: give it a name of its own, as in {key}.mine._target_=...")
    there = {name: part for name, part in parts.items() if part is not None}
    for name, part in there.items():
        if not isinstance(part, kind):
            raise InputError(
                f"{key}.{name}={part} is no {kind.__name__} of Lightning's: name one by _target_"
            )
    return list(there.values())


def _build_trainer(trainer: Callable[..., Trainer], **options: Any) -> Trainer:
    """Return Lightning's trainer.

    Raises InputError for arguments that it refuses, or that a likelihood can't be trained with.
    """
    try:
        built = trainer(**options)
    except (TypeError, ValueError, MisconfigurationException) as error:
        raise InputError(f"trainer: {first_line(error)}") from error
    if not isinstance(built.max_epochs, int) or built.max_epochs < 1:
        raise InputError(
            f"trainer.max_epochs={built.max_epochs} must be a whole number of at least 1"
        )
    if built.check_val_every_n_epoch == 0:
        raise InputError("trainer.check_val_every_n_epoch=0 must be at least 1, or null")
    if built.limit_train_batches == 0:
        raise InputError("trainer.limit_train_batches=0 leaves nothing to train on")
    if built.precision in ("16-true", "bf16-true"):
        mixed = built.precision.replace("true", "mixed")
        raise InputError(
            f"trainer.precision={built.precision} keeps the weights in 16 bits, "
            f"too few for a likelihood: take {mixed}"
        )
    strategy = str(getattr(trainer, "keywords", {}).get("strategy"))
    if any(way in strategy for way in ("spawn", "fork", "notebook")):
        raise InputError(
            "trainer.strategy: what is learned would stay in the processes that it starts: take ddp"
        )
    return built


def _compile(model: Model) -> None:
    """Compile in place, so that the weights keep their names; drawing stays as it is."""
    for part in model.modules():
        if isinstance(part, AutoregressiveModel):
            part.compile()


def _fit(trainer: Trainer, module: DensityModule, images: ImageData, run: Run) -> None:
    """Train, from the checkpoint if there is one.

    Raises SystemExit with the code that a shell gives to Ctrl-C (130) and SIGTERM (143).
    Lightning's own has 1 for Ctrl-C, and none for SIGTERM, as if all were well.
    """
    try:
        trainer.fit(module, datamodule=images, ckpt_path=run.checkpoint, weights_only=True)
    except MisconfigurationException as error:  # of a callback or logger, when it first looks
        raise InputError(f"trainer: {first_line(error)}") from error
    except SystemExit as stopped:
        if stopped.code not in (None, 1):
            raise
        if trainer.is_global_zero:
            sentence = f"{run.path} is stopped: the same command goes on from its last whole epoch"
            print(sentence, file=sys.stderr)
        raise SystemExit(130 if stopped.code else 143) from stopped


def _finish(
    run: Run,
    model: Model,
    history: History,
    best: BestWeights,
    origin: Mapping[str, Any],
) -> dict[str, Any]:
    """Write what a finished run leaves; return what stands in training.json and timing.json.

    Everything comes from what the checkpoint holds: DVC may have removed the other files
    meanwhile.
    """
    last = history.rows[-1]
    row = next((row for row in history.rows if row["epoch"] == best.epoch), last)
    training = {
        "parameters": _count(model),
        "epochs": last["epoch"] + 1,
        "steps": last["step"],
        "images": last["images"],
        "best_epoch": row["epoch"],
        "val_nll_nats": row["val/nll_nats"],
        "val_bits_per_dim": row["val/bits_per_dim"],
        "data_md5": origin["data_md5"],
        "code": origin["code"],
    }
    timing = {
        "train_seconds": last["seconds"],
        "images_per_second": round(last["images"] / last["seconds"], 1),
        "peak_memory_mb": _peak_memory_mb(),
    }
    history.write(run.path)
    run.finish(best.weights or model.state_dict(), training, timing)
    return training | timing


def _complete(run: Run, again: bool, trust: Collection[str]) -> None:
    """Evaluate what has no figures, and draw samples where there are none or `again`."""
    if not run.files.has(METRICS):
        evaluate(run.path, trust=trust)
    if again or not run.files.has(SAMPLING):
        sample(run.path, trust=trust)


def _count(model: Model) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _peak_memory_mb() -> int:
    """Return the peak of the accelerator if there is one, else of this process, in MiB."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() // 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, KiB elsewhere


def _beginning(run: Run, model: Model, left: bool) -> str:
    """Return what is about to happen; `left`: a checkpoint lay there before the claim."""
    if run.finished:
        return f"{run.path} is finished: nothing to train (another directory: run=...)"
    about = f"{run.path}: {_count(model):,} parameters"
    if run.checkpoint:
        return f"{about}; it continues from its last epoch"
    if left:
        reason = "of another configuration, other data or a finished run"
        return f"{about}; its checkpoint is {reason}: starting from scratch"
    return about


def _ending(run: Path, training: Mapping[str, Any]) -> str:
    """Return what it took, and the best figure on the validation images if there is one."""
    sentence = (
        f"{run}: {training['images']:,} images in {training['train_seconds']:.0f} s "
        f"({training['images_per_second']:,.0f} a second), "
        f"peak memory {training['peak_memory_mb']:,} MiB"
    )
    bits = training["val_bits_per_dim"]
    if bits is None:
        return sentence
    epoch = training["best_epoch"] + 1
    return f"{sentence}; best on the validation images in epoch {epoch}: {bits:.4f} bits/dim"
