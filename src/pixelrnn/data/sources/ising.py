"""The Ising model in two dimensions: images whose distribution is known exactly.

    p(s) = exp(-E(s) / T) / Z,    E(s) = -sum of s_i s_j over all pairs of neighbors,    s_i = ±1

on a square with periodic boundaries, in units of the coupling and of Boltzmann's constant. Images
are drawn by Metropolis et al. (1953), each at the end of a chain of its own, so that they are
independent. Z is Kaufman's, Physical Review 76, 1232 (1949): exact for the finite square, and in
the limit of a large one Onsager's.
"""

from collections.abc import Iterator
from numbers import Real

import numpy as np

from pixelrnn.data.splits import frozen
from pixelrnn.errors import InputError, check_whole

CHAINS = 500  # at a time: their states stay in the cache


def ising(
    size: int = 16,
    temperature: float = 2.269185,
    images: int = 8000,
    val: int = 500,
    test: int = 1000,
    sweeps: int = 1000,
    seed: int = 0,
) -> Iterator[tuple[str, np.ndarray]]:
    """Draw configurations of `size` x `size` spins: (n, 1, size, size), two levels, 1 is up.

    `images` are for training. A chain begins with all spins up or all down, by chance, and each of
    its `sweeps` offers every spin a flip once. Raises InputError for sizes and temperatures that
    cannot be.
    """
    check_whole(2, size=size)
    check_whole(images=images, val=val, test=test, sweeps=sweeps)
    if size % 2:
        raise InputError(f"size={size} must be even: the spins are flipped as on a chessboard")
    _check_temperature(temperature)
    return _draw(size, temperature, {"train": images, "val": val, "test": test}, sweeps, seed)


def energy(images: np.ndarray) -> np.ndarray:
    """Return the energy of each image (n, 1, h, w) of levels 0 and 1: whole numbers (n)."""
    spins = 2 * images[:, 0].astype(np.int64) - 1
    pairs = spins * (np.roll(spins, 1, 1) + np.roll(spins, 1, 2))
    return -pairs.sum((1, 2))


def log_partition(size: int, temperature: float) -> float:
    """Return log Z of `size` x `size` spins. Raises InputError as `ising` does."""
    check_whole(2, size=size)
    _check_temperature(temperature)
    k, angles = 1 / temperature, np.pi * np.arange(2 * size) / size
    cosh_gamma = np.cosh(2 * k) / np.tanh(2 * k) - np.cos(angles)
    gamma = np.arccosh(np.maximum(1, cosh_gamma))
    gamma[0] = 2 * k + np.log(np.tanh(k))  # alone of all it is negative: at high temperatures
    x = np.abs(gamma) * size / 2
    # Products of 2 cosh x and of 2 sinh x, over the odd and the even ones.
    logs = [x + np.log1p(np.exp(-2 * x)), x + np.log(np.maximum(1e-300, -np.expm1(-2 * x)))]
    terms = np.array([log[start::2].sum() for log in logs for start in (1, 0)])
    signs = np.array([1, 1, 1, np.sign(gamma[0])])
    total = terms.max() + np.log((signs * np.exp(terms - terms.max())).sum() / 2)
    return float(total + size**2 / 2 * np.log(2 * np.sinh(2 * k)))


def mean_energy(size: int, temperature: float) -> float:
    """Return the mean of E, -d log Z / d(1/T), by a central difference."""
    k, step = 1 / temperature, 1e-5
    above, below = (log_partition(size, 1 / (k + shift)) for shift in (step, -step))
    return (below - above) / (2 * step)


def acceptance(temperature: float) -> np.ndarray:
    """Return min(1, exp(-dE / T)) for a flip with dE = 2 m: at index m + 4, m = -4 to 4.

    m is the spin times the sum of its neighbors.
    """
    return np.minimum(1, np.exp(-2 * np.arange(-4, 5) / temperature))


def _draw(
    size: int, temperature: float, counts: dict[str, int], sweeps: int, seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    random, chances = frozen(seed), acceptance(temperature)
    for split, count in counts.items():
        for first in range(0, count, CHAINS):
            n = min(CHAINS, count - first)
            spins = np.ones((n, size, size), np.int8)
            spins *= 2 * random.randint(0, 2, (n, 1, 1)).astype(np.int8) - 1
            for _ in range(sweeps):
                _sweep(spins, chances, random)
            yield split, (spins > 0)[:, None].astype(np.uint8)


def _sweep(spins: np.ndarray, chances: np.ndarray, random: np.random.RandomState) -> None:
    """Offer each spin (n, h, w) a flip, in place: first the white squares, then the black ones.

    Squares of one color are no neighbors, so that all of them are flipped at once.
    """
    for color in (0, 1):
        neighbors = np.roll(spins, 1, 1) + np.roll(spins, -1, 1)
        neighbors += np.roll(spins, 1, 2) + np.roll(spins, -1, 2)
        for row in (0, 1):
            squares = np.s_[:, row::2, (row + color) % 2 :: 2]
            mine = spins[squares]
            flip = random.random_sample(mine.shape) < chances[mine * neighbors[squares] + 4]
            mine[flip] *= -1


def _check_temperature(temperature: object) -> None:
    number = isinstance(temperature, Real) and not isinstance(temperature, bool)
    if not (number and 0.1 <= temperature <= 1000):  # type: ignore[operator]
        raise InputError(f"temperature={temperature!r} must be a number from 0.1 to 1000")
