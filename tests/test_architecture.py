"""The shape of the package: abstract or final, parts before wholes, short files."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import pixelrnn
from pixelrnn.heads import Head
from pixelrnn.layers import RasterLayer

SOURCES = sorted(Path(pixelrnn.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("base", [RasterLayer, Head])
def test_abstract_or_final(base):
    """Two abstract classes, and nothing derives from what derives from them."""
    assert inspect.isabstract(base)
    for layer in base.__subclasses__():
        assert not inspect.isabstract(layer)
        assert not layer.__subclasses__()


def test_every_module_imports_and_says_what_it_is():
    for module in pkgutil.walk_packages(pixelrnn.__path__, "pixelrnn."):
        assert importlib.import_module(module.name).__doc__, module.name


def test_files_fit_a_reader():
    long = {
        path.name: count for path in SOURCES if (count := len(path.read_text().splitlines())) > 300
    }
    assert not long


def test_public_names_are_there():
    for name in pixelrnn.__all__:
        assert getattr(pixelrnn, name) is not None


def test_what_needs_no_torch_starts_without_it():
    """Start-up is mostly imports: the command line, prepare and compare leave torch and Lightning alone."""
    modules = "pixelrnn.cli, pixelrnn.stages, pixelrnn.data, pixelrnn.runs.frame, pixelrnn.results.baselines"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
