"""A causal convolution along the row as a few large products: for the Row LSTM and 1x1 layers.

    y(j) = bias + W_0 x(j) + W_1 x(j-1) + W_2 x(j-2) + ...

With the features first in memory and the batch last, as the scans leave a map, W_0 x is one product
over all positions and each further tap one more, added in place where it has a left neighbor:
nothing is padded, shifted or copied, going forward or back.
"""

from typing import Any

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from pixelrnn.types import Float, Tensor


def features_first(x: Float[Tensor, "b f h w"]) -> bool:
    """Return whether the map lies in memory as `(f h w b)`: as the scans and products leave it."""
    return x.permute(1, 2, 3, 0).is_contiguous()


def _by_row(x: Tensor, columns: slice) -> Tensor:
    """View `(f, h, w, b)` as `(h, f, columns * b)`."""
    return x[:, :, columns].transpose(0, 1).flatten(2)


class _RowProduct(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        x = x.permute(1, 2, 3, 0).contiguous()  # (f h w b)
        h, w = x.shape[1:3]
        y = torch.addmm(bias[:, None], weight[0], x.flatten(1)).view(-1, *x.shape[1:])
        for left in range(1, min(len(weight), w)):
            tap = weight[left].expand(h, -1, -1)
            _by_row(y, slice(left, None)).baddbmm_(tap, _by_row(x, slice(None, w - left)))
        ctx.save_for_backward(x, weight)
        return y.permute(3, 0, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        h, w = x.shape[1:3]
        grad = grad.permute(1, 2, 3, 0).contiguous()  # (g h w b)
        dx = (weight[0].T @ grad.flatten(1)).view_as(x)
        d_weight = torch.zeros_like(weight)
        d_weight[0] = grad.flatten(1) @ x.flatten(1).T
        for left in range(1, min(len(weight), w)):
            arrived, seen = _by_row(grad, slice(left, None)), _by_row(x, slice(None, w - left))
            _by_row(dx, slice(None, w - left)).baddbmm_(weight[left].T.expand(h, -1, -1), arrived)
            d_weight[left] = (arrived @ seen.transpose(1, 2)).sum(0)
        return dx.permute(3, 0, 1, 2), d_weight, grad.sum((1, 2, 3))


def row_product(
    x: Float[Tensor, "b f h w"], weight: Float[Tensor, "k g f"], bias: Float[Tensor, " g"]
) -> Float[Tensor, "b g h w"]:
    """Add up the products of `weight[d]` with the pixel d places to the left, and the bias.

    Pixels outside the image are zero. Under autocast it computes in the precision of the weights.
    The result lies in memory features first.
    """
    with torch.autocast(x.device.type, enabled=False):
        return _RowProduct.apply(x.to(bias.dtype), weight.to(bias.dtype), bias)
