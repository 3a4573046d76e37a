import itertools
import math

import numpy as np
import pytest
from PIL import Image

from pixelrnn.results import baselines
from pixelrnn.results.baselines import encodings, independent_pixels, lossless_coder, tile


def _random(n, c, h, w, levels, seed=0):
    return np.random.default_rng(seed).integers(0, levels, (n, c, h, w), dtype=np.uint8)


def test_independent_pixels_by_hand():
    """Two positions, three levels, four training images.

    Faults: no smoothing; K left out of the sum; nats for bits.
    """
    train = np.array([[0, 2], [0, 2], [1, 2], [0, 0]], dtype=np.uint8).reshape(4, 1, 1, 2)
    test = np.array([[0, 2], [2, 1]], dtype=np.uint8).reshape(2, 1, 1, 2)
    nats = [-math.log(4 / 7) - math.log(4 / 7), -math.log(1 / 7) - math.log(1 / 7)]
    mean, se = sum(nats) / 2, abs(nats[0] - nats[1]) / 2  # of two numbers: half their distance
    got = independent_pixels(train, test, 3)
    assert got.nll_nats == pytest.approx(mean, rel=1e-14)
    assert got.nll_nats_se == pytest.approx(se, rel=1e-14)
    assert got.bits_per_dim == pytest.approx(mean / math.log(2) / 2, rel=1e-14)
    assert got.bits_per_dim_se == pytest.approx(se / math.log(2) / 2, rel=1e-14)


def test_independent_pixels_sum_to_one_over_all_images():
    """Fault: smoothing that isn't normalized, such as one added without K below."""
    everything = np.array(list(itertools.product(range(3), repeat=4)), dtype=np.uint8).reshape(
        -1, 2, 1, 2
    )
    train = _random(5, 2, 1, 2, 3)
    total = sum(math.exp(-independent_pixels(train, x[None], 3).nll_nats) for x in everything)
    assert total == pytest.approx(1, abs=1e-12)


def test_each_color_of_each_position_has_its_own_histogram():
    """Fault: axes mixed up, or one histogram for all.

    All training images are one, its 12 dimensions all different.
    """
    image = np.arange(12, dtype=np.uint8).reshape(1, 3, 2, 2)
    train = np.repeat(image, 100, axis=0)
    got = independent_pixels(train, image, 12)
    assert got.bits_per_dim == pytest.approx(-math.log2(101 / 112), rel=1e-12)
    assert math.isnan(got.bits_per_dim_se)


def test_independent_pixels_do_not_depend_on_the_chunks(monkeypatch):
    """Fault: the last, uneven chunk dropped or averaged as if it were full."""
    train, test = _random(10, 1, 3, 3, 4), _random(7, 1, 3, 3, 4, seed=1)
    whole = independent_pixels(train, test, 4)
    monkeypatch.setattr(baselines, "CHUNK", 3)
    assert independent_pixels(train, test, 4) == whole


