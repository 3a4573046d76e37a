"""Sweeps on a real Slurm, which the tests set up on this machine: needs root, slurm-wlm and munge."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch
from tests.slurm.conftest import PIXELRNN, TRAIN

pytestmark = pytest.mark.slow

LONG = ["data.batch_size=1", "trainer.max_epochs=5", "trainer.limit_val_batches=1"]


def same_weights(one, other):
    one, other = (
        safetensors.torch.load_file(Path(run) / "weights.safetensors") for run in (one, other)
    )
    return all(torch.equal(value, other[name]) for name, value in one.items())


def undisturbed(cluster, seed):
    words = [word for word in TRAIN if not word.startswith("hydra")]
    cluster.pixelrnn(*words, *LONG, f"seed={seed}", "run=undisturbed", "test=false")
    return "undisturbed"


def begun(run):
    """Whether it is in its second epoch."""
    return (Path(run) / "history.csv").exists()


def statuses(cluster, sweep):
    listed = json.loads(cluster.pixelrnn("runs", sweep, "--json"))
    return {run["run"]: run["status"] for run in listed["runs"]}


def test_the_variants_as_an_array(cluster):
    """By submitit, whose shell waits; what is missing is then one job. Faults: no page; no failure
    but a traceback; a job that is done is done again.
    """
    words = [word for word in TRAIN if not word.startswith("model.")]
    words += ["trainer.limit_train_batches=2", "run=all"]
    out = cluster.pixelrnn(*words, "sweep=variants", "optimizer.lr=-1", code=1)
    assert out.count("failed: optimizer: Invalid learning rate") == 4
    assert "Traceback" not in out
    out = cluster.pixelrnn(*words, "sweep=variants")
    assert "4 of 4 finished" in out
    page = Path("all/comparison/comparison.html").read_text()
    assert all(f"model-{name}" in page for name in ("pixel_cnn", "row_lstm", "multi_scale"))
    assert set(statuses(cluster, "all").values()) == {"finished"}


def test_a_preempted_job_goes_on_in_its_array(cluster):
    """Told by USR2 in mid-epoch, as before a time limit, queued again: the weights of an undisturbed
    run, and one run of W&B. Faults: a job given up at its first preemption; one that begins anew.
    """
    words = [word for word in TRAIN if word != "logger=none"]
    process = cluster.start(PIXELRNN, *words, *LONG, "seed=0,1", "-m", "run=all", "test=false")
    cluster.wait(lambda: begun("all/seed-1"))
    before = json.loads(Path("all/seed-1/origin.json").read_text())
    (job,) = [line for line in cluster.queue("--format=%A_%a|%K") if line.endswith("|1")]
    cluster.run("scancel", "--signal=USR2", cluster.queue("--format=%F")[0] + "_1")
    out = process.communicate(timeout=300)[0]
    assert process.returncode == 0, out
    assert "2 of 2 finished" in out
    log = "".join(file.read_text() for file in Path("all/.submitit").glob("*_1/*_log.*"))
    assert "it continues from" in log, job
    assert before["wandb"] == json.loads(Path("all/seed-1/origin.json").read_text())["wandb"]
    assert same_weights("all/seed-1", undisturbed(cluster, seed=1))


def test_submitted_and_left_alone(cluster):
    """Faults: a shell that must stay open; a failed job that nobody hears of; jobs submitted twice."""
    words = [*TRAIN, "-m", "optimizer.lr=0.1,-1", "seed=0,1", "run=all", "wait=false"]
    began = time.monotonic()
    out = cluster.pixelrnn(*words)
    assert time.monotonic() - began < 30
    assert "4 jobs submitted" in out
    assert "4 of 4 jobs are in the queue" in cluster.pixelrnn(*words)
    assert set(statuses(cluster, "all").values()) <= {"waiting", "running"}
    cluster.wait(lambda: not cluster.queue())
    failed = "failed: optimizer: Invalid learning rate: -1"
    assert statuses(cluster, "all") == {
        "optimizer.lr-0.1_seed-0": "finished",
        "optimizer.lr-0.1_seed-1": "finished",
        "optimizer.lr--1_seed-0": failed,
        "optimizer.lr--1_seed-1": failed,
    }
    assert Path("all/optimizer.lr-0.1_seed-0/samples.png").exists()
    assert "optimizer.lr-0.1" in Path("all/comparison/comparison.html").read_text()
    assert "2 jobs submitted" in cluster.pixelrnn(*words)


def test_a_job_that_gives_way_goes_on(cluster):
    """One of higher priority takes its place; Slurm tells it, and it is queued again. Faults: a
    failure instead; weights other than those of an undisturbed run.
    """
    cluster.pixelrnn(*TRAIN, *LONG, "-m", "seed=choice(0)", "run=all", "wait=false")
    cluster.wait(lambda: begun("all/seed-0"))
    everything = [f"--cpus-per-task={os.cpu_count()}", "--partition=high", "--output=/dev/null"]
    cluster.run("sbatch", *everything, "--wrap=sleep 5")
    cluster.wait(lambda: statuses(cluster, "all") == {"seed-0": "waiting"})
    cluster.wait(lambda: statuses(cluster, "all") == {"seed-0": "finished"})
    (log,) = Path("all/.slurm").glob("*_0.log")
    assert "it continues from" in log.read_text()
    assert same_weights("all/seed-0", undisturbed(cluster, seed=0))


def test_a_killed_submitter_harms_nothing(cluster):
    """It is killed while it waits: the jobs end, and the same command finds them finished."""
    words = [*TRAIN, "-m", "seed=0,1", "run=all"]
    process = cluster.start(PIXELRNN, *words)
    cluster.wait(lambda: len(cluster.queue("--format=%A")) == 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    cluster.wait(lambda: set(statuses(cluster, "all").values()) == {"finished"})
    assert cluster.pixelrnn(*words).count("is finished") == 0  # said in the jobs' own logs
    assert Path("all/comparison/comparison.html").exists()
