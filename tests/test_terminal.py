"""The bar: shown to people, silent elsewhere."""

import io
import os
import pty
import subprocess
import sys

from pixelrnn.terminal import Bar, time_left


def python(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, **options
    )


BAR = """
from pixelrnn.terminal import Bar
with Bar("scoring", total=7) as bar:
    for _ in range(7):
        bar.advance()
    print("a sentence meanwhile")
"""


def test_a_bar_where_somebody_looks():
    """And sentences keep their stream. Fault: rich redirects what is printed to standard error."""
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", BAR], stdout=subprocess.PIPE, stderr=theirs, timeout=60
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.stdout == b"a sentence meanwhile\n"
    assert "scoring" in shown
    assert "7/7" in shown


def test_no_bar_in_a_log_file():
    """Fault: thousands of lines in the file of a cluster's job."""
    done = python(BAR)
    assert (done.stdout, done.stderr) == ("a sentence meanwhile\n", "")


def test_no_bar_in_a_job_beside_others(monkeypatch):
    """Fault: jobs of a sweep that draw over each other."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert Bar("alone", total=1).shown
    monkeypatch.setattr("pixelrnn.terminal.parent_process", lambda: "the launcher")
    assert not Bar("one of several", total=1).shown


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_time_left_comes_of_all_that_was_done():
    """Fault: a resumed run's earlier steps taken for steps of this process."""
    assert time_left(elapsed=60.0, done=2, left=3) == "0:01:30 left"
    assert time_left(elapsed=60.0, done=0, left=3) == "-:--:-- left"


def test_the_leaf_is_light():
    """Fault: torch or Lightning behind a bar."""
    code = "import sys, pixelrnn.terminal; print({'torch', 'pytorch_lightning'} & set(sys.modules))"
    assert python(code).stdout == "set()\n"
