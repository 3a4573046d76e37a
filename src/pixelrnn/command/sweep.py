"""Several jobs by one command: Hydra's -m, or a named sweep.

    artifacts/sweeps/digits-depth/        what the jobs share; see `names`
        model.layers-1/                   what varies: a run directory, tested as well as trained
        model.layers-0/failure.txt        why a job failed, until it succeeds
        comparison/                       the page of them all, renewed while they run

The same command again runs only what is missing, and so does one with more values. A search draws
the same trials again, from the same seed and results, and goes on after those that are finished.
`Jobs` is Hydra's callback: it plans at the start, and says before and after each job where the
sweep stands; with joblib and on a cluster that happens in another process, so all is read from
files. `run_job` is the job itself. A failure stays in its job.
"""

import itertools
import shutil
import sys
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from pixelrnn.command import outcomes, slurm
from pixelrnn.command.call import build
from pixelrnn.command.errors import explain, is_bad_input, refuse
from pixelrnn.command.names import as_overrides, job_name, parse, varied_keys
from pixelrnn.command.outcomes import Outcome, spell_time
from pixelrnn.command.shortage import in_a_line
from pixelrnn.command.words import Command
from pixelrnn.data.arrays import read_description
from pixelrnn.errors import InputError
from pixelrnn.files import write_text
from pixelrnn.runs.directory import CONFIG, WEIGHTS, RunDirectory
from pixelrnn.runs.queue import FAILURE
from pixelrnn.stages.compose import record

if TYPE_CHECKING:
    from pixelrnn.results.comparison import Comparison

PAGE_EVERY = 60  # seconds at least between two pages, but for the last
NAMED = 12  # jobs still to come that the page names

current: "Jobs | None" = None  # what this process has launched


