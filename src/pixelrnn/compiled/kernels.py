"""Run programs: plain loops that numba compiles, the same bits wherever and however they run.

Every number of every image comes from the same operations in the same order, whatever the number
of images beside it and of threads, and on any CPU whose floats are IEEE 754's: sums run in a fixed
order, a product and a sum are never fused, and exp and log are the polynomials below, not a
library's. What is vectorised is an instruction's features, which don't meet.

A group of images goes through the program together, so that a weight is fetched once for all of
them; each has a row of `state` to itself. All functions are in this one file because numba's cache
notices a change of the file of the function that is called, not of what that one calls.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np

from pixelrnn.compiled.program import ADD, CELL, COPY, PRODUCT

BERNOULLI, SOFTMAX, MIXTURE = range(3)  # heads

F = np.float32
ZERO, ONE, TWO = F(0), F(1), F(2)
LOWEST, HIGHEST = F(-87), F(88)  # beyond them exp is no normal float32
BY_LOG_2, LOG_2_HIGH, LOG_2_LOW = F(1.44269504), F(0.693359375), F(-2.12194440e-4)
TO_WHOLE = F(1.5 * 2**23)  # added and taken off again, it rounds
C2, C3, C4, C5, C6 = F(1 / 2), F(1 / 6), F(1 / 24), F(1 / 120), F(1 / 720)
D3, D5, D7, D9, ROOT_2 = F(1 / 3), F(1 / 5), F(1 / 7), F(1 / 9), F(2**0.5)


# No `fastmath`: it would fuse, reorder and approximate as each CPU likes best. Division by zero is
# infinity, as elsewhere. Other threads run meanwhile.
compiled = partial(numba.njit, error_model="numpy", nogil=True)


def cached(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile what Python calls, at its first call, which takes seconds, and keep it on disk."""
    try:
        return compiled(function, cache=True)
    except RuntimeError:  # neither the package's folder nor the user's can be written to
        return compiled(function)


@compiled
def exp(x):
    """Return e^x: 2^n e^r, |r| < log(2) / 2, to two units of the last place; 0 below e^-87."""
    y = min(max(x, LOWEST), HIGHEST)
    n = (y * BY_LOG_2 + TO_WHOLE) - TO_WHOLE
    r = (y - n * LOG_2_HIGH) - n * LOG_2_LOW
    e = ONE + r * (ONE + r * (C2 + r * (C3 + r * (C4 + r * (C5 + r * C6)))))
    power = np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(F)
    return e * power if x >= LOWEST else ZERO


@compiled
def log(x):
    """Return log x = e log 2 + log m, with 0.7 < m <= 1.4; of normal numbers."""
    bits = F(x).view(np.int32)
    e = F((bits >> np.int32(23)) - np.int32(127))
    m = np.int32((bits & np.int32(0x7FFFFF)) | np.int32(0x3F800000)).view(F)
    if m > ROOT_2:
        m, e = m / TWO, e + ONE
    s = (m - ONE) / (m + ONE)
    t = s * s
    return (TWO * s * (ONE + t * (D3 + t * (D5 + t * (D7 + t * D9)))) + e * LOG_2_LOW) + (
        e * LOG_2_HIGH
    )


@compiled
def sigmoid(x):
    """Return 1 / (1 + e^-x)."""
    return ONE / (ONE + exp(-x))


@compiled
def log_sigmoid(x):
    """Return log sigmoid(x), which is about x where x is far below zero."""
    return min(x, ZERO) - log(ONE + exp(-abs(x)))


