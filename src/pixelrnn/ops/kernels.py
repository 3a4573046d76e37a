"""The scans of `recurrence.py` as compiled loops: one call runs a whole layer, forward or back.

Pixel by pixel, sixteen images abreast: the numbers of one feature at one pixel are `LANES` that lie
together and never meet. A call is for one direction and one such group of images; calls are
independent, so that they may run on several threads, and give the same bits on any number.

Both scans are one loop. A pixel's gates receive the hidden state of its `neighbors`, given as (row,
column): (0, c) is c columns on in the row above, (1, c) in the same row. In the Diagonal BiLSTM
they are (0, 0) and (1, -1), and the cell comes from the left; in the Row LSTM they are all in the
row above, and so is the cell. A direction from right to left reads and writes its maps mirrored.

The products hold their sums in registers, which no loop of numba's does: `add_one` and `add_eight`
are written in LLVM's instructions. Unlike those of drawing, these kernels fuse a product with a sum
where the CPU can: a training repeats to the bit on one machine, not on another. Formulas of the
gradients stand in `scans.py`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

F = np.float32
LANES = 16
ZERO, ONE, TWO = F(0), F(1), F(2)
LOWEST, HIGHEST = F(-87), F(88)  # beyond them exp is no normal float32
BY_LOG_2, LOG_2_HIGH, LOG_2_LOW = F(1.44269504), F(0.693359375), F(-2.12194440e-4)
TO_WHOLE = F(1.5 * 2**23)  # added and taken off again, it rounds; the sum's last bits are the whole
C2, C3, C4, C5, C6 = (F(1 / k) for k in (2, 6, 24, 120, 720))

compiled = partial(numba.njit, error_model="numpy", nogil=True, fastmath={"contract"})
inner = partial(compiled, no_cpython_wrapper=True, no_cfunc_wrapper=True)
formula = partial(inner, forceinline=True)


def cached(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile what Python calls, at its first call, which takes seconds, and keep it on disk."""
    try:
        return compiled(function, cache=True)
    except RuntimeError:  # neither the package's folder nor the user's can be written to
        return compiled(function)


def _adding(rows: int) -> Any:
    """Write `add(y, at, weights, first, step, x, x_at, n)`, for as many rows of y.

    y[at + 16 r + l] += sum over k < n of weights[first + step k + r] x[x_at + 16 k + l]
    """
    vector, undefined = ir.VectorType(ir.FloatType(), LANES), ir.Undefined
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    fused = ("contract",)

    @intrinsic
    def add(typing, y, at, weights, first, step, x, x_at, n):
        def generate(context, build, signature, arguments):
            y, weights, x = (
                make_array(signature.args[k])(context, build, arguments[k]).data for k in (0, 2, 5)
            )
            at, first, step, x_at, n = (arguments[k] for k in (1, 3, 4, 6, 7))

            def lanes(data, place):
                return build.bitcast(build.gep(data, [place]), vector.as_pointer())

            outs = [lanes(y, build.add(at, at.type(LANES * r))) for r in range(rows)]
            sums = [cgutils.alloca_once_value(build, build.load(out, align=4)) for out in outs]
            with cgutils.for_range(build, n) as loop:
                place = build.add(x_at, build.mul(loop.index, at.type(LANES)))
                seen = build.load(lanes(x, place), align=4)
                column = build.add(first, build.mul(loop.index, step))
                for r, total in enumerate(sums):
                    weight = build.load(build.gep(weights, [build.add(column, at.type(r))]))
                    one = build.insert_element(vector(undefined), weight, ir.IntType(32)(0))
                    weight = build.shuffle_vector(one, vector(undefined), everywhere)
                    term = build.fmul(weight, seen, flags=fused)
                    build.store(build.fadd(build.load(total), term, flags=fused), total)
            for out, total in zip(outs, sums, strict=True):
                build.store(build.load(total), out, align=4)
            return context.get_dummy_value()

        place = types.int64
        return types.void(y, place, weights, place, place, x, place, place), generate

    return add


add_one, add_eight = _adding(1), _adding(8)


