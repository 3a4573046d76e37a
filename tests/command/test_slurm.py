"""`wait=false` without Slurm: what sbatch is given, and what the script does for each way a job ends."""

import json
import os
import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from tests.support import tiny

pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="the extra `slurm`")

COMMAND = ["train", "-m", *tiny.WORDS, "seed=0,1", "run=all", "wait=false"]
SLURM = ["hydra/launcher=slurm", "hydra.launcher.partition=gpu", "hydra.launcher.gpus_per_node=2"]
SLURM += [
    "+hydra.launcher.additional_parameters.mail_type=END",
    "hydra.launcher.array_parallelism=1",
]


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """`programs(name, "line of bash")`: a program that does so, before all others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def make(name, line):
        (folder / name).write_text(f"#!/bin/bash\n{line}\n")
        (folder / name).chmod(stat.S_IRWXU)

    return make


@pytest.fixture
def submitted(programs, pixelrnn):
    """Submit; give what sbatch was asked and given, of the array and of the page."""
    programs("squeue", "true")
    programs(
        "sbatch",
        'n=$(ls given_* 2>/dev/null | wc -l); echo "$@" > asked_$n; cat > given_$n; echo 7$n',
    )
    code, out, err = pixelrnn(*COMMAND, *SLURM)
    assert (code, err) == (0, "")
    assert "2 jobs submitted as Slurm's 70" in out
    return [(Path(f"asked_{n}").read_text(), Path(f"given_{n}").read_text()) for n in (0, 1)]


def test_what_slurm_is_asked(submitted, tmp_path):
    """Faults: a job without the device that it needs; a page before the jobs have ended."""
    (array, _), (page, script) = submitted
    (token,) = [file.stem for file in Path("all/.slurm").glob("*.json")]
    for option in ("--array=0-1%1", "--requeue", "--signal=USR2@120", "--time=240", "--mem=8G",
                   "--partition=gpu", "--gpus-per-node=2", "--mail-type=END", "--cpus-per-task=2",
                   f"--job-name=pixelrnn-{token}", f"--error={tmp_path}/all/.slurm/{token}_%a.err"):  # fmt: skip
        assert option in array.split()
    assert "--dependency=afterany:70" in page
    assert "--partition=gpu" in page
    assert "gpus" not in page
    assert script.endswith("compare out=all/comparison -- all\n")


@pytest.mark.parametrize(
    ("srun", "restarts", "code", "reason", "requeued"),
    [
        ("true", 0, 0, None, False),
        ("echo 'pixelrnn: too wide' >&2; echo 'srun: error: task 0' >&2; exit 2", 0, 2, "too wide", False),
        ("exit 137", 0, 137, "ended with exit code 137", False),
        ("exit 140", 2, 0, None, True),
        ("exit 143", 0, 0, None, True),
        ("exit 140", 10, 140, "ended with exit code 140", False),
    ],
    ids=["well", "badly", "killed", "time is up", "preempted", "too often"],
)  # fmt: skip
def test_how_a_job_ends(submitted, programs, srun, restarts, code, reason, requeued):
    """Faults: a failure that nobody notes, or a stale one; a job whose time is up counted as failed;
    one that is queued again for ever.
    """
    programs("srun", f'echo "$@" > run; {srun}')
    programs("scontrol", 'echo "$@" > requeued; kill $PPID')  # as Slurm does
    (token,) = [file.stem for file in Path("all/.slurm").glob("*.json")]
    errors = Path(f"all/.slurm/{token}_1.err")
    failure = Path("all/seed-1/failure.txt")
    failure.parent.mkdir()
    failure.write_text("of the day before")
    variables = {
        "SLURM_ARRAY_TASK_ID": "1",
        "SLURM_JOB_ID": "70",
        "SLURM_RESTART_COUNT": str(restarts),
    }
    with errors.open("w") as file:
        done = subprocess.run(["bash"], input=submitted[0][1], text=True, stderr=file, env=os.environ | variables)  # fmt: skip
    assert done.returncode == (-15 if requeued else code)
    words = Path("run").read_text()
    assert words.endswith("seed=1 run=all/seed-1 test=true\n")
    assert "wait" not in words
    assert shlex.split(words)[0] == "--kill-on-bad-exit=1"
    assert Path("requeued").exists() == requeued
    assert (failure.read_text().splitlines()[0] if failure.exists() else None) == reason


def test_how_jobs_stand(submitted, programs, pixelrnn, tmp_path, capsys):
    """Faults: a job that waits is not there at all; one that is trained is "not started"; one that is gone waits for ever; no answer of the
    queue is an error.
    """

    def statuses():
        code, out, err = pixelrnn("runs", "all", "--json")
        assert (code, err) == (0, "")
        return [(run["run"], run["path"], run["status"]) for run in json.loads(out)["runs"]]

    (token,) = [file.stem for file in Path("all/.slurm").glob("*.json")]
    programs("squeue", f"echo pixelrnn-{token} 0 RUNNING; echo pixelrnn-{token} 1 PENDING")
    assert statuses() == [("seed-0", "all/seed-0", "running"), ("seed-1", "all/seed-1", "waiting")]
    code, out, _ = pixelrnn(*COMMAND, *SLURM)
    assert (code, "submitted" in out) == (0, False)
    programs("squeue", "echo no server >&2; exit 1")
    Path("all/seed-1").mkdir()
    Path("all/seed-1/failure.txt").write_text("too wide\n\nmore")
    assert [status for *_, status in statuses()] == ["not started", "failed: too wide"]
    assert "failed: too wide" in pixelrnn("runs", "all")[1]
    tiny.fit(tmp_path / "all/seed-0", tmp_path / "data", epochs=1)
    capsys.readouterr()  # what it said
    assert [status for *_, status in statuses()] == ["not evaluated", "failed: too wide"]
    Path(f"all/.slurm/{token}.json").write_text("{")
    shutil.rmtree("all/seed-0")
    assert [status for *_, status in statuses()] == ["failed: too wide"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (COMMAND, "wait=false is for jobs of Slurm: add hydra/launcher=slurm"),
        ([*COMMAND, *SLURM], "sbatch refuses: no such partition"),
    ],
)
def test_what_cannot_be_submitted_leaves_nothing(pixelrnn, programs, words, said):
    """Fault: a submission on record that Slurm never took."""
    programs("sbatch", "echo no such partition >&2; exit 1")
    code, _, err = pixelrnn(*words)
    assert (code, err) == (2, f"pixelrnn: {said}\n")
    assert not Path("all").exists()
