"""Spins against their exact distribution: all 65,536 states of 4x4, and Kaufman's formula beside them."""

from functools import cache

import numpy as np
import pytest

from pixelrnn.data import SPLITS, ising
from pixelrnn.data.sources import ising as source
from pixelrnn.data.sources.ising import energy, log_partition, mean_energy
from pixelrnn.errors import InputError

CRITICAL = 2 / np.log(1 + np.sqrt(2))
TEMPERATURES = [1.5, CRITICAL, 4.0]


@cache
def energies(size):
    """Of all states."""
    states = np.arange(2 ** (size * size))[:, None] >> np.arange(size * size) & 1
    return energy(states.reshape(-1, 1, size, size).astype(np.uint8))


def boltzmann(size, temperature):
    """Log Z, and the probabilities of all states."""
    logs = -energies(size) / temperature
    log_z = np.logaddexp.reduce(logs)
    return log_z, np.exp(logs - log_z)


def drawn(temperature, images=4000, size=4, sweeps=200, seed=0):
    counts = {"images": images, "val": 1, "test": 1}
    pieces = ising(size, temperature, sweeps=sweeps, seed=seed, **counts)
    return np.concatenate([part for split, part in pieces if split == "train"])


def errors_off(temperature):
    """By how many standard errors the samples' mean energy is off; images are independent."""
    _, p = boltzmann(4, temperature)
    values = energy(drawn(temperature))
    error = values.std(ddof=1) / len(values) ** 0.5
    return abs(values.mean() - p @ energies(4)) / max(error, 1e-9)


def test_energy_of_states_known_by_heart():
    """Faults: a pair counted twice, or the boundary left open."""
    up, board = np.ones((4, 4), np.uint8), np.indices((4, 4)).sum(0) % 2
    stripe = np.zeros((4, 4), np.uint8)
    stripe[0] = 1  # two walls of four bonds each
    states = np.stack([up, 0 * up, board.astype(np.uint8), stripe])[:, None]
    assert energy(states).tolist() == [-32, -32, 32, -16]


@pytest.mark.parametrize("temperature", [0.4, *TEMPERATURES, 50.0])
@pytest.mark.parametrize("size", [2, 4])
def test_kaufmans_formula_is_the_sum_over_all_states(size, temperature):
    """Fault: gamma_0 without its sign, which shows above the critical temperature."""
    log_z, p = boltzmann(size, temperature)
    assert log_partition(size, temperature) == pytest.approx(log_z, rel=1e-11)
    assert mean_energy(size, temperature) == pytest.approx(p @ energies(size), abs=1e-6)


def test_a_large_square_is_onsagers():
    """At the critical temperature: log(2) / 2 + 2 G / pi a spin, with Catalan's constant G, and the
    energy -sqrt(2)."""
    size = 512
    log_z = log_partition(size, CRITICAL) / size**2
    assert log_z == pytest.approx(np.log(2) / 2 + 2 * 0.915965594177219 / np.pi, abs=1e-5)
    assert mean_energy(size, CRITICAL) / size**2 == pytest.approx(-np.sqrt(2), abs=2e-3)
    assert np.isfinite(log_partition(64, 0.1))


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_samples_have_the_exact_mean_energy(temperature):
    assert errors_off(temperature) < 4


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_samples_are_boltzmanns(temperature):
    """The share of each energy, and of up and down. Fault: a chain that never leaves its beginning."""
    _, p = boltzmann(4, temperature)
    images = drawn(temperature, seed=1)
    for level in np.unique(energies(4)):
        expected = p[energies(4) == level].sum()
        error = (expected * (1 - expected) / len(images)) ** 0.5
        assert abs((energy(images) == level).mean() - expected) < 4.5 * error + 1e-3
    assert abs(images.mean() - 0.5) < 4 * 0.5 / len(images) ** 0.5


FAULTS = {
    "half of dE": lambda t: np.minimum(1, np.exp(-np.arange(-4, 5) / t)),
    "dE with the wrong sign": lambda t: np.minimum(1, np.exp(2 * np.arange(-4, 5) / t)),
    "never a flip that costs": lambda t: (np.arange(-4, 5) <= 0).astype(float),
    "1 where it costs nothing left out": lambda t: np.minimum(
        0.5, np.exp(-2 * np.arange(-4, 5) / t)
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_acceptance_is_seen(name, monkeypatch):
    monkeypatch.setattr(source, "acceptance", FAULTS[name])
    assert errors_off(CRITICAL) > 8


def test_splits_follow_the_seed():
    """More images than chains at a time. Fault: a split that repeats another one's chains."""
    counts = {"images": 700, "val": 20, "test": 30}
    first, again, other = (list(ising(8, 5.0, sweeps=3, seed=seed, **counts)) for seed in (0, 0, 1))
    sizes = dict.fromkeys(SPLITS, 0)
    for split, part in first:
        assert part.dtype == np.uint8
        assert part.shape[1:] == (1, 8, 8)
        sizes[split] += len(part)
    assert sizes == {"train": 700, "val": 20, "test": 30}
    assert all((a == b).all() for (_, a), (_, b) in zip(first, again, strict=True))
    assert not (first[0][1] == other[0][1]).all()
    assert len({image.tobytes() for _, part in first for image in part}) == 750


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"size": 5}, "size=5 must be even"),
        ({"size": 0}, "size=0 must be a whole number of at least 2"),
        ({"temperature": 0}, "temperature=0 must be a number from 0.1 to 1000"),
        ({"temperature": float("nan")}, "temperature=nan must be a number from 0.1"),
        ({"images": 0}, "images=0 must be a whole number"),
        ({"sweeps": 2.5}, "sweeps=2.5 must be a whole number"),
    ],
)
def test_what_cannot_be_is_one_line(wrong, line):
    """At once, before the first image."""
    with pytest.raises(InputError, match=line):
        ising(**wrong)


def test_prepare_takes_it(pixelrnn):
    sizes = ["data.shape=[1,4,4]", "data.source.sweeps=2", "data.source.images=9"]
    code, out, errors = pixelrnn("prepare", "data=ising", *sizes)
    assert code == 0, errors
    assert "ising train      9 images 1x4x4, levels 0..1 of 2" in out