@inner
def product(y, at, weights, tap, n_out, x, x_at, n_in):
    """Add a tap's weights (n_in, n_out) times the state at `x_at` of x to y, from `at` on."""
    first, r = tap * n_in * n_out, 0
    while r + 8 <= n_out:
        add_eight(y, at + r * LANES, weights, first + r, n_out, x, x_at, n_in)
        r += 8
    while r < n_out:
        add_one(y, at + r * LANES, weights, first + r, n_out, x, x_at, n_in)
        r += 1


@inner
def move(y, at, step, x, x_at, x_step, n, images):
    """Copy n features of a pixel, each of so many images, `step` and `x_step` apart."""
    for _ in range(n):
        out, seen = y[at : at + images], x[x_at : x_at + images]
        if images == LANES:  # a number that the compiler knows: one load, one store
            for lane in range(LANES):
                out[lane] = seen[lane]
        else:
            for lane in range(images):
                out[lane] = seen[lane]
        at, x_at = at + step, x_at + x_step


@inner
def spread(y, features):
    """Give every lane the same state."""
    for k in range(len(features)):
        y[k * LANES : (k + 1) * LANES] = features[k]


@formula
def sigmoid(x):
    """Return 1 / (1 + e^-x), where e^y = 2^n e^r, |r| < log(2) / 2; what is no number stays so."""
    y = LOWEST if -x < LOWEST else -x
    y = HIGHEST if y > HIGHEST else y
    rounded = y * BY_LOG_2 + TO_WHOLE
    n = rounded - TO_WHOLE
    r = (y - n * LOG_2_HIGH) - n * LOG_2_LOW
    e = ONE + r * (ONE + r * (C2 + r * (C3 + r * (C4 + r * (C5 + r * C6)))))
    bits = F(rounded).view(np.int32) << np.int32(23)
    return ONE / (ONE + e * np.int32(bits + np.int32(127 << 23)).view(F))


@inner
def cell(gates, before, after, hidden):
    """Apply equation 3: gates' inputs become o, f, i, g; the new cell and hidden state."""
    n = len(hidden)
    o, f, i, g = gates[:n], gates[n : 2 * n], gates[2 * n : 3 * n], gates[3 * n :]
    for k in range(n):
        o[k], f[k], i[k] = sigmoid(o[k]), sigmoid(f[k]), sigmoid(i[k])
        g[k] = TWO * sigmoid(TWO * g[k]) - ONE
        after[k] = f[k] * before[k] + i[k] * g[k]
        hidden[k] = o[k] * (TWO * sigmoid(TWO * after[k]) - ONE)


@inner
def cell_back(gates, before, after, dh, dc, d_gates):
    """Compute the gradients of the gates' inputs as in `scans.py`; dc becomes the cell before's."""
    n = len(dh)
    o, f, i, g = gates[:n], gates[n : 2 * n], gates[2 * n : 3 * n], gates[3 * n :]
    d_o, d_f, d_i, d_g = d_gates[:n], d_gates[n : 2 * n], d_gates[2 * n : 3 * n], d_gates[3 * n :]
    for k in range(n):
        u = TWO * sigmoid(TWO * after[k]) - ONE
        d = dc[k] + dh[k] * o[k] * (ONE - u * u)
        d_o[k] = dh[k] * u * o[k] * (ONE - o[k])
        d_f[k] = d * before[k] * f[k] * (ONE - f[k])
        d_i[k] = d * g[k] * i[k] * (ONE - i[k])
        d_g[k] = d * i[k] * (ONE - g[k] * g[k])
        dc[k] = d * f[k]


