"""Every planted leak is found, with its place and likely reason; sound networks are causal."""

import pytest
import torch
import torch.nn.functional as F
from tests.support import strangers
from tests.support.zoo import HEADS, VARIANTS, build
from torch import nn

from pixelrnn.causality import audit, brief_audit
from pixelrnn.models import AutoregressiveModel

SHAPE = (1, 6, 6)


def places(report, kind):
    return {leak.offset for leak in report.leaks if leak.kind == kind}


def places_of_the_past(h, w):
    return [(i, j) for i in range(1 - h, 1) for j in range(1 - w, w) if (i, j) < (0, 0)]


def kinds(report):
    return {leak.kind for leak in report.leaks}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("colors", [1, 3])
def test_every_variant_is_causal(variant, head, colors):
    """And every network in it is a part, the smallest image first. Fault: a scale left out."""
    model = build(variant, head, (colors, 4, 8))
    report = audit(model, pixels=24)
    assert report.causal, report
    networks = [part for part in model.modules() if isinstance(part, AutoregressiveModel)]
    shapes = sorted(network.shape for network in networks)
    assert [part.shape for part in report.parts] == shapes
    assert report.coverage > 0.6
    assert report.sentence.startswith("causal: no leak; sees ")


def three_scales():
    """A Multi-Scale model whose small model is a Multi-Scale itself: 2x2, 4x4 and 8x8 pixels."""
    model = build("multi_scale", "softmax", (1, 8, 8))
    model.small = build("multi_scale", "softmax", (1, 4, 4), seed=1)
    return model


def test_three_scales_are_three_parts():
    """Fault: a small model taken for a single network."""
    report = audit(three_scales())
    assert report.causal, report
    assert [(part.name, part.shape) for part in report.parts] == [
        ("2x2 image", (1, 2, 2)),
        ("4x4 image, given the 2x2 one", (1, 4, 4)),
        ("8x8 image, given the 4x4 one", (1, 8, 8)),
    ]
    assert brief_audit(three_scales())["verdict"] == "causal"


class SeesTheNextPixel(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x, context=None):
        return self.network(x, context) + F.pad(x, (0, 1))[..., 1:]


@pytest.mark.parametrize("scale", range(3))
def test_a_leak_in_any_scale_is_found_there(scale):
    """Faults: only the smallest scale audited, or only the largest."""
    model = three_scales()
    part = [model.small.small, model.small.large, model.large][scale]
    part.network = SeesTheNextPixel(part.network)
    report = audit(model)
    assert [bool(part.leaks) for part in report.parts] == [scale == number for number in range(3)]
    assert places(report, "future") == {(0, 1)}
    assert brief_audit(model)["verdict"] == "leak"


@pytest.mark.parametrize("levels", [None, 4])
@pytest.mark.parametrize("network", [strangers.pixel_cnn, strangers.sound])
def test_sound_strangers_are_causal(network, levels):
    """Fed with floats, by gradients; fed with integers, by changes."""
    net = network().double()
    report = audit(net if levels is None else lambda x: net(x / 3), SHAPE, levels=levels)
    assert report.causal, report
    assert (report.parts[0].method == "in float64, by changing one value at a time") == (
        levels == 4
    )


def test_mask_b_in_the_first_layer():
    report = audit(strangers.pixel_cnn("B"), SHAPE)
    (leak,) = report.leaks
    assert (leak.kind, leak.offset, leak.found, leak.possible) == ("same pixel", (0, 0), 32, 32)
    assert leak.strength > 0.01
    assert "mask B in the first layer" in report.parts[0].hints[0]


def test_no_mask_at_all():
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 1))
    report = audit(network, SHAPE)
    assert places(report, "future") == {(0, 1), (1, -1), (1, 0), (1, 1)}
    assert places(report, "same pixel") == {(0, 0)}
    assert report.parts[0].hints == []  # not mask B, not another order
    corner = next(leak for leak in report.leaks if leak.offset == (1, -1))
    assert corner.possible < 32  # not those in the first column or the last row
    assert corner.found == corner.possible


