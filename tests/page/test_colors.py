"""The colors of the curves, as those see them who are color-blind."""

import re
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest

# Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB.
SEEN = {
    "all cones": np.eye(3),
    "no long": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no middle": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no short": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def _linear(color):
    values = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _lab(linear):
    t = XYZ @ np.clip(linear, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def _contrast(one, other):
    low, high = sorted(float(XYZ[1] @ _linear(color)) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(params=["light", "dark"])
def colors(request):
    """Paper, and the colors in their order."""
    style = (files("pixelrnn.page") / "page.css").read_text()
    block = style.split(":root")[["light", "dark"].index(request.param) + 1]
    values = dict(re.findall(r"--(\w+): (#\w{6})", block))
    return values["paper"], [values[f"c{i}"] for i in range(8)]


def test_colors_stand_out_from_the_page(colors):
    """Fault: Okabe and Ito's yellow on white; WCAG 2.1 asks for 3 to 1 of what is no text."""
    paper, lines = colors
    assert min(_contrast(line, paper) for line in lines) >= 3


@pytest.mark.parametrize("eye", SEEN)
def test_four_runs_are_told_apart(colors, eye):
    """Faults: a red beside a green, a blue beside a violet. About 2 is what an eye just sees."""
    _, lines = colors
    seen = [_lab(np.array(SEEN[eye]) @ _linear(line)) for line in lines]
    apart = {(i, j): np.linalg.norm(seen[i] - seen[j]) for i, j in combinations(range(8), 2)}
    assert min(distance for (_, j), distance in apart.items() if j < 4) > 20
    assert min(apart.values()) > 10
