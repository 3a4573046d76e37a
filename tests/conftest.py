"""Shapes are checked at run time under pytest: every jaxtyping annotation of the package is an assertion here."""

import sys

import pytest
from jaxtyping import install_import_hook

with install_import_hook(
    [f"pixelrnn.{part}" for part in ("ops", "layers", "heads", "models")], "beartype.beartype"
):
    import pixelrnn.models

import torch
from tests.support import runs, tiny

from pixelrnn.command.main import main
from pixelrnn.results.comparison import compare_runs
from pixelrnn.runs.frame import load_runs
from pixelrnn.runs.same_images import same_images

# Many small tensors, and workers beside each other: more threads only wait.
torch.set_num_threads(1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """`make quick` tries each variant with one head, and each head with one variant."""
    for item in items:
        tried = getattr(item, "callspec", None) and item.callspec.params
        if not tried or not {"variant", "head"} <= tried.keys():
            continue
        if tried["head"] != "softmax" and tried["variant"] != "pixel_cnn":
            item.add_marker("slow")


@pytest.fixture(autouse=True, scope="session")
def _cache_of_its_own(tmp_path_factory):
    """What has been looked at in an earlier test run, or by the user, is looked at again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def pixelrnn(tmp_path, monkeypatch, capsys):
    """Call the command in an empty folder that has prepared data; gives exit code, output, errors."""
    tiny.write_data(tmp_path / "data")
    monkeypatch.chdir(tmp_path)

    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["pixelrnn", *arguments])
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = exit_.code or 0
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def make_run(tmp_path):
    """`make_run("runs/a", bits_per_dim=3.0)`: see `write_run`."""
    return lambda name, *args, **options: runs.write_run(tmp_path / name, *args, **options)


@pytest.fixture
def make_data(tmp_path):
    """`make_data("digits", test=array)`: see `write_data`."""
    return lambda name="digits", **splits: runs.write_data(tmp_path / name, **splits)


@pytest.fixture
def compared(tmp_path):
    """`compared()`: all that is below runs/."""

    def compare():
        frame = load_runs(tmp_path / "runs")
        return compare_runs(frame, same_images(frame))

    return compare
