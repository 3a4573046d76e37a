"""Run programs: plain loops that numba compiles, the same bits wherever and however they run.

An image's numbers come from the same operations in the same order whatever images are beside it, on
any number of threads, on any CPU with IEEE 754's floats: sums have a fixed order, a product and a
sum are never fused, exp and log are polynomials. Vectors are of features, which don't meet.

A group of images goes through the program together, so that a weight is fetched once for all; each
has a row of `state` to itself. All is in one file because numba's cache notices changes in the file
of the function that Python calls, not in what that one calls.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np

from pixelrnn.compiled.program import ADD, CELL, GATE, PRODUCT

F = np.float32
ZERO, ONE, TWO = F(0), F(1), F(2)
LOWEST, HIGHEST = F(-87), F(88)  # beyond them exp is no normal float32
BY_LOG_2, LOG_2_HIGH, LOG_2_LOW = F(1.44269504), F(0.693359375), F(-2.12194440e-4)
TO_WHOLE, ROOT_2 = F(1.5 * 2**23), F(2**0.5)  # the former, added and taken off again, rounds
C2, C3, C4, C5, C6 = (F(1 / k) for k in (2, 6, 24, 120, 720))
D3, D5, D7, D9 = (F(1 / k) for k in (3, 5, 7, 9))
# Addresses are unsigned: numba then knows that none is counted from the end, and vectorises.
NONE, UNIT, EIGHT = np.uint64(0), np.uint64(1), np.uint64(8)


# No `fastmath`: it would fuse, reorder and approximate as each CPU likes best.
compiled = partial(numba.njit, error_model="numpy", nogil=True)
inner = partial(compiled, no_cpython_wrapper=True, no_cfunc_wrapper=True)
formula = partial(inner, forceinline=True)  # of one number: to be vectorised where it is called


def cached(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile what Python calls, at its first call, which takes seconds, and keep it on disk."""
    try:
        return compiled(function, cache=True)
    except RuntimeError:  # neither the package's folder nor the user's can be written to
        return compiled(function)


@formula
def exp(x):
    """Return e^x: 2^n e^r, |r| < log(2) / 2, to three units of the last place; 0 below e^-87."""
    y = min(max(x, LOWEST), HIGHEST)
    n = (y * BY_LOG_2 + TO_WHOLE) - TO_WHOLE
    r = (y - n * LOG_2_HIGH) - n * LOG_2_LOW
    e = ONE + r * (ONE + r * (C2 + r * (C3 + r * (C4 + r * (C5 + r * C6)))))
    power = np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(F)
    return e * power if x >= LOWEST else ZERO


@formula
def log(x):
    """Return log x = e log 2 + log m, with 0.7 < m <= 1.4; of normal numbers."""
    bits = F(x).view(np.int32)
    e = F((bits >> np.int32(23)) - np.int32(127))
    m = np.int32((bits & np.int32(0x7FFFFF)) | np.int32(0x3F800000)).view(F)
    if m > ROOT_2:
        m, e = m / TWO, e + ONE
    s = (m - ONE) / (m + ONE)
    t = s * s
    log_m = TWO * s * (ONE + t * (D3 + t * (D5 + t * (D7 + t * D9))))
    return e * LOG_2_HIGH + (e * LOG_2_LOW + log_m)


@formula
def sigmoid(x):
    """Return 1 / (1 + e^-x)."""
    return ONE / (ONE + exp(-x))


@formula
def log_sigmoid(x):
    """Return log sigmoid(x), which is about x where x is far below zero."""
    return min(x, ZERO) - log(ONE + exp(-abs(x)))


@inner
def product(state, out, start, x, weights, first, n_out, n_in):
    """Compute out = start + W x for every row of `state`; W is `(n_in, n_out)` from `first` on.

    Eight inputs a pass, always in the same order.
    """
    if start != out:
        for image in range(len(state)):
            y = state[image]
            for i in range(n_out):
                y[out + i] = y[start + i]
    w, n, k, two, four = weights, n_out, NONE, n_out + n_out, n_out + n_out + n_out + n_out
    while k + EIGHT <= n_in:
        w0, w1, w2, w3 = first, first + n, first + two, first + two + n
        w4, w5, w6, w7 = w0 + four, w1 + four, w2 + four, w3 + four
        for image in range(len(state)):
            y = state[image]
            v = y[x + k : x + k + EIGHT]
            v0, v1, v2, v3, v4, v5, v6, v7 = v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]
            for i in range(n):
                s = (w[w0 + i] * v0 + w[w1 + i] * v1) + (w[w2 + i] * v2 + w[w3 + i] * v3)
                t = (w[w4 + i] * v4 + w[w5 + i] * v5) + (w[w6 + i] * v6 + w[w7 + i] * v7)
                y[out + i] += s + t
        k, first = k + EIGHT, first + four + four
    while k < n_in:
        for image in range(len(state)):
            y = state[image]
            v0 = y[x + k]
            for i in range(n):
                y[out + i] += w[first + i] * v0
        k, first = k + UNIT, first + n


