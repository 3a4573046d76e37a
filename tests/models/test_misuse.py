"""What a user gets who hands a wrong kind of argument to a model, a head or a variant: one line.

The calls run in a process of their own, since the shapes and types that pytest has checked here
(`tests/conftest.py`) are not checked where users are. The fault of each is an error of Python's or
of torch's that names neither the argument nor what to do, or none at all.
"""

import json
import subprocess
import sys

import pytest

NAMES = """
import json, sys
from functools import partial
import numpy as np, torch
from pixelrnn.heads import *
from pixelrnn.models import *
from pixelrnn.errors import InputError

shape = (1, 4, 4)
small = partial(pixel_cnn, head=Softmax(4), hidden=3, layers=1)
pixels = row_lstm(shape, Softmax(4), hidden=3, layers=1)
conditional = pixel_cnn(shape, Softmax(4), hidden=3, layers=1, context_features=2)
scales = multi_scale(shape, small, small)
one = multi_scale((1, 2, 2), small, small, clamp=True)
x = torch.zeros(2, *shape, dtype=torch.long)

answers = {}
for call in json.load(sys.stdin):
    try:
        answers[call] = ["no error", repr(eval(call))]
    except Exception as error:
        answers[call] = [type(error).__name__, str(error)]
json.dump(answers, sys.stdout)
"""

