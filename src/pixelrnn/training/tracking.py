"""Weights & Biases, through Lightning's logger: a second reader of the numbers, never the only one.

It never stops or slows a run: without a key, or where no server answers, it records offline, and
what fails later costs a line. All files go below one folder of the project, none to the home
directory.
"""

import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import wandb
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import WandbLogger

from pixelrnn.errors import InputError
from pixelrnn.files import as_path, first_line
from pixelrnn.runs.directory import HISTORY, ORIGIN, TRAINING, WEIGHTS
from pixelrnn.runs.frame import history
from pixelrnn.runs.group import group_of
from pixelrnn.training.run import Run

MODES = ("online", "offline", "disabled")
DEFAULTS = {  # of W&B's own variables, where the user has set none
    "WANDB_SILENT": "true",
    "WANDB_CONSOLE": "off",  # it records no output
    "WANDB_INIT_TIMEOUT": "10",  # seconds, for a server that doesn't answer
    "WANDB_FINISH_TIMEOUT": "60",
    "WANDB_FINISH_TIMEOUT_RAISES": "true",
}
NLL = [f"{split}/{unit}" for split in ("train", "val") for unit in ("nll_nats", "bits_per_dim")]


class WeightsAndBiases(WandbLogger):
    """Record a training in W&B; where that fails, say so in one line and go on.

    The W&B run is named after the run directory `run`; its group is the sweep or the pipeline that
    this one belongs to (`pixelrnn.runs.group`). It is online only if WANDB_MODE or WANDB_API_KEY
    says so, and writes to `folder`/wandb. Raises InputError for an unknown mode and for a folder
    that can't be written.
    """

    def __init__(
        self,
        run: str | Path,
        project: str = "pixelrnn",
        entity: str | None = None,
        folder: str | Path = "artifacts",
        tags: Sequence[object] = (),
    ) -> None:
        path = as_path(run, "run").absolute()
        self.folder = str(as_path(folder, "logger.wandb.folder"))  # relative to the project
        self.lost = False
        self.options: dict[str, Any] = {
            "project": str(as_path(project, "logger.wandb.project")),
            "entity": entity,
            "group": group_of(path),
            "name": path.name,
            "job_type": "train",
            "tags": [str(tag)[:64] for tag in tags if tag],  # W&B takes no longer ones
        }
        self.place = _set_up(self.folder)
        super().__init__(save_dir=self.place, **self.options)

    def start(self, run_id: str | None, config: Mapping[str, Any]) -> dict[str, Any] | None:
        """Start the W&B run, or continue the one with this id, and record the configuration.

        Return what origin.json is to hold about it; None where it couldn't be started, or is
        disabled.
        """
        options = {**self.options, "resume": "allow", "dir": self.place}
        with _forgiving("nothing is recorded there"):
            run = _begin(id=run_id or secrets.token_hex(4), **options)
            if run.disabled:
                return None
            run.define_metric("trainer/global_step")  # as Lightning does
            run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
            run.define_metric("images", hidden=True)
            for name in NLL:  # against images seen, so that runs of other batch sizes compare
                run.define_metric(name, step_metric="images", summary="min")
            # Lightning takes a run that has begun by its constructor only.
            super().__init__(experiment=run, save_dir=self.place, **self.options)
            self.log_hyperparams(dict(config))
            keys = ("id", "group", "name", "project", "entity")
            about = {key: getattr(run, key) or None for key in keys}
            return {**about, "mode": os.environ["WANDB_MODE"], "folder": self.folder}
        return None

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Add a row to the history, unless W&B's process is lost."""
        if self.lost:
            return
        try:
            super().log_metrics(metrics, step)
        except Exception as error:
            self.lost = True
            _complain(error, "nothing more of this training is recorded there")

    def record_result(self, run: Run) -> None:
        """Record the weights as what this W&B run made, and the lowest NLLs of the whole training.

        W&B's own are those since the latest start.
        """
        with _forgiving("the weights are not recorded there"):
            name = f"weights-{self.experiment.id}"
            artifact = wandb.Artifact(name, "model", metadata=run.files.read(TRAINING))
            artifact.add_file(str(run.path / WEIGHTS))
            self.experiment.log_artifact(artifact, aliases=["best"])
            self.experiment.summary.update(_lowest(run))


