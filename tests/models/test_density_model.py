"""The contract of a model: this package's keep it, and a stranger's that does is used like them.

The stranger draws every pixel independently. It is the small model of a Multi-Scale, and obeys the
laws there.
"""

import inspect
from functools import partial

import pytest
import torch
from tests.support import laws
from tests.support.zoo import VARIANTS, build, random_images
from torch import nn

from pixelrnn.heads import Softmax
from pixelrnn.models import DensityModel, MultiScale, diagonal_bilstm, multi_scale

OFFERS = [name for name in vars(DensityModel) if not name.startswith("_")]
METHODS = [name for name in OFFERS if inspect.isfunction(vars(DensityModel)[name])]


class IndependentPixels(nn.Module):
    """Another's density, which knows nothing of this package: every color of every pixel apart."""

    exact = True

    def __init__(self, shape, levels):
        super().__init__()
        self.shape, self.levels = shape, levels
        self.logits = nn.Parameter(torch.randn(*shape, levels, dtype=torch.float64))

    def log_prob_map(self, x):
        log_p = self.logits.log_softmax(-1).expand(len(x), -1, -1, -1, -1)
        return log_p.gather(-1, x[..., None]).squeeze(-1).sum(1)

    def log_prob(self, x):
        return self.log_prob_map(x).sum((1, 2))

    def sample(self, n, generator=None, *, temperature=1.0):
        return self.sample_and_log_prob(n, generator, temperature=temperature)[0]

    @torch.no_grad()
    def sample_and_log_prob(self, n, generator=None, *, temperature=1.0):
        p = (self.logits / max(temperature, 1e-6)).softmax(-1).flatten(0, -2)
        x = torch.multinomial(p, n, replacement=True, generator=generator).T
        x = x.reshape(n, *self.shape)
        return x, self.log_prob(x)

    def complete(self, x, known, generator=None, *, temperature=1.0):
        if not isinstance(known, torch.Tensor):
            known = torch.arange(x[0, 0].numel()).view(x.shape[2:]) < known
        return torch.where(known, x, self.sample(len(x), generator, temperature=temperature))


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def with_stranger(clamp, scales=2, shape=(1, 4, 4), levels=2):
    """Build a Multi-Scale whose smallest model is the stranger."""
    variant = partial(diagonal_bilstm, head=Softmax(levels), hidden=3, layers=1, output_hidden=4)
    small = partial(IndependentPixels, levels=levels)
    for _ in range(scales - 2):
        small = partial(multi_scale, small=small, large=variant, features=2, clamp=clamp)
    return multi_scale(shape, small, variant, features=2, clamp=clamp).double()


def test_the_contract_has_eight_parts():
    assert OFFERS == [
        "shape", "levels", "exact",
        "log_prob", "log_prob_map", "sample", "sample_and_log_prob", "complete",
    ]  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_keeps_it(variant):
    """Each method takes what the contract's takes, with the same defaults. Fault: one left out."""
    model = build(variant, "softmax", (1, 4, 4))
    assert isinstance(model, DensityModel)
    for name in METHODS:
        offered = inspect.signature(getattr(model, name)).parameters
        for parameter in list(inspect.signature(vars(DensityModel)[name]).parameters.values())[1:]:
            mine = offered[parameter.name]
            assert (mine.kind, mine.default) == (parameter.kind, parameter.default)


@pytest.mark.parametrize("missing", OFFERS)
def test_who_offers_less_is_no_density_model(missing):
    offered = {name: abs for name in OFFERS}
    assert isinstance(type("Enough", (), offered)(), DensityModel)
    del offered[missing]
    assert not isinstance(type("Less", (), offered)(), DensityModel)


def test_the_stranger_obeys_the_laws_by_itself():
    """Of the stranger, so that what fails below is not its own fault."""
    model = IndependentPixels((1, 2, 2), 3)
    assert isinstance(model, DensityModel)
    for law in (laws.sample_scores_as_drawn, laws.sums_to_one, laws.batches_do_not_mix):
        law(model)


@pytest.mark.parametrize("scales", [2, 3])
@pytest.mark.parametrize("clamp", [False, True])
@pytest.mark.parametrize(
    "law",
    [laws.sample_scores_as_drawn, laws.gradient_reaches_every_parameter, laws.batches_do_not_mix],
)
def test_it_is_the_small_model_of_a_multi_scale(law, clamp, scales):
    """Fault: something asked of the small model that the contract does not promise."""
    model = with_stranger(clamp, scales, (3, 4, 4), levels=4)
    assert isinstance(model, DensityModel)
    law(model)


@pytest.mark.parametrize("clamp", [False, True])
def test_with_it_the_probabilities_sum_to_one(clamp):
    laws.sums_to_one(with_stranger(clamp, shape=(3, 2, 2)))


@pytest.mark.parametrize("scales", [2, 3])
@pytest.mark.parametrize("clamp", [False, True])
def test_with_it_a_completion_keeps_what_is_known(clamp, scales):
    model = with_stranger(clamp, scales, (1, 8, 8), levels=4)
    x = random_images(model, 3)
    hole = torch.ones(8, 8, dtype=torch.bool)
    hole[2:7, 1:6] = False
    filled = model.complete(x, hole, torch.Generator().manual_seed(0))
    assert (filled == x)[..., hole].all()
    assert not (filled == x)[..., ~hole].all()


def test_a_bound_stays_a_bound():
    """Fault: clamped scales on top of a model whose own `log_prob` is a bound called exact."""
    model = with_stranger(clamp=True)
    assert model.exact
    model.small.exact = False
    assert not model.exact


def test_it_learns_as_a_part():
    """Maximum likelihood of one image moves the stranger's parameters and the others'."""
    model = with_stranger(clamp=True, levels=4)
    x = random_images(model, 1).expand(8, -1, -1, -1)
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    before = model.log_prob(x).mean().item()
    small_before = model.small.log_prob(x[..., ::2, ::2]).mean().item()
    for _ in range(30):
        loss = -model.log_prob(x).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert model.log_prob(x).mean().item() > before / 2
    assert model.small.log_prob(x[..., ::2, ::2]).mean().item() > small_before / 2


def test_a_model_that_is_no_module_can_be_the_small_one_too():
    """A fixed table, say: it has no parameters to train and is not moved with the others."""

    class Coins:
        shape, levels, exact = (1, 1, 1), 2, True

        def log_prob_map(self, x):
            return torch.full(x[:, 0].shape, 0.5, dtype=torch.float64).log()

        def log_prob(self, x):
            return self.log_prob_map(x).sum((1, 2))

        def sample(self, n, generator=None, *, temperature=1.0):
            return torch.randint(2, (n, 1, 1, 1), generator=generator)

        def sample_and_log_prob(self, n, generator=None, *, temperature=1.0):
            x = self.sample(n, generator)
            return x, self.log_prob(x)

        def complete(self, x, known, generator=None, *, temperature=1.0):
            return x if known.all() else self.sample(len(x), generator)

    large = partial(diagonal_bilstm, head=Softmax(2), hidden=3, layers=1, output_hidden=4)
    model = multi_scale((1, 2, 2), lambda shape: Coins(), large, clamp=True).double()
    assert isinstance(model, MultiScale)
    laws.sums_to_one(model)
    laws.sample_scores_as_drawn(model)
