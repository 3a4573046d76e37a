"""Class-conditional models, whichever model is told the class: by enumerating all images, and by what a label changes."""

import copy
from functools import cache, partial

import numpy as np
import pytest
import torch
from tests.support import laws
from tests.support.zoo import random_images
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pixelrnn.compiled.program import NoInstructionError
from pixelrnn.errors import InputError
from pixelrnn.heads import Softmax
from pixelrnn.models import (
    ClassConditional,
    class_conditional,
    diagonal_bilstm,
    gated_pixel_cnn,
    multi_scale,
    pixel_cnn,
    row_lstm,
)
from pixelrnn.models.checks import check_labels
from pixelrnn.models.classes import Given
from pixelrnn.models.drawing import Compiled, Drawing, Stepping
from pixelrnn.models.in_batches import Sampler, of_every_class
from pixelrnn.ops.pixels import known_pixels

INNER = {
    "pixel_cnn": pixel_cnn,
    "row_lstm": row_lstm,
    "diagonal_bilstm": partial(diagonal_bilstm, full_context=True),
    "gated_pixel_cnn": gated_pixel_cnn,
}
every_inner = pytest.mark.parametrize("inner", INNER)
SIZES = {"hidden": 4, "layers": 2, "output_hidden": 6}


def build(inner, shape=(1, 2, 2), levels=3, classes=3, push=0.5, seed=0):
    """Float64, off its initial values, of classes that matter and are not equally likely."""
    torch.manual_seed(seed)
    variant = partial(INNER[inner], head=Softmax(levels), **SIZES)
    model = class_conditional(shape, variant, classes, features=5).double()
    for parameter in model.parameters():
        parameter.data += push * torch.randn_like(parameter)
    model.embedding.weight.data *= 6
    model.counts += torch.arange(classes)
    return model


def fit(model, x, y, steps):
    """Maximum likelihood of images with their labels."""
    optimizer = torch.optim.Adam(model.parameters(), 0.03)
    for _ in range(steps):
        optimizer.zero_grad()
        (-model.log_prob(x, y).mean()).backward()
        optimizer.step()


@cache
@torch.enable_grad()
def trained(inner):
    """Images of each class are three quarters those of a pattern: far from uniform, and apart."""
    model = build(inner, push=0.0)
    y = torch.arange(3).repeat(200)
    pattern = torch.tensor([[0, 1, 2, 0], [0, 1, 0, 2], [2, 2, 1, 1]])[y].view(-1, 1, 2, 2)
    noise = torch.randint(3, pattern.shape)
    fit(model, torch.where(torch.rand(pattern.shape) < 0.75, pattern, noise), y, 60)
    return model


# Before training


@every_inner
@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 4, 5)])
def test_before_training_a_label_changes_nothing(inner, shape):
    """To the last bit it is the model without classes. Fault: vectors that are random at first."""
    variant = partial(INNER[inner], head=Softmax(4), **SIZES)
    model = class_conditional(shape, variant, 3)
    plain = variant(shape)
    weights = model.inner.state_dict()
    plain.load_state_dict({name: weights[name] for name in plain.state_dict()})
    x = random_images(plain, 4)
    for y in (0, 2, torch.tensor([2, 1, 0, 1])):
        assert torch.equal(model.given(y).log_prob_map(x), plain.log_prob_map(x))
        drawn = (one.sample(4, torch.Generator().manual_seed(0)) for one in (model.given(y), plain))
        assert torch.equal(*drawn)
    torch.testing.assert_close(model.log_prob(x), plain.log_prob(x))
    torch.nn.init.normal_(model.embedding.weight)
    assert not torch.equal(model.given(0).log_prob_map(x), plain.log_prob_map(x))


@every_inner
def test_training_moves_the_classes_apart(inner):
    """From vectors of zero. Fault: zero projections as well, from where no gradient leads away."""
    model = build(inner, classes=2, push=0.0)
    x = torch.tensor([0, 0, 2, 2]).repeat_interleave(4).view(4, 1, 2, 2)
    y = torch.tensor([0, 0, 1, 1])
    fit(model, x, y, 60)
    assert (model.classify(x).argmax(1) == y).all()
    assert model.given(0).log_prob(x)[0] > model.given(1).log_prob(x)[0] + 1


