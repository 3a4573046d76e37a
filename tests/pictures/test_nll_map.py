import numpy as np
import pytest

from pixelrnn.pictures.nll_map import COLD, HOT, MARGIN, WARM, nll_picture


def color(text):
    return tuple(int(text[i : i + 2], 16) for i in (1, 3, 5))


@pytest.mark.parametrize("colors", [1, 3])
def test_colors_follow_the_nats_beside_the_image(colors):
    """0, half and the top of the scale, and beyond; the image's own pixels on the left."""
    nats = np.array([[0.0, 2.0], [4.0, 9.0]])
    image = np.array([[0, 1], [2, 3]], np.uint8)[None].repeat(colors, 0)
    picture = nll_picture(
        image, nats, 4, ends=(0.0, 4.0), title="name: 1 nats", mark=(2.0, "uniform guess"), side=100
    )
    top = picture.height - MARGIN - 100
    shown = [[picture.getpixel((x + MARGIN, y + top)) for x in (25, 75)] for y in (25, 75)]
    assert shown == [[(0, 0, 0), (85, 85, 85)], [(170, 170, 170), (255, 255, 255)]]
    left = 2 * MARGIN + 100
    mapped = [[picture.getpixel((left + x, y + top)) for x in (25, 75)] for y in (25, 75)]
    assert mapped[0][0] == color(COLD)
    assert (
        np.abs(np.subtract(mapped[0][1], color(WARM))).max() <= 2
    )  # half of 255 is no whole number
    assert mapped[1] == [color(HOT), color(HOT)]


def test_a_long_title_is_not_cut():
    narrow, wide = (
        nll_picture(
            np.zeros((1, 9, 2), np.uint8), np.zeros((9, 2)), 2, (0.0, 1.0), title, (5.0, "")
        )
        for title in ("a", "a" * 99)
    )
    assert wide.width > narrow.width