@compiled
def product(state, out, start, x, weights, first, n_out, n_in):
    """Compute out = start + W x for every row of `state`; W is `(n_in, n_out)` from `first` on.

    Eight inputs a pass, in order. Slices, since numba vectorises no index arithmetic.
    """
    if start != out:
        copy(state, out, start, n_out)
    whole = n_in - n_in % 8
    for k in range(0, whole, 8):
        w = weights[first + k * n_out : first + (k + 8) * n_out]
        w0, w1, w2, w3 = w[:n_out], w[n_out : 2 * n_out], w[2 * n_out : 3 * n_out], w[3 * n_out :]
        w4, w5, w6, w7 = w[4 * n_out :], w[5 * n_out :], w[6 * n_out :], w[7 * n_out :]
        for image in range(len(state)):
            row = state[image]
            v = row[x + k : x + k + 8]
            v0, v1, v2, v3, v4, v5, v6, v7 = v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]
            y = row[out : out + n_out]
            for i in range(n_out):
                s = y[i] + w0[i] * v0 + w1[i] * v1 + w2[i] * v2 + w3[i] * v3
                y[i] = s + w4[i] * v4 + w5[i] * v5 + w6[i] * v6 + w7[i] * v7
    for k in range(whole, n_in):
        w = weights[first + k * n_out : first + (k + 1) * n_out]
        for image in range(len(state)):
            row = state[image]
            v0 = row[x + k]
            y = row[out : out + n_out]
            for i in range(n_out):
                y[i] = y[i] + w[i] * v0


@compiled
def copy(state, out, a, n):
    """Copy n numbers."""
    for image in range(len(state)):
        row = state[image]
        row[out : out + n] = row[a : a + n]


@compiled
def cell(state, hidden, after, gates, before, n):
    """Compute an LSTM's cell (equation 3); its gates' inputs become their sigmoids.

    Those of the candidate come doubled, since tanh x = 2 sigmoid(2 x) - 1.
    """
    for image in range(len(state)):
        row = state[image]
        g = row[gates : gates + 4 * n]
        for i in range(4 * n):
            g[i] = sigmoid(g[i])
        output, forget, write, candidate = g[:n], g[n : 2 * n], g[2 * n : 3 * n], g[3 * n :]
        old, new, shown = row[before : before + n], row[after : after + n], row[hidden : hidden + n]
        for i in range(n):
            c = forget[i] * old[i] + write[i] * (TWO * candidate[i] - ONE)
            new[i] = c
            shown[i] = output[i] * (TWO * sigmoid(TWO * c) - ONE)


@compiled
def run(code, places, steps, first, last, j, weights, state):
    """Run the instructions `first` to `last` at column j; `places` are those of this row."""
    for k in range(first, last):
        operation, n, m, weight = code[k, 0], code[k, 1], code[k, 2], code[k, 3]
        p = places[k, 0] + j * steps[k, 0]
        q = places[k, 1] + j * steps[k, 1]
        r = places[k, 2] + j * steps[k, 2]
        if operation == PRODUCT:
            product(state, p, q, r, weights, weight, n, m)
        elif operation == CELL:
            cell(state, p, q, r, places[k, 3] + j * steps[k, 3], n)
        elif operation == COPY:
            copy(state, p, q, n)
        else:
            for image in range(len(state)):
                row = state[image]
                out, a, b = row[p : p + n], row[q : q + n], row[r : r + n]
                if operation == ADD:
                    for i in range(n):
                        out[i] = a[i] + b[i]
                else:
                    for i in range(n):
                        out[i] = max(a[i], ZERO)


@compiled
def draw_level(log_weights, u, temperature):
    """Return the level whose share of the tempered weights, added up in order, holds u."""
    best, total = log_weights.max(), 0.0
    for k in range(len(log_weights)):
        log_weights[k] = exp((log_weights[k] - best) / temperature)
    for k in range(len(log_weights)):
        total += log_weights[k]
    threshold, below = u * total, 0.0
    for k in range(len(log_weights)):
        below += log_weights[k]
        if below > threshold:
            return k
    return log_weights.argmax()


