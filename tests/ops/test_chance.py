import numpy as np

from pixelrnn.ops.chance import uniform_numbers

SHAPE = (3, 8, 9)


def test_an_image_has_its_own_numbers():
    """Faults: numbers that depend on how many there are, that two images, seeds or scales share."""
    ten, thousand = (uniform_numbers(5, range(n), SHAPE) for n in (10, 1000))
    assert ten.shape == (10, *SHAPE)
    assert (ten == thousand[:10]).all()
    assert (uniform_numbers(5, range(7, 9), SHAPE) == ten[7:9]).all()
    others = [uniform_numbers(6, range(10), SHAPE), uniform_numbers(5, range(10), SHAPE, scale=1)]
    everything = np.concatenate([thousand.ravel(), *(other.ravel() for other in others)])
    assert len(np.unique(everything)) == everything.size


def test_they_are_uniform():
    """Within 5 sigma, in 50 cells; the middles of intervals, so that neither 0 nor 1 is drawn."""
    numbers = uniform_numbers(2**64 - 1, range(10_000), (1, 3, 3)).ravel()
    assert numbers.min() > 0
    assert numbers.max() < 1
    counts = np.histogram(numbers, 50, (0, 1))[0]
    assert np.abs(counts - 1800).max() < 5 * 1800**0.5
    neighbors = np.corrcoef(numbers[:-1], numbers[1:])[0, 1]
    assert abs(neighbors) < 5 / numbers.size**0.5


def test_they_stay_what_they_were():
    """Philox 4x64 with 10 rounds, by known numbers: a seed gives the same images with the next numpy."""
    first = uniform_numbers(0, [0], (1, 1, 3)).ravel() * 2**52 - 0.5
    assert [f"{int(number):013x}" for number in first] == [
        "02f4ba6408e4d", "3dd62b0b9ca8c", "1c8667a55d902"
    ]  # fmt: skip