@pytest.mark.parametrize(("bug", "expected"), [("shift", "future"), ("first", "same pixel")])
def test_classical_bugs_of_the_gated_pixel_cnn(bug, expected):
    report = audit(strangers.GatedPixelCNN(bug), SHAPE)
    assert expected in kinds(report)
    if bug == "shift":  # the rows above include their own: one column to the right a layer
        assert places(report, "future") == {(0, 1), (0, 2), (0, 3)}


def test_unskewed_a_row_too_early(monkeypatch):
    """The Diagonal BiLSTM's right-to-left map, not shifted down: the future of the own row."""
    from tests.test_faults import right_to_left_map_not_shifted

    right_to_left_map_not_shifted(monkeypatch)
    report = audit(build("diagonal_bilstm", "softmax", SHAPE))
    assert places(report, "future") >= {(0, j) for j in range(1, 5)}
    assert not any(i > 0 for i, _ in places(report, "future"))


class BlueFirst(nn.Module):
    """Each color sees the earlier pixels, and of its own pixel the colors after it: B, G, R."""

    def __init__(self, levels=5):
        super().__init__()
        self.before, self.own = (
            strangers.pixel_cnn(outputs=3 * levels, colors=3),
            torch.randn(3, 3).triu(1),
        )
        self.levels = levels

    def forward(self, x):
        own = torch.einsum("oc,bchw->bohw", self.own.to(x), x)
        return self.before(x).unflatten(1, (3, self.levels)) + own[:, :, None]


def test_another_order_of_colors():
    report = audit(BlueFirst(), (3, 4, 4))
    (leak,) = report.leaks
    assert (leak.kind, leak.offset) == ("color", (0, 0))
    assert leak.colors == ["R sees G", "R sees B", "G sees B"]
    assert "nothing leaks if the order is B before G before R" in report.parts[0].hints


@pytest.mark.parametrize(
    ("turn", "name"),
    [
        (lambda x: x.mT, "column by column"),
        (lambda x: x.flip(-1, -2), "from the last pixel to the first"),
    ],
)
def test_another_order_of_pixels(turn, name):
    network = strangers.pixel_cnn()
    report = audit(lambda x: turn(network.double()(turn(x))), SHAPE)
    assert kinds(report) == {"future"}
    assert f"nothing leaks if the order is {name}" in report.parts[0].hints


def test_outputs_that_describe_the_next_pixel():
    network = strangers.pixel_cnn("B")
    assert "shift=true" in audit(network, SHAPE).parts[0].hints[0]
    report = audit(network, SHAPE, shift=True)
    assert report.causal, report
    assert places(
        audit(
            strangers.pixel_cnn("B", norm=lambda f: nn.Conv2d(f, f, 3, padding=1)),
            SHAPE,
            shift=True,
        ),
        "future",
    )


def test_batch_norm_in_training_mode():
    """As a module it is put into evaluation mode, with a note; behind a function it leaks."""
    network = strangers.pixel_cnn(norm=nn.BatchNorm2d).double()
    report = audit(network, SHAPE)
    assert report.causal, report
    assert report.parts[0].notes[0].startswith("BatchNorm")
    report = audit(lambda x: network(x), SHAPE)
    assert kinds(report) == {"future", "same pixel", "batch"}
    assert any("evaluation mode" in hint for hint in report.parts[0].hints)


def test_a_look_up_leaks_without_a_gradient():
    """The next pixel, rounded: gradients alone call it causal."""
    network = strangers.pixel_cnn().double()
    report = audit(lambda x: network(x) + F.pad(x, (0, 1))[..., 1:].round(), SHAPE)
    assert places(report, "future") == {(0, 1)}
    assert report.parts[0].method.endswith("by exact gradients and by changing one value at a time")


