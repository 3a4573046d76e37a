"""The fast scans against the plain ones: values and gradients, in float64."""

import pytest
import torch

from pixelrnn.ops import recurrence, scans


def inputs(scan, b, f, h, w):
    torch.manual_seed(0)
    shapes = {
        "row": [(b, 4 * f, h, w), (4 * f, f, 3), (2, f)],
        "row, wide": [(b, 4 * f, h, w), (4 * f, f, 7), (2, f)],
        "diagonal": [(b, 8 * f, h, w), (2, 4 * f, f, 2), (2, 2, f)],
    }
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes[scan]]


@pytest.mark.parametrize(
    "size", [(2, 3, 4, 6), (1, 2, 6, 3), (3, 1, 1, 4), (2, 2, 4, 1), (1, 1, 1, 1), (2, 5, 7, 7)]
)
@pytest.mark.parametrize("scan", ["row", "row, wide", "diagonal"])
def test_values_and_gradients_equal_the_plain_scan(scan, size):
    name = f"{scan.split(',')[0]}_scan"
    arguments = inputs(scan, *size)
    plain, fast = getattr(recurrence, name)(*arguments), getattr(scans, name)(*arguments)
    torch.testing.assert_close(fast, plain, rtol=0, atol=1e-10)
    grad = torch.randn_like(plain)
    plain_gradients = torch.autograd.grad(plain, arguments, grad)
    for of_fast, of_plain in zip(
        torch.autograd.grad(fast, arguments, grad), plain_gradients, strict=True
    ):
        torch.testing.assert_close(of_fast, of_plain, rtol=0, atol=1e-10)


@pytest.mark.parametrize("scan", ["row", "diagonal"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_input_is_left_as_it_was(scan, layout):
    gates, kernel, initial = inputs(scan, 2, 3, 4, 5)
    gates = gates.detach().contiguous(memory_format=layout)
    before = gates.clone()
    getattr(scans, f"{scan}_scan")(gates, kernel, initial)
    assert torch.equal(gates, before)


@pytest.mark.parametrize("scan", ["row", "diagonal"])
def test_backward_twice_gives_the_same(scan):
    """What is saved for the backward pass is not spent by it."""
    arguments = inputs(scan, 2, 3, 4, 5)
    y = getattr(scans, f"{scan}_scan")(*arguments)
    first, second = (torch.autograd.grad(y.sum(), arguments, retain_graph=True) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
