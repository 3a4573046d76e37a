"""The `pixelrnn` command: compose the configuration, build what a stage takes, call the stage; nothing else.

`pixelrnn train model=row_lstm` means `pixelrnn stage=train model=row_lstm`. Bad input ends in one line and exit code 2,
before any work; an error that nobody foresaw keeps its traceback, and HYDRA_FULL_ERROR=1 shows that of bad input, too.
Several jobs end with 1 if one of them failed or is missing, with 130 if they were interrupted.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn

from pixelrnn.arguments import as_overrides, is_sweep, quote
from pixelrnn.conf import CONF
from pixelrnn.errors import InputError, LeakFound
from pixelrnn.sweeps import FAILURE, Sweep, plan, report, run_job
from pixelrnn.usage import explain, help_on

if TYPE_CHECKING:
    from omegaconf import DictConfig


def main() -> None:
    """Entry point of the console script."""
    if len(sys.argv) == 1 or {"-h", "--help"} & set(sys.argv[1:]):
        print(help_on(sys.argv[1:]))
        return
    show_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let Hydra raise what it would print
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        code = run(as_overrides(sys.argv[1:]))
    except (InputError, HydraException, OmegaConfBaseException) as error:
        if show_traceback:
            raise
        refuse(error)
    raise SystemExit(code)


def run(arguments: list[str]) -> int:
    """One job or several. Returns the exit code."""
    sweep = plan(arguments)
    if sweep:
        return run_sweep(sweep)
    if not is_sweep(arguments, arguments):
        launch(arguments)
        return 0
    with TemporaryDirectory() as folder:  # what other stages write goes to the runs
        launch(
            [*arguments, f"hydra.sweep.dir={quote(folder)}", "hydra.sweep.subdir=${hydra:job.num}"]
        )
        return 1 if list(Path(folder).glob(f"*/{FAILURE}")) else 0


def run_sweep(sweep: Sweep) -> int:
    """Launch the jobs and tell what became of them, whatever stopped the launcher. Returns the exit code."""
    import warnings
    from concurrent.futures import BrokenExecutor

    warnings.filterwarnings("ignore", message="A worker stopped while some jobs")  # said below
    interrupted = False
    sweep.begin()
    try:
        launch(sweep.arguments)
    except (KeyboardInterrupt, SystemExit):
        interrupted = True
    except BrokenExecutor:
        print(
            "pixelrnn: a job was killed, for want of memory or from outside, and the others with it",
            file=sys.stderr,
        )
    except ValueError as error:
        if sweep.jobs is not None or isinstance(error, InputError):
            raise
        # Optuna, at the end of a search, when no trial succeeded: the table says so
    finally:
        sweep.end()
    code = report(sweep)
    return 130 if interrupted else code


def launch(arguments: Sequence[str]) -> None:
    """Let Hydra compose the configuration, or one for each job, and call `run_stage`."""
    import hydra

    sys.argv[1:] = arguments
    hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")(run_stage)()


def run_stage(config: "DictConfig") -> float | None:
    """Build and call `config.stage`: once for each job of a sweep. Heavy imports stay inside: launchers pickle this."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException
    from hydra.types import RunMode
    from omegaconf.errors import OmegaConfBaseException

    hydra = HydraConfig.get()
    if hydra.mode == RunMode.MULTIRUN:
        return run_job(Path(hydra.sweep.dir, hydra.sweep.subdir), config, lambda: build(config)())
    try:
        build(config)()
    except LeakFound:
        raise SystemExit(1) from None
    except (InputError, HydraException, OmegaConfBaseException) as error:
        refuse(error)  # at once: Hydra would add a line of its own
    return None


def build(config: "DictConfig") -> Callable[[], Any]:
    """The stage with its arguments, which check themselves here: nothing has been written yet."""
    from functools import partial

    from hydra.errors import InstantiationException
    from hydra.utils import instantiate
    from omegaconf import OmegaConf, open_dict

    if missing := OmegaConf.missing_keys(config):
        raise InputError(f"no value for {min(missing)}: give one by {min(missing)}=...")
    if "seed" in config.stage:
        seed_and_quiet(config.seed)
    words = []
    with open_dict(config):
        if "files" in config.stage or "runs" in config.stage:
            if "run" in config.stage:
                words.append(config.stage.pop("run"))
            words += config.stage.pop("files", None) or config.stage.pop("runs", None) or []
    try:
        return partial(instantiate(config.stage, _partial_=True), *words)
    except InstantiationException as error:
        if (
            isinstance(error.__cause__, (TypeError, ValueError, ImportError, AttributeError))
            or not error.__cause__
        ):
            raise InputError(explain(error)) from error
        raise error.__cause__ from None


def seed_and_quiet(seed: int) -> None:
    """Seed every generator; silence what Lightning says about machines and its own tips."""
    import logging
    import warnings

    from pytorch_lightning import seed_everything

    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings(
        "ignore",
        message=".*(does not have many workers|smaller than the logging interval|LeafSpec).*",
    )
    try:
        seed_everything(seed, workers=True, verbose=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"seed={seed} is not a whole number from 0 to 2**32 - 1") from error


def refuse(error: Exception) -> NoReturn:
    """One line on stderr, exit code 2."""
    print(f"pixelrnn: {explain(error)}", file=sys.stderr)
    raise SystemExit(2)
