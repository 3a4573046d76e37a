"""Let Hydra compose the verb's configuration, one for each job, and call the verb with it."""

import os
import re
import shlex
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from pixelrnn.command import names, sweep
from pixelrnn.command.call import build
from pixelrnn.command.errors import explain, is_bad_input, refuse
from pixelrnn.command.output import make_output_safe
from pixelrnn.command.shortage import in_a_line
from pixelrnn.command.words import Command
from pixelrnn.conf import CONF
from pixelrnn.errors import InputError, LeakFound

FULL_ERROR = "HYDRA_FULL_ERROR"  # Hydra's variable: 1 shows tracebacks of bad input, too


class Task:
    """What Hydra calls for each job. It is pickled by name for processes that run one."""

    def __init__(self, command: Command, show_traceback: bool) -> None:
        self.command, self.show_traceback = command, show_traceback
        self.begun = False

    def __call__(self, config: DictConfig) -> float | None:
        """Call the verb, or run one job of a sweep.

        Bad input ends in one line and exit code 2, a leak in 1; a job of several keeps its failure.
        """
        self.begun = True
        make_output_safe()
        words = words_for_one(self.command)
        sys.argv[1:] = words  # what Lightning starts further processes of a training with
        again = shlex.join(["pixelrnn", *words])
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            return sweep.run_job(config, self.command, again)
        try:
            with in_a_line(self.command.verb, config):
                build(config, self.command, again)()
        except LeakFound:
            raise SystemExit(1) from None
        except Exception as error:
            if self.show_traceback or not is_bad_input(error):
                raise
            # At once: Hydra would add a line of its own. What `compose` composes is a training.
            refuse(error, Command("train") if self.command.verb == "compose" else self.command)
        return None


def launch(command: Command) -> int:
    """Run one job or several. Returns the exit code."""
    names.register()
    sweep.current = None
    task = Task(command, show_traceback=os.environ.get(FULL_ERROR) == "1")
    stopped = 0
    try:
        with _handed_to_hydra(command):
            hydra.main(config_path=str(CONF), config_name=command.verb, version_base="1.3")(task)()
    except (KeyboardInterrupt, SystemExit) as stop:
        if sweep.current is None:
            raise
        stopped = 130 if isinstance(stop, KeyboardInterrupt) else int(stop.code or 1)
    except Exception as error:
        jobs = sweep.current
        if task.show_traceback or (task.begun and jobs is None):
            raise
        if jobs is None and type(error) is ValueError:  # Hydra's, of its flags
            error = InputError(str(error))
        if jobs is None or (is_bad_input(error) and jobs.clean_up()):
            refuse(error, command)
        _say_what_stopped(error, jobs)
        stopped = 1
    return max(stopped, sweep.current.finish()) if sweep.current else stopped


@contextmanager
def _handed_to_hydra(command: Command) -> Iterator[None]:
    """Put the flags and overrides where Hydra reads them, and make it raise what it would print."""
    typed, shows = sys.argv[1:], os.environ.get(FULL_ERROR, "")
    sys.argv[1:] = [*command.flags, *command.overrides]
    os.environ[FULL_ERROR] = "1"  # the processes of jobs have it, too
    try:
        with warnings.catch_warnings():
            # A worker that was killed: `_say_what_stopped` says so.
            warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
            yield
    finally:
        sys.argv[1:] = typed
        os.environ[FULL_ERROR] = shows


def words_for_one(command: Command) -> list[str]:
    """Return what to type for the job that is on: of a sweep it alone, in its directory."""
    settings = HydraConfig.get()
    if settings.mode != RunMode.MULTIRUN:
        return [command.verb, *command.flags, *command.overrides, *_literal(command)]
    flags = [flag for flag in command.flags if flag not in ("-m", "--multirun")]
    words = [word for word in settings.overrides.task if not word.startswith(("run=", "test="))]
    if command.verb == "train":
        words.append(f"run={_quote(f'{settings.sweep.dir}/{settings.sweep.subdir}')}")
    if settings.runtime.choices.get("sweep"):
        words.append("hydra.mode=RUN")
    return [command.verb, *flags, *words, *_literal(command)]


def _quote(path: str) -> str:
    """Return a path as Hydra's grammar takes it: names of our own need no quotes."""
    return path if re.fullmatch(r"[\w./-]+", path) else "'" + path.replace("'", r"\'") + "'"


def _literal(command: Command) -> list[str]:
    return ["--", *command.words] if command.words else []


def _say_what_stopped(error: Exception, jobs: sweep.Jobs) -> None:
    """Print a line, unless the table says it all: of a search of which no trial succeeded."""
    if isinstance(error, BrokenExecutor):
        reason = "a job was killed, for want of memory or from outside, and the others with it"
    elif type(error) is ValueError and jobs.names is None:
        return
    else:
        reason = explain(error)
    print(f"pixelrnn: {reason}", file=sys.stderr)
