"""Faults planted one at a time, each of which the laws must catch:

- the right-to-left map is not shifted down by a row
- mask B in the first layer
- the color mask is off by one: a color sees the next one
- state leaks through the padding of the skewed map
- gates whose colors are misaligned (h = 7 is no multiple of 3)
- the logistic's bins are too narrow
- all colors of a pixel are drawn in one pass
- the canvas is written one column late
- the residual connection reads the next pixel
- the learned state is forgotten between rows when stepping
- the vertical stack of a Gated PixelCNN is one row late, or sees its own row
- its horizontal stack sees its own pixel in the first layer
- the large image of a Multi-Scale is not conditioned on the small one
- images that disagree with a clamped smaller one are possible
- a bound is called exact
- the nats of the smallest of three scales are left out while drawing
- a smaller scale is completed without its known pixels
- a label leaks into the next image of the batch
- the mixture counts each class as a whole one

Without the fault the same law holds: `test_laws.py`.
"""

from collections.abc import Callable
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from tests.support import laws
from tests.support.zoo import build, sides

from pixelrnn.heads import LogisticMixture
from pixelrnn.layers import GatedConv, MaskedConv, Residual, RowLSTM
from pixelrnn.models import AutoregressiveModel, ClassConditional, MultiScale

FAULTS: dict[str, tuple[Callable, Callable, Callable]] = {}


def fault(law: Callable, variant: str, head: str = "softmax", **form: object) -> Callable:
    h, w = (2, 2) if law is laws.sums_to_one else sides(variant, 4, 9)
    shape = (1 if law is laws.sums_to_one else 3, h, w)

    def plant(patch: Callable) -> Callable:
        FAULTS[patch.__name__] = (patch, law, partial(build, variant, head, shape, **form))
        return patch

    return plant


@fault(laws.raster_order, "diagonal_bilstm")
def right_to_left_map_not_shifted(monkeypatch):
    from pixelrnn.ops import scans

    unpack = scans._unpack

    def unshifted(hidden, slot, h, w):
        nothing = torch.zeros_like(hidden[0])
        left = unpack(torch.stack([hidden[0], nothing]), slot, h, w)
        return left + hidden[1][:, slot[1]].unflatten(1, (h, w)).permute(3, 0, 1, 2)

    monkeypatch.setattr(scans, "_unpack", unshifted)


@fault(laws.raster_order, "pixel_cnn")
def mask_b_first(monkeypatch):
    from pixelrnn.ops.masks import causal_mask

    monkeypatch.setattr(
        "pixelrnn.layers.masked_conv.causal_mask", lambda kind, *rest: causal_mask("B", *rest)
    )


@fault(laws.raster_order, "row_lstm")
def color_mask_off_by_one(monkeypatch):
    monkeypatch.setattr(
        "pixelrnn.ops.masks.color_mask", lambda kind, out, into: into[None, :] <= out[:, None] + 1
    )


@fault(laws.step_is_forward, "diagonal_bilstm")
def state_leaks_through_the_padding(monkeypatch):
    from pixelrnn.ops import scans

    diagonals = scans._diagonals

    def leaky(*size):
        # The place before row 0 of a diagonal holds the state of the first cell, not of outside.
        plan = diagonals(*size)
        steps = [(first, n, slot, max(above, 2)) for first, n, slot, above in plan.steps]
        return plan._replace(steps=steps)

    monkeypatch.setattr(scans, "_diagonals", leaky)


@fault(laws.raster_order, "row_lstm")
def misaligned_gates(monkeypatch):
    from pixelrnn.ops.masks import feature_colors

    monkeypatch.setattr(
        "pixelrnn.layers.masked_conv.feature_colors", lambda f, c, block=None: feature_colors(f, c)
    )


@fault(laws.sums_to_one, "pixel_cnn", "logistic_mixture")
def narrow_logistic_bins(monkeypatch):
    original = LogisticMixture._log_bin

    def narrow(self, x, v, means, log_scales):
        self.levels += 1  # bins of half-width 1/K instead of 1/(K-1)
        try:
            return original(self, torch.where(x == self.levels - 2, x + 1, x), v, means, log_scales)
        finally:
            self.levels -= 1

    monkeypatch.setattr(LogisticMixture, "_log_bin", narrow)


@fault(laws.sample_scores_as_drawn, "pixel_cnn")
def all_colors_in_one_pass(monkeypatch):
    fill = AutoregressiveModel.fill

    def hasty(self, *args, **options):
        monkeypatch.setattr(
            self.head, "passes", lambda colors: [list(range(colors))], raising=False
        )
        return fill(self, *args, **options)

    monkeypatch.setattr(AutoregressiveModel, "fill", hasty)


