"""The command line as a folder and its jobs."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pixelrnn.arguments import is_sweep, quote
from pixelrnn.conf import CONF
from pixelrnn.errors import InputError
from pixelrnn.sweeps.job import FAILURE

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

# They don't change what is trained, or are named in another way.
UNNAMED = {
    "stage",
    "sweep",
    "launcher",
    "logger",
    "run",
    "data",
    "trainer.accelerator",
    "trainer.devices",
}
_OTHER = {"--cfg", "-c", "--info", "-i"}  # nothing is run


@dataclass(frozen=True)
class Sweep:
    """What a command for several trainings amounts to."""

    folder: Path
    jobs: list[str] | None  # directories in it; None: a search, which draws them as it goes
    arguments: list[str]  # what Hydra is to be told
    tested: bool  # whether jobs evaluate and draw samples, too

    def begin(self) -> None:
        """Make the folder, and forget why jobs failed that are tried again now."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in self.jobs or ():
            (self.folder / name / FAILURE).unlink(missing_ok=True)

    def end(self) -> None:
        """Remove Hydra's own record, which names no job, and a folder in which nothing was begun."""
        (self.folder / "multirun.yaml").unlink(missing_ok=True)
        with suppress(OSError):  # it isn't empty
            self.folder.rmdir()


def plan(arguments: Sequence[str]) -> Sweep | None:
    """The sweep that `arguments`, which come from `as_overrides`, ask for; None if it is another stage or a single job.

    Raises InputError, or an error of Hydra, for what cannot be composed and if nothing varies.
    """
    if (
        "stage=train" not in arguments
        or not is_sweep(arguments, arguments)
        or not _OTHER.isdisjoint(arguments)
    ):
        return None
    start = arguments.index("stage=train")
    flags = [flag for flag in arguments[:start] if flag not in ("-m", "--multirun")]
    told = _parse(arguments[start:])
    master = _compose(_word(o) for o in told if o.is_hydra_override() or _is_choice(o))
    own = _parse(f"{key}={value}" for key, value in master.hydra.sweeper.params.items())
    varied = _varied([*own, *told])
    folder = _folder(master, own, told, varied)

    swept = [*own, *(o for o in told if _is_swept(o, varied))]
    words = [_word(o) for o in told if not _is_swept(o, varied) and o.key_or_group != "run"]
    tested = next((o.value() is True for o in told if o.key_or_group == "stage.test"), True)
    words += ["stage.test=true"] * tested
    unnamed = sorted({"stage", "stage.test", *(o.key_or_group for o in [*own, *told])} - varied)
    settings = [
        f"hydra.sweep.dir={quote(folder)}",
        f"hydra.job.config.override_dirname.exclude_keys=[{','.join(unnamed)}]",
        f"++hydra.sweeper.params={_mapping(swept)}",
    ]
    jobs = (
        _jobs(swept, words, unnamed)
        if master.hydra.sweeper._target_.endswith(".BasicSweeper")
        else None
    )
    return Sweep(Path(folder), jobs, [*flags, "--multirun", *words, *settings], tested)


def _parse(words: Iterable[str]) -> "list[Override]":
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return OverridesParser.create().parse_overrides(list(words))


def _word(override: "Override") -> str:
    """As it was told."""
    assert override.input_line is not None
    return override.input_line


def _compose(words: Iterable[str]) -> "DictConfig":
    """What the jobs share, and Hydra's own settings."""
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.types import RunMode

    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        return loader.load_configuration("config", list(words), run_mode=RunMode.MULTIRUN)


def _is_choice(override: "Override") -> bool:
    """Of a group, or of a key at the top: keys further down may be those of a group that varies."""
    return (
        "." not in override.key_or_group
        and not override.is_sweep_override()
        and not override.is_delete()
    )


def _varied(overrides: "list[Override]") -> set[str]:
    """The keys by which jobs are named."""
    varied = {override.key_or_group for override in overrides if override.is_sweep_override()}
    if not varied:
        raise InputError(
            "nothing varies: give a key several values, as in -m seed=0,1,2; seed=choice(0) is one job"
        )
    if "run" in varied:
        raise InputError(
            "each job of a sweep has a directory of its own in run=...: give one folder for them all"
        )
    return varied


def _is_swept(override: "Override", varied: set[str]) -> bool:
    """Whether only the sweeper is to know of it: it may need a job's group, and Hydra composes once without them."""
    group = override.key_or_group.partition(".")[0]
    return override.is_sweep_override() or (group in varied and not override.is_delete())


def _is_named(override: "Override") -> bool:
    key = override.key_or_group
    return key not in UNNAMED and not key.startswith("stage.") and not override.is_hydra_override()


def _folder(
    master: "DictConfig", own: "list[Override]", told: "list[Override]", varied: set[str]
) -> str:
    if any(override.key_or_group == "run" for override in told):
        return str(master.run)
    by_itself = {override.key_or_group for override in own if override.is_sweep_override()}
    data = "" if {"data", "experiment"} & varied else f"{master.data.name}-"
    parts = [choice] if (choice := master.hydra.runtime.choices.get("sweep")) else []
    parts += sorted(varied - by_itself)
    parts += sorted(_word(o) for o in told if _is_named(o) and o.key_or_group not in varied)
    return str(Path(master.hydra.sweep.dir, _short(data + ",".join(parts))))


def _short(name: str, length: int = 100) -> str:
    """A directory's name; where it isn't `name` itself, a digest keeps it apart from others."""
    plain = re.sub(r"[^\w.,=+@~-]+", "_", name)[:length]
    return name if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _mapping(overrides: "list[Override]") -> str:
    """In Hydra's grammar."""
    values = {
        override.get_key_element(): _word(override).partition("=")[2] for override in overrides
    }
    return "{" + ",".join(f"{key}:{quote(value)}" for key, value in values.items()) + "}"


def _jobs(swept: "list[Override]", words: list[str], excluded: list[str]) -> list[str]:
    """The directories of all combinations, named as Hydra will."""
    from hydra._internal.config_loader_impl import get_overrides_dirname
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    shared = [override for override in _parse(words) if not override.is_hydra_override()]
    combinations = BasicSweeper.split_arguments([*swept, *shared], None)[0]
    return [
        get_overrides_dirname(_parse(job), exclude_keys=excluded, item_sep=",", kv_sep="=")
        for job in combinations
    ]
