"""The compiled scans against the plain ones, in float32; faults planted in the loops as Python runs them."""

from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from unittest.mock import patch

import numpy as np
import pytest
import torch

import pixelrnn.ops
from pixelrnn.ops import cpu_scans, kernels, recurrence, scans

SCANS = ["row", "row, one tap", "row, wide", "diagonal"]
# Images, features, rows, columns.
SIZES = [(2, 3, 4, 6), (1, 1, 1, 1), (16, 8, 1, 5), (3, 9, 5, 1), (17, 4, 3, 3), (40, 12, 6, 5)]


def inputs(scan, b, f, h, w, dtype=torch.float32):
    """Return the map in memory as a product leaves it, the weights and the state outside."""
    torch.manual_seed(0)
    taps = {"row": 3, "row, one tap": 1, "row, wide": 7}
    if scan == "diagonal":
        x, kernel, initial = (h, w, 8 * f, b), (2, 4 * f, f, 2), (2, 2, f)
    else:
        x, kernel, initial = (h, w, 4 * f, b), (4 * f, f, taps[scan]), (2, f)
    x = torch.randn(x, dtype=dtype).permute(3, 2, 0, 1)
    weights = torch.randn(kernel, dtype=dtype) / 2 / f**0.5
    return [part.requires_grad_() for part in (x, weights, torch.randn(initial, dtype=dtype))]


def function(module, scan):
    return getattr(module, f"{scan.split(',')[0]}_scan")


def results(module, scan, arguments):
    """Return the values, then the gradients of a sum weighted at random."""
    y = function(module, scan)(*arguments)
    torch.manual_seed(1)
    grad = torch.randn(y.shape).to(y.dtype)
    return [y, *torch.autograd.grad(y, arguments, grad)]


def error(scan, size):
    """Return the largest error of values and gradients, as a share of the largest number."""
    single = inputs(scan, *size)
    double = [part.detach().double().requires_grad_() for part in single]
    pairs = zip(results(cpu_scans, scan, single), results(recurrence, scan, double), strict=True)
    # What is no number is no agreement.
    return max(
        ((got - plain).abs().max() / plain.abs().max()).nan_to_num(np.inf).item()
        for got, plain in pairs
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scan", SCANS)
def test_values_and_gradients_equal_the_plain_scan(scan, size):
    assert error(scan, size) < 1e-6


@contextmanager
def interpreted(**faults):
    """Let Python itself run the loops; `faults` take the place of functions."""
    spec = spec_from_file_location("plain_kernels", kernels.__file__)
    plain = module_from_spec(spec)
    with patch("numba.njit", lambda function, **_: function):
        spec.loader.exec_module(plain)
    plain.add_one, plain.add_eight = adding(1), adding(8)
    for name, fault in faults.items():
        setattr(plain, name, fault(getattr(plain, name)))
    with patch.object(pixelrnn.ops, "kernels", plain), np.errstate(all="ignore"):
        yield


def adding(rows):
    """What `_adding` writes in LLVM's instructions."""

    def add(y, at, weights, first, step, x, x_at, n):
        for k in range(n):
            seen = x[x_at + 16 * k : x_at + 16 * k + 16]
            for r in range(rows):
                y[at + 16 * r : at + 16 * r + 16] += weights[first + step * k + r] * seen

    return add


@pytest.mark.parametrize("scan", SCANS)
def test_interpreted_is_compiled(scan):
    with interpreted():
        assert error(scan, (2, 3, 3, 4)) < 1e-6


def next_neighbor(run):
    """Plant a neighbor one column on."""

    def wrong(x, taps, neighbors, *rest):
        others = neighbors.copy()
        others[0, 1] += 1
        run(x, taps, others, *rest)

    return wrong


def no_initial_state(_):
    """Plant zeros outside the image."""
    return lambda y, features: y.fill(0)


def leaking(cell):
    """Plant a number of one image that gets into another's state."""

    def leak(gates, before, after, hidden):
        cell(gates, before, after, hidden)
        hidden[0] += hidden[1] * np.float32(1e-3)

    return leak


def forgetful(cell_back):
    """Plant a cell whose gradient does not reach the cell before."""

    def forget(gates, before, after, dh, dc, d_gates):
        cell_back(gates, before, after, dh, dc, d_gates)
        dc[:] = 0

    return forget


def one_short(product):
    """Plant a product that leaves out the last feature."""
    return lambda y, at, weights, tap, n_out, x, x_at, n_in: product(
        y, at, weights, tap, n_out, x, x_at, n_in - 1
    )


@pytest.mark.parametrize("scan", ["row", "diagonal"])
@pytest.mark.parametrize(
    "fault",
    [
        {"forward": next_neighbor},
        {"spread": no_initial_state},
        {"cell": leaking},
        {"cell_back": forgetful},
        {"product": one_short},
    ],
)
def test_planted_faults_are_seen(scan, fault):
    with interpreted(**fault):
        assert error(scan, (2, 3, 3, 4)) > 1e-5


@pytest.mark.parametrize("scan", SCANS)
def test_the_same_bits_on_any_number_of_threads(scan):
    """Fault: a gradient that threads add up in the order in which they finish."""
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            found.append(results(cpu_scans, scan, inputs(scan, 40, 6, 5, 7)))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("scan", ["row", "diagonal"])
def test_an_image_is_the_same_in_any_company(scan):
    """Bits of values and of the map's gradient, for an image in another lane and another group."""
    x, kernel, initial = inputs(scan, 21, 5, 4, 5)
    run = function(cpu_scans, scan)

    def of(images):
        y = run(images, kernel, initial)
        return y, torch.autograd.grad(y.sum(), images)[0]

    company = of(x)
    for some in (slice(3, 4), slice(14, 21)):
        alone = of(x[some].detach().requires_grad_())
        assert all(torch.equal(a[some], b) for a, b in zip(company, alone, strict=True))


@pytest.mark.parametrize("scan", ["row", "diagonal"])
def test_what_is_no_number_is_seen(scan):
    """Fault: bounds of exp that turn NaN into a number, so that a training that diverged goes on."""
    x, kernel, initial = inputs(scan, 3, 2, 3, 3)
    with torch.no_grad():
        x[1, :, 0, 0] = torch.nan
        y = function(cpu_scans, scan)(x, kernel, initial)
        assert y[1].isnan().any()
        assert y[[0, 2]].isfinite().all()
        x[1] = (
            torch.tensor([torch.inf, -1e30, 1e30, 200.0])
            .repeat_interleave(2)
            .repeat(len(x[1]) // 8)[:, None, None]
        )
        assert function(cpu_scans, scan)(x, kernel, initial).isfinite().all()


@pytest.mark.parametrize("scan", ["row", "diagonal"])
def test_the_input_is_left_as_it_was_and_backward_twice_gives_the_same(scan):
    arguments = inputs(scan, 9, 3, 4, 5)
    before = [part.detach().clone() for part in arguments]
    y = function(cpu_scans, scan)(*arguments)
    first, second = (torch.autograd.grad(y.sum(), arguments, retain_graph=True) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(before, arguments, strict=True))


@pytest.mark.parametrize("scan", ["row", "diagonal"])
@pytest.mark.parametrize(
    ("images", "dtype", "compiled"),
    [(8, torch.float32, True), (7, torch.float32, False), (8, torch.float64, False)],
)
def test_batches_in_float32_are_compiled(scan, images, dtype, compiled):
    with patch.object(cpu_scans._Scan, "apply", side_effect=cpu_scans._Scan.apply) as apply:
        function(scans, scan)(*inputs(scan, images, 2, 3, 3, dtype))
    assert apply.called == compiled