class Jobs(Callback):
    """The jobs of one command: what they are, how many have ended, and what became of them."""

    def __init__(self, trains: bool = False) -> None:
        self.trains = trains
        self.folder = Path()
        self.names: list[str] | None = None  # None: a search, which draws its jobs as it goes
        self.count = 0  # 0: it is a single run
        self.tested = True
        self.began = 0.0  # by the clock
        self.ended_before = self.failures = 0
        self.submits: dict[str, Any] = {}  # what is asked of Slurm for jobs that nobody waits for
        self.overrides: dict[str, list[str]] = {}  # of each job, where they are known

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Plan the jobs; leave with exit code 2 for what cannot be run.

        Hydra turns any other exception into a warning.
        """
        global current
        try:
            self._plan(config)
        except Exception as error:
            refuse(error)
        current = self
        if self.submits:
            raise SystemExit(0)  # no job runs here

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Say which job is on."""
        if self.count:
            name = Path(config.hydra.runtime.output_dir).name
            if not self.trains:
                name = " ".join(config.hydra.overrides.task)
            print(f"job {config.hydra.job.num + 1} of {self.count}: {name}", flush=True)

    def on_job_end(self, config: DictConfig, job_return: Any = None, **_: Any) -> None:
        """Say how many have ended and about how long the others will take; renew the page."""
        if not (self.count and self.trains):
            return
        outcomes_so_far = self.outcomes()
        finished = sum(not outcome.problem for outcome in outcomes_so_far)
        failed = sum(outcome.failed for outcome in outcomes_so_far)
        count = max(self.count, len(outcomes_so_far))  # a search may have been longer before
        line = f"{finished} of {count} jobs finished"
        if failed:
            line += f", {failed} failed"
        ended = finished + failed - self.ended_before
        if ended > 0:
            seconds = time.time() - self.began
            line += f"; {spell_time(seconds)} so far"
            if left := count - finished - failed:
                line += f", about {spell_time(left * seconds / ended)} to go"
            self.write_page(at_least=PAGE_EVERY, note=_still_to_come(outcomes_so_far, count))
        print(line, flush=True)

    def outcomes(self) -> list[Outcome]:
        """Read what became of each job so far."""
        names = outcomes.jobs_in(self.folder) if self.names is None else self.names
        runs = [RunDirectory(self.folder / name) for name in names]
        return [outcomes.read_outcome(run, self.tested) for run in runs]

    def to_do(self) -> dict[str, list[str]]:
        """Return the overrides of the jobs that are not finished, by their names."""
        left = [outcome.name for outcome in self.outcomes() if outcome.problem]
        return {name: self.overrides[name] for name in left}

    def write_page(self, at_least: float = 0, note: str | None = None) -> "list[Comparison] | str":
        """Compare the runs that there are, unless the page is younger than `at_least` seconds.

        `note` stands on the page. Returns the comparisons, or why there are none: no job fails
        because of its page. Two processes may write it at a time, since files are replaced whole.
        """
        from pixelrnn.stages.compare import write_comparison  # brings pandas

        page = self.folder / "comparison" / "comparison.html"
        with suppress(OSError):
            if time.time() - page.stat().st_mtime < at_least:
                return []
        runs = sorted(file.parent for file in self.folder.glob(f"[!.]*/{CONFIG}"))
        try:
            return write_comparison(*runs, out=page.parent, note=note)
        except Exception as error:
            return explain(error)

    def finish(self) -> int:
        """Print the table and write the page. Returns 0 if all jobs finished, 1 if not."""
        self.clean_up()
        if not self.trains:
            return 1 if self.failures else 0
        jobs = self.outcomes()
        if self.names is None:  # the best first
            jobs.sort(key=lambda outcome: (bool(outcome.problem), outcome.validation or 0.0))
        outcomes.print_table(jobs)
        finished = [outcome for outcome in jobs if not outcome.problem]
        print(f"{len(finished)} of {len(jobs)} finished, in {self.folder}")
        if self.names is None and finished:
            print(f"Best on the validation images: {finished[0].name}")
        if any(outcome.record.split for outcome in jobs):
            self._say_what_came_out()
        if len(finished) == len(jobs) > 0:
            return 0
        print("The same command again runs what is missing.")
        return 1

    def _say_what_came_out(self) -> None:
        """Print what each configuration does over its seeds, and which one validation chooses."""
        comparisons = self.write_page()
        if isinstance(comparisons, str):
            print(f"No comparison: {comparisons}")
            return
        for comparison in comparisons:
            outcomes.print_groups(comparison.groups)
            print(comparison.headline())
        print(f"Comparison: {self.folder / 'comparison' / 'comparison.html'}")

    def clean_up(self) -> bool:
        """Remove what Hydra leaves, and the folder if no job has begun. Returns whether it went."""
        (self.folder / "multirun.yaml").unlink(missing_ok=True)  # it names no job
        if not self.trains:
            self.failures = len(list(self.folder.glob(f"*/{FAILURE}")))
            shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):  # something is in it
            self.folder.rmdir()
        return not self.folder.exists()

    def _plan(self, config: DictConfig) -> None:
        task, params = config.hydra.overrides.task, config.hydra.sweeper.params or {}
        varied = varied_keys(task, params)
        if not varied:
            raise InputError(
                "nothing varies: give a key several values, as in -m seed=0,1,2; "
                "seed=choice(0) is one job"
            )
        for key, advice in (("run", "one folder for them all"), ("sweep", "one named sweep")):
            if key in varied:
                raise InputError(f"{key} can't vary between the jobs of a sweep: give {advice}")
        self.folder = Path(config.hydra.sweep.dir)
        if config.hydra.sweeper._target_.endswith(".BasicSweeper"):
            combinations = _combinations(task, params)
            self.names = [job_name(words, varied) for words in combinations]
            self.count = len(self.names)
            given = parse([*as_overrides(params), *task])
            fixed = [str(one.input_line) for one in given if not one.is_sweep_override()]
            jobs = zip(self.names, combinations, strict=True)
            self.overrides = {name: [*fixed, *words] for name, words in jobs}
            if self.trains and config.replace is True:
                self._set_aside(config)
        else:
            self.count = int(config.hydra.sweeper.get("n_trials") or 0)
        if self.trains:
            str(config.hydra.sweep.subdir)  # asked for here, so that all jobs share what varies
            self._look_around(config, varied)
            if config.wait is False:
                self.submits = slurm.settings(config.hydra.launcher, known=self.names is not None)
        self.began = time.time()

    def _set_aside(self, config: DictConfig) -> None:
        """Take the weights of stale runs away, so that they count as what is to be done.

        A job would do so when its turn comes; but how many there are is said from the start, and
        one that is interrupted before is not to pass for new.
        """
        loader = GlobalHydra.instance().config_loader()
        for name, words in self.overrides.items():
            run = RunDirectory(self.folder / name)
            if not run.finished:
                continue
            job = loader.load_sweep_config(config, words)
            HydraConfig.instance().set_config(job)  # as a launcher does; it names the variant
            if not outcomes.is_finished(run, record(job), tested=False, replace=True):
                run.remove(WEIGHTS)

    def _look_around(self, config: DictConfig, varied: list[str]) -> None:
        """Read what is there before the first job.

        Raises InputError if the data is missing, for want of which all jobs would fail.
        """
        if {"data", "experiment"}.isdisjoint(key.partition(".")[0] for key in varied):
            read_description(config.data.path)
        self.tested = config.test is not False
        for name in self.names or ():
            (self.folder / name / FAILURE).unlink(missing_ok=True)  # it is tried again
        self.ended_before = sum(not outcome.problem for outcome in self.outcomes())