def test_what_only_several_pixels_together_give_away():
    """The majority of the last row, which one pixel seldom decides: found, though not where."""
    network = strangers.pixel_cnn().double()

    def nosy(x):
        return network(x * 1.0) + (x[:, :, -1:].double().mean(-1, keepdim=True) > 0.5)

    by_seed = [
        audit(nosy, (1, 3, 7), levels=2, pixels=1, images=1, seed=seed).leaks for seed in range(10)
    ]
    assert all(by_seed)
    unplaced = [leaks[0] for leaks in by_seed if leaks[0].offset is None]
    assert unplaced
    assert unplaced[0].place == "several together"
    assert len(unplaced) < len(by_seed)


def test_embedded_levels():
    report = audit(strangers.Transformer(), (1, 4, 4), levels=4)
    assert report.causal, report
    assert report.coverage == 1
    report = audit(strangers.Transformer(masked=False), (1, 4, 4), levels=4)
    assert kinds(report) == {"same pixel", "future"}
    report = audit(strangers.Transformer((3, 2, 2), levels=5), (3, 2, 2), levels=5)
    assert report.causal, report
    assert (report.coverage, report.parts[0].layout) == (1, "b (h w c) k")


def fast_convolution(x):
    """The pixel above, by an FFT: it mixes everything and takes it out again, up to rounding."""
    kernel = torch.zeros(12, 12, dtype=torch.float64)
    kernel[1, 0] = 1
    padded = torch.fft.rfft2(F.pad(x, (0, 6, 0, 6))) * torch.fft.rfft2(kernel)
    return torch.fft.irfft2(padded, s=(12, 12))[..., :6, :6]


def test_rounding_is_distinguished_from_a_leak():
    """Gradients show it, so that there is a hint and a tolerance; changes don't count it."""
    report = audit(fast_convolution, SHAPE)
    assert not report.causal
    assert "rounding" in report.parts[0].hints[0]
    report = audit(fast_convolution, SHAPE, tolerance=1e-13)
    assert report.causal, report
    assert set(report.parts[0].coverage.unseen) == set(places_of_the_past(6, 6)) - {(-1, 0)}
    assert audit(lambda x: fast_convolution(x * 1.0), SHAPE, levels=4).causal


def test_a_weak_leak_is_distinguished_from_rounding():
    network = strangers.pixel_cnn().double()
    report = audit(lambda x: network(x / 3) + 1e-9 * F.pad(x, (0, 1))[..., 1:], SHAPE, levels=4)
    assert places(report, "future") == {(0, 1)}


@pytest.mark.parametrize("sound", [True, False])
@pytest.mark.parametrize("colors", [1, 3])
def test_log_probabilities(colors, sound):
    """They may depend on their own pixel; one that has seen it doesn't add up to one."""
    network = strangers.pixel_cnn("A" if sound else "B", outputs=2 * colors, colors=colors).double()

    def log_probs(x):
        logits = network(x * 1.0).unflatten(1, (2, colors))
        return -F.cross_entropy(logits, x, reduction="none")

    report = audit(log_probs, (colors, 4, 4), levels=2, log_probs=True)
    assert report.causal == sound, report
    if not sound:
        assert "same pixel" in kinds(report)
        assert "add up to" in report.parts[0].notes[0]
    alone = audit(lambda x: log_probs(x).sum(1), (colors, 4, 4), levels=2, log_probs=True)
    assert alone.causal == sound, alone
    assert alone.parts[0].layout == "b h w"


def test_log_probabilities_of_the_future():
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1)).double()
    report = audit(
        lambda x: network(x * 1.0).log_softmax(1).gather(1, x).squeeze(1),
        (1, 4, 4),
        levels=2,
        log_probs=True,
    )
    assert kinds(report) == {"future", "same pixel"}


def test_log_probabilities_of_too_many_values():
    """Three colors of 256 levels have more values than can be tried, and a note says so."""
    report = audit(
        lambda x: -x.cumsum(3).double().sum(1) + x.sum(1), (3, 2, 3), levels=256, log_probs=True
    )
    assert report.causal, report
    assert "wasn't examined" in report.parts[0].notes[0]
