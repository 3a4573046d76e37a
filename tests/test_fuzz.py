"""Random command lines: one line and code 2, or work that is done; no traceback, no hang, nothing half-made.

`PIXELRNN_FUZZ=10000 pytest tests/test_fuzz.py` tries as many of each kind, over all verbs (`make test-faults`).
"""

import contextlib
import os
import shutil
import signal

import numpy as np
import pytest
from PIL import Image
from tests.support import tiny
from tests.support.fuzz import lines

from pixelrnn.command import launch
from pixelrnn.command.words import WORDS
from pixelrnn.runs.directory import RunDirectory

TRIES = int(os.environ.get("PIXELRNN_FUZZ") or 0)
SEED = int(os.environ.get("PIXELRNN_FUZZ_SEED") or 0)
SECONDS = 60  # for one that is small


@pytest.fixture
def home(pixelrnn, tmp_path, monkeypatch):
    """Runs, images and arrays to try on."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert pixelrnn("train", *tiny.WORDS, "run=run", "test=true")[0] == 0
    RunDirectory(tmp_path / "unfinished").write_config(tiny.config("data"))
    (tmp_path / "pictures").mkdir()
    for i in range(9):
        gray = Image.fromarray(np.full((4, 4), i * 9, np.uint8))
        gray.save(tmp_path / "pictures" / f"{i or 'gray'}.png")
    images = np.random.default_rng(0).integers(0, 255, (20, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "raw.npz", x_train=images, x_test=images[:3])
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("verb", WORDS)
def test_arguments_are_built_and_checked(verb, home, pixelrnn, monkeypatch):
    """All but the call of the verb. Faults: types checked by hand, here and there; a file written before."""
    build = launch.build
    monkeypatch.setattr(launch, "build", lambda *words: (build(*words), lambda: None)[1])
    before = tiny.contents(home)
    count = TRIES // len(WORDS) or 12
    for words in lines(verb, SEED, count):
        check(pixelrnn, words)
        assert tiny.contents(home) == before, words


@pytest.mark.slow
@pytest.mark.parametrize("verb", WORDS)
def test_verbs_end_well(verb, home, pixelrnn):
    """Really run. Faults: a directory claimed by what can't be trained; an option that fails after the work."""
    before = tiny.contents(home)
    count = TRIES // len(WORDS) or 12
    for words in lines(verb, SEED + 1, count, inside=True):
        code = check(pixelrnn, words)
        if code == 2:
            assert tiny.contents(home) == before, words
        restore(home, before)


def check(pixelrnn, words):
    """Call the command, in this process; return its exit code."""
    with limited(words):
        code, out, err = pixelrnn(*words)
    assert code in ((0, 1, 2) if words[0] == "audit" else (0, 2)), (words, err)
    assert "Traceback" not in out + err, words
    if code == 2:
        assert err.splitlines()[-1].startswith("pixelrnn: "), (words, err)
        assert all(line.startswith("pixelrnn: ") for line in err.splitlines()), (words, err)
    return code


@contextlib.contextmanager
def limited(words):
    def stop(*_):
        raise AssertionError(f"a hang: {words}")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


def restore(home, before):
    """Make the folder what it was: what one line changes is not the next one's."""
    for file, content in tiny.contents(home).items():
        if file not in before:
            file.unlink()
        elif content != before[file]:
            file.write_bytes(before[file])
    for folder in sorted(home.rglob("*/"), reverse=True):
        with contextlib.suppress(OSError):
            folder.rmdir()
    for folder in home.iterdir():
        if folder.is_dir() and not any(file.is_relative_to(folder) for file in before):
            shutil.rmtree(folder)