# By every image


@every_inner
@torch.no_grad()
def test_it_is_the_mixture(inner):
    """Joint, sum, shares of the pixels, classes: all that follows from p(y) and p(x | y).

    Fault: shares that add up to log p(x) without being those of their pixels.
    """
    model = trained(inner)
    images = laws.every_image(model)
    p_y = model.counts / model.counts.sum()
    given = torch.stack([model.given(y).log_prob(images).exp() for y in range(3)], 1)  # (b k)
    joint, p = given * p_y, given @ p_y
    apart = (joint * (given / p[:, None]).log()).sum().item()  # mutual information, nats
    assert entropy(p) < 0.9 * np.log(len(images)), "a nearly uniform model proves little"
    assert apart > 0.4, "classes that are alike prove little"
    torch.testing.assert_close(p.sum(), torch.tensor(1.0, dtype=torch.float64))
    torch.testing.assert_close(model.log_prob(images).exp(), p)
    for y in range(3):
        labels = torch.full((len(images),), y)
        torch.testing.assert_close(model.log_prob(images, labels).exp(), joint[:, y])
    torch.testing.assert_close(model.classify(images).exp(), joint / p[:, None])
    torch.testing.assert_close(model.class_log_prob(images).exp(), given)
    so_far = model.log_prob_map(images).flatten(1).cumsum(1).exp()
    flat = images.flatten(1)
    for i in range(1, 5):
        same = (flat[:, None, :i] == flat[None, :, :i]).all(2).double()  # of the first i pixels
        torch.testing.assert_close(so_far[:, i - 1], same @ p)
        known = model.classify(images.where(torch.arange(4).view(2, 2) < i, 99), i).exp()
        torch.testing.assert_close(known, same @ joint / (same @ p)[:, None])


@torch.no_grad()
def test_known_pixels_behind_unknown_ones_tell_nothing_of_the_class():
    """What is drawn in raster order knows what came before, and the class is drawn first of all."""
    model = trained("row_lstm")
    x = random_images(model, 5)
    hole = torch.tensor([[True, False], [True, True]])
    torch.testing.assert_close(model.classify(x, hole), model.classify(x, 1))
    torch.testing.assert_close(model.classify(x, ~hole), model.log_frequency.expand(5, -1))


def entropy(p):
    return -(p * p.log()).sum().item()


def distance(drawn, expected, levels):
    """Total variation between drawn images and their probabilities, and what chance alone gives."""
    n, pixels = len(drawn), drawn[0].size
    powers = levels ** np.arange(pixels - 1, -1, -1)
    counts = np.bincount(np.asarray(drawn).reshape(n, -1) @ powers, minlength=len(expected))
    return np.abs(counts / n - expected).sum() / 2, np.sqrt(expected * (1 - expected) / n).sum() / 2


def by_torch(model, image, known, n):
    return model.complete(
        image.expand(n, -1, -1, -1), known, torch.Generator().manual_seed(0)
    ).numpy()


def by_seed(model, image, known, n):
    """As the verbs draw: compiled."""
    mask = known_pixels(known, *model.shape[1:])
    return Sampler(model.float(), batch_size=5000).complete(
        image.numpy().astype(np.uint8), mask, n
    )[0, 1:]


@pytest.mark.slow
@pytest.mark.parametrize("draw", [by_torch, by_seed])
@pytest.mark.parametrize("known", [0, 2, 3])
@every_inner
@torch.no_grad()
def test_completions_are_exact(inner, known, draw):
    """20,000 of them against the conditional distribution, by every image."""
    model = copy.deepcopy(trained(inner))
    images = laws.every_image(model)
    p = model.log_prob(images).exp()
    image = model.sample(1, torch.Generator().manual_seed(1))
    fits = (images.flatten(1)[:, :known] == image.flatten(1)[:, :known]).all(1)
    expected = (p * fits / (p * fits).sum()).numpy()
    far, by_chance = distance(draw(model, image, known, 20_000), expected, model.levels)
    assert far < 2 * by_chance + 1e-3


