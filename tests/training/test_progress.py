"""One bar for the whole training in a terminal, a line an epoch elsewhere."""

import io
import sys

import pytest
from pytorch_lightning import Callback
from tests.support import tiny

from pixelrnn.training import Progress


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.write_data(tmp_path_factory.mktemp("data") / "stripes")


def lines(capsys):
    return [line for line in capsys.readouterr().out.splitlines() if "epoch " in line]


def test_log_file_gets_a_line_an_epoch(tmp_path, data, capsys):
    tiny.fit(tmp_path / "run", data, epochs=2, callbacks=[Progress()], enable_progress_bar=True)
    first, second, _ = lines(capsys)
    assert first.startswith("epoch 1/2: ")
    assert "val bits/dim" in second
    assert "images/s" in second


def test_jobs_beside_each_other_say_which_they_are(tmp_path, data, capsys, monkeypatch):
    monkeypatch.setattr("pixelrnn.training.progress.parent_process", lambda: "the launcher")
    tiny.fit(tmp_path / "a job", data, epochs=1, callbacks=[Progress()], enable_progress_bar=True)
    assert lines(capsys)[0].startswith("a job: epoch 1/1: ")


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Reached(Callback):
    """What the bar has reached when an epoch ends, of how much, and since when."""

    def __init__(self, stop=None):
        self.seen, self.stop = [], stop

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == self.stop:
            raise InterruptedError

    def on_train_epoch_end(self, trainer, pl_module):
        bar = trainer.progress_bar_callback.bar
        self.seen.append((bar.first, bar.done, bar.total))


def test_the_bar_is_of_the_training(tmp_path, data, monkeypatch, capsys):
    """After a resume, too. Faults: a bar an epoch, or one that begins at 0 when half is done."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr("pixelrnn.training.progress.PAUSE", 0.0)
    options = {"epochs": 4, "enable_progress_bar": True}
    with pytest.raises(InterruptedError):
        tiny.fit(tmp_path / "run", data, callbacks=[Progress(), Reached(stop=2)], **options)
    resumed = Reached()
    tiny.fit(tmp_path / "run", data, callbacks=[Progress(), resumed], **options)
    assert resumed.seen == [(12, 18, 24), (12, 24, 24)]
    assert "epoch 4/4" in sys.stderr.getvalue()
    assert not [line for line in lines(capsys) if line.startswith("epoch ")]


def test_what_goes_wrong_stands_on_a_line_of_its_own(tmp_path, data, monkeypatch):
    """Fault: the bar's thread goes on drawing over the message."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = Progress()
    with pytest.raises(InterruptedError):
        tiny.fit(
            tmp_path / "run",
            data,
            callbacks=[progress, Reached(stop=1)],
            enable_progress_bar=True,
        )
    assert not progress.bar.running


def test_the_number_of_parameters_is_one_line(pixelrnn, tmp_path):
    """Fault: Lightning's table of 17 lines, which ends with "FLOPs 0"."""
    code, out, _ = pixelrnn("train", *tiny.WORDS, "run=run")
    assert code == 0
    assert out.splitlines()[0] == "run: 219 parameters"
    assert "FLOPs" not in out
