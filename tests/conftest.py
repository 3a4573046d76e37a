"""Shapes are checked at run time under pytest: every jaxtyping annotation of the package is an assertion here."""

import sys

import pytest
from jaxtyping import install_import_hook

with install_import_hook(
    [f"pixelrnn.{part}" for part in ("ops", "layers", "heads", "models")], "beartype.beartype"
):
    import pixelrnn.models

import torch
from tests.support import tiny

from pixelrnn import cli

torch.set_num_threads(
    1
)  # many small tensors, and workers beside each other: more threads only wait


@pytest.fixture
def pixelrnn(tmp_path, monkeypatch, capsys):
    """Call the command in an empty folder that has prepared data; gives exit code, output, errors."""
    tiny.write_data(tmp_path / "data")
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["pixelrnn", *arguments])
        monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
        code = 0
        try:
            cli.main()
        except SystemExit as exit_:
            code = exit_.code or 0
        return code, *capsys.readouterr()

    return call
