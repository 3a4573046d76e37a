"""A program computes what `forward` does: its features of given images, beside those of the network in float64."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.support import laws
from tests.support.zoo import HEADS, VARIANTS, build, parts, random_images, sides

from pixelrnn.compiled.network import CompiledNetwork
from pixelrnn.compiled.program import NoInstructionError, Place
from pixelrnn.compiled.upsample import CompiledUpsample
from pixelrnn.heads import Softmax
from pixelrnn.layers import Chain, MaskedConv, Pointwise, RowLSTM, Upsample
from pixelrnn.models import gated_pixel_cnn, multi_scale
from pixelrnn.ops.pixels import normalize

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
FORMS = [
    *((variant, {}) for variant in VARIANTS),
    *((variant, {"residual": False, "skip": False}) for variant in VARIANTS),
    ("diagonal_bilstm", {"full_context": True}),
    ("multi_scale", {"full_context": True}),
    ("diagonal_bilstm", {"learned_state": False}),
    ("row_lstm", {"learned_state": False}),
    ("row_lstm", {"kernel": 5}),
    ("pixel_cnn", {"kernel": 1}),
    ("pixel_cnn", {"kernel": 5}),
    ("gated_pixel_cnn", {"kernel": 1}),
    ("gated_pixel_cnn", {"kernel": 5}),
]
CASES = [
    pytest.param(variant, form, head, colors, id="-".join([variant, *form, head, str(colors)]))
    for variant, form in FORMS
    for head in HEADS
    for colors in (1, 3)
]


def last_first(context):
    return None if context is None else np.ascontiguousarray(context.permute(0, 2, 3, 1))


@torch.no_grad()
def errors(model, n=9):
    """Return how far the program's features are from the network's, relatively where they are large, for each part."""
    found = []
    for part, context in parts(model, batch=n):
        x = random_images(part, n)
        expected = part(x, context).permute(0, 2, 3, 1).numpy()
        context = None if context is None else context.float()
        compiled = CompiledNetwork(part.network, part.head, part.shape)
        got = compiled.features(x.numpy(), last_first(context))
        found.append(np.abs(got - expected).max() / max(1, np.abs(expected).max()))
    return found


@pytest.mark.parametrize(("variant", "form", "head", "colors"), CASES)
def test_a_program_is_forward(variant, form, head, colors):
    assert max(errors(build(variant, head, (colors, *sides(variant, 4, 10)), **form))) < 1e-5


@pytest.mark.parametrize("shape", [(1, 1, 4), (1, 4, 1), (3, 5, 2), (1, 1, 1)])
@pytest.mark.parametrize(
    ("variant", "form"), [form for form in FORMS if not form[0].startswith("multi_scale")]
)
def test_a_program_is_forward_at_the_edges(variant, form, shape):
    """Of images narrower than the kernels, and of one row."""
    assert max(errors(build(variant, "softmax", shape, **form))) < 1e-5


def test_a_program_is_forward_at_the_papers_size():
    """h = 128 features sum up longer, and fill whole vectors."""
    sizes = {"hidden": 128, "layers": 3, "output_hidden": 256}
    assert max(errors(build("diagonal_bilstm", "softmax", (1, 3, 5), push=0.02, **sizes))) < 1e-5


@pytest.mark.parametrize("colors", [1, 3])
def test_a_gated_program_reads_its_context(colors):
    """In both stacks. Fault: a sweep over a row that has no context, or that of its last pixel."""
    variant = partial(gated_pixel_cnn, head=Softmax(4), hidden=7, layers=2, output_hidden=8)
    torch.manual_seed(0)
    model = multi_scale((colors, 4, 10), small=variant, large=variant).double()
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    assert max(errors(model)) < 1e-5
    laws.raster_order(model)
    laws.step_is_forward(model)
    laws.gradient_reaches_every_parameter(model)


@pytest.mark.parametrize(("colors", "factor", "levels"), [(1, 2, 2), (3, 2, 256), (1, 3, 5)])
@torch.no_grad()
def test_upsampling_is_upsampling(colors, factor, levels):
    """Fault: rows beyond the image that are not zero."""
    upsample = Upsample(colors, 6, factor)
    x = torch.randint(levels, (9, colors, 5, 3))
    expected = upsample(normalize(x, levels)).permute(0, 2, 3, 1)
    got = CompiledUpsample(upsample, (colors, 5, 3), levels)(x.numpy())
    torch.testing.assert_close(torch.from_numpy(got), expected, **CLOSE)


# Planted faults: each is to be seen by the law above.


@pytest.mark.parametrize("variant", ["pixel_cnn", "row_lstm", "diagonal_bilstm", "gated_pixel_cnn"])
@pytest.mark.parametrize("fault", [(0, 1), (0, -1), (1, 0)])
def test_a_wrong_neighbor_is_seen(variant, fault, monkeypatch):
    """One column or row beside the right one, wherever a map is read."""
    at = Place.at

    def beside(place, row, column, columns=1):
        return at(place, row + fault[0], column + fault[1] if column else column, columns)

    monkeypatch.setattr(Place, "at", beside)
    assert max(errors(build(variant, "softmax", (1, 4, 10)))) > 1e-3


@pytest.mark.parametrize("variant", ["pixel_cnn", "row_lstm", "diagonal_bilstm", "gated_pixel_cnn"])
def test_a_missing_mask_is_seen(variant, monkeypatch):
    """Weights as they are, with those that the mask forbids."""
    model = build(variant, "softmax", (3, 4, 6))
    naked = build(variant, "softmax", (3, 4, 6))
    for layer in naked.modules():
        if isinstance(layer, MaskedConv):
            layer.mask.fill_(True)
    x = random_images(model, 2).numpy()
    right, wrong = (CompiledNetwork(m.network, m.head, m.shape).features(x) for m in (model, naked))
    assert np.abs(right - wrong).max() > 1e-3


# What has no instruction.


class Twice(RowLSTM):
    """Derived from a layer of ours, and another function."""

    def step(self, x, state, i, j):
        return 2 * super().step(x, state, i, j)


class OwnSoftmax(Softmax):
    """Derived from a head of ours."""


def stack(*middle):
    return Chain(MaskedConv(1, 4, kernel=(4, 7), kind="A"), *middle, MaskedConv(4, 3))


@pytest.mark.parametrize(
    ("middle", "head"),
    [
        (Twice(4, 4), Softmax(3)),
        (Pointwise(torch.tanh), Softmax(3)),
        (Pointwise(F.relu), OwnSoftmax(3)),
    ],
)
def test_what_is_not_ours_has_no_program(middle, head):
    """Fault: a layer that steps in its own way, taken for the one that it is derived from."""
    with pytest.raises(NoInstructionError):
        CompiledNetwork(stack(middle), head, (1, 4, 4))
    CompiledNetwork(stack(Pointwise(F.relu)), Softmax(3), (1, 4, 4))
