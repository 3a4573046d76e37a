"""A Slurm of one node on this machine, with a folder, ports and keys of its own; gone afterwards."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")

# Jobs in `low` give way to those in `high` and are queued again. `cred_expire` is for how long a
# job that was requeued is held; KillWait, the seconds between SIGTERM and SIGKILL.
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
KillWait=5
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
SchedulerParameters=sched_interval=1,bf_interval=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=2000
PartitionName=low Nodes={host} Default=YES PriorityTier=1 GraceTime=30
PartitionName=high Nodes={host} PriorityTier=2
"""


@contextmanager
def running(folder: Path) -> Iterator[dict[str, str]]:
    """Start it; give the environment variables with which its commands find it.

    Skips the test where Slurm is missing, or the right to start it.
    """
    search = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
    missing = [name for name in PROGRAMS if not shutil.which(name, path=search)]
    if missing:
        pytest.skip(f"no Slurm: {', '.join(missing)} missing (Debian: slurm-wlm and munge)")
    if os.geteuid() != 0:
        pytest.skip("Slurm's daemons are started as root")
    environment = {"PATH": search, "SLURM_CONF": str(folder / "slurm.conf")}
    for name in ("state", "spool"):
        (folder / name).mkdir()
    content = CONFIGURATION.format(
        host=socket.gethostname(), ports=_free_ports(2), folder=folder, cpus=os.cpu_count()
    )
    (folder / "slurm.conf").write_text(content)
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    files = {name: folder / f"munge.{name}" for name in ("socket", "pid", "log", "seed")}
    munge = ["munged", "--force", f"--key-file={key}", f"--socket={files['socket']}"]
    munge += [f"--{name}-file={files[name]}" for name in ("pid", "log", "seed")]
    try:
        for daemon in (munge, ["slurmctld"], ["slurmd"]):
            _run(daemon, environment)
        for _ in range(60):
            if "idle" in _run(["sinfo", "--noheader", "--format=%t"], environment, check=False):
                break
            time.sleep(0.5)
        else:
            pytest.fail((folder / "slurmctld.log").read_text()[-2000:])
        yield environment
    finally:
        _run(["scancel", "--user=root"], environment, check=False)
        for name in ("slurmd", "slurmctld", "munge"):
            _end(folder / f"{name}.pid")


def _end(file: Path) -> None:
    """End a daemon by its pid file, and wait for it: it writes to the folder until then."""
    with suppress(OSError, ValueError):
        pid = int(file.read_text())
        os.kill(pid, signal.SIGTERM)
        for _ in range(100):
            os.kill(pid, 0)
            time.sleep(0.2)


def _run(command: list[str], environment: dict[str, str], check: bool = True) -> str:
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=60
    )
    if check and done.returncode:
        pytest.fail(f"{command[0]}: {done.stdout}{done.stderr}")
    return done.stdout


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
