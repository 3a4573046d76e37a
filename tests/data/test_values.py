"""Levels up to 65,536 and real numbers: arrays, pictures of 16 bits, what `prepare` writes."""

import io
import json
import shutil
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pixelrnn.data import npz_arrays, open_arrays, read_description
from pixelrnn.data.given import read_images
from pixelrnn.data.images import ImageData
from pixelrnn.data.quantize import quantize, stretch
from pixelrnn.data.sources.deep import save_deep
from pixelrnn.data.sources.pictures import read_picture
from pixelrnn.data.values import Levels, Reals
from pixelrnn.errors import InputError
from pixelrnn.stages.prepare import prepare

SHAPE = (1, 3, 4)


def random(n, seed=0):
    return np.random.default_rng(seed).normal(100, 7, (n, 3, 4))


def prepared(folder, levels, **arrays):
    np.savez(folder / "raw.npz", **arrays)
    source = lambda: npz_arrays(folder / "raw.npz", SHAPE, levels, val=0.25)  # noqa: E731
    prepare(source=source, name="mine", shape=SHAPE, levels=levels, out=folder / "mine")
    return folder / "mine"


def test_real_numbers_are_standardised_by_the_training_split(tmp_path, capsys):
    """Planted: those of the validation split, of all splits, or of each pixel."""
    test = random(5, seed=1) + 1000
    path = prepared(tmp_path, None, x_train=random(40), x_test=test.astype(np.float32))
    about, train = read_description(path), np.load(path / "train.npy")
    assert train.dtype == np.float32
    assert about["levels"] is None
    assert about["mean"] == pytest.approx(train.astype(np.float64).mean(), rel=1e-12)
    assert about["scale"] == pytest.approx(train.astype(np.float64).std(), rel=1e-12)
    assert (
        f"mean {about['mean']:g}, standard deviation {about['scale']:g}" in capsys.readouterr().out
    )
    assert (open_arrays(path, SHAPE, None)["test"] == test[:, None].astype(np.float32)).all()
    batch = next(iter(ImageData(path, SHAPE, None).val_dataloader()))
    assert batch.dtype.is_floating_point
    assert (batch.numpy() == np.load(path / "val.npy")).all()


@pytest.mark.parametrize("levels", [257, 1000, 65_536])
def test_many_levels_are_two_bytes(tmp_path, levels):
    """Planted: levels that are cut to one byte."""
    x = np.random.default_rng(0).integers(0, levels, (40, 3, 4))
    x[0, 0, 0], x[0, 0, 1] = levels - 1, 300 % levels
    path = prepared(tmp_path, levels, x_train=x, x_test=x[:5])
    assert np.load(path / "train.npy").dtype == np.uint16
    assert (np.load(path / "test.npy")[:, 0] == x[:5]).all()
    flipped = ImageData(path, SHAPE, levels, batch_size=64, flip=True, mutate=0.5).train_dataloader
    data = ImageData(path, SHAPE, levels, batch_size=64)
    assert (next(iter(data.test_dataloader())).numpy()[:, 0] == x[:5]).all()
    assert callable(flipped)


@pytest.mark.parametrize("levels", [2, 17, 256, 257, 1000, 65_535, 65_536])
def test_16_bits_come_back_from_levels(levels):
    x = np.arange(levels)
    assert (quantize(stretch(x, levels, np.uint16), levels) == x).all()
    assert stretch(x, levels, np.uint16)[[0, -1]].tolist() == [0, 65_535]
    assert quantize(np.array([0, 255], np.uint8), levels).tolist() == [0, levels - 1]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full((9, 3, 4), np.nan), "NaN"),
        (np.full((9, 3, 4), 1e300), "too large"),
        (np.full((9, 3, 4), 5.0), "nothing to model"),
        (np.full((9, 3, 4), "a"), "expected numbers"),
    ],
)
def test_numbers_that_cannot_be_modelled_are_refused(tmp_path, values, words):
    with pytest.raises(InputError, match=words):
        prepared(tmp_path, None, x_train=values, x_test=values[:2])
    assert not (tmp_path / "mine").exists()


