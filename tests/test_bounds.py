"""Sizes are looked at before memory is taken, and what is read is a file: one line otherwise, and no wait."""

import io
import os
import resource
import shutil
import signal
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.support import tiny

from pixelrnn.runs.directory import CONFIG, HISTORY, METRICS, WEIGHTS

MUCH = 150  # MB that a refusal may take, imports included


@pytest.fixture
def refused(pixelrnn):
    """Call the command, which must refuse at once, in a line, and take no memory to speak of."""

    def call(*words):
        def stop(*_):
            raise AssertionError(f"it waits: {words}")

        signal.signal(signal.SIGALRM, stop)
        signal.alarm(60)
        before = peak()
        try:
            code, _, err = pixelrnn(*words)
        finally:
            signal.alarm(0)
        assert (code, err.count("\n")) == (2, 1), (words, err)
        assert peak() - before < MUCH
        return err

    return call


@pytest.fixture
def run(pixelrnn, tmp_path):
    assert pixelrnn("train", *tiny.WORDS, "run=run", "test=true")[0] == 0
    return tmp_path / "run"


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def make_pipe(file):
    Path(file).unlink(missing_ok=True)
    os.mkfifo(file)


@pytest.mark.slow
def test_a_pipe_or_a_device_in_the_place_of_a_file(run, refused, pixelrnn, tmp_path):
    """Fault: `open` on a pipe, which waits for a writer for ever; /dev/zero, which never ends."""
    make_pipe(tmp_path / "pipe.png")
    make_pipe(tmp_path / "pipe.npy")
    make_pipe(tmp_path / "pipe.yaml")
    (tmp_path / "zero.npy").symlink_to("/dev/zero")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name in ("pipe.png", "pipe.npy", "zero.png", "zero.npy", "/dev/zero"):
        assert "no regular file" in refused("score", "run", name)
    assert "no regular file" in refused("complete", "run", "data/val.npy", "mask=pipe.png")
    assert "no regular file" in refused("compare", "run", "only=pipe.yaml")
    refused("prepare", "data=npz", "data.source.file=pipe.npy")
    for name in (METRICS, HISTORY):  # a damaged run is listed, not raised
        shutil.copytree(run, tmp_path / "other")
        make_pipe(tmp_path / "other" / name)
        assert pixelrnn("runs", "other")[0] == 0
        assert pixelrnn("compare", "run", "other")[0] == 0
        shutil.rmtree(tmp_path / "other")
    for name in ("data.json", "test.npy"):
        kept = (tmp_path / "data" / name).read_bytes()
        make_pipe(tmp_path / "data" / name)
        refused("evaluate", "run")
        refused("train", *tiny.WORDS, "run=new")
        (tmp_path / "data" / name).unlink()
        (tmp_path / "data" / name).write_bytes(kept)
    for name in (WEIGHTS, CONFIG):
        make_pipe(run / name)
        refused("sample", "run")
    (run / CONFIG).unlink()
    (run / CONFIG).symlink_to("/dev/zero")
    refused("sample", "run")


def header(shape, dtype="|u1"):
    stream = io.BytesIO()
    about = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, about)
    return stream.getvalue()


SHAPES = [(10**11, 4, 4), (10**11, 1, 4, 4), (2**62, 4, 4), (1, 10**11), (-5, 4, 4), (10**11,)]


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_a_header_that_says_more_than_there_is(run, refused, tmp_path, shape):
    """Fault: a list of 10^11 splits, an array of as many bytes, made before the values are read."""
    (tmp_path / "many.npy").write_bytes(header(shape) + bytes(64))
    refused("score", "run", "many.npy")
    with zipfile.ZipFile(tmp_path / "many.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("x_train", "x_test"):
            archive.writestr(f"{name}.npy", header(shape) + bytes(64))
    words = ["data=npz", "data.source.file=many.npz", "data.shape=[1,4,4]", "data.path=new"]
    refused("prepare", *words)
    np.savez(tmp_path / "good.npz", images=np.zeros((9, 8, 8)))
    with zipfile.ZipFile(tmp_path / "digits.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header(shape) + bytes(64))
    refused("prepare", "data=digits", "data.source.file=digits.npz", "data.path=new")
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_an_archive_that_unfolds_to_much(refused, pixelrnn, tmp_path):
    """400 MB out of 400 kB, of images of another size and then of the right one. Fault: read as a whole."""
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("x_train", "x_test"):
            with archive.open(f"{name}.npy", "w") as stream:
                stream.write(header((400, 1000, 1000)))
                for _ in range(400):
                    stream.write(bytes(10**6))
    words = ["data=npz", "data.source.file=bomb.npz", "data.path=new"]
    assert "(n, 1000, 1000)" in refused("prepare", *words, "data.shape=[1,4,4]")
    before = peak()
    assert pixelrnn("prepare", *words, "data.shape=[1,1000,1000]", "data.source.val=0.1")[0] == 0
    assert peak() - before < 2 * MUCH


@pytest.mark.slow
@pytest.mark.parametrize("fit", ["none", "resize", "crop"])
def test_a_picture_of_a_hundred_million_pixels(run, refused, tmp_path, fit):
    """12 kB of PNG. Fault: unpacked to be told that it is too large."""
    Image.new("1", (10_000, 10_001)).save(tmp_path / "huge.png")
    Image.new("1", (30_000, 30_001)).save(tmp_path / "larger.png")
    for name in ("huge.png", "larger.png"):
        assert "is too large, over 89,478,485 pixels" in refused("score", "run", name, f"fit={fit}")
    (tmp_path / "pictures").mkdir()
    shutil.move(tmp_path / "huge.png", tmp_path / "pictures")
    words = ["data=folder", "data.source.folder=pictures", "data.source.strict=true"]
    refused("prepare", *words, "data.path=new")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "sample run images=99999999999",
        "sample run side=1000000",
        "sample run images=100000 pictured=100000 side=64",
        "sample run completions=99999999999",
        "complete run data/val.npy completions=99999999999",
        "audit run seed=99999999999999999999",
        "train model.layers=1000000",
        "train model.hidden=1000000",
        "train model.output_hidden=99999999999",
        "train data.num_workers=99999999999",
        "train callbacks.samples.images=99999999999",
        "train callbacks.completions.times=99999999999",
        "train head=logistic_mixture head.components=99999999999",
        "train model=multi_scale model.features=99999999999",
    ],
)
def test_numbers_with_too_many_digits(run, refused, words):
    verb, *others = words.split()
    small = tiny.WORDS if verb == "train" else []
    if "multi_scale" in words:
        small = [word for word in small if not word.startswith("model.")]
    assert "Traceback" not in refused(verb, *small, *others, *(["run=new"] if small else []))


@pytest.mark.slow
def test_many_samples_in_bounded_memory(run, pixelrnn):
    """Twenty thousand; a picture of them all took 45 kB each, 900 MB. Fault: kept until they are drawn."""
    assert pixelrnn("sample", "run", "images=300", "batch_size=1000")[0] == 0
    before = peak()
    assert pixelrnn("sample", "run", "images=20000", "batch_size=1000")[0] == 0
    assert peak() - before < MUCH
    assert np.load(run / "samples.npy", mmap_mode="r").shape == (20000, 1, 4, 4)
    assert Image.open(run / "samples.png").height < 10_000