def test_tile_puts_every_image_in_its_cell():
    images = _random(7, 3, 2, 4, 256)
    sheet = tile(images)
    assert sheet.shape == (8, 8, 3)  # 4 down, 2 across
    for k, image in enumerate(images):
        i, j = 2 * (k // 2), 4 * (k % 2)
        np.testing.assert_array_equal(sheet[i : i + 2, j : j + 4].transpose(2, 0, 1), image)
    assert not sheet[6:, 4:].any()


@pytest.mark.parametrize(
    ("n", "h", "w"), [(360, 8, 8), (100, 32, 32), (50, 4, 16), (1, 8, 8), (2, 64, 1), (3, 1, 64)]
)
def test_sheets_are_near_square(n, h, w):
    rows, columns, _ = tile(np.zeros((n, 1, h, w), dtype=np.uint8)).shape
    assert rows * columns >= n * h * w
    assert n < 10 or 1 / 1.5 < rows / columns < 1.5


@pytest.mark.parametrize("colors", [1, 3])
@pytest.mark.parametrize("levels", [2, 3, 16, 17, 256])
def test_noise_costs_its_entropy_and_a_constant_next_to_nothing(levels, colors):
    """No coder can beat log2 K on noise; a constant set is a header and runs.

    Faults: bits per pixel; bytes.
    """
    noise = lossless_coder(_random(144, colors, 8, 8, levels), levels)
    assert math.log2(levels) - 0.02 < noise.bits_per_dim < 1.3 * math.log2(levels) + 0.1
    assert noise.nll_nats == pytest.approx(
        noise.bits_per_dim * colors * 64 * math.log(2), rel=1e-12
    )
    assert math.isnan(noise.bits_per_dim_se)
    constant = np.full((144, colors, 8, 8), levels - 1, dtype=np.uint8)
    assert lossless_coder(constant, levels).bits_per_dim < 0.05


def test_the_smallest_file_counts_and_is_named():
    """Fault: the largest."""
    images = np.cumsum(_random(16, 3, 8, 8, 3), axis=3, dtype=np.uint8)
    sizes = {name: 8 * len(file) for name, file in encodings(tile(images), 255).items()}
    best = lossless_coder(images, 255)
    assert best.bits_per_dim == min(sizes.values()) / images.size
    assert max(sizes.values()) > min(sizes.values())
    smallest = min(sizes, key=sizes.get)
    assert smallest.startswith(f"{best.name}, ")
    assert smallest.removeprefix(f"{best.name}, ") in best.note


@pytest.mark.parametrize(
    ("levels", "colors", "ways"), [(2, 1, 3), (16, 1, 3), (17, 1, 2), (2, 3, 2), (256, 1, 1)]
)
def test_levels_are_coded_in_every_way_that_may_be_smaller(levels, colors, ways):
    """Faults: a palette for colors, or for more levels than it holds; 256 levels stretched."""
    names = encodings(tile(_random(4, colors, 8, 8, levels)), levels)
    assert len([name for name in names if name.startswith("PNG")]) == ways


def test_of_a_large_set_the_first_images_are_coded_and_the_note_says_so(monkeypatch):
    """Faults: the size of some divided by the number of all; minutes spent on a large set."""
    images = _random(90, 1, 8, 8, 256)
    monkeypatch.setattr(baselines, "CODED", 40 * 64)
    some = lossless_coder(images, 256)
    assert some.bits_per_dim == lossless_coder(images[:40], 256).bits_per_dim > 8
    assert "the first 40 test images" in some.note
    monkeypatch.undo()
    assert "; the test images" in lossless_coder(images, 256).note


def test_of_a_large_set_some_training_images_are_counted(monkeypatch):
    train, test = _random(50, 1, 2, 2, 4), _random(7, 1, 2, 2, 4, seed=1)
    monkeypatch.setattr(baselines, "COUNTED", 20)
    some = independent_pixels(train, test, 4)
    assert some == independent_pixels(train[:20], test, 4)
    assert "of 20 training images" in some.note


def test_independent_pixels_image_by_image():
    """Fault: the vector of other images, or in bits."""
    train, test = _random(50, 1, 2, 2, 4), _random(7, 1, 2, 2, 4, seed=1)
    each = [independent_pixels(train, image[None], 4).nll_nats for image in test]
    np.testing.assert_allclose(independent_pixels(train, test, 4).per_image, each, rtol=1e-14)


def test_a_coder_that_loses_something_is_caught(monkeypatch):
    """Fault: a lossy WebP, which would be a baseline that no model has to beat."""
    save = Image.Image.save
    monkeypatch.setattr(
        Image.Image,
        "save",
        lambda self, file, kind, **options: save(self, file, kind, **options | {"lossless": False}),
    )
    with pytest.raises(RuntimeError, match="isn't lossless"):
        lossless_coder(_random(50, 3, 8, 8, 256), 256)
