"""How outputs are read, what is fed, and the one line for what cannot be audited."""

import pytest
import torch
from tests.support import laws, strangers
from tests.support.zoo import build
from torch import nn

import pixelrnn
from pixelrnn.causality import audit, brief_audit
from pixelrnn.causality.dependence import batch_size
from pixelrnn.causality.layouts import arrange, choose_layout, fitting_layouts
from pixelrnn.causality.subject import examine
from pixelrnn.errors import InputError

SHAPE = (1, 4, 4)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("outputs", "shape", "layout"),
    [
        ((2, 5, 4, 6), (1, 4, 6), "b k h w"),
        ((2, 4, 6, 5), (1, 4, 6), "b h w k"),
        ((2, 4, 6), (1, 4, 6), "b h w"),
        ((2, 4, 6), (3, 4, 6), "b h w"),
        ((2, 24, 5), (1, 4, 6), "b (h w) k"),
        ((2, 72, 5), (3, 4, 6), "b (h w c) k"),
        ((2, 1, 5, 4, 6), (1, 4, 6), "b c k h w"),
        ((2, 3, 4, 6), (3, 4, 6), "b c h w"),
        ((2, 4, 6, 3), (3, 4, 6), "b h w c"),
        ((2, 100, 4, 6), (3, 4, 6), "b k h w"),  # a mixture: no multiple of the colors
        ((2, 3, 5, 4, 6), (3, 4, 6), "b c k h w"),
        ((2, 5, 3, 4, 6), (3, 4, 6), "b k c h w"),
        ((2, 4, 6, 5, 3), (3, 4, 6), "b h w k c"),
    ],
)
def test_layouts_that_need_no_telling(outputs, shape, layout):
    assert choose_layout(outputs, shape, fitting_layouts(outputs, shape, False)) == layout


@pytest.mark.parametrize(
    ("outputs", "shape", "parts"),
    [
        ((2, 768, 4, 6), (3, 4, 6), ["'b k h w'", "'b (c k) h w'", "'b (k c) h w'"]),
        ((2, 8, 8, 8), (1, 8, 8), ["'b k h w'", "'b h w k'"]),
        ((2, 3, 3, 4, 6), (3, 4, 6), ["'b c k h w'", "'b k c h w'"]),
        ((2, 5, 5, 6), (1, 4, 6), ["(2, 5, 5, 6)", "not numbers for each pixel"]),
        ((), (1, 4, 6), ["shape ()", "not numbers for each pixel"]),
        ((2, 10), (1, 4, 6), ["(2, 10)", "not numbers for each pixel"]),
    ],
)
def test_layouts_that_do(outputs, shape, parts):
    with pytest.raises(InputError) as error:
        choose_layout(outputs, shape, fitting_layouts(outputs, shape, False))
    assert all(part in str(error.value) for part in parts)


def test_arrange_puts_every_number_where_it_belongs():
    """Fault: c and k exchanged."""
    y = torch.arange(2 * 3 * 5 * 4 * 6).view(2, 3, 5, 4, 6)
    shape = (3, 4, 6)
    assert torch.equal(arrange(y.flatten(1, 2), "b (c k) h w", 2, shape), y)
    assert torch.equal(arrange(y.mT.mT.transpose(1, 2).flatten(1, 2), "b (k c) h w", 2, shape), y)
    assert torch.equal(arrange(y.permute(0, 3, 4, 1, 2), "b h w c k", 2, shape), y)
    assert torch.equal(arrange(y.permute(0, 3, 4, 1, 2).flatten(1, 3), "b (h w c) k", 2, shape), y)
    assert torch.equal(arrange(y[:, 0], "b k h w", 2, shape), y[:, :1])


def test_the_wrong_layout_is_guessed():
    """Ours alternate; read as blocks of a color they leak. Fault: a hint of mask B alone."""
    model = build("pixel_cnn", "softmax", (3, 4, 4))
    network = model.network
    assert audit(network, (3, 4, 4), layout="b (k c) h w").causal
    report = audit(network, (3, 4, 4), layout="b (c k) h w")
    assert not report.causal
    assert report.parts[0].hints[0] == "nothing leaks if the layout is 'b (k c) h w'"


