import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from tests.support import slurm, tiny

TRAIN = ["train", *tiny.WORDS, "hydra/launcher=slurm", "hydra.launcher.cpus_per_task=1"]
TRAIN += ["hydra.launcher.mem_gb=1"]
PIXELRNN = str(Path(sys.executable).with_name("pixelrnn"))


@pytest.fixture(scope="session")
def daemons():
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, slurm.running(Path(folder)) as env:
        yield env


class Cluster:
    """The command, and Slurm's, in a folder with prepared data."""

    def __init__(self, environment):
        self.environment = environment | {"WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"}

    def start(self, *words):
        return subprocess.Popen(
            words,
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words, code=0):
        with self.start(*words) as process:
            output = process.communicate(timeout=300)[0]
        assert process.returncode == code, output
        return output

    def pixelrnn(self, *words, code=0):
        return self.run(PIXELRNN, *words, code=code)

    def queue(self, *options):
        return self.run("squeue", "--noheader", "--array", *options).split()

    def running(self):
        """The number of the array that runs."""
        return self.queue("--format=%F", "--states=RUNNING")[0]

    def wait(self, until, seconds=240):
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline
            time.sleep(0.3)

    def wait_for_requeued(self):
        """A job that was queued again is held for two minutes: not here."""
        self.wait(self.release)

    def release(self):
        """Start a job that is held; returns whether there is one."""
        states = self.queue("--format=%A %r", "--states=PENDING")
        if "BeginTime" not in states:
            return False
        job = states[states.index("BeginTime") - 1]
        self.run("scontrol", "update", f"JobId={job}", "StartTime=now")
        return True


@pytest.fixture
def cluster(daemons, tmp_path, monkeypatch):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="the extra `slurm`")
    monkeypatch.chdir(tmp_path)
    tiny.write_data("data", train=400)
    cluster = Cluster(daemons)
    yield cluster
    cluster.run("scancel", "--user=root")
    cluster.wait(lambda: not cluster.queue())