@torch.no_grad()
def test_a_class_that_does_not_heed_what_is_known_is_seen(monkeypatch):
    """Planted: completions of a class drawn by its frequency, by the test above."""
    monkeypatch.setattr(
        ClassConditional, "classify", lambda self, x, known: self.log_frequency.expand(len(x), -1)
    )
    with pytest.raises(AssertionError):
        test_completions_are_exact("pixel_cnn", 2, by_torch)
    with pytest.raises(AssertionError):
        test_completions_are_exact("pixel_cnn", 2, by_seed)


def test_another_label_for_drawing_is_seen(monkeypatch):
    """Planted: images are drawn as of the class behind the one that they are scored as."""
    model = build("row_lstm", (1, 3, 4)).given(1)
    laws.sample_scores_as_drawn(model)
    monkeypatch.setattr(
        Given, "sample_and_log_prob",
        lambda self, *args, **options: self.model.inner.sample_and_log_prob(
            *args, self.model.context(torch.full((args[0],), 2)), **options
        ),
    )  # fmt: skip
    with pytest.raises(AssertionError):
        laws.sample_scores_as_drawn(model)


# Drawing by seeds


def drawing(model, way=Compiled):
    made = Drawing(model)
    whole = model.model if isinstance(model, Given) else model
    made.step = way(whole)
    return made


@every_inner
@pytest.mark.parametrize("label", [None, 2, torch.tensor([2, 0, 1, 1, 0, 2, 2])])
def test_compiled_images_are_those_of_stepping(inner, label):
    """Known pixels and all. Fault: a class that the compiled network is not told."""
    model = build(inner, (3, 3, 4), 4).float()
    told = model if label is None else model.given(label)
    x = random_images(model, 7).numpy()
    known = np.arange(12).reshape(3, 4) < 5
    drawn = []
    for way in (Compiled, Stepping):
        drawn.append(x.copy())
        drawing(told, way).fill(drawn[-1], known, 3, range(7), 1.0)
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0][..., known] == x[..., known]).all()
    one, other = x.copy(), x.copy()
    drawing(model.given(0)).fill(one, known, 3, range(7), 1.0)
    drawing(model.given(2)).fill(other, known, 3, range(7), 1.0)
    assert (other != one).any()


@pytest.mark.parametrize("given", [False, True])
def test_batches_change_nothing(given):
    """Faults: labels by their place in the batch; a class drawn from the batch's random numbers."""
    model = build("row_lstm", (1, 3, 4), 4).float()
    told = of_every_class(model, 4) if given else model
    ways = [Sampler(told, 5, batch_size=size).sample(12) for size in (12, 5, 1)]
    assert (ways[0] == ways[1]).all()
    assert (ways[0] == ways[2]).all()
    if given:
        alone = Sampler(model.given(1), 5).sample(12)
        assert (ways[0][4:8] == alone[4:8]).all()


def test_more_images_than_labels_are_refused():
    model = build("row_lstm", (1, 3, 4), 4).float()
    with pytest.raises(InputError, match="there are 3 labels, none for image 3"):
        list(Sampler(model.given(torch.arange(3))).draw(4))


def test_a_layer_of_ones_own_steps(monkeypatch):
    """The class is told in torch as well, where nothing is compiled."""
    model = build("row_lstm", (1, 3, 4), 4).float()
    expected = Sampler(model.given(1)).sample(5)

    def refuse(*_):
        raise NoInstructionError("planted")

    monkeypatch.setattr("pixelrnn.models.drawing.Compiled", refuse)
    assert (Sampler(model.given(1)).sample(5) == expected).all()


# Frequencies and labels


