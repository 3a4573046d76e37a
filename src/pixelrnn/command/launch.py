"""Let Hydra compose the verb's configuration, one for each job, and call the verb with it."""

import os
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from pixelrnn.command import names, slurm, sweep
from pixelrnn.command.call import build
from pixelrnn.command.errors import explain, is_bad_input, refuse
from pixelrnn.command.names import quoted
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
        with _full_error(self.show_traceback):
            return self._call(config, again)

    def _call(self, config: DictConfig, again: str) -> float | None:
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
    if sweep.current is None:
        return stopped
    if sweep.current.submits:
        return _submit(sweep.current, command)
    return max(stopped, sweep.current.finish())


def _submit(jobs: sweep.Jobs, command: Command) -> int:
    """Hand the jobs that are not finished to Slurm. Returns the exit code."""
    test = ["test=true"] if jobs.tested else []
    commands = {
        job: [*words_for_job(command, overrides, f"{jobs.folder}/{job}"), *test]
        for job, overrides in jobs.to_do().items()
    }
    try:
        slurm.submit(jobs.folder, commands, jobs.submits)
    except InputError as error:
        refuse(error)
    return 0


@contextmanager
def _handed_to_hydra(command: Command) -> Iterator[None]:
    """Put the flags and overrides where Hydra reads them, and make it raise what it would print."""
    typed = sys.argv[1:]
    sys.argv[1:] = [*command.flags, *command.overrides]
    try:
        with _full_error(True), warnings.catch_warnings():  # the processes of jobs have it, too
            # A worker that was killed: `_say_what_stopped` says so.
            warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
            yield
    finally:
        sys.argv[1:] = typed


@contextmanager
def _full_error(shown: bool) -> Iterator[None]:
    """Set Hydra's variable: within a job as it was typed, for what the job starts; else to 1."""
    before = os.environ.get(FULL_ERROR, "")
    os.environ[FULL_ERROR] = "1" if shown else ""
    try:
        yield
    finally:
        os.environ[FULL_ERROR] = before


def words_for_one(command: Command) -> list[str]:
    """Return what to type for the job that is on: of a sweep it alone, in its directory."""
    settings = HydraConfig.get()
    if settings.mode != RunMode.MULTIRUN:
        return [command.verb, *command.flags, *command.overrides, *_literal(command)]
    directory = f"{settings.sweep.dir}/{settings.sweep.subdir}"
    return words_for_job(command, settings.overrides.task, directory)


def words_for_job(command: Command, overrides: Sequence[str], directory: str) -> list[str]:
    """Return what to type for one job of a sweep alone: its overrides, in its directory."""
    flags = [flag for flag in command.flags if flag not in ("-m", "--multirun")]
    words = [word for word in overrides if not word.startswith(("run=", "test=", "wait="))]
    if command.verb == "train":
        words.append(f"run={quoted(directory)}")
    if any(word.startswith("sweep=") for word in words):
        words.append("hydra.mode=RUN")
    return [command.verb, *flags, *words, *_literal(command)]


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
