"""One process at a time writes to a run directory."""

import os
import subprocess
import sys
import time

import pytest

from pixelrnn.errors import InputError
from pixelrnn.runs.lock import LOCK, locked

HOLD = """
import sys, time
from pixelrnn.runs.lock import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.slow
def test_the_second_process_is_told_who_is_there_and_a_crash_frees_it(tmp_path):
    """Faults: a lock that is only a file, which stays after a crash; one that waits; no lock."""
    holder = hold(tmp_path)
    try:
        with (
            pytest.raises(InputError, match=f"written to by process {holder.pid} on "),
            locked(tmp_path),
        ):
            pass
        assert (tmp_path / LOCK).exists()
    finally:
        holder.kill()
        holder.communicate()
    assert (tmp_path / LOCK).exists()
    with locked(tmp_path):
        assert str(os.getpid()) in (tmp_path / LOCK).read_text()
    assert not list(tmp_path.iterdir())


def test_a_process_does_not_lock_itself_out(tmp_path):
    """Fault: a training that cannot evaluate what it has trained."""
    with locked(tmp_path), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_no_link_is_followed(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK).symlink_to(tmp_path / "precious")
    with pytest.raises(InputError, match="cannot write to run"), locked(tmp_path / "run"):
        pass
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.slow
def test_one_at_a_time_however_many_come_at_once(tmp_path):
    """Eight processes add one to a number. Fault: the file of a holder removed while another waits to open it."""
    add = """
import sys, time
from pathlib import Path
from pixelrnn.errors import InputError
from pixelrnn.runs.lock import locked
file = Path(sys.argv[1]) / "number"
for _ in range(10):
    while True:
        try:
            with locked(sys.argv[1]):
                number = int(file.read_text())
                time.sleep(0.001)
                file.write_text(str(number + 1))
            break
        except InputError:
            time.sleep(0.001)
"""
    (tmp_path / "number").write_text("0")
    processes = [subprocess.Popen([sys.executable, "-c", add, tmp_path]) for _ in range(8)]
    started = time.monotonic()
    assert [process.wait() for process in processes] == [0] * 8
    assert int((tmp_path / "number").read_text()) == 80, time.monotonic() - started
