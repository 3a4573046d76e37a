"""Printing never fails the work: the command in processes of its own, with outputs that break."""

import os
import shutil
import subprocess
import sys

import pytest
from tests.support import strangers, tiny

from pixelrnn.command.output import spell

COMMAND = [sys.executable, "-m", "pixelrnn"]
SWEEP = ["train", "-m", *tiny.WORDS, "seed=0,1", "test=false"]


@pytest.fixture
def folder(tmp_path):
    tiny.write_data(tmp_path / "data")
    return tmp_path


def shell(line, folder, **environment):
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        capture_output=True,
    )


def quoted(words):
    return " ".join(f"'{word}'" for word in [*COMMAND, *words])


@pytest.mark.parametrize(
    ("text", "encoding", "spelled"),
    [
        ("≤ 1.86 ± 0.01", "ascii", "<= 1.86 +- 0.01"),
        ("≤ 1.86 ± 0.01", "cp1252", "<= 1.86 ± 0.01"),
        ("8×8 → ┃é", "ascii", "8x8 -> \\u2503\\xe9"),
        ("\ud800", "utf-8", "\\ud800"),
    ],
)
def test_what_an_encoding_lacks_is_spelled(text, encoding, spelled):
    import codecs

    codecs.register_error("spelled", spell)
    assert text.encode(encoding, "spelled").decode(encoding) == spelled


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_encoding_without_our_signs(folder, encoding):
    """A training with rich's table, an evaluation with ±, and the sweep's table. Fault: a traceback for finished work."""
    words = tiny.WORDS
    line = f"{quoted(['train', *words, 'run=r', 'test=true'])} && {quoted(SWEEP)}"
    done = shell(line, folder, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr.decode(encoding)
    sign = "±" if encoding == "cp1252" else "+-"
    assert f" {sign} " in done.stdout.decode(encoding)
    assert "2 of 2 finished" in done.stdout.decode(encoding)
    assert not list(folder.glob("artifacts/sweeps/*/*/failure.txt"))


@pytest.mark.slow
@pytest.mark.parametrize("output", ["| head -1", ">&-", "> /dev/full", ">&- 2>&-", "2> /dev/full"])
def test_nobody_reads_it(folder, output):
    """A whole sweep, with a table. Faults: exit code 1, 120 or 141; a trained job that is written down as failed."""
    done = shell(f"{quoted(SWEEP)} {output}", folder)
    assert done.returncode == 0, done.stderr.decode()
    assert b"rror" not in done.stderr
    assert len(list(folder.glob("artifacts/sweeps/*/*/weights.safetensors"))) == 2
    assert not list(folder.glob("artifacts/sweeps/*/*/failure.txt"))


@pytest.mark.slow
def test_the_exit_code_is_that_of_the_work(folder):
    """A verb that fails, an audit that finds a leak and one that does not, with a reader that has gone."""
    shutil.copy(strangers.__file__, folder / "theirs.py")
    for function, code in (("unshifted", 1), ("sound", 0), ("nothing", 2)):
        words = ["audit", f"callable=theirs:{function}", "shape=[1,5,5]", "out=here"]
        assert shell(f"{quoted(words)} | true", folder).returncode == code


@pytest.mark.slow
def test_files_are_written_in_utf_8_whatever_the_terminal_speaks(folder):
    done = shell(quoted([*SWEEP, "model.hidden=0"]), folder, PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.returncode == 1
    assert b"hidden=0 must be" in done.stderr