@cached
def forward(x, taps, neighbors, initial, sides, gates, cells, hidden, shape, first, mirrored):
    """Run a scan over the images from `first` on.

    Maps are flat: gates' inputs x (4f h w b), hidden states (f h w b). `taps` (k f 4f) are the
    neighbors' weights, `initial` (2, f) the state above the map, `sides` (f) the hidden state
    beside it. What `backward` needs is kept by pixel, from the direction's own left: `gates`
    (h w 4f 16), `cells` (h w f 16).
    """
    h, w, b = shape
    f, images, one_row = initial.shape[1], min(LANES, b - first), neighbors[-1, 0]
    size, reach = f * LANES, np.max(np.abs(neighbors[:, 1]))
    rows = np.empty((2, (w + 2 * reach) * size), F)  # hidden states: the row above, this one
    start = np.empty(size, F)
    spread(start, initial[1])
    for j in range(w + 2 * reach):
        inside = reach <= j < reach + w
        spread(rows[1, j * size : (j + 1) * size], initial[0] if inside else sides)
        spread(rows[0, j * size : (j + 1) * size], sides)
    for i in range(h):
        here, above, before = rows[i % 2], rows[1 - i % 2], start
        for q in range(w):
            pixel, source = i * w + q, (i * w + (w - 1 - q if mirrored else q)) * b + first
            at, place = pixel * 4 * size, (reach + q) * size
            move(gates, at, LANES, x, source, h * w * b, 4 * f, images)
            for k in range(len(neighbors)):
                near = place + neighbors[k, 1] * size
                product(gates, at, taps, k, 4 * f, here if neighbors[k, 0] else above, near, f)
            if not one_row and i > 0:
                before = cells[(pixel - w) * size : (pixel - w + 1) * size]
            after = cells[pixel * size : (pixel + 1) * size]
            cell(gates[at : at + 4 * size], before, after, here[place : place + size])
            move(hidden, source, h * w * b, here, place, LANES, f, images)
            if one_row:
                before = after


@cached
def backward(
    grad, down, taps, neighbors, initial, gates, cells, d_x, d_initial, shape, first, mirrored
):
    """Run a scan back: from the gradient of its output (f h w b), all but the taps' gradient.

    The output stood `down` rows lower in `grad` than in the scan. `taps` (k 4f f) are transposed;
    d_x (4f h w b) and d_initial (2, f) are written.
    """
    h, w, b = shape
    f, images, one_row = initial.shape[1], min(LANES, b - first), neighbors[-1, 0]
    size, reach = f * LANES, np.max(np.abs(neighbors[:, 1]))
    rows = np.zeros((2, (w + 2 * reach) * size), F)  # gradients of two rows of hidden states
    d_cells = np.zeros((1 if one_row else w) * size, F)
    d_gates, dh, start = np.empty(4 * size, F), np.empty(size, F), np.empty(size, F)
    totals = np.zeros((2, size), F)
    spread(start, initial[1])
    for i in range(h - 1, -1, -1):
        here, above = rows[i % 2], rows[1 - i % 2]
        above[:] = ZERO
        for q in range(w - 1, -1, -1):
            pixel, source = i * w + q, (i * w + (w - 1 - q if mirrored else q)) * b + first
            at, place = pixel * 4 * size, (reach + q) * size
            dh[:] = ZERO
            if i + down < h:
                move(dh, 0, LANES, grad, source + down * w * b, h * w * b, f, images)
            arrived = here[place : place + size]
            for k in range(size):
                dh[k] += arrived[k]
            before = start
            if q > 0 if one_row else i > 0:
                earlier = (pixel - (1 if one_row else w)) * size
                before = cells[earlier : earlier + size]
            after = cells[pixel * size : (pixel + 1) * size]
            dc = d_cells if one_row else d_cells[q * size : (q + 1) * size]
            cell_back(gates[at : at + 4 * size], before, after, dh, dc, d_gates)
            move(d_x, source, h * w * b, d_gates, 0, LANES, 4 * f, images)
            for k in range(len(neighbors)):
                near = place + neighbors[k, 1] * size
                product(here if neighbors[k, 0] else above, near, taps, k, f, d_gates, 0, 4 * f)
        if one_row:  # what arrives from the left of the map
            totals[0] += here[:size]
            totals[1] += d_cells
            d_cells[:] = ZERO
    for q in range(w):  # what arrives from above the map
        totals[0] += rows[1, (reach + q) * size : (reach + q + 1) * size]
    for q in range(0 if one_row else w):
        totals[1] += d_cells[q * size : (q + 1) * size]
    for k in range(f):
        for lane in range(images):
            d_initial[0, k] += totals[0, k * LANES + lane]
            d_initial[1, k] += totals[1, k * LANES + lane]
