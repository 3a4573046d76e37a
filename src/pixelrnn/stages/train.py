"""Train a model in a run directory, or continue where it left off."""

import resource
import shutil
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import WeightAveraging
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from pixelrnn.data import ImageData
from pixelrnn.data.arrays import read_description
from pixelrnn.errors import InputError
from pixelrnn.files import as_path, first_line, md5
from pixelrnn.models import AutoregressiveModel, ClassConditional
from pixelrnn.models.description import foreign
from pixelrnn.models.in_batches import Model, check_fit
from pixelrnn.runs import identity
from pixelrnn.runs.directory import CHECKPOINT, GRIDS, HISTORY, METRICS, SAMPLING
from pixelrnn.runs.lock import locked
from pixelrnn.runs.origin import find_origin
from pixelrnn.stages.evaluate import evaluate
from pixelrnn.stages.sample import sample
from pixelrnn.training.callbacks import BestWeights, Finite, History
from pixelrnn.training.checkpoints import LastCheckpoint
from pixelrnn.training.density import DensityModule, MakeOptimizer
from pixelrnn.training.distributed import first_process_first, several_processes
from pixelrnn.training.drawing import SampleGrid, write_grids
from pixelrnn.training.run import Run
from pixelrnn.training.schedules import Schedule
from pixelrnn.training.stopping import Stop
from pixelrnn.training.tracking import tracked
from pixelrnn.training.trainer import build_trainer, parts_of


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
    checkpoint_minutes: float = 10,
    checkpoint_steps: int | None = None,
    command: str | None = None,
) -> Run:
    """Fit `model` to `images`; leave in the directory `run` what `pixelrnn.runs.directory` lists.

    `config` is the plain configuration that the objects were built from; it is recorded, and a
    directory belongs to one. A finished run is left alone, an interrupted one continues, and what
    `Run.claim` finds stale is trained from scratch. `callbacks` and `logger` are any of
    Lightning's, by name; None leaves one out. `compile`: by torch.compile. `test`: evaluate and
    draw samples afterwards. `replace`: see `Run.claim`. There is a checkpoint after every epoch and
    every so many minutes, or steps. `command`: what to paste into a shell for this run, for its
    origin.json.

    Raises InputError before anything is written, and for a loss from which nothing recovers;
    SystemExit for Ctrl-C and the signals of `training.stopping`. Then the same call goes on from
    the checkpoint.
    """
    check_fit(model, images.levels, images.shape)
    about = read_description(images.path)
    data_md5 = about.get("md5")
    if isinstance(model, ClassConditional):
        images.tell_labels(model.classes)
        model.count(torch.from_numpy(images.labels["train"].astype(np.int64)))
        data_md5 = {**about["md5"], **about["labels_md5"]}
    module = DensityModule(model, optimizer, scheduler)
    history, best = History(), BestWeights()
    theirs = parts_of("callbacks", Callback, callbacks)
    theirs.sort(key=lambda callback: isinstance(callback, WeightAveraging))  # they come last
    grids = [each for each in theirs if isinstance(each, SampleGrid)]
    stop = Stop()
    last = LastCheckpoint(config, stop, checkpoint_minutes, checkpoint_steps)
    fit = build_trainer(
        trainer,
        default_root_dir=run,
        callbacks=[Finite(), history, best, *theirs, last],
        logger=parts_of("logger", Logger, logger) or False,
    )
    origin = find_origin(command, data_md5)
    origin["threads"] = torch.get_num_threads()
    trust = foreign(config.get("model"))  # named by whoever trains it
    before = set(Path(run).iterdir()) if Path(run).is_dir() else None
    with locked(as_path(run, "run")) if fit.is_global_zero else nullcontext():
        left = Path(run, CHECKPOINT).exists()
        with several_processes(fit), first_process_first(fit):
            claimed = Run.claim(run, config, origin["data_md5"], replace)
        if fit.is_global_zero:
            print(_beginning(claimed, model, left), flush=True)
        trains = not claimed.finished
        if trains:
            if compile:
                _compile(model)
            nothing_left = _nothing_left(claimed, before)
            with nothing_left, tracked(fit, claimed, origin), several_processes(fit):
                _fit(fit, module, images, claimed)
                if fit.is_global_zero:
                    training = _finish(claimed, model, history, best, grids, origin)
                    print(_ending(claimed.path, training), flush=True)
                    if stop.signal:  # it came with the last steps
                        stop.leave()
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


def _compile(model: Model) -> None:
    """Compile in place, so that the weights keep their names; drawing stays as it is."""
    for part in model.modules():
        if isinstance(part, AutoregressiveModel):
            part.compile()


def _fit(trainer: Trainer, module: DensityModule, images: ImageData, run: Run) -> None:
    """Train, from the checkpoint if there is one.

    Raises SystemExit with the code that a shell gives to Ctrl-C (130), SIGTERM (143) and others.
    Lightning's own has 1 for Ctrl-C, and none for SIGTERM, as if all were well.
    """
    try:
        with warnings.catch_warnings():
            # It is, by `ImageData.state_dict`; and what only shows a training may change.
            for message in ("your dataloader is not resumable", "callbacks used to create"):
                warnings.filterwarnings("ignore", message=f".*{message}")
            trainer.fit(module, datamodule=images, ckpt_path=run.checkpoint, weights_only=True)
    except MisconfigurationException as error:  # of a callback or logger, when it first looks
        raise InputError(f"trainer: {first_line(error)}") from error
    except SystemExit as stopped:
        code: Any = 143 if stopped.code is None else 130 if stopped.code == 1 else stopped.code
        if code in range(129, 160) and trainer.is_global_zero:
            goes_on = "goes on from its checkpoint" if run.checkpoint else "begins anew"
            print(f"{run.path} is stopped: the same command {goes_on}", file=sys.stderr)
        raise SystemExit(code) from stopped


def _finish(
    run: Run,
    model: Model,
    history: History,
    best: BestWeights,
    grids: Sequence[SampleGrid],
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
    history.write(run.path)
    training["history_md5"] = md5(run.path / HISTORY)
    if not run.files.has(GRIDS):  # nothing was to be drawn, and the pipeline asks for the file
        write_grids(run.path, next((grid.drawn for grid in grids), {}))
    training["grids_md5"] = md5(run.path / GRIDS)
    training["model_md5"] = identity.model_md5(run.config)
    timing = {
        "train_seconds": last["seconds"],
        "images_per_second": round(last["images"] / last["seconds"], 1),
        "peak_memory_mb": _peak_memory_mb(),
    }
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
        return f"{about}; it continues from its checkpoint"
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