@compiled
def draw_mixture(y, levels, u, temperature, table, components):
    """Draw all colors of a pixel from a mixture of logistics, see `heads/logistic_mixture.py`.

    At temperature 1 by bisecting the distribution function, else from a table of all levels. Drawn
    colors change the weights of the components for the next.
    """
    colors, last = len(levels), len(table) - 1
    half = ONE / F(last)
    parameters = y.reshape(components, len(y) // components)
    weights = parameters[:, 0].copy()  # their logs
    for color in range(colors):
        means = parameters[:, 1 + color].copy()
        scales = -np.maximum(parameters[:, 1 + colors + color], F(-7))
        for m in range(components):
            scales[m] = exp(scales[m])  # their inverses
            for earlier in range(color):
                x = parameters[m, 1 + 2 * colors + color * (color - 1) // 2 + earlier]
                v = TWO * half * F(levels[earlier]) - ONE
                means[m] += (TWO * sigmoid(TWO * x) - ONE) * v
        if temperature == ONE:
            best, total = weights.max(), 0.0
            for m in range(components):
                total += exp(weights[m] - best)
            low, high = 0, last
            while low < high:
                middle, below = (low + high) // 2, 0.0
                edge = half * F(2 * middle + 1) - ONE
                for m in range(components):
                    below += exp(weights[m] - best) * sigmoid((edge - means[m]) * scales[m])
                if below > u[color] * total:
                    high = middle
                else:
                    low = middle + 1
            levels[color] = low
        else:
            for k in range(len(table)):
                logs = weights.copy()
                for m in range(components):
                    logs[m] += log_bin(k, last, half, means[m], scales[m])
                best, total = logs.max(), ZERO
                for m in range(components):
                    total += exp(logs[m] - best)
                table[k] = best + log(total)
            levels[color] = draw_level(table, u[color], temperature)
        for m in range(components):
            weights[m] += log_bin(levels[color], last, half, means[m], scales[m])


@compiled
def log_bin(k, last, half, mean, inverse):
    """Return the log of a logistic's mass in the bin of level k: `LogisticMixture._log_bin`."""
    v = TWO * half * F(k) - ONE
    below = log_sigmoid((v - mean + half) * inverse)
    above = log_sigmoid((mean - v + half) * inverse)
    if k == 0:
        return below
    if k == last:
        return above
    return below + above + log(ONE - exp(-TWO * half * inverse))


@cached
def sweep(code, places, steps, rows, weights, state, first, last, h, w):
    """Run the instructions `first` to `last` everywhere on a map whose input is all there."""
    for i in range(h):
        here = places + (i + rows[..., 0]) % rows[..., 1] * rows[..., 2]
        for j in range(w):
            run(code, here, steps, first, last, j, weights, state)


@cached
def fill(
    code, phases, places, steps, rows, weights, state, registers, head, x, known, chance, context,
    temperature, features,
):  # fmt: skip
    """Draw the levels x (n c h w) that are not known (h w), in place, in raster order.

    `chance` (n c h w) are uniform numbers, `context` (n h w e); `features` (n h w g), unless empty,
    become the network's output. `phases` end the instructions before a pixel's colors are drawn,
    at each, after them, and those that run back over a finished row.
    """
    pixel, output, shared, extra = registers
    kind, levels, components, n_features = head
    before, step, after, back = phases
    n, colors, h, w = x.shape
    table, to_number = np.empty(levels, F), TWO / F(levels - 1)
    passes = 1 if kind == MIXTURE else colors
    for i in range(h):
        here = places + (i + rows[..., 0]) % rows[..., 1] * rows[..., 2]
        for j in range(w + extra):
            inside = j < w
            draws = inside and not known[i, j]
            for image in range(n):
                row = state[image]
                for e in range(context.shape[3]):
                    row[shared + e] = context[image, i, j, e] if inside else ZERO
                for color in range(colors):
                    number = F(x[image, color, i, j]) * to_number - ONE if inside else ZERO
                    row[pixel + color] = ZERO if draws else number
            run(code, here, steps, 0, before, j, weights, state)
            for turn in range(passes if draws else 1):
                run(code, here, steps, before, step, j, weights, state)
                for image in range(n if draws else 0):
                    row = state[image]
                    y, u = row[output : output + n_features], chance[image, :, i, j]
                    drawn = x[image, :, i, j]
                    if kind == MIXTURE:
                        draw_mixture(y, drawn, u, temperature, table, components)
                    elif kind == SOFTMAX:
                        table[:] = y[turn::colors]
                        drawn[turn] = draw_level(table, u[turn], temperature)
                    else:
                        drawn[turn] = u[turn] >= sigmoid(-y[turn] / temperature)
                    for color in range(turn, turn + 1 if passes > 1 else colors):
                        row[pixel + color] = F(drawn[color]) * to_number - ONE
            run(code, here, steps, step, after, j, weights, state)
            if inside and len(features):
                for image in range(n):
                    features[image, i, j] = state[image, output : output + n_features]
        for j in range(w + extra - 1 if i < h - 1 else -1, -1, -1):
            run(code, here, steps, after, back, j, weights, state)
