"""The jobs of a sweep that are no runs yet, or not running: what failed, and what Slurm has.

    artifacts/sweeps/digits-variants/
        .slurm/3f9a12c4.json          the jobs of one submission, in the order of Slurm's array
        .slurm/3f9a12c4_0.log, .err   what the first of them printed
        model-row_lstm/failure.txt    why a job failed, until it succeeds

A submission's name is that of its array, too (`pixelrnn-3f9a12c4`), so that the queue can be asked
for it although its number is given only later.
"""

import subprocess
from contextlib import suppress
from pathlib import Path

from pixelrnn.errors import InputError
from pixelrnn.files import read_json, write_json

FAILURE = "failure.txt"
SUBMISSIONS = ".slurm"
NAME = "pixelrnn-{}"
NOT_STARTED = "not started"

_WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "SUSPENDED", "CONFIGURING"}
_PATIENCE = 20  # seconds, for a queue that does not answer


def submissions(sweep: Path) -> dict[str, list[str]]:
    """Return the names of the jobs of each submission of a sweep. Damaged ones count as none."""
    found = {}
    for file in sorted((sweep / SUBMISSIONS).glob("*.json")):
        try:
            found[file.stem] = [str(job) for job in read_json(file).get("jobs", [])]
        except InputError:
            continue
    return found


def write_submission(sweep: Path, token: str, jobs: list[str]) -> None:
    """Note the jobs of a submission, before Slurm is asked to take them."""
    (sweep / SUBMISSIONS).mkdir(parents=True, exist_ok=True)
    write_json(sweep / SUBMISSIONS / f"{token}.json", {"jobs": jobs})


def remove_submission(sweep: Path, token: str) -> None:
    """Forget a submission that Slurm did not take, and the folders if nothing else is in them."""
    (sweep / SUBMISSIONS / f"{token}.json").unlink()
    with suppress(OSError):
        (sweep / SUBMISSIONS).rmdir()
        sweep.rmdir()


def queued(sweep: Path) -> dict[str, str]:
    """Return which jobs of a sweep Slurm has: `waiting` or `running`, by their names.

    Nothing where there is no Slurm, or it doesn't answer.
    """
    submitted = submissions(sweep)
    if not submitted:
        return {}
    names = ",".join(map(NAME.format, submitted))
    # a line for each task of an array: its array's name, its number, its state
    command = ["squeue", "--noheader", "--array", f"--name={names}", "--format=%j %K %T"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    states = {}
    for line in answer.stdout.splitlines():
        name, number, state = line.split()
        jobs = submitted[name.removeprefix(NAME.format(""))]
        states[jobs[int(number)]] = "waiting" if state in _WAITING else "running"
    return states


def failure(run: Path) -> str | None:
    """Return why a job failed, in a line; None if it didn't."""
    file = run / FAILURE
    if not file.is_file():
        return None
    return "failed: " + file.read_text(encoding="utf-8").partition("\n")[0]


def standings(sweep: Path) -> dict[str, str]:
    """Return how the jobs of a sweep stand that failed, or that were submitted, by their names."""
    submitted = [job for jobs in submissions(sweep).values() for job in jobs]
    failed = {file.parent.name: failure(file.parent) for file in sweep.glob(f"[!.]*/{FAILURE}")}
    queue = queued(sweep)
    return {job: queue.get(job) or failed.get(job) or NOT_STARTED for job in [*submitted, *failed]}
