from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.runs import write_data, write_run

from pixelrnn.results.comparison import Comparison, compare_runs
from pixelrnn.results.frame import load_runs
from pixelrnn.results.prepared import same_images


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """`make_run("runs/a", bits_per_dim=3.0)`: see `write_run`."""
    return lambda name, *args, **options: write_run(tmp_path / name, *args, **options)


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[..., Path]:
    """`make_data("digits", test=array)`: see `write_data`."""
    return lambda name="digits", **splits: write_data(tmp_path / name, **splits)


@pytest.fixture
def compared(tmp_path: Path) -> Callable[[], Comparison]:
    """`compared()`: all that is below runs/."""

    def compare() -> Comparison:
        frame = load_runs(tmp_path / "runs")
        return compare_runs(frame, same_images(frame))

    return compare
