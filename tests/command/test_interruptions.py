"""Ctrl-C ends a command with a line and 130, whenever it comes."""

import signal
import subprocess
import sys
import time
from unittest.mock import ANY

import pytest
from tests.support import tiny


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["evaluate", "sample", "score", "train"])
@pytest.mark.parametrize("seconds", [0, 1, 5])
def test_ctrl_c_ends_in_a_line_and_130(pixelrnn, tmp_path, verb, seconds):
    """While Hydra, torch or the data are loaded, and at work. Fault: a traceback of eighty lines, and exit code 1."""
    words = [word for word in tiny.WORDS if "epochs" not in word]
    assert pixelrnn("train", *tiny.WORDS, "run=run")[0] == 0
    if verb in ("evaluate", "score"):
        tiny.write_data(tmp_path / "data", test=200_000)
    arguments = {
        "evaluate": ["evaluate", "run", "batch_size=1"],
        "sample": ["sample", "run", "images=1000000"],
        "score": ["score", "run", "data/test.npy", "batch_size=1"],
        "train": ["train", *words, "trainer.max_epochs=100000", "run=long"],
    }
    before = tiny.contents(tmp_path / "run")
    done = interrupted(arguments[verb], seconds, tmp_path)
    assert done == (130, ANY, 1)
    assert tiny.contents(tmp_path / "run") == before


def interrupted(words, seconds, folder):
    """Return the exit code, what it said, and in how many lines, after Ctrl-C so long after its start."""
    script = f"""if True:
        import signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
        from pixelrnn.command.main import main
        sys.argv = ['pixelrnn', *{words!r}]
        print('on', flush=True)
        main()"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    return process.returncode, err, err.count(b"\n")


@pytest.mark.slow
def test_ctrl_c_within_executed_text(tmp_path):
    """As a dataclass is made by. Fault: Python's own end by the signal, for it takes that one for unhandled."""
    script = """if True:
        import os, signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)
        import pixelrnn.command.main as command
        text = "os.kill(os.getpid(), signal.SIGINT)\\nwhile True: pass"
        command.run = lambda _: exec(text, {**globals()})
        command.main()"""
    (tmp_path / "executing.py").write_text(script)
    words = [sys.executable, "-m", "executing"]  # by `-m`, as `python -m pixelrnn`
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (130, "pixelrnn: interrupted\n")
