"""The `pixelrnn` command: compose the configuration, build what a stage takes, call the stage; nothing else.

`pixelrnn train model=row_lstm` means `pixelrnn stage=train model=row_lstm`. Bad input ends in one line and exit code 2,
before any work; an error that nobody foresaw keeps its traceback, and HYDRA_FULL_ERROR=1 shows that of bad input, too.
"""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from pixelrnn.errors import InputError
from pixelrnn.stages.compose import CONF
from pixelrnn.usage import as_overrides, explain, usage

if TYPE_CHECKING:
    from omegaconf import DictConfig


def main() -> None:
    """Entry point of the console script."""
    if len(sys.argv) == 1 or {"-h", "--help"} & set(sys.argv[1:]):
        print(usage())
        return
    show_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let Hydra raise what it would print
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        sys.argv[1:] = as_overrides(sys.argv[1:])
        hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")(run_stage)()
    except (InputError, HydraException, OmegaConfBaseException) as error:
        if show_traceback:
            raise
        refuse(error)


def run_stage(config: "DictConfig") -> None:
    """Build and call `config.stage`: once for each job of a sweep. Heavy imports stay inside: launchers pickle this."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException
    from hydra.types import RunMode
    from omegaconf.errors import OmegaConfBaseException

    hydra = HydraConfig.get()
    sweep = hydra.mode == RunMode.MULTIRUN
    if sweep and not any(override.startswith("run=") for override in hydra.overrides.task):
        config.run = f"{hydra.sweep.dir}/{hydra.sweep.subdir}"
    try:
        build(config)()
    except (InputError, HydraException, OmegaConfBaseException) as error:
        if sweep:  # the other jobs go on; at its end the sweep raises the first of these
            print(f"pixelrnn: {config.run}: {explain(error)}", file=sys.stderr)
            raise
        refuse(error)  # at once: Hydra would add a line of its own


def build(config: "DictConfig") -> Callable[[], Any]:
    """The stage with its arguments, which check themselves here: nothing has been written yet."""
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    if missing := OmegaConf.missing_keys(config):
        raise InputError(f"no value for {min(missing)}: give one by {min(missing)}=...")
    if "seed" in config.stage:
        seed_and_quiet(config.seed)
    try:
        return instantiate(config.stage, _partial_=True)
    except InstantiationException as error:
        if isinstance(error.__cause__, (TypeError, ValueError, ImportError, AttributeError)) or not error.__cause__:
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
        "ignore", message=".*(does not have many workers|smaller than the logging interval|LeafSpec).*"
    )
    try:
        seed_everything(seed, workers=True, verbose=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"seed={seed} is not a whole number from 0 to 2**32 - 1") from error


def refuse(error: Exception) -> NoReturn:
    """One line on stderr, exit code 2."""
    print(f"pixelrnn: {explain(error)}", file=sys.stderr)
    raise SystemExit(2)
