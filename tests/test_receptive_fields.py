"""Everything that an architecture claims to see is seen, and nothing else: pictures, to the eye.

Each picture is what the output at `o` depends on (`x`); `,` is the legal past that the variant
leaves out.
"""

import pytest
import torch
from tests.support import laws
from tests.support.laws import allowed, dependence, dependences
from tests.support.zoo import MULTI_SCALE, build, sides

from pixelrnn.models import MultiScale

# Features enough that some ReLU lets each dependence through.
ROOMY = {"hidden": 11, "output_hidden": 16}

PICTURES = {
    # A cone: 7x7 mask A, then two layers of 3x3 that add a row above and a column to each side. On
    # the right the known blind spot, since to go right a kernel must go up.
    ("pixel_cnn", 2): """
        ,,,,,,,,,,,,,
        ,xxxxxxxxxxx,
        ,xxxxxxxxxxx,
        ,xxxxxxxxxxx,
        ,xxxxxxxxxx,,
        ,xxxxxxxxx,,,
        ,xxxxxo......
        .............""",
    # One more layer.
    ("pixel_cnn", 3): """
        xxxxxxxxxxxxx
        xxxxxxxxxxxxx
        xxxxxxxxxxxxx
        xxxxxxxxxxxx,
        xxxxxxxxxxx,,
        xxxxxxxxxx,,,
        xxxxxxo......
        .............""",
    # A rectangle: a layer adds a row above and a column to each side, of every row. The PixelCNN of
    # the same depth stands above, with its blind spot.
    ("gated_pixel_cnn", 2): """
        ,xxxxxxxxxxx,
        ,xxxxxxxxxxx,
        ,xxxxxxxxxxx,
        ,xxxxxxxxxxx,
        ,xxxxxxxxxxx,
        ,xxxxxxxxxxx,
        ,xxxxxo......
        .............""",
    # A triangle that widens by one column a row, on top of the first kernel's 7 columns; to the
    # left, the 1x3 kernel.
    ("row_lstm", 1): """
        xxxxxxxxxxxxx
        xxxxxxxxxxxxx
        xxxxxxxxxxxxx
        xxxxxxxxxxxx,
        xxxxxxxxxxx,,
        ,xxxxxxxxx,,,
        ,,xxxxo......
        .............""",
    # The whole past, but for the last pixel of the row above, which is out of reach of the first
    # kernel. (Of three colors only its B is missed: the features of a pixel see all of its colors
    # but the last.)
    ("diagonal_bilstm", 1): """
        xxxxxxxxxxxxx
        xxxxxxxxxxxxx
        xxxxxxxxxxxxx
        xxxxxxxxxxxxx
        xxxxxxxxxxxxx
        xxxxxxxxxxxx,
        xxxxxxo......
        .............""",
}


def picture(seen, past, i, j, order):
    rows = []
    for k in range(seen.shape[1]):
        row = ""
        for m in range(seen.shape[2]):
            here = seen[order, i, j, :, k, m]
            if (k, m) == (i, j):
                row += "o"
                continue
            assert here.all() or not here[-1], "only a pixel's last color may be missed"
            legal = past[order, i, j, :, k, m].any()
            row += "x" if here.all() else "," if legal else "."
        rows.append(row)
    return "\n".join(rows)


def plain(text):
    return "\n".join(line.strip() for line in text.strip().splitlines())


@pytest.mark.parametrize("colors", [1, 3])
@pytest.mark.parametrize(("variant", "layers"), PICTURES)
def test_receptive_field(variant, layers, colors):
    model = build(variant, "softmax", (colors, 8, 13), layers=layers, **ROOMY)
    seen, past = dependence(model), allowed(model.shape, colors)
    for order in range(colors):
        assert picture(seen, past, 6, 6, order) == plain(PICTURES[variant, layers]), order


