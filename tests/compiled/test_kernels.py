"""The same bits however the kernels run: by numba, by Python itself, for another CPU, for any images beside an image's own."""

import hashlib
import os
import platform
import subprocess
import sys

import numba
import numpy as np
import pytest
from tests.support.documents import ROOT
from tests.support.plain_kernels import interpreted
from tests.support.zoo import HEADS, build

from pixelrnn.compiled import groups, kernels
from pixelrnn.compiled.network import CompiledNetwork


@pytest.fixture
def functions():
    """exp, log and sigmoid of arrays."""

    def of(function):
        @numba.njit(error_model="numpy")
        def every(x):
            return np.array([function(number) for number in x])

        return every

    return {name: of(getattr(kernels, name)) for name in ("exp", "log", "sigmoid")}


def units(got, expected):
    """Return the largest error in units of the last place."""
    return (np.abs(got - expected) / np.spacing(expected.astype(np.float32))).max()


@pytest.mark.slow
def test_functions_are_as_exact_as_their_polynomials(functions):
    """Beside double precision. Fault: a coefficient with a wrong digit, seen in the test below."""
    x = np.linspace(-87, 88, 200_001).astype(np.float32)
    assert units(functions["exp"](x), np.exp(x.astype(float))) < 3
    assert units(functions["sigmoid"](x), 1 / (1 + np.exp(-x.astype(float)))) < 4
    x = np.concatenate([2.0 ** np.linspace(-126, 127, 100_001), np.linspace(0.5, 2, 100_000)])
    x = x.astype(np.float32)
    expected = np.log(x.astype(float))
    assert (
        np.abs(functions["log"](x) - expected) <= 2e-7 * np.maximum(np.abs(expected), 0.5)
    ).all()
    far = np.array([-np.inf, -1e30, -88, 88.5, 1e30, np.inf], np.float32)
    assert (functions["exp"](far)[:3] == 0).all()
    assert (functions["exp"](far)[3:] > 1e38).all()
    assert np.isfinite(functions["exp"](far)).all()


def drawn(model, n, first=0, temperature=1.0):
    """Draw n images by numbers that depend on the place in the batch, and their features."""
    network = CompiledNetwork(model.network, model.head, model.shape)
    x = np.zeros((n, *model.shape), np.int64)
    chance = np.random.default_rng(0).random((first + n, *model.shape))[first:]
    network.fill(x, np.zeros(model.shape[1:], bool), chance, temperature=temperature)
    return x, network.features(x)


def same_bits(one, other):
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("variant", ["pixel_cnn", "row_lstm", "diagonal_bilstm", "gated_pixel_cnn"])
def test_compiled_is_interpreted(variant, head):
    """Bit by bit: no product fused with a sum, no sum reordered, no library's exp."""
    sizes = {"hidden": 3, "layers": 1, "output_hidden": 9}
    model = build(variant, head, (3, 3, 4), **sizes)
    compiled = [drawn(model, 2), drawn(model, 2, temperature=0.7)]
    with interpreted():
        plain = [drawn(model, 2), drawn(model, 2, temperature=0.7)]
    assert same_bits(compiled[0], plain[0])
    assert same_bits(compiled[1], plain[1])


def rounded(exp):
    """Plant an exp of half precision."""
    return lambda x: np.float32(np.float16(exp(min(x, np.float32(11)))))


def fused(product):
    """Plant products that are added before they are rounded, as `fastmath` would."""

    def exact(state, out, start, x, weights, first, n_out, n_in):
        n_out, n_in = int(n_out), int(n_in)
        w = weights[first : first + n_in * n_out].reshape(n_in, n_out).astype(float)
        sums = state[:, start : start + n_out] + state[:, x : x + n_in].astype(float) @ w
        state[:, out : out + n_out] = sums

    return exact


@pytest.mark.parametrize("fault", [{"exp": rounded}, {"product": fused}])
def test_another_rounding_is_seen(fault):
    model = build("row_lstm", "softmax", (1, 3, 4), hidden=3, layers=1)
    with interpreted(**fault):
        wrong = drawn(model, 2)
    assert not same_bits(drawn(model, 2), wrong)


def alone_or_not(model):
    """Whether images are the same in company, alone, elsewhere in the batch and in other groups."""
    company = drawn(model, 5)
    for first in range(5):
        if not same_bits([part[first : first + 1] for part in company], drawn(model, 1, first)):
            return False
    return same_bits([part[2:] for part in company], drawn(model, 3, 2))


@pytest.mark.parametrize("variant", ["pixel_cnn", "row_lstm", "diagonal_bilstm", "gated_pixel_cnn"])
@pytest.mark.parametrize("head", HEADS)
def test_an_image_is_the_same_in_any_company(variant, head):
    assert alone_or_not(build(variant, head, (3, 4, 5)))


def leaking(run):
    """Plant a number of one image that gets into another's state."""

    def leak(code, places, steps, first, last, j, weights, state):
        run(code, places, steps, first, last, j, weights, state)
        state[0, 0] += state[-1, 0] * np.float32(1e-3)

    return leak


def test_a_leak_between_images_is_seen():
    model = build("pixel_cnn", "softmax", (1, 3, 4), hidden=3, layers=1)
    with interpreted():
        assert alone_or_not(model)
    with interpreted(run=leaking):
        assert not alone_or_not(model)


def test_groups_and_threads_change_nothing(monkeypatch):
    """Fault: a state that a group inherits from the one before it."""
    model = build("diagonal_bilstm", "logistic_mixture", (3, 4, 5), levels=9)
    expected = drawn(model, 11)
    for group in (1, 3, 20):
        monkeypatch.setattr(groups, "GROUP", group)
        for threads in (1, 3):
            monkeypatch.setattr("torch.get_num_threads", lambda threads=threads: threads)
            assert same_bits(expected, drawn(model, 11))


def bits():
    """Return checksums of what a few models draw, and of their features."""
    models = [
        build(variant, head, (3, 4, 5), hidden=16)
        for variant in ("pixel_cnn", "row_lstm", "diagonal_bilstm", "gated_pixel_cnn")
        for head in HEADS
    ]
    return [hashlib.md5(part.tobytes()).hexdigest() for m in models for part in drawn(m, 3)]


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="names CPUs of one family")
@pytest.mark.parametrize("cpu", ["haswell", "x86-64"])
def test_the_bits_are_those_of_any_cpu(cpu, tmp_path):
    """One that can fuse a product and a sum, and one that has neither that nor wide vectors. Fault: `fastmath={"contract"}`."""
    code = "from tests.compiled.test_kernels import bits; print(*bits())"
    environment = os.environ | {"NUMBA_CPU_NAME": cpu, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, '.'); {code}"]
    ran = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == bits()
