"""Weights & Biases, through Lightning's logger: a second reader of the numbers, never the only one.

It never stops or slows a run: without a key, or where no server answers, it records offline, and what fails later costs
a line. All files go below one folder of the project, none to the home directory.
"""

import inspect
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import wandb
from pytorch_lightning.loggers import Logger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from pixelrnn.errors import InputError
from pixelrnn.training.run import Run

MODES = ("online", "offline", "disabled")
WAIT = {
    "WANDB_INIT_TIMEOUT": "10",
    "WANDB_FINISH_TIMEOUT": "60",
}  # seconds, for a server that doesn't answer
NLL = [f"{split}/{unit}" for split in ("train", "val") for unit in ("nll_nats", "bits_per_dim")]


class Curves(WandbLogger):
    """Lightning's logger, which goes silent when W&B's own process is lost, instead of stopping the training."""

    folder = ""  # relative to the project, for origin.json
    lost = False

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """A row of the history."""
        if not self.lost:
            self.lost = True
            with _forgiving("nothing more of this training is recorded there"):
                super().log_metrics(metrics, step)
                self.lost = False


def wandb_logger(
    path: str | Path, config: Mapping[str, Any], folder: str = "artifacts", **options: Any
) -> Curves:
    """A logger that writes below `folder`/wandb, online only if WANDB_MODE or WANDB_API_KEY says so.

    Named after the run directory `path`, grouped by the folder it lies in: the jobs of a sweep are one group. Raises
    InputError for an unknown mode or option, and if `folder` can't be written.
    """
    place = _set_up(folder)
    path = Path(path).absolute()
    head = (config.get("head") or {}).get("_target_", "").rpartition(".")[2]
    tags = [config.get("variant"), config["data"].get("name"), head]
    logger = Curves(
        name=path.name,
        group=path.parent.name,
        job_type="train",
        tags=[tag[:64] for tag in tags if tag],  # no longer ones are allowed
        save_dir=place,
        settings=_settings(),
        **options,
    )
    logger.folder = folder
    logger._wandb_init.pop("anonymous", None)  # W&B warns of it, although Lightning leaves it unset
    try:
        inspect.signature(wandb.init).bind(**logger._wandb_init)
    except TypeError as error:
        raise InputError(f"logger: {error}") from error
    return logger


@contextmanager
def tracked(logger: Logger | None, run: Run, origin: Mapping[str, Any]) -> Iterator[Logger | None]:
    """Write origin.json, tell W&B the configuration, origin and data, at the end the weights; give the logger to use.

    The W&B run is ended whatever happens, as failed if the block is left by an exception.
    """
    if getattr(rank_zero_only, "rank", 0) != 0:
        yield logger
    elif isinstance(logger, Curves):
        with _run_of_wandb(logger, run, origin) as known:
            yield logger if known else None
    else:
        run.files.write("origin.json", {**origin, "wandb": None})
        yield logger


@contextmanager
def _run_of_wandb(
    logger: Curves, run: Run, origin: Mapping[str, Any]
) -> Iterator[dict[str, Any] | None]:
    known, code = None, 1
    try:
        with _forgiving("this training is not recorded there"):
            known = _start(logger, run, origin)
        run.files.write("origin.json", {**origin, "wandb": known})
        yield known
        if known:
            with _forgiving("the weights are not recorded there"):
                _record_weights(logger.experiment, run)
        code = 0
    finally:
        with _forgiving("what could not be uploaded is in its files: `wandb sync` them"):
            _finish(code)


def record_evaluation(run: Run, split: str, metrics: Mapping[str, Any]) -> None:
    """Add what `evaluate` found to the summary of the run's W&B run, as `test/nll_nats` and so on. Never raises."""
    with _forgiving("the evaluation is not recorded there"):
        if known := run.files.read("origin.json").get("wandb"):
            place = _set_up(known["folder"])
            same = {key: known[key] for key in ("id", "name", "group", "project", "entity")}
            again = _connect(
                lambda mode: wandb.init(
                    **same,
                    mode=mode,  # type: ignore[arg-type]
                    job_type="train",
                    resume="allow",
                    dir=place,
                    settings=_settings(x_disable_stats=True, x_disable_meta=True),
                )
            )
            again.summary.update({f"{split}/{key}": value for key, value in metrics.items()})
            again.finish()