@fault(laws.sample_scores_as_drawn, "pixel_cnn")
def canvas_one_column_late(monkeypatch):
    write = MaskedConv.write

    def late(self, x, state, i, j):
        write(self, torch.zeros_like(x), state, i, j)
        if j + 1 < state.rows.shape[2]:
            write(self, x, state, i, j + 1)

    monkeypatch.setattr(MaskedConv, "write", late)


@fault(laws.raster_order, "pixel_cnn")
def residual_from_the_next_pixel(monkeypatch):
    monkeypatch.setattr(
        Residual, "forward", lambda self, x, context=None: x.roll(-1, -1) + self.layer(x, context)
    )


@fault(laws.step_is_forward, "row_lstm")
def state_forgotten_between_rows(monkeypatch):
    start_row = RowLSTM.start_row

    def forgetful(self, state, i):
        state.cell = torch.zeros_like(state.cell)
        start_row(self, state, i)

    monkeypatch.setattr(RowLSTM, "start_row", forgetful)


@fault(laws.no_blind_spot, "gated_pixel_cnn", hidden=11, output_hidden=16)
def vertical_stack_one_row_late(monkeypatch):
    forward = GatedConv.forward

    def late(self, v, h, context=None):
        return forward(self, F.pad(v, (0, 0, 1, 0))[:, :, :-1], h, context)

    monkeypatch.setattr(GatedConv, "forward", late)


@fault(laws.raster_order, "gated_pixel_cnn")
def vertical_stack_sees_its_own_row(monkeypatch):
    forward = GatedConv.forward

    def early(self, v, h, context=None):
        return forward(self, h if self.horizontal.weight.shape[1] == 3 else v, h, context)

    monkeypatch.setattr(GatedConv, "forward", early)


@fault(laws.raster_order, "gated_pixel_cnn")
def horizontal_stack_sees_its_own_pixel(monkeypatch):
    mask_b_first(monkeypatch)


@fault(laws.gradient_reaches_every_parameter, "multi_scale")
def small_image_not_given(monkeypatch):
    context = MultiScale.context
    monkeypatch.setattr(
        MultiScale, "context", lambda self, small: torch.zeros_like(context(self, small))
    )


@fault(laws.sums_to_one, "multi_scale", clamp=True)
def images_that_disagree_are_possible(monkeypatch):
    def forgiving(self, scales):
        small, x = scales
        return self.small.log_prob(small) + self._large_map(small, x).sum((1, 2))

    monkeypatch.setattr(MultiScale, "scales_log_prob", forgiving)


@fault(laws.sums_to_one, "multi_scale")
def a_bound_called_exact(monkeypatch):
    monkeypatch.setattr(MultiScale, "exact", True)


@fault(laws.sample_scores_as_drawn, "multi_scale_3")
def nats_of_the_smallest_scale_left_out(monkeypatch):
    draw = AutoregressiveModel.sample_and_log_prob

    def forgetful(self, *args, **options):
        x, nats = draw(self, *args, **options)
        return x, torch.zeros_like(nats)

    monkeypatch.setattr(AutoregressiveModel, "sample_and_log_prob", forgetful)


@fault(laws.completion_continues_the_drawing, "multi_scale_3", clamp=True)
def smaller_scale_completed_from_nothing(monkeypatch):
    complete = AutoregressiveModel.complete

    def careless(self, x, known, *args, **options):
        return complete(self, torch.zeros_like(x), torch.ones_like(known), *args, **options)

    monkeypatch.setattr(AutoregressiveModel, "complete", careless)


@fault(laws.labels_act_on_their_images_alone, "class_conditional")
def label_leaks_into_the_next_image(monkeypatch):
    context = ClassConditional.context

    def leaky(self, y):
        right = context(self, y)
        return right + 0.1 * right.roll(1, 0)

    monkeypatch.setattr(ClassConditional, "context", leaky)


@fault(laws.sums_to_one, "class_conditional")
def classes_are_not_weighed(monkeypatch):
    nothing = property(lambda self: torch.zeros(self.classes, dtype=torch.float64))
    monkeypatch.setattr(ClassConditional, "log_frequency", nothing)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name, monkeypatch):
    patch, law, make = FAULTS[name]
    law(make())
    patch(monkeypatch)
    with pytest.raises(AssertionError):
        law(make())