WHOLE = "must be a whole number of at least"
REFUSED = {
    # How many images, by what random numbers, how warm.
    "MODEL.sample(0)": f"n=0 {WHOLE} 1",
    "MODEL.sample(2.5)": f"n=2.5 {WHOLE} 1",
    "MODEL.sample('3')": f"n='3' {WHOLE} 1",
    "MODEL.sample(True)": f"n=True {WHOLE} 1",
    "MODEL.sample([2])": f"n=[2] {WHOLE} 1",
    "MODEL.sample(None)": f"n=None {WHOLE} 1",
    "MODEL.sample_and_log_prob(2.5)": f"n=2.5 {WHOLE} 1",
    "MODEL.sample(2, 7)": "generator=7 must be a torch.Generator, such as torch.Generator()",
    "MODEL.sample(2, temperature='hot')": "temperature='hot' must be a number of at least 0",
    "MODEL.sample(2, temperature=True)": "temperature=True must be a number of at least 0",
    "MODEL.complete(x, 3, 7)": "generator=7 must be a torch.Generator",
    "MODEL.complete(x, 3, temperature=None)": "temperature=None must be a number",
    "VARIANT(shape, Softmax(4), dropout=1)": "dropout=1 must be a number of at least 0 and below 1",
    "VARIANT(shape, Softmax(4), dropout=True)": "dropout=True must be a number of at least 0",
    # Images.
    "MODEL.log_prob(x.numpy())": "not of type numpy.ndarray: convert whole numbers with "
    "torch.as_tensor(images).long()",
    "MODEL.log_prob(x.tolist())": "not of type list: convert whole numbers with torch.as_tensor",
    "MODEL.log_prob(None)": "not of type NoneType",
    "MODEL.log_prob(x / 3)": "not torch.float32: numbers v from 0 to 1 become levels by (v * 3)",
    "MODEL.log_prob(x.byte())": "not torch.uint8: convert them with .long()",
    "MODEL.log_prob(x[0])": "images of shape (1, 4, 4), but the model's are (n, 1, 4, 4)",
    "MODEL.log_prob(x[:0])": "there is no image: the batch is empty",
    "MODEL.log_prob_map(x[:0])": "there is no image: the batch is empty",
    "MODEL.log_prob(x.to('meta'))": "images are on meta, the model is on cpu: move them with .to(",
    "MODEL.complete(x[:0], 3)": "there is no image: the batch is empty",
    "MODEL.complete(x.numpy(), 3)": "not of type numpy.ndarray",
    "MODEL.complete(x / 3, 3)": "not torch.float32",
    "MODEL.complete(x.to('meta'), 3)": "images are on meta, the model is on cpu",
    # Known pixels.
    "MODEL.complete(x, 2.5)": "known is of type float: give a whole number of pixels, or a mask",
    "MODEL.complete(x, '3')": "known is of type str",
    "MODEL.complete(x, True)": "known is of type bool",
    "MODEL.complete(x, None)": "known is of type NoneType",
    "MODEL.complete(x, np.ones((4, 4), bool))": "known is of type ndarray: give a whole number of "
    "pixels, or a mask as a bool torch.Tensor (4, 4)",
    "MODEL.complete(x, 17)": "known=17: an image of 4x4 has 0 to 16 known pixels",
    # Contexts.
    "conditional.log_prob(x)": "its context is (n, 2, h, w), not none",
    "conditional.sample(2)": "its context is (n, 2, h, w), not none",
    "conditional.log_prob(x, 5)": "torch.Tensor (2, features, 4, 4), not of type int",
    "conditional.log_prob(x, torch.zeros(1, 2, 4, 4))": "a context is a torch.Tensor (2, features,",
    "conditional.log_prob(x, torch.zeros(2, 2, 3, 4))": "a context is a torch.Tensor (2, features,",
    "conditional.log_prob(x, torch.zeros(2, 3, 4, 4))": "its context is (n, 2, h, w), not (2, 3, 4",
    "conditional.sample(3, context=torch.zeros(2, 2, 4, 4))": "a context is a torch.Tensor (3, ",
    # Scales.
    "scales.scales_log_prob([x])": "scales are images of [(1, 2, 2), (1, 4, 4)]",
    "scales.scales_log_prob(x)": "scales are images of [(1, 2, 2), (1, 4, 4)]",
    # Heads.
    "Softmax(1)": f"levels=1 {WHOLE} 2",
    "Softmax(2.5)": f"levels=2.5 {WHOLE} 2",
    "Softmax('256')": f"levels='256' {WHOLE} 2",
    "Softmax(257)": "levels=257: this head takes at most 256",
    "LogisticMixture(2.5)": f"levels=2.5 {WHOLE} 2",
    "LogisticMixture(4, 0)": f"components=0 {WHOLE} 1",
    "LogisticMixture(4, '3')": f"components='3' {WHOLE} 1",
    "LogisticMixture(4, 2.5)": f"components=2.5 {WHOLE} 1",
    "Bernoulli(2.0)": f"levels=2.0 {WHOLE} 2",
    "Bernoulli(3)": "the Bernoulli head has 2 levels, the data has 3",
    # Variants.
    "VARIANT(shape, 17)": "head=17 must be a head, such as pixelrnn.Softmax(levels=256)",
    "VARIANT(shape, Softmax)": "must be a head, such as pixelrnn.Softmax(levels=256)",
    "VARIANT('abc', Softmax(4))": f"colors='a' {WHOLE} 1",
    "VARIANT(5, Softmax(4))": "an image's shape is (colors, rows, columns), not 5",
    "VARIANT((4, 4), Softmax(4))": "an image's shape is (colors, rows, columns), not (4, 4)",
    "VARIANT((1, 4.0, 4), Softmax(4))": f"rows=4.0 {WHOLE} 1",
    "VARIANT((1, 4, 0), Softmax(4))": f"columns=0 {WHOLE} 1",
    "VARIANT(shape, Softmax(4), hidden='16')": f"hidden='16' {WHOLE} 1",
    "VARIANT((3, 4, 4), Softmax(4), 2)": "hidden=2 must be at least 3, one feature a color",
    "VARIANT(shape, Softmax(4), layers=0)": f"layers=0 {WHOLE} 1",
    "VARIANT(shape, Softmax(4), output_hidden=1.5)": f"output_hidden=1.5 {WHOLE} 1",
    "VARIANT(shape, Softmax(4), context_features=-1)": f"context_features=-1 {WHOLE} 0",
    "pixel_cnn(shape, Softmax(4), kernel=2)": "kernel=2 must be odd",
    "row_lstm(shape, Softmax(4), kernel='3')": f"kernel='3' {WHOLE} 1",
    # Multi-Scale.
    "multi_scale('abc', small, small)": f"colors='a' {WHOLE} 1",
    "multi_scale(shape, small, small, 2.0)": f"factor=2.0 {WHOLE} 2",
    "multi_scale(shape, small, small, 1)": f"factor=1 {WHOLE} 2",
    "multi_scale(shape, small, small, 3)": "4x4 pixels cannot be divided by the multi-scale factor",
    "multi_scale(shape, small, small, features=2.5)": f"features=2.5 {WHOLE} 1",
    "multi_scale(shape, pixels, small)": "small must be a variant that lacks its shape, such as "
    "partial(row_lstm, head=Softmax(256)): it is a model already",
    "multi_scale(shape, 3, small)": "small must be a variant that lacks its shape",
    "multi_scale(shape, pixel_cnn, small)": "missing a required argument: 'head'",
    "multi_scale(shape, small, partial(multi_scale, small=small, large=small))": "large must be a "
    "variant that lacks its shape and context_features",
    "multi_scale(shape, lambda shape: 3, small)": "the small model must be a DensityModel, not of",
    "multi_scale(shape, small, lambda shape, context_features: one)": "the large model must be an "
    "AutoregressiveModel, not of type MultiScale",
    "multi_scale(shape, partial(small, head=Softmax(5)), small)": "the small model has 5 levels, "
    "the large one has 4",
    "MultiScale(pixels, scales.upsample, pixels, 2, True)": "a small model of (1, 4, 4) does not "
    "fit a large one of (1, 4, 4), 2 times its size",
    # The model itself.
    "AutoregressiveModel(shape, pixels.network, 17)": "head=17 must be a head",
    "AutoregressiveModel(shape, 17, Softmax(4))": "the network must be a RasterLayer, not of type",
    "AutoregressiveModel((1, 4), pixels.network, Softmax(4))": "an image's shape is (colors, rows,",
}
ACCEPTED = ["MODEL.sample(np.int64(2))", "MODEL.complete(x, np.int64(3))", "Softmax(np.int64(4))"]
MEANT = {
    "MODEL": ["pixels", "scales"],
    "VARIANT": ["pixel_cnn", "row_lstm", "diagonal_bilstm", "gated_pixel_cnn"],
}


def written_out(call):
    """Replace MODEL and VARIANT by each of those that they stand for."""
    for name, meant in MEANT.items():
        if name in call:
            return [call.replace(name, one) for one in meant]
    return [call]


CASES = [(one, message) for call, message in REFUSED.items() for one in written_out(call)]
GOOD = [one for call in ACCEPTED for one in written_out(call)]


@pytest.fixture(scope="module")
def answers():
    calls = [call for call, _ in CASES] + GOOD
    command = [sys.executable, "-c", NAMES]
    done = subprocess.run(command, input=json.dumps(calls), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("call", "message"), CASES, ids=[call for call, _ in CASES])
def test_one_line_says_what_is_wrong(answers, call, message):
    kind, line = answers[call]
    assert kind == "InputError", line
    assert message in line
    assert "\n" not in line
    assert len(line) < 200


@pytest.mark.parametrize("call", GOOD)
def test_whole_numbers_of_numpy_are_whole_numbers(answers, call):
    kind, message = answers[call]
    assert kind == "no error", message
