"""The products against a convolution of the same taps: values and gradients, in float64."""

import pytest
import torch
import torch.nn.functional as F

from pixelrnn.ops.products import row_product


@pytest.mark.parametrize("taps", [1, 2, 4])
@pytest.mark.parametrize("size", [(2, 3, 5, 4, 6), (1, 2, 2, 3, 1), (3, 1, 2, 1, 3)])
def test_equals_a_convolution_of_the_row(taps, size):
    """Fault: a tap that reads the right neighbor, or one row's end running into the next row."""
    torch.manual_seed(0)
    b, f, g, h, w = size
    x = torch.randn(b, f, h, w, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(taps, g, f, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(g, dtype=torch.float64, requires_grad=True)
    kernel = weight.flip(0).permute(1, 2, 0).unsqueeze(2)
    expected = F.conv2d(F.pad(x, (taps - 1, 0)), kernel, bias)
    got = row_product(x, weight, bias)
    torch.testing.assert_close(got, expected)
    grad = torch.randn_like(expected)
    arguments = (x, weight, bias)
    wanted = torch.autograd.grad(expected, arguments, grad)
    for mine, theirs in zip(torch.autograd.grad(got, arguments, grad), wanted, strict=True):
        torch.testing.assert_close(mine, theirs)