@inner
def cell(state, hidden, after, gates, before, n):
    """Compute an LSTM's cell (equation 3); its gates' inputs become their sigmoids.

    Those of the candidate come doubled, since tanh x = 2 sigmoid(2 x) - 1.
    """
    output, forget = gates, gates + n
    write, candidate = forget + n, forget + n + n
    for image in range(len(state)):
        row = state[image]
        for i in range(n + n + n + n):
            row[gates + i] = sigmoid(row[gates + i])
        for i in range(n):
            new = row[write + i] * (TWO * row[candidate + i] - ONE)
            row[after + i] = row[forget + i] * row[before + i] + new
        for i in range(n):
            row[hidden + i] = row[output + i] * (TWO * sigmoid(TWO * row[after + i]) - ONE)


@inner
def run(code, places, steps, first, last, j, weights, state):
    """Run the instructions `first` to `last` at column j; `places` are those of this row."""
    for k in range(first, last):
        operation, n = code[k, 0], code[k, 1]
        p, q = places[k, 0] + j * steps[k, 0], places[k, 1] + j * steps[k, 1]
        r, s = places[k, 2] + j * steps[k, 2], places[k, 3] + j * steps[k, 3]
        if operation == PRODUCT:
            product(state, p, q, r, weights, code[k, 3], n, code[k, 2])
        elif operation == CELL:
            cell(state, p, q, r, s, n)
        else:
            for image in range(len(state)):
                row = state[image]
                if operation == ADD:
                    for i in range(n):
                        row[p + i] = row[q + i] + row[r + i]
                elif operation == GATE:
                    for i in range(n):
                        tanh = TWO * sigmoid(TWO * row[q + i]) - ONE
                        row[p + i] = tanh * sigmoid(row[q + n + i])
                else:
                    for i in range(n):
                        row[p + i] = max(row[q + i], ZERO)


@inner
def draw_level(log_weights, u, temperature):
    """Return the level whose share of the tempered weights, added up in order, holds u."""
    best, total, below = largest(log_weights), 0.0, 0.0
    for k in range(len(log_weights)):
        log_weights[k] = exp((log_weights[k] - best) / temperature)
    for k in range(len(log_weights)):
        total += log_weights[k]
    for k in range(len(log_weights)):
        below += log_weights[k]
        if below > u * total:
            return k
    return len(log_weights) - 1


@inner
def largest(numbers):
    """Return the largest of the numbers."""
    best = numbers[0]
    for number in numbers:
        best = max(best, number)
    return best


