"""The names that a run records: public, and free of charge until they are used."""

import subprocess
import sys

import pytest

import pixelrnn.training


@pytest.mark.parametrize("name", pixelrnn.training.__all__)
def test_every_name_is_there_and_listed(name):
    """Fault: a name without a home, which only a command that uses it would notice."""
    assert callable(getattr(pixelrnn.training, name))
    assert name in dir(pixelrnn.training)


def test_no_other_name():
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = pixelrnn.training.nope


@pytest.mark.slow
def test_naming_them_costs_nothing():
    """Fault: `import pixelrnn.training` waits for Lightning and W&B."""
    slow = "{'pytorch_lightning', 'wandb', 'torchmetrics'}"
    code = f"import sys, pixelrnn.training; sys.exit(str({slow} & set(sys.modules) or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == ""