def test_own_models_need_no_telling_and_agree_with_the_law_written_out():
    model = build("pixel_cnn", "softmax", (3, 3, 4))
    part = audit(model, pixels=12).parts[0]
    o, i, j = part.probes.T
    assert torch.equal(part.legal, laws.allowed(model.shape, 3)[o, i, j])
    assert (part.layout, part.groups, len(part.pixels)) == ("b (k c) h w", 3, 12)
    assert (
        pixelrnn.audit(model, pixels=12).to_dict() == audit(model, pixels=12).to_dict()
    )  # the same seed
    with pytest.raises(InputError, match="knows its own shape"):
        audit(model, layout="b k h w")
    with pytest.raises(InputError, match="knows its own shape"):
        audit(model, (1, 4, 4))


class Scores:
    """A density of nobody's: logits from a network, and what else the contract has, unused here."""

    shape, levels, exact = (1, 4, 4), 3, True

    def __init__(self, first):
        self.network = strangers.pixel_cnn(first, outputs=3).double()

    def log_prob_map(self, x):
        return -nn.functional.cross_entropy(self.network(x * 1.0), x[:, 0], reduction="none")

    def unused(self, *args, **options):
        raise NotImplementedError

    log_prob = sample = sample_and_log_prob = complete = unused


def test_any_density_is_audited_by_its_scores():
    """Faults: asked for a shape that it knows; its own pixel, which is scored, taken for a leak."""
    report = audit(Scores("A"))
    assert report.causal, report
    assert report.coverage > 0.3
    assert "log_prob_map" in report.parts[0].notes[0]
    assert not audit(Scores("B")).causal
    assert brief_audit(Scores("B"))["verdict"] == "not audited"


def test_any_density_may_be_the_small_model():
    """Fault: the small model of a Multi-Scale taken for one of ours."""
    model = build("multi_scale", "softmax", (1, 8, 8), levels=3)
    large = list(model.named_parameters())
    del model.small
    model.small = Scores("B")
    assert len(list(model.named_parameters())) < len(large)
    small, large = audit(model).parts
    assert (small.name, small.shape) == ("4x4 image", (1, 4, 4))
    assert small.leaks
    assert not large.leaks


def test_gradients_and_changes_agree(monkeypatch):
    """Two ways to the same answer. Fault: a change compared with the image beside it."""
    model = build("row_lstm", "softmax", (3, 3, 4), hidden=11, output_hidden=16)
    by_gradients = audit(model, pixels=12).parts[0]
    monkeypatch.setattr(
        "pixelrnn.causality.dependence.by_gradient", lambda subject, probes, *_: torch.zeros(1)
    )
    by_changes = audit(model, pixels=12).parts[0]
    assert by_gradients.method != by_changes.method
    assert torch.equal(by_gradients.seen, by_changes.seen)


