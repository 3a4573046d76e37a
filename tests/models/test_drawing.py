"""Images of a seed: the same in any batch, compiled or stepped in torch, and distributed as the model says."""

import multiprocessing
import subprocess
import sys
from unittest.mock import patch

import numpy as np
import pytest
import torch
from tests.support import laws, tiny
from tests.support.documents import ROOT
from tests.support.zoo import MULTI_SCALE, OF_LEVELS, VARIANTS, build, random_images, sides

from pixelrnn.compiled.program import NoInstructionError
from pixelrnn.errors import InputError
from pixelrnn.heads import Softmax
from pixelrnn.layers import Pointwise
from pixelrnn.models import row_lstm
from pixelrnn.models.drawing import Compiled, Drawing, Stepping
from pixelrnn.models.in_batches import Sampler
from pixelrnn.ops.pixels import known_pixels

CASES = [
    pytest.param(variant, form, head, colors, id="-".join([variant, *form, head, str(colors)]))
    for variant, form in [
        *((variant, {}) for variant in VARIANTS),
        *((variant, {"clamp": True}) for variant in MULTI_SCALE),
        ("diagonal_bilstm", {"full_context": True}),
    ]
    for head in OF_LEVELS
    for colors in (1, 3)
]
every_model = pytest.mark.parametrize(("variant", "form", "head", "colors"), CASES)


def small_model(variant, form, head, colors, **sizes):
    """In float32, which is compiled."""
    return build(variant, head, (colors, *sides(variant, 3, 5)), **form, **sizes).float()


def draw(model, n, seed=0, temperature=1.0, batch_size=256):
    return Sampler(model, seed, temperature, batch_size).sample(n)


def stepping():
    """Nothing is compiled within."""
    return patch("pixelrnn.models.drawing.Compiled", side_effect=NoInstructionError)


@every_model
@pytest.mark.parametrize("temperature", [1.0, 0.6, 0.0])
def test_compiled_and_stepped_images_are_the_same(variant, form, head, colors, temperature):
    """From the same numbers. Faults: a scale, a clamped grid or an extra column that one of both leaves out."""
    model = small_model(variant, form, head, colors, levels=5)
    assert isinstance(Drawing(model).step, Compiled)
    compiled = draw(model, 12, 3, temperature)
    with stepping():
        assert isinstance(Drawing(model).step, Stepping)
        stepped = draw(model, 12, 3, temperature)
    assert (compiled == stepped).all()
    assert len(np.unique(compiled, axis=0)) > 1 or temperature == 0


@every_model
def test_completions_keep_what_is_known(variant, form, head, colors):
    """Any mask; compiled and stepped the same. Fault: levels drawn where they are known."""
    model = small_model(variant, form, head, colors)
    _, h, w = model.shape
    images = random_images(model, 3).numpy().astype(np.uint8)
    masks = [known_pixels(w + 1, h, w), torch.arange(h * w).view(h, w) % 3 == 1]
    for known in masks:
        completed = Sampler(model, seed=2, batch_size=2).complete(images, known, times=3)
        assert (completed[..., known.numpy()] == images[:, None][..., known.numpy()]).all()
        assert (completed[:, 1:] != images[:, None]).any()
        with stepping():
            again = Sampler(model, seed=2).complete(images, known, times=3)
        assert (completed == again).all()


@every_model
def test_the_first_of_many_are_those_of_few(variant, form, head, colors):
    """In any batches. Fault: random numbers that a batch shares."""
    model = small_model(variant, form, head, colors)
    many = draw(model, 23)
    assert (draw(model, 5) == many[:5]).all()
    assert (draw(model, 23, batch_size=4) == many).all()
    assert (draw(model, 23, seed=1) != many).any()
    sampler = Sampler(model)
    parts = [batch for n in (2, 9, 12) for batch in sampler.draw(n)]
    assert (np.concatenate(parts) == many).all()


@every_model
def test_zero_is_the_likeliest_level(variant, form, head, colors):
    """What the model itself draws at temperature 0. Fault: a temperature that is not handed on."""
    model = small_model(variant, form, head, colors)
    likeliest = model.sample(1, temperature=0.0).numpy()
    assert (draw(model, 3, temperature=0.0) == likeliest).all()


# By every image's exact probability: `log_prob` knows nothing of how images are drawn.
COUNTED = [case for case in CASES if case.values[0] not in MULTI_SCALE]
COUNTED += [
    case
    for case in CASES
    if case.values[:2] == ("multi_scale", {"clamp": True}) and case.values[3] == 1
]


