"""The weights that a run keeps are those of the best validation, be it better by a hair."""

import json

import pytest
import torch
from pytorch_lightning import Callback
from tests.support import tiny


class Validate(Callback):
    """Lets each epoch validate weights of this test's choice: the start's, pushed off by so much."""

    def __init__(self, pushes):
        self.pushes, self.nats, self.weights = pushes, [], []

    def on_fit_start(self, trainer, pl_module):
        generator = torch.Generator().manual_seed(0)
        state = pl_module.model.state_dict()
        self.start = {name: value.clone() for name, value in state.items()}
        self.direction = {
            name: torch.randn(value.shape, generator=generator)
            for name, value in state.items()
            if value.is_floating_point() and "mask" not in name
        }

    def on_validation_start(self, trainer, pl_module):
        push = self.pushes[trainer.current_epoch]
        weights = dict(self.start)
        for name, direction in self.direction.items():
            weights[name] = self.start[name] + push * direction
        pl_module.model.load_state_dict(weights)
        self.weights.append(weights)

    def on_validation_end(self, trainer, pl_module):
        self.nats.append(trainer.callback_metrics["val/nll_nats"].item())


@pytest.mark.parametrize("pushes", [(0.3, 0.0, 0.1), (0.0, 0.1, 0.2), (0.2, 0.1, 0.0)])
def test_the_best_by_little_is_kept(tmp_path, pushes):
    """The three validations differ by less than a nat.

    Mutants: weights kept although they are worse by up to 5 nats; weights dropped unless they are
    better by 5 nats or more.
    """
    watch = Validate(pushes)
    run = tiny.fit(tmp_path / "run", tiny.write_data(tmp_path / "data"), callbacks=[watch])
    best = pushes.index(0.0)
    others = [nats - watch.nats[best] for i, nats in enumerate(watch.nats) if i != best]
    assert all(0 < worse < 1 for worse in others), "the test's own premise"
    training = json.loads((run.path / "training.json").read_text())
    assert training["best_epoch"] == best
    assert training["val_nll_nats"] == pytest.approx(watch.nats[best])
    state = run.model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in watch.weights[best].items())