def _set_up(folder: str) -> Path:
    """Choose the mode, once a process; keep W&B's files in the project. Gives the folder's path.

    DVC runs queued experiments in a copy of the project, which it deletes: DVC_ROOT is the project itself.
    """
    place = Path(os.environ.get("DVC_ROOT", ""), folder)
    online = "WANDB_API_KEY" in os.environ
    defaults = {"WANDB_MODE": "online" if online else "offline", "WANDB_SILENT": "true", **WAIT}
    for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR"):  # else the home directory
        defaults[name] = str(Path(place, "wandb").absolute())
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    if (mode := os.environ["WANDB_MODE"]) not in MODES:
        raise InputError(f"WANDB_MODE={mode}: set it to {', '.join(MODES[:-1])} or {MODES[-1]}")
    try:
        Path(place, "wandb").mkdir(
            parents=True, exist_ok=True
        )  # else W&B takes a temporary directory
    except OSError as error:
        raise InputError(f"cannot write to logger.folder={folder}: {error.strerror}") from error
    return place


def _settings(**settings: Any) -> wandb.Settings:
    return wandb.Settings(silent=True, console="off", finish_timeout_raises=True, **settings)


def _start(logger: Curves, run: Run, origin: Mapping[str, Any]) -> dict[str, Any] | None:
    """Start the W&B run, or continue that of origin.json or the checkpoint; what origin.json is to say about it.

    None if W&B is switched off.
    """

    def start(mode: str) -> Any:
        logger._wandb_init |= {"mode": mode, "id": run_id}
        return logger.experiment

    # The same for both tries of `_connect`, so that no nameless half run stays behind.
    run_id = (run.origin.get("wandb") or {}).get("id") or secrets.token_hex(4)
    experiment = _connect(start)
    if experiment.disabled:
        return None
    logger.log_hyperparams({**run.config, "origin": dict(origin)})
    experiment.define_metric("images", hidden=True)
    for name in (
        NLL
    ):  # against images seen: runs of different batch size compare; every row has the step as well
        experiment.define_metric(name, step_metric="images", summary="min")
    with _forgiving("the data is not recorded there"):
        _record_data(experiment, run, origin)
    return {
        "id": experiment.id,
        "group": experiment.group,
        "mode": os.environ["WANDB_MODE"],
        "name": experiment.name,
        "project": experiment.project,
        "entity": experiment.entity or None,
        "folder": logger.folder,
    }


def _finish(code: int) -> None:
    try:
        wandb.finish(exit_code=code)
    except Exception:
        with suppress(Exception):
            wandb.teardown(code)  # the next run of this process gets a process of W&B that works
        raise


def _connect(start: Callable[[str], Any]) -> Any:
    """`start` in the mode that was chosen; offline, for the rest of the process, where that can't be had online."""
    if os.environ["WANDB_MODE"] == "online":
        reason = "no API key"
        try:
            if wandb.login(prompt=False, verify=False):
                return start("online")
        except Exception as error:
            reason = _one_line(error)
            wandb.teardown()  # else its process keeps the failed run, and the id with it
        print(f"W&B: {reason}: recording offline, `wandb sync` uploads it later", file=sys.stderr)
        os.environ["WANDB_MODE"] = "offline"
    return start(os.environ["WANDB_MODE"])


def _record_data(experiment: Any, run: Run, origin: Mapping[str, Any]) -> None:
    """The prepared arrays by reference, with their checksums, as what this run used."""
    data = run.config["data"]
    about = {key: data.get(key) for key in ("shape", "levels")} | {"md5": origin["data_md5"]}
    artifact = wandb.Artifact(_artifact_name(data.get("name", "data")), "dataset", metadata=about)
    for name in origin["data_md5"] or ():
        artifact.add_reference(Path(data["path"], name).absolute().as_uri(), checksum=True)
    # What use_artifact does, which refuses to offline, although `wandb sync` makes the link.
    experiment._log_artifact(artifact, is_user_created=True, use_after_commit=True)


def _record_weights(experiment: Any, run: Run) -> None:
    """The weights as what this run made, with what training.json says of them."""
    artifact = wandb.Artifact(
        f"weights-{experiment.id}", "model", metadata=run.files.read("training.json")
    )
    artifact.add_file(str(run.path / "weights.safetensors"))
    experiment.log_artifact(artifact, aliases=["best"])


def _artifact_name(name: str) -> str:
    return re.sub(r"[^\w.-]", "-", name)


@contextmanager
def _forgiving(consequence: str) -> Iterator[None]:
    """What W&B raises costs a line."""
    try:
        yield
    except Exception as error:
        print(f"W&B: {_one_line(error)}: {consequence}", file=sys.stderr)


def _one_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