def run_job(config: DictConfig, command: Command, again: str) -> float | None:
    """Run one job. Its failure stays its own: a line on stderr, and the details in failure.txt.

    A training runs in the directory of the job, and not at all if it is finished. Returns its
    validation NLL in bits per dimension, for a search. `again` is what to type for this job alone.
    """
    hydra = HydraConfig.get()
    folder = Path(hydra.sweep.dir, hydra.sweep.subdir)
    trains = command.verb == "train"
    (folder / FAILURE).unlink(missing_ok=True)
    try:
        if trains:
            config.run = str(folder)
            config.test = config.test is not False
        run = RunDirectory(folder)
        if trains and outcomes.is_finished(run, record(config), config.test, config.replace):
            print(f"{folder} is finished", flush=True)
        else:
            with in_a_line(command.verb, config):
                build(config, command, again)()
    except Exception as error:
        details = "" if is_bad_input(error) else f"\n{traceback.format_exc()}"
        reason = explain(error, command)
        write_text(folder / FAILURE, f"{reason}\n{details}")
        print(f"pixelrnn: {folder if trains else again}: {reason}", file=sys.stderr, flush=True)
        return None
    return outcomes.read_validation(run) if trains else None


def _still_to_come(outcomes_so_far: Sequence[Outcome], count: int) -> str | None:
    """Return what the page of a sweep that runs says of it; nothing at its end."""
    ended = [one for one in outcomes_so_far if not one.problem or one.failed]
    if len(ended) >= count:
        return None
    names = [one.name for one in outcomes_so_far if one not in ended]
    shown = ", ".join(names[:NAMED])
    if len(names) > NAMED:
        shown += f" and {len(names) - NAMED} more"
    to_come = f"; still to come: {shown}" if names else ""
    return f"the sweep is running, {len(ended)} of {count} jobs have ended{to_come}"


def _combinations(task: Iterable[str], params: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return the overrides that vary, for each job, as Hydra's own sweeper combines them."""
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    given = parser.parse_overrides([*as_overrides(params), *task])
    last = {one.get_key_element(): one for one in given}  # a later one takes its place
    swept = []
    for key, one in last.items():
        if one.is_sweep_override() and not one.is_discrete_sweep():
            raise InputError(f"{one.input_line}: an interval is for a search, as in sweep=search")
        if one.is_sweep_override():
            swept.append([f"{key}={value}" for value in one.sweep_string_iterator()])
    return list(itertools.product(*swept))