@contextmanager
def tracked(trainer: Trainer, run: Run, origin: Mapping[str, Any]) -> Iterator[None]:
    """Write origin.json; give the loggers the configuration, W&B at the end the weights.

    A logger of W&B that can't be started is taken from the trainer. What is evaluated within the
    block goes to the same W&B run. That is ended whatever happens, as failed if the block is left
    by an exception: the next job of a sweep would go on writing to it.
    """
    if not trainer.is_global_zero:
        yield
        return
    loggers, config = trainer.loggers, {**run.config, "origin": dict(origin)}
    ours = next((logger for logger in loggers if isinstance(logger, WeightsAndBiases)), None)
    others = [logger for logger in loggers if logger is not ours]
    code, about, before = 1, None, run.origin.get("wandb") or {}
    try:
        about = ours.start(before.get("id"), config) if ours else None
        run.files.write(ORIGIN, {**origin, "wandb": about})
        for logger in others:
            logger.log_hyperparams(config)
        trainer.loggers = [ours, *others] if ours and about else others
        yield
        code = 0
    finally:
        if ours and about and run.finished:  # the evaluation may have failed
            ours.record_result(run)
        if any(isinstance(logger, WandbLogger) for logger in loggers):
            _finish(code)


def record_evaluation(run: Run, metrics: Mapping[str, Any]) -> None:
    """Add the figures of the test images to the summary of the run's W&B run: `test/nll_nats`, ...

    That is the one which is open if the training goes on around it (`tracked`); otherwise it is
    resumed. Offline that makes a second folder with the same id. `wandb sync` adds its history to
    the first's but puts its summary in the place of the first's, so the lowest NLLs stand in both.
    Nothing is raised: what fails costs a line.
    """
    named = {f"test/{key}": value for key, value in metrics.items()}
    with _forgiving("the evaluation is not recorded there"):
        about = run.files.read_here(ORIGIN).get("wandb")
        if not about:
            return
        if wandb.run and wandb.run.id == about["id"]:
            wandb.run.summary.update(named)
            return
        folder = Path(about["folder"])
        if folder.is_absolute() or ".." in folder.parts:  # a run may come from anybody
            folder = Path("artifacts")
        logger = WeightsAndBiases(run.path, about["project"], about["entity"], folder)
        if logger.start(about["id"], run.config):
            logger.experiment.summary.update({**_lowest(run), **named})
            logger.experiment.finish()


def _lowest(run: Run) -> dict[str, dict[str, float]]:
    """Return the lowest NLLs of all epochs, as W&B's summary has them."""
    if not run.files.has(HISTORY):
        return {}
    lowest = history(run.path)[NLL].min()
    return {str(name): {"min": float(nll)} for name, nll in lowest.dropna().items()}


def _set_up(folder: str) -> Path:
    """Choose the mode and where W&B's files lie, once a process; return `folder` in the project.

    DVC runs queued experiments in a copy of the project, which it deletes: DVC_ROOT is the
    project itself.
    """
    place = Path(os.environ.get("DVC_ROOT", ""), folder)
    files = str(Path(place, "wandb").absolute())
    mode = "online" if os.environ.get("WANDB_API_KEY") else "offline"
    places = {"WANDB_DATA_DIR": files, "WANDB_CACHE_DIR": files}  # else the home directory
    for name, value in {**DEFAULTS, **places, "WANDB_MODE": mode}.items():
        if not os.environ.get(name):  # an empty variable is an unset one
            os.environ[name] = value
    if (mode := os.environ["WANDB_MODE"]) not in MODES:
        raise InputError(f"WANDB_MODE={mode}: set it to online, offline or disabled")
    try:
        Path(files).mkdir(parents=True, exist_ok=True)  # else W&B takes a temporary directory
    except OSError as error:
        reason = error.strerror
        raise InputError(f"cannot write to logger.wandb.folder={folder}: {reason}") from error
    return place


def _begin(**options: Any) -> Any:
    """Call wandb.init; offline, from now on, where a run can't be had online."""
    if os.environ["WANDB_MODE"] == "online":
        reason = "no API key"
        try:
            if wandb.login(prompt=False, verify=False):
                return wandb.init(mode="online", **options)
        except Exception as error:
            reason = first_line(error)
            wandb.teardown()  # else its process keeps the failed run, and the id with it
        sentence = f"W&B: {reason}: recording offline, `wandb sync` uploads it later"
        print(sentence, file=sys.stderr)
        os.environ["WANDB_MODE"] = "offline"
    return wandb.init(mode=os.environ["WANDB_MODE"], **options)  # type: ignore[arg-type]


def _finish(code: int) -> None:
    """End the W&B run of this process, if there is one."""
    try:
        wandb.finish(exit_code=code)
    except Exception as error:
        _complain(error, "what could not be uploaded is in its files: `wandb sync` them")
        with suppress(Exception):
            wandb.teardown(code)  # the next run of this process gets a process of W&B that works


@contextmanager
def _forgiving(consequence: str) -> Iterator[None]:
    """Let an error of W&B cost a line."""
    try:
        yield
    except Exception as error:
        _complain(error, consequence)


def _complain(error: Exception, consequence: str) -> None:
    print(f"W&B: {first_line(error)}: {consequence}", file=sys.stderr)