def test_fractions_out_of_range_tell_of_real_numbers(tmp_path):
    with pytest.raises(InputError, match=r"data\.levels=null for real numbers"):
        prepared(tmp_path, 256, x_train=random(9), x_test=random(3))


def test_data_of_other_values_are_told_apart(tmp_path):
    path = prepared(tmp_path, None, x_train=random(40), x_test=random(5))
    with pytest.raises(InputError, match=r"holds images of real numbers, but data\.levels is 17"):
        open_arrays(path, SHAPE, 17)
    about = json.loads((path / "data.json").read_text()) | {"scale": 0}
    (path / "data.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="damaged"):
        read_description(path)


def test_real_numbers_are_no_pictures(tmp_path):
    Image.new("L", (4, 3)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="a picture has levels"):
        read_images([tmp_path / "a.png"], SHAPE, None)


def test_real_numbers_are_shown_around_their_mean():
    """Planted: a range that one outlier makes black."""
    images = np.array([0.0, 1.0, -1.0, 0.5, -0.5] * 100 + [1e4, np.nan], np.float32)
    shown = Reals().to_bytes(images[:-2])
    assert shown[0] == 128
    assert 128 < shown[3] < shown[1] < 255
    assert Reals().to_bytes(images)[-2:].tolist()[0] == 255
    assert Levels(1000).to_bytes(np.array([0, 999])).tolist() == [0, 255]


@pytest.mark.parametrize("kind", ["gray.png", "gray.tif", "color.png", "alpha.png"])
def test_pictures_of_16_bits_are_read_whole(tmp_path, kind):
    """Planted: the lower 8 bits lost; colors last taken for rows."""
    pixels = np.random.default_rng(0).integers(0, 65_536, (3, 4, 3)).astype(np.uint16)
    file = tmp_path / kind
    if kind.startswith("gray"):
        Image.fromarray(pixels[..., 0]).save(file)
        expected = np.broadcast_to(pixels[..., :1], pixels.shape)
    else:
        save_deep(file, pixels)
        expected = pixels
    if kind == "alpha.png":
        file.write_bytes(with_alpha(pixels, clear=(0, 0)))
        expected = pixels.copy()
        expected[0, 0] = 65_535  # white
    got = read_picture(file, (3, 3, 4), 65_536, fit="none")
    assert got.dtype == np.uint16
    assert (got == expected.transpose(2, 0, 1)).all()
    assert (
        read_picture(file, (3, 3, 4), 1000) == expected.transpose(2, 0, 1).astype(int) * 1000 >> 16
    ).all()
    assert (read_picture(file, (3, 3, 4), 256) == expected.transpose(2, 0, 1) >> 8).mean() > 0.9


def with_alpha(pixels, clear):
    """A PNG file of 16 bits with a transparent pixel: that of `save_deep`, rewritten by hand."""
    alpha = np.full((*pixels.shape[:2], 1), 65_535, np.uint16)
    alpha[clear] = 0
    rows = b"".join(
        b"\0" + row.astype(">u2").tobytes() for row in np.concatenate([pixels, alpha], 2)
    )
    h, w, _ = pixels.shape
    file = io.BytesIO(b"")
    file.write(b"\x89PNG\r\n\x1a\n")
    header = struct.pack(">IIBBBBB", w, h, 16, 6, 0, 0, 0)
    for name, content in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        file.write(struct.pack(">I", len(content)) + name + content)
        file.write(struct.pack(">I", zlib.crc32(name + content)))
    return file.getvalue()


def test_8_bits_for_many_levels_reach_from_black_to_white(tmp_path):
    Image.fromarray(np.array([[0, 128, 255, 1]] * 3, np.uint8)).save(tmp_path / "a.png")
    got = read_picture(tmp_path / "a.png", SHAPE, 65_536)
    assert got[0, 0].tolist() == [0, 128 * 257, 65_535, 257]


def test_deep_pictures_are_made_to_fit(tmp_path):
    """Planted: fractions that overflow beyond white, which resizing overshoots."""
    pixels = np.zeros((12, 16), np.uint16)
    pixels[:, 8:] = 65_535
    Image.fromarray(pixels).save(tmp_path / "a.png")
    got = read_picture(tmp_path / "a.png", SHAPE, 65_536, fit="resize")
    assert (got[0, :, 0] < 1000).all()
    assert (got[0, :, 3] > 64_000).all()
    assert (
        read_picture(tmp_path / "a.png", SHAPE, 65_536, fit="crop")[0, 0] == [0, 0, 65_535, 65_535]
    ).all()


def test_deep_colors_in_other_files_are_refused(tmp_path):
    save_deep(tmp_path / "a.png", np.zeros((3, 4, 3), np.uint16))
    content = (tmp_path / "a.png").read_bytes()
    assert Image.open(io.BytesIO(content)).mode == "RGB"
    header = b"II*\0\x08\0\0\0\x0a\0"
    tags = [(256, 3, 1, 4), (257, 3, 1, 3), (258, 3, 3, 134), (259, 3, 1, 1), (262, 3, 1, 2)]
    tags += [(273, 4, 1, 140), (277, 3, 1, 3), (278, 3, 1, 3), (279, 4, 1, 72), (284, 3, 1, 1)]
    body = b"".join(
        np.array(tag[:2], "<u2").tobytes() + np.array(tag[2:], "<u4").tobytes() for tag in tags
    )
    file = header + body + bytes(4) + np.array([16, 16, 16], "<u2").tobytes() + bytes(72)
    (tmp_path / "a.tif").write_bytes(file)
    with pytest.raises(InputError, match="read from PNG alone"):
        read_picture(tmp_path / "a.tif", (3, 3, 4), 65_536)
    assert read_picture(tmp_path / "a.tif", (3, 3, 4), 256).max() == 0


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4])
def test_every_filter_of_png_is_undone(tmp_path, kind):
    """By a plain encoder of the standard's formulas. Planted: the corner taken for the pixel above."""
    few = np.random.default_rng(1).integers(0, 4, (2, 4, 5, 3))  # ties among the neighbors
    pixels = (256 * few[0] + few[1]).astype(np.uint16)
    plain = pixels.astype(">u2").view(np.uint8).reshape(4, 30).astype(int)
    rows = b""
    for i, j in np.ndindex(4, 30):
        left = plain[i, j - 6] if j >= 6 else 0
        up = plain[i - 1, j] if i else 0
        corner = plain[i - 1, j - 6] if i and j >= 6 else 0
        p = left + up - corner
        near = [abs(p - left), abs(p - up), abs(p - corner)]
        paeth = [left, up, corner][near.index(min(near))]
        guess = [0, left, up, (left + up) // 2, paeth][kind]
        rows += (bytes([kind]) if j == 0 else b"") + bytes([(plain[i, j] - guess) % 256])
    save_deep(tmp_path / "a.png", pixels)
    content = (tmp_path / "a.png").read_bytes()
    start = content.index(b"IDAT") - 4
    body = b"IDAT" + zlib.compress(rows)
    file = (
        content[:start]
        + struct.pack(">I", len(body) - 4)
        + body
        + struct.pack(">I", zlib.crc32(body))
    )
    (tmp_path / "a.png").write_bytes(file + content[content.index(b"IEND") - 4 :])
    assert (read_picture(tmp_path / "a.png", (3, 4, 5), 65_536) == pixels.transpose(2, 0, 1)).all()
    with Image.open(tmp_path / "a.png") as halved:  # by Pillow, the upper 8 bits
        assert (np.asarray(halved) == pixels >> 8).all()


def test_numbers_that_are_levels_are_told(tmp_path, capsys):
    """Planted: a count of all numbers, not of the different ones."""
    prepared(tmp_path, None, x_train=random(200).round(), x_test=random(5))
    told = capsys.readouterr().out
    assert "different numbers among 1,800: a density of such data has no upper bound" in told
    shutil.rmtree(tmp_path / "mine")
    prepared(tmp_path, None, x_train=random(40), x_test=random(5))
    assert "different numbers" not in capsys.readouterr().out