def test_the_network_stays_as_it_was():
    network = strangers.pixel_cnn(norm=nn.BatchNorm2d).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    audit(network, SHAPE)
    assert network.training
    assert all(p.requires_grad and p.dtype == torch.float32 for p in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.get_default_dtype() == torch.float32


class StartsFromZeros(nn.Module):
    """Makes its own tensors, of torch's default type."""

    def forward(self, x):
        b, _, h, w = x.shape
        state, rows = torch.zeros(b, 1, w), []
        for i in range(h):
            rows.append(state)
            state = (
                torch.cat([state, x[:, :, i]], 1) @ torch.eye(w)
                if i < 0
                else x[:, :, i] @ torch.ones(w, w)
            )
        return torch.stack(rows, 2)


def test_a_network_that_makes_its_own_tensors_runs_in_float64():
    part = audit(StartsFromZeros(), SHAPE).parts[0]
    assert not part.leaks
    assert part.method.startswith("in float64")


def test_a_network_that_changes_its_input():
    """Faults: an error of autograd's, or taken for a random network."""
    network = strangers.pixel_cnn().double()
    report = audit(lambda x: network(x.mul_(2).sub_(1)), SHAPE)
    assert report.causal, report
    assert report.parts[0].method.startswith("in float64, by exact gradients")


def test_a_network_that_insists_on_float32():
    network = strangers.pixel_cnn()
    report = audit(lambda x: network(x), SHAPE)
    assert report.causal, report
    assert report.parts[0].method.startswith("in float32")
    assert (
        report.parts[0].notes[0].startswith("in float32: the network doesn't compute in float64 (")
    )


def test_batches_keep_to_the_memory(monkeypatch):
    """What each image of a batch saves for the backward counts. Fault: the outputs alone counted.

    32 layers save 32 maps of 16 pixels, each of 8 bytes.
    """
    monkeypatch.setattr("pixelrnn.causality.dependence.MEMORY", 2**16)
    deep = nn.Sequential(nn.Conv2d(1, 1, 1), *[nn.Tanh() for _ in range(32)])
    subject = examine(deep, SHAPE)
    assert batch_size(subject, torch.Generator()) <= 2**16 // (32 * 16 * 8)
    assert batch_size(examine(deep[:1], SHAPE), torch.Generator()) > 100


def test_zero_weights_are_noted():
    network = strangers.GatedPixelCNN()
    nn.init.zeros_(network.horizontal[1].weight)
    (note,) = audit(network, (1, 5, 5)).parts[0].notes
    assert note.startswith("horizontal.1.weight is all zero")


def zero_last_layer():
    network = strangers.pixel_cnn()
    nn.init.zeros_(network[-1].weight)
    return network


def failing(x):
    raise ValueError("only images of 7x7\nand nothing else")


def used():
    """A module that holds a result of its own, which torch refuses to copy."""
    network = strangers.pixel_cnn()
    network.last = network(torch.zeros(1, 1, 4, 4))
    return network


class NoBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        raise NotImplementedError("not written yet")


def fails_later(x):
    if len(x) > 4:
        raise ValueError("at most four images")
    return x


BAD = {
    "the network's backward fails: NotImplementedError: not written yet": (NoBackward.apply, {}),
    "the network fails on floats of shape (16, 1, 4, 4): ValueError: at most": (fails_later, {}),
    "so there is nothing to audit": (zero_last_layer(), {}),
    "fails on floats of shape (2, 1, 4, 4): ValueError: only images of 7x7": (failing, {}),
    "the network can't be copied, audit a freshly built one: RuntimeError: ": (used(), {}),
    "returns a tuple": (lambda x: (x, x), {}),
    "aren't finite": (lambda x: x.log() - 1e-300, {"input_range": [-1, 1]}),
    "two calls with the same images give different outputs": (lambda x: x + torch.rand(()), {}),
    "switch off dropout": (lambda x: nn.functional.dropout(x), {}),
    "layout='b h w k' doesn't fit outputs of shape (2, 5, 4, 4)": (
        strangers.pixel_cnn(),
        {"layout": "b h w k"},
    ),
    "layout='b q h w'": (strangers.pixel_cnn(), {"layout": "b q h w"}),
    "layout='b (k h w'": (strangers.pixel_cnn(), {"layout": "b (k h w"}),
    "shape=None": (strangers.pixel_cnn(), {"shape": None}),
    "shape=[1, 0, 4]": (strangers.pixel_cnn(), {"shape": [1, 0, 4]}),
    "shape=[4, 4]": (strangers.pixel_cnn(), {"shape": [4, 4]}),
    "levels=1": (strangers.pixel_cnn(), {"levels": 1}),
    "input_range=[1]": (strangers.pixel_cnn(), {"input_range": [1]}),
    "input_range=[1, 0]": (strangers.pixel_cnn(), {"input_range": [1, 0]}),
    "pixels=0": (strangers.pixel_cnn(), {"pixels": 0}),
    "pixels=2.5": (strangers.pixel_cnn(), {"pixels": 2.5}),
    "images=True": (strangers.pixel_cnn(), {"images": True}),
    "tolerance=-1": (strangers.pixel_cnn(), {"tolerance": -1}),
    "tolerance=1": (strangers.pixel_cnn("B"), {"tolerance": 1}),
    "tolerance=nan": (strangers.pixel_cnn("B"), {"tolerance": float("nan")}),
    "give levels=": (lambda x: x[:, 0], {"log_probs": True}),
    "one number for each pixel or color": (
        lambda x: x.expand(-1, 5, -1, -1),
        {"log_probs": True, "levels": 2},
    ),
    "at most 0, these reach 1": (lambda x: x[:, 0], {"log_probs": True, "levels": 2}),
    "integers 0..3": (strangers.pixel_cnn(), {"levels": 4}),
    "gradients aren't finite": (lambda x: (x * 0).sqrt() + x.sum(), {}),
}


@pytest.mark.parametrize("reason", BAD)
def test_what_cannot_be_audited_gets_one_line(reason):
    network, options = BAD[reason]
    with pytest.raises(InputError) as error:
        audit(network, **{"shape": SHAPE, **options})
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def says_nothing(x):
    raise AssertionError


def test_an_error_without_words_is_named_once():
    with pytest.raises(InputError, match=r"of shape \(2, 1, 4, 4\): AssertionError$"):
        audit(says_nothing, SHAPE)