@inner
def draw_mixture(y, levels, u, temperature, table, components):
    """Draw all colors of a pixel from a mixture of logistics, see `heads/logistic_mixture.py`.

    At temperature 1 by bisecting the distribution function, else from a table of all levels. Drawn
    colors change the weights of the components for the next.
    """
    colors, last, size = len(levels), len(table) - 1, len(y) // components.shape[1]
    half = ONE / F(last)
    logs, summands, means, scales = components[0], components[1], components[2], components[3]
    for m in range(len(logs)):
        logs[m] = y[m * size]
    for color in range(colors):
        for m in range(len(logs)):
            p = y[m * size + 1 : (m + 1) * size]
            means[m], scales[m] = p[color], exp(-max(p[colors + color], F(-7)))
            for earlier in range(color):
                x = p[2 * colors + color * (color - 1) // 2 + earlier]
                number = TWO * half * F(levels[earlier]) - ONE
                means[m] += (TWO * sigmoid(TWO * x) - ONE) * number
        if temperature == ONE:
            best, total, low, high = largest(logs), 0.0, 0, last
            for m in range(len(logs)):
                summands[m] = exp(logs[m] - best)
                total += summands[m]
            while low < high:
                middle, below = (low + high) // 2, 0.0
                edge = half * F(2 * middle + 1) - ONE
                for m in range(len(logs)):
                    below += summands[m] * sigmoid((edge - means[m]) * scales[m])
                low, high = (low, middle) if below > u[color] * total else (middle + 1, high)
            levels[color] = low
        else:
            for m in range(len(logs)):
                for k in range(len(table)):
                    x = logs[m] + log_bin(k, last, half, means[m], scales[m])
                    more = max(table[k], x) - log_sigmoid(abs(table[k] - x))  # of both
                    table[k] = more if m else x
            levels[color] = draw_level(table, u[color], temperature)
        for m in range(len(logs)):
            logs[m] += log_bin(levels[color], last, half, means[m], scales[m])


@formula
def log_bin(k, last, half, mean, inverse):
    """Return the log of a logistic's mass in the bin of level k: `LogisticMixture._log_bin`."""
    number = TWO * half * F(k) - ONE
    below = log_sigmoid((number - mean + half) * inverse)
    above = log_sigmoid((mean - number + half) * inverse)
    t = TWO * half * inverse
    width = (
        ONE - exp(-t) if t > F(0.1) else t * (ONE - t / F(2) * (ONE - t / F(3) * (ONE - t / F(4))))
    )
    return below if k == 0 else above if k == last else below + above + log(width)


@cached
def sweep(code, places, steps, weights, state, first, last, w):
    """Run the instructions `first` to `last` everywhere on a map whose input is all there."""
    for i in range(len(places)):
        for j in range(w):
            run(code, places[i], steps, first, last, np.uint64(j), weights, state)


@cached
def fill(
    code, phases, places, steps, weights, state, registers, table, mixture, x, known, chance,
    context, temperature, features,
):  # fmt: skip
    """Draw the levels x (n c h w) that are not known (h w), in place, in raster order.

    `chance` (n c h w) are uniform numbers, `context` (n h w e); `features` (n h w g), unless empty,
    become the network's output. `phases` begin the phases' instructions. `table` has room for each
    level, or is empty: two levels, one logit; `mixture` for 4 numbers a component, or it is None.
    """
    pixel, output, n_features, levels, shared, extra = registers
    begin, before, step, after, back = phases[0], phases[1], phases[2], phases[3], phases[4]
    n, colors, h, w = x.shape
    passes, to_number = colors if mixture is None else 1, TWO / F(levels - 1)
    for i in range(h):
        for k in range(4, len(phases) - 1):
            for j in range(w):
                state[:, shared : shared + context.shape[3]] = context[:, i, j]
                run(code, places[i], steps, phases[k], phases[k + 1], np.uint64(j), weights, state)
        for j in range(w + extra):
            inside, column = j < w, np.uint64(j)
            draws = inside and not known[i, j]
            for image in range(n):
                row = state[image]
                for e in range(context.shape[3]):
                    row[shared + e] = context[image, i, j, e] if inside else ZERO
                for color in range(colors):
                    number = F(x[image, color, i, j]) * to_number - ONE if inside else ZERO
                    row[pixel + color] = ZERO if draws else number
            run(code, places[i], steps, begin, before, column, weights, state)
            for turn in range(passes if draws else 1):
                run(code, places[i], steps, before, step, column, weights, state)
                for image in range(n if draws else 0):
                    row = state[image]
                    y, u = row[output : output + n_features], chance[image, :, i, j]
                    drawn = x[image, :, i, j]
                    if mixture is not None:
                        draw_mixture(y, drawn, u, temperature, table, mixture)
                    elif len(table):
                        for k in range(len(table)):
                            table[k] = y[k * colors + turn]
                        drawn[turn] = draw_level(table, u[turn], temperature)
                    else:
                        drawn[turn] = u[turn] >= sigmoid(-y[turn] / temperature)
                    for color in range(turn, turn + 1 if passes > 1 else colors):
                        row[pixel + color] = F(drawn[color]) * to_number - ONE
            run(code, places[i], steps, step, after, column, weights, state)
            for image in range(len(features) if inside else 0):
                features[image, i, j] = state[image, output : output + n_features]
        for j in range(w + extra - 1 if i < h - 1 else -1, -1, -1):
            run(code, places[i], steps, after, back, np.uint64(j), weights, state)
