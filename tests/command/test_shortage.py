"""No room on the disk, no right to write, no memory: one line that says of what, and nothing half-written."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from tests.support import tiny

from pixelrnn import files
from pixelrnn.command.shortage import in_a_line
from pixelrnn.errors import InputError

TRAIN = ["train", *tiny.WORDS, "run=run"]
WRITERS = {
    "evaluate": ["evaluate", "run"],
    "sample": ["sample", "run", "images=2"],
    "score": ["score", "run", "data/val.npy"],
    "complete": ["complete", "run", "data/val.npy"],
    "audit": ["audit", "run", "pixels=2"],
    "compare": ["compare", "run", "out=page"],
    "compose": ["compose", "out=configs", "models=[pixel_cnn]"],
    "dashboard": ["dashboard", "group", "dry_run=true", "out=board.json"],
    "prepare": ["prepare", "data=digits", "data.path=prepared"],
    "train": [*TRAIN[:-1], "run=other"],
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [errno.ENOSPC, errno.EROFS])
def test_every_verb_that_writes(pixelrnn, tmp_path, monkeypatch, kind):
    """Each write fails at its end. Faults: a traceback; a temporary file left; an old file gone."""
    assert pixelrnn(*TRAIN, "test=true")[0] == 0
    before = tiny.contents(tmp_path)

    def fail(path):
        raise OSError(kind, os.strerror(kind))

    monkeypatch.setattr(files, "_flush", fail)
    for verb, words in WRITERS.items():
        code, _, err = pixelrnn(*words)
        assert code == 2, (verb, err)
        assert err.startswith("pixelrnn: "), (verb, err)
        assert err.count("\n") == 1, (verb, err)
        assert os.strerror(kind) in err, (verb, err)
        named = ("run/", "page/", "configs/", "board.json", "prepared", "run=other")
        assert any(name in err for name in named), (verb, err)
        now = tiny.contents(tmp_path)
        assert {file: now.get(file) for file in before} == before, verb
        assert not [file for file in now.keys() - before.keys() if "other" not in file.parts], verb


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["evaluate", "sample", "score", "train"])
def test_a_limit_of_the_system(pixelrnn, tmp_path, verb):
    """A file may have 64 bytes, for real. Fault: `replacing` that leaves what it began."""
    assert pixelrnn(*TRAIN, "test=true")[0] == 0
    before = tiny.contents(tmp_path)
    done = limited("RLIMIT_FSIZE", 64, WRITERS[verb], tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert "File too large" in done.stderr
    now = tiny.contents(tmp_path)
    assert {file: now.get(file) for file in before} == before
    assert all(file.name != "" and not file.name.startswith(".") for file in now)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["sample", "evaluate"])
def test_no_memory(pixelrnn, tmp_path, verb):
    """Address space for the program and no more. Fault: numpy's or torch's traceback."""
    tiny.write_data(tmp_path / "data", test=60_000)
    words = [word for word in TRAIN if not word.startswith("model.hidden")]
    assert pixelrnn(*words, "model.hidden=64")[0] == 0
    before = tiny.contents(tmp_path)
    verbs = {
        "sample": ["sample", "run", "images=4000000", "batch_size=4000000"],
        "evaluate": ["evaluate", "run", "batch_size=60000"],
    }
    done = limited("RLIMIT_AS", None, verbs[verb], tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "out of memory" in done.stderr
    assert f"lower {verbs[verb][-1].replace('=', ', which is ')}" in done.stderr
    assert tiny.contents(tmp_path) == before


def limited(name, most, words, folder):
    """Call the command under a limit; with None 300 MB above what its imports take."""
    script = f"""if True:
        import resource, sys
        sys.argv = ['pixelrnn', *{words!r}]
        most = {most!r}
        if most is None:
            import pixelrnn.stages.train
            import torch
            torch.set_num_threads(1)
            pages = int(open('/proc/self/statm').read().split()[0])
            most = pages * resource.getpagesize() + 3 * 10**8
        resource.setrlimit(resource.{name}, (most, most))
        from pixelrnn.command.main import main
        main()"""
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=folder, timeout=300
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a"), "a: No space left on device: make"),
        (OSError("strange"), "strange"),
        (
            PermissionError(errno.EACCES, "Permission denied", "a\nb"),
            r"a\nb: Permission denied: ch",
        ),
        (MemoryError(), "out of memory (MemoryError): lower batch_size, which is 7, or"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried\nmore"), "(CUDA out of memory. Tried)"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "lower batch_"),
        (RuntimeError("PytorchStreamWriter failed writing file"), "a file can't be written"),
    ],
)
def test_what_is_said(error, said):
    """Fault: a message of several lines, or one without a remedy."""
    with (
        pytest.raises(InputError) as caught,
        in_a_line("sample", OmegaConf.create({"batch_size": 7})),
    ):
        raise error
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [RuntimeError("a mistake of ours"), ValueError("x"), KeyError(1)])
def test_our_own_mistakes_keep_their_traceback(error):
    with pytest.raises(type(error)), in_a_line("sample", OmegaConf.create({})):
        raise error


def test_numpy_says_it_as_well():
    with pytest.raises(InputError, match="out of memory"), in_a_line("score", OmegaConf.create({})):
        np.zeros(2**50)