def test_frequencies_are_counted_and_kept_in_any_precision():
    """Fault: log-frequencies in a buffer, which `float()` rounds, so that they sum to 1 + 1.5e-8."""
    model = build("row_lstm")
    model.count(torch.tensor([0] * 3 + [1] * 7 + [2] * 997))
    for changed in (model, model.float(), model.double()):
        assert abs(changed.log_frequency.exp().sum().item() - 1) < 1e-15
        assert changed.log_frequency.exp()[1].item() == pytest.approx(7 / 1007, rel=1e-14)
    assert "counts" in model.state_dict()


def test_averages_of_weights_leave_the_counts_alone():
    """As `callbacks=ema` takes them. Fault: counts in whole numbers, which each average cuts off."""
    model = build("row_lstm")
    model.count(torch.tensor([0] * 3 + [1] * 7 + [2] * 997))
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.999), use_buffers=True)
    for _ in range(50):
        average.update_parameters(model)
    assert average.module.counts.tolist() == [3, 7, 997]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (torch.tensor([0, 2]), "no training image is of class 1"),
        (torch.tensor([0, 1, 3]), "class 3 is none of the model's, which are 0 to 2"),
    ],
)
def test_impossible_counts_are_refused(labels, says):
    model = build("row_lstm")
    with pytest.raises(InputError, match=says):
        model.count(labels)
    assert model.counts.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("y", "says"),
    [
        (3, "class 3 is none of the model's, which are 0 to 2"),
        (-1, "class -1 is none"),
        (True, "or a whole number, not True"),
        (torch.zeros(2, 2, dtype=torch.long), r"not torch.int64 \(2, 2\)"),
        (torch.tensor([0, 5]), "class 5 is none"),
    ],
)
def test_impossible_labels_are_refused(y, says):
    with pytest.raises(InputError, match=says):
        build("row_lstm").given(y)


@pytest.mark.parametrize("y", ["cat", [0, 1], 1.0, torch.tensor([0.0, 1.0]), None])
def test_what_is_no_label_is_refused(y):
    with pytest.raises(InputError, match="labels are an int64"):
        check_labels(y, 3)


@pytest.mark.parametrize(
    "call",
    [
        lambda model, x: model.log_prob(x),
        lambda model, x: model.log_prob_map(x),
        lambda model, x: model.sample(len(x)),
        lambda model, x: model.complete(x, 1),
    ],
)
def test_labels_of_other_images_are_refused(call):
    model = build("row_lstm")
    with pytest.raises(InputError, match="there are 2 labels for 3 images"):
        call(model.given(torch.tensor([0, 1])), random_images(model, 3))


# What can be told a class


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"classes": 1}, "classes=1 must be a whole number of at least 2"),
        ({"classes": 2**17}, "classes=131072 must be at most 65536"),
        ({"features": 0}, "features=0"),
        ({"inner": row_lstm((1, 2, 2), Softmax(3))}, "inner must be a variant .* a model already"),
    ],
)
def test_impossible_models_are_refused(arguments, says):
    given = {"inner": partial(row_lstm, head=Softmax(3)), "classes": 3} | arguments
    with pytest.raises(InputError, match=says):
        class_conditional((1, 2, 2), **given)


def test_a_multi_scale_takes_no_labels():
    scales = partial(multi_scale, small=row_lstm, large=row_lstm)
    for inner in (multi_scale, scales):
        with pytest.raises(InputError, match="a Multi-Scale takes no labels: build a class-cond"):
            class_conditional((1, 4, 4), inner, 3)


def test_it_may_be_the_small_model_of_a_multi_scale():
    """As any density model may."""
    small = partial(
        class_conditional, inner=partial(row_lstm, head=Softmax(2), hidden=3, layers=1), classes=2
    )
    large = partial(row_lstm, head=Softmax(2), hidden=3, layers=1)
    model = multi_scale((1, 2, 4), small, large, clamp=True).double()
    for law in (laws.sums_to_one, laws.sample_scores_as_drawn, laws.batches_do_not_mix):
        law(model)
    assert len(Sampler(model.float()).sample(3)) == 3