@pytest.mark.parametrize(("variant", "form", "head", "colors"), COUNTED)
@torch.no_grad()
def test_images_are_drawn_as_likely_as_they_are(variant, form, head, colors):
    """20,000 images of 64, 81 or 16 possible ones, each within 5 sigma of its share."""
    n, shape = 20_000, (1, 2, 2) if colors == 1 else (3, 1, 2)
    levels = 3 if colors == 1 else 2
    model = build(variant, head, shape, levels, push=0.6, hidden=5, layers=1, **form).float()
    images = laws.every_image(model)
    p = model.log_prob(images).double().exp().numpy()
    drawn = draw(model, n, batch_size=4096).reshape(n, -1)
    powers = model.levels ** np.arange(drawn.shape[1] - 1, -1, -1)
    counts = np.bincount(drawn @ powers, minlength=len(images))
    assert p.max() > 2 * p.min(), "a nearly uniform model proves little"
    assert (np.abs(counts - n * p) <= 5 * np.sqrt(n * p * (1 - p)) + 1).all()


@pytest.mark.parametrize("temperature", [0.5, 40.0])
@torch.no_grad()
def test_a_tempered_mixture_has_its_distribution(temperature):
    """Of one pixel. Fault: a mixture of tempered logistics; a table whose far levels underflow."""
    n, levels = 20_000, 9
    model = build("row_lstm", "logistic_mixture", (1, 1, 1), levels, push=0.9).float()
    log_p = model.log_prob(torch.arange(levels).view(-1, 1, 1, 1)).double()
    p = (log_p / temperature).softmax(0).numpy()
    counts = np.bincount(
        draw(model, n, temperature=temperature, batch_size=5000).ravel(), minlength=levels
    )
    assert (np.abs(counts - n * p) <= 5 * np.sqrt(n * p * (1 - p)) + 1).all()


def test_own_layers_step():
    """Also below the large model of a Multi-Scale. Fault: an own function compiled as if it were ReLU."""
    model = small_model("pixel_cnn", {}, "softmax", 1)
    before = draw(model, 4)
    for layer in model.modules():
        if isinstance(layer, Pointwise):
            layer.function = torch.tanh
    assert isinstance(Drawing(model).step, Stepping)
    own = draw(model, 4)
    assert (own != before).any()
    assert (draw(model, 4, batch_size=1) == own).all()


def test_a_context_that_is_not_there_is_asked_for():
    """Fault: images of a conditional network that is told nothing."""
    model = row_lstm((1, 3, 5), Softmax(4), 3, 1, output_hidden=4, context_features=2)
    with pytest.raises(InputError, match="conditional"):
        draw(model, 1)


def test_a_large_model_need_not_look_at_its_context():
    """Fault: a context written to where there is no place for it."""
    model = small_model("multi_scale", {}, "softmax", 1)
    model.large = build("pixel_cnn", "softmax", model.shape).float()
    compiled = draw(model, 4)
    with stepping():
        assert (draw(model, 4) == compiled).all()


def test_other_precisions_step():
    """Fault: a float64 model drawn in float32."""
    model = small_model("row_lstm", {}, "softmax", 1)
    compiled = draw(model, 4)
    model.double()
    assert isinstance(Drawing(model).step, Stepping)
    assert (draw(model, 4) == compiled).all()


def test_weights_that_are_no_numbers_are_refused():
    """Fault: zeros drawn by a model whose training failed."""
    model = tiny.model()
    next(model.parameters()).data[0] = torch.nan
    with pytest.raises(InputError, match="no finite numbers"):
        draw(model, 1)


def test_later_weights_are_drawn_by():
    """Fault: a program kept from before the weights changed."""
    sampler = Sampler(tiny.pushed_model(), temperature=0.0)
    before = next(sampler.draw(1))
    sampler.model.load_state_dict(tiny.pushed_model(seed=5).state_dict())
    assert (next(sampler.draw(1)) != before).any()


def test_wrong_images_are_refused():
    """Fault: compiled code that reads beyond an array."""
    model, half = tiny.model(), torch.arange(16).view(4, 4) < 8
    for images in (np.zeros((1, 1, 3, 4), np.uint8), np.full((1, 1, 4, 4), 7, np.uint8)):
        with pytest.raises(InputError):
            Sampler(model).complete(images, half, times=1)


def _child(queue):
    queue.put(draw(tiny.model(), 20).tolist())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_draws(monkeypatch):
    """As the workers of a data loader are, after images were drawn. Fault: a threading layer that ends it."""
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    expected = draw(tiny.model(), 20).tolist()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_child, args=(queue,))
    child.start()
    assert queue.get(timeout=60) == expected
    child.join()
    assert child.exitcode == 0


@pytest.mark.slow
def test_numba_is_imported_when_images_are_drawn():
    """Fault: a start-up that waits for a compiler."""
    code = "import sys, pixelrnn.stages.sample, pixelrnn.training; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_is_done_without():
    """Fault: an installation that only root can write to, and no home."""
    code = (
        "import sys; sys.path.insert(0, '.')\n"
        "import numba.core.caching as caching\n"
        "def nowhere(*_): raise OSError\n"
        "for locator in caching.CacheImpl._locator_classes: locator.ensure_cache_path = nowhere\n"
        "from tests.support import tiny\n"
        "from pixelrnn.models.in_batches import Sampler\n"
        "print(next(Sampler(tiny.model()).draw(2)).tolist())\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == str(draw(tiny.model(), 2).tolist())