@pytest.mark.parametrize("colors", [1, 3])
def test_gated_pixel_cnn_has_no_blind_spot(colors):
    """Where a PixelCNN of the same reach has one, however deep it is."""
    shape = (colors, 8, 13)
    laws.no_blind_spot(build("gated_pixel_cnn", "softmax", shape, layers=2, **ROOMY))
    deep = dependence(build("pixel_cnn", "softmax", shape, layers=6, **ROOMY))
    assert not deep[:, 6, 6, :, 5, 10:].any()


@pytest.mark.parametrize("colors", [1, 3])
def test_diagonal_bilstm_with_full_context_sees_the_whole_past(colors):
    model = build(
        "diagonal_bilstm", "softmax", (colors, 5, 12), layers=1, full_context=True, **ROOMY
    )
    assert torch.equal(dependence(model), allowed(model.shape, colors))


def test_diagonal_bilstm_sees_all_but_the_last_pixel_of_the_row_above():
    model = build("diagonal_bilstm", "softmax", (1, 5, 12), layers=1)
    missed = (allowed(model.shape, 1) & ~dependence(model)).nonzero().tolist()
    places = {(i, k, m) for _, i, j, _, k, m in missed}
    assert places == {(i, i - 1, 11) for i in range(1, 5)}
    # From column 8 on the first kernel reaches it.
    assert {j for _, i, j, _, k, m in missed} == set(range(8))


@pytest.mark.parametrize("colors", [1, 3])
@pytest.mark.parametrize("variant", MULTI_SCALE)
def test_every_scale_sees_what_its_variant_sees(variant, colors):
    """The whole past, with the extra column: a context takes nothing away and leaks nothing."""
    shape = (colors, *sides(variant, 4, 12))
    roomier = {"hidden": 24, "output_hidden": 32}
    model = build(variant, "softmax", shape, layers=1, full_context=True, **roomier)
    for seen, shape in zip(dependences(model), model.shapes, strict=True):
        assert torch.equal(seen, allowed(shape, colors))


@pytest.mark.parametrize("variant", MULTI_SCALE)
def test_every_scale_sees_the_smaller_one(variant):
    """A change of any smaller pixel changes the features at its own place in the larger image.

    Whatever stands before it or, as the first pixel has it, nothing. Faults: an upsampled image
    that is shifted, or mirrored.
    """
    model = build(variant, "softmax", (1, *sides(variant, 4, 8)), layers=1, **ROOMY)
    while isinstance(model, MultiScale):
        small = torch.randint(model.levels, model.small.shape)[None]
        blank = torch.zeros(1, *model.shape, dtype=torch.long)
        before = model.large(blank, model.context(small))
        for i, j in torch.ones(model.small.shape[1:]).nonzero().tolist():
            other = small.clone()
            other[0, 0, i, j] = (small[0, 0, i, j] + 1) % model.levels
            change = (model.large(blank, model.context(other)) - before).abs().amax((0, 1))
            assert change[i * model.factor, j * model.factor] > 1e-6
        model = model.small


@pytest.mark.parametrize("variant", ["pixel_cnn", "row_lstm", "diagonal_bilstm", "gated_pixel_cnn"])
def test_own_pixel_shows_earlier_colors_only(variant):
    model = build(variant, "softmax", (3, 3, 4), **ROOMY)
    seen = dependence(model)
    for i, j in [(0, 0), (1, 2), (2, 3)]:
        assert seen[:, i, j, :, i, j].tolist() == [
            [False, False, False],  # R
            [True, False, False],  # G
            [True, True, False],  # B
        ]


@pytest.mark.parametrize("variant", ["pixel_cnn", "row_lstm", "diagonal_bilstm", "gated_pixel_cnn"])
def test_where_the_head_orders_the_colors_the_own_pixel_is_hidden(variant):
    model = build(variant, "logistic_mixture", (3, 3, 4))
    seen = dependence(model)
    assert not any(seen[0, i, j, :, i, j].any() for i in range(3) for j in range(4))
    assert seen[0, 2, 3, :, 2, 2].all()
