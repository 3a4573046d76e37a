"""Sweeps: several trainings by one command, each in a directory of its own.

    artifacts/sweeps/digits-depth/        what the jobs share: data, name or varied keys of the sweep, other overrides
        model.layers=1/                   what varies: a run directory, tested as well as trained
        model.layers=0/failure.txt        why a job failed, until it succeeds
        comparison/                       the page of them all, written at the end

The names follow from the command and the folder's holds no value that varies: the same command again runs only what is
missing, and so does one with more values. A search draws the same trials again, from the same seed and results, and
goes on after those that are finished. A job may run in another process, on another machine: what became of it is read
from its files.

    plan        the command line as a folder and its jobs
    job         one job: skipped, trained, or failed with its reason kept
    report      the table at the end, the comparison, the exit code
"""

from pixelrnn.sweeps.job import FAILURE, run_job
from pixelrnn.sweeps.plan import Sweep, plan
from pixelrnn.sweeps.report import report

__all__ = ["FAILURE", "Sweep", "plan", "report", "run_job"]
