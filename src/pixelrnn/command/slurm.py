"""`wait=false`: the jobs of a sweep as one array of Slurm's, submitted and left to themselves.

hydra-submitit-launcher's jobs are pickled, and their shell has to stay open. These are the commands
that one would type for each job alone, which need nobody: a job runs in its own directory, is
queued again where its time is up or another one needs the place, and goes on from its checkpoint. A
last job, which waits for all others, writes the comparison. What is asked of Slurm is taken from
hydra.launcher, as submitit takes it; `pixelrnn.runs.queue` says how the jobs stand.
"""

import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from pixelrnn.command.names import quoted
from pixelrnn.errors import InputError
from pixelrnn.runs.queue import (
    FAILURE,
    NAME,
    SUBMISSIONS,
    queued,
    remove_submission,
    write_submission,
)

# sbatch's options by the launcher's names, with how they are written.
_OPTIONS = {
    "timeout_min": "--time={}",
    "mem_gb": "--mem={}G",
    "tasks_per_node": "--ntasks-per-node={}",
    **{
        name: f"--{name.replace('_', '-')}={{}}"
        for name in (
            *("partition", "account", "qos", "constraint", "exclude", "comment", "gres", "nodes"),
            *("cpus_per_task", "gpus_per_node", "gpus_per_task", "cpus_per_gpu"),
            *("mem_per_gpu", "mem_per_cpu"),
        )
    },
}
# What the job that writes the page does without.
_OF_TRAINING = (
    *("nodes", "tasks_per_node", "cpus_per_task", "gres", "gpus_per_node", "gpus_per_task"),
    *("cpus_per_gpu", "mem_per_gpu"),
)

_SCRIPT = """\
#!/bin/bash
{setup}
case $SLURM_ARRAY_TASK_ID in
{jobs}
esac
rm -f "$run/{failure}"
srun --kill-on-bad-exit=1 {program} "${{words[@]}}"
code=$?
case $code in
0) exit 0 ;;
# Told to go, by USR1, USR2 or TERM: its time is up, or a job of higher priority takes its place.
138 | 140 | 143)
    if [ "${{SLURM_RESTART_COUNT:-0}}" -lt {restarts} ]; then
        scontrol requeue "$SLURM_JOB_ID" && sleep 60
    fi ;;
esac
errors={errors}_$SLURM_ARRAY_TASK_ID.err
reason=$(grep -vE '^(srun|slurmstepd): |^$' "$errors" | tail -n 1)
mkdir -p "$run"
{{
    echo "${{reason:-ended with exit code $code}}" | sed 's/^pixelrnn: //'
    echo
    cat "$errors"
}} > "$run/{failure}"
exit $code
"""


def settings(launcher: DictConfig, known: bool) -> dict[str, Any]:
    """Return what is to be asked of Slurm; `known`: whether it is known which jobs there are.

    Raises InputError for another launcher, for a search, and where there is no Slurm.
    """
    if not str(launcher._target_).endswith(".SlurmLauncher"):
        raise InputError("wait=false is for jobs of Slurm: add hydra/launcher=slurm")
    if not known:
        raise InputError("wait=false: a search chooses its jobs by those that have ended")
    if not shutil.which("sbatch"):
        raise InputError("no sbatch here: submit from a machine of the cluster")
    return {str(key): launcher[key] for key in launcher}


def submit(sweep: Path, commands: Mapping[str, Sequence[str]], launcher: Mapping[str, Any]) -> None:
    """Submit the jobs of a sweep, by their names the words to type for each; print what was done.

    Those that Slurm has already, of an earlier submission, are left alone. Raises InputError where
    it refuses.
    """
    there = queued(sweep)
    jobs = [name for name in commands if name not in there]
    if there:
        print(f"{len(there)} of {len(commands)} jobs are in the queue")
    if not jobs:
        return
    token = secrets.token_hex(4)
    write_submission(sweep, token, jobs)
    script = _script(sweep, token, {job: commands[job] for job in jobs}, launcher)
    try:
        number = _sbatch(script, *_of_array(sweep, token, len(jobs), launcher))
    except InputError:
        remove_submission(sweep, token)
        raise
    _submit_page(sweep, token, launcher, after=number)
    print(f"{len(jobs)} jobs submitted as Slurm's {number}; how they stand: pixelrnn runs {sweep}")


def _script(
    sweep: Path, token: str, commands: Mapping[str, Sequence[str]], launcher: Mapping[str, Any]
) -> str:
    """Return what each job of the array runs: the number that Slurm gives it says which."""
    jobs = [
        f"{number}) run={shlex.quote(str(sweep / job))} words=({shlex.join(words)}) ;;"
        for number, (job, words) in enumerate(commands.items())
    ]
    return _SCRIPT.format(
        setup="\n".join(launcher.get("setup") or ()),
        jobs="\n".join(jobs),
        program=shlex.quote(_program()),
        restarts=launcher["max_num_timeout"],
        errors=shlex.quote(str(_place(sweep, token))),
        failure=FAILURE,
    )


def _of_array(sweep: Path, token: str, count: int, launcher: Mapping[str, Any]) -> list[str]:
    """Return sbatch's options for so many jobs."""
    at_a_time = min(count, launcher.get("array_parallelism") or count)
    return [
        f"--job-name={NAME.format(token)}",
        f"--array=0-{count - 1}%{at_a_time}",
        f"--output={_place(sweep, token)}_%a.log",
        f"--error={_place(sweep, token)}_%a.err",
        "--open-mode=append",  # a job that was queued again goes on in its own
        "--requeue",
        f"--signal=USR2@{launcher['signal_delay_s']}",
        *_options(launcher),
    ]


def _submit_page(sweep: Path, token: str, launcher: Mapping[str, Any], after: str) -> None:
    """Submit the job that writes the comparison when the jobs of an array have ended."""
    words = [_program(), "compare", f"out={quoted(str(sweep / 'comparison'))}", "--", str(sweep)]
    asked = {name: value for name, value in launcher.items() if name not in _OF_TRAINING}
    _sbatch(
        f"#!/bin/bash\nexec {shlex.join(words)}\n",
        f"--job-name={NAME.format(token)}-page",
        f"--dependency=afterany:{after}",
        f"--output={_place(sweep, token)}_page.log",
        *_options(asked),
    )


def _place(sweep: Path, token: str) -> Path:
    return sweep.absolute() / SUBMISSIONS / token


def _options(launcher: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is asked of Slurm, as the options of sbatch."""
    for name, written in _OPTIONS.items():
        if launcher.get(name) is not None:
            yield written.format(launcher[name])
    for name, value in (launcher.get("additional_parameters") or {}).items():
        yield f"--{name.replace('_', '-')}={value}"


def _program() -> str:
    return shutil.which(sys.argv[0]) or "pixelrnn"


def _sbatch(script: str, *options: str) -> str:
    """Submit a script. Returns the number of the job."""
    command = ["sbatch", "--parsable", *options]
    done = subprocess.run(command, input=script, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"sbatch refuses: {' '.join(done.stderr.split())}")
    return done.stdout.strip().partition(";")[0]
