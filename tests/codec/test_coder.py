"""The codec's laws: what goes in comes out, at the price of its likelihood, for every model there is."""

import math

import numpy as np
import pytest
import torch
from tests.support import zoo

import pixelrnn
from pixelrnn.codec import coder
from pixelrnn.codec.coder import Coder, fingerprint
from pixelrnn.errors import InputError
from pixelrnn.models import MultiScale, row_lstm

COLORS = [1, 3]


def build(variant, head, colors, **sizes):
    return zoo.build(variant, head, (colors, *zoo.sides(variant, 4, 3)), **sizes)


def draw(model, n, seed=0):
    torch.manual_seed(seed)
    return zoo.random_images(model, n).numpy().astype(np.uint8)


def bits(model, images):
    """The NLL in bits; a Multi-Scale's as if it clamped, since what is seen is not coded again."""
    for part in model.modules():
        if isinstance(part, MultiScale):
            part.clamp = True
    return -model.log_prob(torch.from_numpy(images).long()).sum().item() / math.log(2)


@pytest.mark.parametrize("colors", COLORS)
@pytest.mark.parametrize("head", zoo.OF_LEVELS)
@pytest.mark.parametrize("variant", zoo.VARIANTS)
def test_images_come_back_at_the_price_of_their_likelihood(variant, head, colors):
    """Of images of the model's own, in a stream of 40 and one of 20.

    A stream costs at most its NLL, 0.1 % and 64 bits. Faults: a color coded by the table of another,
    or of the pixel before; the last stream filled up.
    """
    model = build(variant, head, colors, push=0.5)
    images = model.sample(60, torch.Generator().manual_seed(1)).numpy().astype(np.uint8)
    data = pixelrnn.compress(model, images, verify=False, batch_size=40)
    assert (pixelrnn.decompress(model, data) == images).all()
    payload = 8 * (len(data) - 44 - 2 * 8)
    assert payload <= 1.001 * bits(model, images) + 2 * 64


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_any_number_of_images(n):
    model = build("row_lstm", "softmax", 1)
    images = draw(model, n)
    data = pixelrnn.compress(model, images, batch_size=2)
    back = pixelrnn.decompress(model, data)
    assert back.dtype == np.uint8
    assert back.shape == images.shape
    assert (back == images).all()


@pytest.mark.parametrize("head", zoo.OF_LEVELS)
@pytest.mark.parametrize("variant", ["multi_scale", "pixel_cnn", "row_lstm"])
def test_images_that_are_nearly_impossible(variant, head):
    """The last layer's weights times 200: probabilities of 1 and of 1e-300. A level costs 20 bits at most.

    Fault: a level of probability 0 without a step in the table, or rounding that takes it away.
    """
    model = build(variant, head, 3)
    for part, _ in zoo.parts(model):
        part.network.layers[-1].weight.data *= 200
    images = draw(model, 6)
    data = pixelrnn.compress(model, images, verify=False)
    assert (pixelrnn.decompress(model, data) == images).all()
    assert 8 * len(data) <= 8 * 52 + 64 + 20.1 * images.size
    assert 8 * len(data) > 2 * images.size  # they are unlikely indeed


@pytest.mark.parametrize("levels", [2, 3, 17, 256])
def test_tables_sum_to_what_is_there(levels):
    """Whole numbers that sum to 2^24 - K, which constriction makes the table of by adding one to each.

    Faults: a surplus that is not given back; counts that are no multiples of the coarse step.
    """
    torch.manual_seed(0)
    p = (20 * torch.randn(500, levels, dtype=torch.float64)).softmax(-1).numpy()
    p[0] = 1 / levels
    p[1] = np.eye(levels)[0]
    table = coder._table(p)
    assert (table.sum(1) == 2**24 - levels).all()
    assert (table >= 15).all()
    assert ((table + 1) % 16 == 0).all()
    assert np.abs((table + 1) / 2**24 - p).max() <= 1.5 * levels / 2**20


def move_one_unit(table):
    best = table.argmax(1)
    rows = np.arange(len(table))
    table[rows, best] -= 16
    table[rows, (best + 1) % table.shape[1]] += 16
    return table


