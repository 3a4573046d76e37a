"""A checkpoint is plain values. Code that somebody put into one is never run.

Unpickling runs code by design: an object says by `__reduce__` what to call. `weights_only=True`
makes torch refuse such objects, wherever a checkpoint is read.
"""

import pickle
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Callback
from tests.support import tiny

from pixelrnn.errors import InputError
from pixelrnn.runs.directory import CHECKPOINT

pytestmark = pytest.mark.slow


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


class Stop(Callback):
    """Ends training in the second epoch, with a checkpoint of the first."""

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            raise InputError("stopped")


@pytest.fixture
def data(tmp_path):
    return tiny.write_data(tmp_path / "data")


@pytest.fixture
def run(tmp_path, data):
    """The directory of a run that was interrupted."""
    with pytest.raises(InputError, match="stopped"):
        tiny.fit(tmp_path / "run", data, callbacks=[Stop()])
    return tmp_path / "run"


@pytest.fixture
def trace(tmp_path):
    """The file that the payload would make."""
    return tmp_path / "executed"


def add_payload(run, trace):
    """Put the payload into a checkpoint that is sound otherwise."""
    state = torch.load(run / CHECKPOINT, weights_only=True)
    torch.save(state | {"payload": Payload(trace)}, run / CHECKPOINT)


def test_the_payload_would_run(run, trace):
    """The premise of the tests below."""
    add_payload(run, trace)
    torch.load(run / CHECKPOINT, weights_only=False)
    assert trace.exists()


@pytest.mark.parametrize("claimed", [True, False])
def test_a_run_does_not_run_the_code_of_its_checkpoint(run, data, trace, claimed):
    """One line, and nothing is executed or written, in a directory claimed by a config.yaml or not.

    Mutant: `weights_only=True` turned off where the run reads its checkpoint.
    """
    add_payload(run, trace)
    if not claimed:
        (run / "config.yaml").unlink()
    before = tiny.contents(run)
    with pytest.raises(InputError, match=r"last\.ckpt") as caught:
        tiny.fit(run, data)
    assert "\n" not in str(caught.value)
    assert not trace.exists()
    assert tiny.contents(run) == before


class Exchange(Callback):
    """Exchanges the checkpoint after the run looked at it and before the trainer loads it."""

    def __init__(self, trace):
        self.trace, self.exchanged = trace, False

    def setup(self, trainer, pl_module, stage):
        add_payload(Path(trainer.default_root_dir), self.trace)
        self.exchanged = True


def test_the_trainer_does_not_run_the_code_of_a_checkpoint(run, data, trace):
    """The trainer reads the file once more, and must not trust the first look.

    Mutant: `weights_only=True` turned off where training goes on.
    """
    exchange = Exchange(trace)
    with pytest.raises(pickle.UnpicklingError):
        tiny.fit(run, data, callbacks=[exchange])
    assert exchange.exchanged
    assert not trace.exists()
