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
    """By submitit, whose shell waits. Faults: jobs one after the other; a sweep without its page."""
    words = [word for word in TRAIN if not word.startswith("model.")]
    words += ["trainer.limit_train_batches=2", "run=all"]
    out = cluster.pixelrnn(*words, "sweep=variants")
    assert "5 of 5 finished" in out
    assert (
        len({file.parent.name.partition("_")[0] for file in Path("all").glob(".submitit/*_*/*")})
        == 1
    )
    page = Path("all/comparison/comparison.html").read_text()
    assert all(f"model-{name}" in page for name in ("pixel_cnn", "gated_pixel_cnn", "multi_scale"))
    assert set(statuses(cluster, "all").values()) == {"finished"}


def test_a_preempted_job_goes_on_in_its_array(cluster):
    """Told by USR2 in mid-epoch, as before a time limit, queued again: the weights of an undisturbed
    run, and one run of W&B; the other job fails. Faults: a job given up at its first preemption; one
    that begins anew; a traceback for a failure.
    """
    words = [word for word in TRAIN if word != "logger=none"]
    words += [*LONG, "head=softmax,bernoulli", "seed=1", "-m", "run=all", "test=false"]
    process = cluster.start(PIXELRNN, *words)
    cluster.wait(lambda: begun("all/head-softmax"))
    before = json.loads(Path("all/head-softmax/origin.json").read_text())
    cluster.run("scancel", "--signal=USR2", cluster.running() + "_0")
    cluster.wait_for_requeued()
    out = process.communicate(timeout=300)[0]
    assert process.returncode == 1, out
    assert "1 of 2 finished" in out
    assert "failed: " in next(line for line in out.splitlines() if "│ head-bernoulli" in line)
    assert "Traceback" not in out
    log = "".join(file.read_text() for file in Path("all/.submitit").glob("*_0/*_log.*"))
    assert "it continues from" in log
    assert before["wandb"] == json.loads(Path("all/head-softmax/origin.json").read_text())["wandb"]
    assert same_weights("all/head-softmax", undisturbed(cluster, seed=1))


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
    cluster.run("sbatch", *everything, "--wrap=sleep 20")
    cluster.wait_for_requeued()
    assert statuses(cluster, "all") == {"seed-0": "waiting"}
    cluster.wait(lambda: statuses(cluster, "all") == {"seed-0": "finished"})
    (log,) = Path("all/.slurm").glob("*_0.log")
    assert "it continues from" in log.read_text()
    assert same_weights("all/seed-0", undisturbed(cluster, seed=0))


def test_a_time_limit(cluster):
    """Reached for real: Slurm counts in minutes. Fault: a job that ends with its time."""
    words = [*LONG, "trainer.max_epochs=40", "seed=choice(0)", "test=false"]
    limit = ["hydra.launcher.timeout_min=2", "hydra.launcher.signal_delay_s=60"]
    cluster.pixelrnn(*TRAIN, *words, *limit, "-m", "run=all", "wait=false")
    cluster.wait(cluster.release)
    finished = {"seed-0": "not evaluated"}
    cluster.wait(lambda: not cluster.release() and statuses(cluster, "all") == finished, 900)
    (log,) = Path("all/.slurm").glob("*_0.log")
    assert "it continues from" in log.read_text()
    alone = [word for word in TRAIN if not word.startswith("hydra")]
    cluster.pixelrnn(*alone, *words[:-2], "seed=0", "run=undisturbed", "test=false")
    assert same_weights("all/seed-0", "undisturbed")


def test_two_processes_of_one_job(cluster):
    """srun starts both, and Lightning finds them: the weights of two that Lightning starts, told by USR2
    and queued again in between. Faults: two trainings of one process each; one process that clears
    the directory in which the other is.
    """
    words = [*LONG, "trainer.max_epochs=8", "trainer=ddp", "trainer.devices=2", "test=false"]
    alone = [word for word in TRAIN if not word.startswith("hydra")]
    cluster.pixelrnn(*alone, *words, "run=undisturbed")
    words += ["hydra.launcher.tasks_per_node=2", "-m", "seed=choice(0)", "run=all", "wait=false"]
    cluster.pixelrnn(*TRAIN, *words)
    cluster.wait(lambda: begun("all/seed-0"))
    cluster.run("scancel", "--signal=USR2", cluster.running() + "_0")
    cluster.wait_for_requeued()
    cluster.wait(lambda: statuses(cluster, "all") == {"seed-0": "not evaluated"})
    (log,) = Path("all/.slurm").glob("*_0.log")
    assert log.read_text().count("it continues from") == 1
    assert same_weights("all/seed-0", "undisturbed")


def test_a_killed_submitter_harms_nothing(cluster):
    """It is killed while it waits: the jobs go on. Fault: jobs that end with who submitted them."""
    words = [*TRAIN, "-m", "seed=0,1", "run=all"]
    process = cluster.start(PIXELRNN, *words)
    cluster.wait(lambda: len(cluster.queue("--format=%A")) == 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    cluster.wait(lambda: not cluster.queue())
    assert statuses(cluster, "all") == {"seed-0": "finished", "seed-1": "finished"}