FAULTS = {
    "one unit moved to another level": move_one_unit,
    "two lanes swapped": lambda table: table[[1, 0, *range(2, len(table))]],
    "a distribution off by one level": lambda table: np.roll(table, 1, axis=1),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_tables_that_differ_are_noticed(fault, monkeypatch):
    """The encoder alone is wrong: no image leaves the decoder, and `verify` says so when writing.

    Fault: a stream without a checksum of its images, which decodes to noise.
    """
    model = build("row_lstm", "softmax", 1)
    images = draw(model, 8)
    right = coder._table
    with monkeypatch.context() as patch:
        patch.setattr(coder, "_table", lambda p: fault(right(p)))
        data = pixelrnn.compress(model, images, verify=False)
    with pytest.raises(InputError, match="other numbers here than where the file was written"):
        pixelrnn.decompress(model, data)

    encode = Coder.encode

    def wrong(self, *arguments):
        with monkeypatch.context() as patch:
            patch.setattr(coder, "_table", lambda p: fault(right(p)))
            return encode(self, *arguments)

    monkeypatch.setattr(Coder, "encode", wrong)
    with pytest.raises(InputError, match="does not decode"):
        pixelrnn.compress(model, images)


def test_the_same_bytes_each_time():
    """Also from float32 weights, and with more threads. Fault: anything drawn at random."""
    model = build("diagonal_bilstm", "softmax", 3).float()
    images = draw(model, 5)
    data = pixelrnn.compress(model, images)
    assert pixelrnn.compress(model, images) == data
    assert pixelrnn.compress(model.double(), torch.from_numpy(images).long()) == data


def test_a_model_is_left_as_it_was():
    """Fault: float64 in place, after which training goes on at half the speed."""
    model = build("row_lstm", "softmax", 1).float().train()
    pixelrnn.compress(model, draw(model, 2))
    assert next(model.parameters()).dtype == torch.float32
    assert model.training


def test_fingerprints_tell_models_apart():
    """Weights, sizes, heads, the places of the same weights. Fault: a hash of the weights alone."""
    shape, mixture = (1, 4, 4), pixelrnn.LogisticMixture
    models = [
        build("row_lstm", "softmax", 1),
        build("row_lstm", "softmax", 1, seed=1),
        build("pixel_cnn", "softmax", 1),
        build("multi_scale", "softmax", 1),
        row_lstm(shape, mixture(4, components=3), hidden=2, layers=1),
    ]
    torch.manual_seed(0)
    for part in (mixture(4, components=2), mixture(3, components=2)):  # the same weights
        torch.manual_seed(0)
        models.append(row_lstm(shape, part, hidden=2, layers=1))
        torch.manual_seed(0)
        models.append(row_lstm((1, 4, 5), part, hidden=2, layers=1))
    prints = [fingerprint(model) for model in models]
    assert len(set(prints)) == len(prints)
    assert fingerprint(models[0].float().double()) == fingerprint(models[0].float())


def test_what_cannot_be_compressed():
    model = build("row_lstm", "softmax", 1)
    images = draw(model, 2)
    with pytest.raises(InputError, match="expected whole numbers"):
        pixelrnn.compress(model, images / 2)
    with pytest.raises(InputError, match="expected whole numbers"):
        pixelrnn.compress(model, images[:, :, :2])
    with pytest.raises(InputError, match=r"levels 200 to 200, but the model's are 0..3"):
        pixelrnn.compress(model, np.full_like(images, 200))
    with pytest.raises(InputError, match="levels -1"):
        pixelrnn.compress(model, np.full_like(images, -1, dtype=int))
    for size in (0, 5000, True, 2.5):
        with pytest.raises(InputError, match="batch_size"):
            pixelrnn.compress(model, images, batch_size=size)
    with pytest.raises(InputError, match="type Identity can't be walked through"):
        pixelrnn.compress(torch.nn.Identity(), images)
    model.network.layers[-1].bias.data[:] = torch.nan
    with pytest.raises(InputError, match="no numbers"):
        pixelrnn.compress(model, images)


def test_a_model_that_looks_ahead_is_found_out():
    """A pixel that sees itself encodes in no bits, and can't be decoded.

    Fault: success reported for a file that no one can read.
    """
    model = build("pixel_cnn", "softmax", 1)
    model.network.layers[0].mask.fill_(1)
    with pytest.raises(InputError, match="looks ahead"):
        pixelrnn.compress(model, draw(model, 4))
