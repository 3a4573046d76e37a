"""Class-conditional models: the density of an image given its label y, and that of the image alone.

    log p(x) = log sum_y p(y) p(x | y)                   p(y | x) = p(y) p(x | y) / p(x)

A conditional model is a model: the mixture over the classes, of images whose label nobody knows.
`given(y)` is one too: that of images with labels y. A label acts as in the conditional PixelCNN
(van den Oord et al., *Conditional Image Generation with PixelCNN Decoders*, 2016, section 2.3): a
vector a class, learned, which every block adds to the input of its gates, at each pixel, through a
1x1 convolution of its own: the context that the large model of a Multi-Scale has as well. The
vectors are zero at first, so that before training a label changes nothing.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import nn

from pixelrnn.errors import InputError, check_whole
from pixelrnn.heads.head import draw_levels
from pixelrnn.models.autoregressive import AutoregressiveModel, Visit
from pixelrnn.models.checks import build_variant, check_drawing, check_labels, check_shape
from pixelrnn.models.scales import multi_scale
from pixelrnn.ops.pixels import check_levels, known_pixels
from pixelrnn.types import Bool, Context, Float, Images, Labels, Nats, Tensor

MOST_CLASSES = 2**16


class ClassConditional(nn.Module):
    """Score and draw images of several classes by a model that is given the class.

    A `DensityModel`, and exact: the sum over all classes takes as many passes as there are. `inner`
    is the model of images given their class, by a context of `features` numbers a pixel. `counts`
    are those of the training images by class, see `count`; before, classes are equally likely.
    Raises InputError for an `inner` that is none, and for numbers that cannot be.
    """

    exact = True
    counts: Float[Tensor, " k"]

    def __init__(self, inner: AutoregressiveModel, classes: int, features: int):
        super().__init__()
        check_whole(2, classes=classes)
        check_whole(features=features)
        if classes > MOST_CLASSES:
            raise InputError(f"classes={classes} must be at most {MOST_CLASSES}")
        if not isinstance(inner, AutoregressiveModel):
            raise InputError(
                f"inner must be an AutoregressiveModel, not of type {type(inner).__name__}"
            )
        self.inner = inner
        self.embedding = nn.Embedding(classes, features)
        nn.init.zeros_(self.embedding.weight)
        # Not frequencies: whole numbers stay exact in float32, which a model may be turned to.
        self.register_buffer("counts", torch.ones(classes, dtype=torch.float64))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return (colors, rows, columns) of an image."""
        return self.inner.shape

    @property
    def levels(self) -> int:
        """Return K: pixels are integers 0..K-1."""
        return self.inner.levels

    @property
    def classes(self) -> int:
        """Return the number of classes: labels are integers 0..classes-1."""
        return len(self.counts)

    @property
    def log_frequency(self) -> Float[Tensor, " k"]:
        """Return log p(y) of each class, float64."""
        counts = self.counts.double()
        return counts.log() - counts.sum().log()

    def count(self, labels: Labels) -> None:
        """Take p(y) from the labels of all training images, the estimate of maximum likelihood.

        Raises InputError for labels that cannot be, and for a class that has no image.
        """
        counts = torch.bincount(check_labels(labels, self.classes), minlength=self.classes)
        if not counts.all():
            missing = int((counts == 0).int().argmax())
            raise InputError(
                f"no training image is of class {missing}: number the classes 0..n-1, and set "
                "model.classes"
            )
        self.counts.copy_(counts)

    def given(self, y: int | Labels) -> "Given":
        """Return the model of images with these labels: one for each image, or one for all.

        Raises InputError for labels that cannot be.
        """
        return Given(self, check_labels(y, self.classes).to(self.counts.device))

    def context(self, y: Labels) -> Context:
        """Return what the inner model is given: the vector of an image's class, at every pixel."""
        vectors: Tensor = self.embedding(y)
        return vectors[:, :, None, None].expand(-1, -1, *self.shape[1:])

    def log_prob(self, x: Images, y: Labels | None = None) -> Nats:
        """Return log p(x), exact, in nats per image; with labels `y` (b), log p(x, y).

        The latter, of image and label together, takes a single pass: it is what is trained. For
        log p(x | y) see `given`.
        """
        if y is None:
            return self.log_prob_map(x).sum((1, 2))
        log_prob = self.given(y).log_prob(x)
        return log_prob + self.log_frequency[y].to(log_prob.dtype)

    def log_prob_map(self, x: Images) -> Float[Tensor, "b h w"]:
        """Return the log-probability of each pixel given those before it, in nats.

        They are log p(x_<=i) - log p(x_<i), so that they add up to `log_prob`.
        """
        maps = self._maps(x)
        so_far = maps.double().flatten(2).cumsum(2)  # (b k hw)
        so_far = (so_far + self.log_frequency[:, None]).logsumexp(1)
        shares = so_far.diff(dim=1, prepend=so_far.new_zeros(len(x), 1))
        return shares.view(-1, *self.shape[1:]).to(maps.dtype)

    def class_log_prob(self, x: Images) -> Float[Tensor, "b k"]:
        """Return log p(x | y) of every class y, in nats, float64."""
        return self._maps(x).double().sum((2, 3))

    def classify(
        self, x: Images, known: int | Bool[Tensor, "h w"] | None = None
    ) -> Float[Tensor, "b k"]:
        """Return log p(y | x) of every class y, by Bayes' rule, float64.

        With `known` (a count or a mask), given those known pixels alone that come before the first
        unknown one in raster order; the others may hold anything.
        """
        _, h, w = self.shape
        mask = known_pixels(h * w if known is None else known, h, w)
        seen = mask.flatten().long().cumprod(0).view(h, w).bool()
        if not seen.any():
            return self.log_frequency.expand(len(x), -1)
        maps = self._maps(x.where(seen.to(x.device), 0))
        return (maps[..., seen].double().sum(2) + self.log_frequency).log_softmax(1)

    def sample(
        self, n: int, generator: torch.Generator | None = None, *, temperature: float = 1.0
    ) -> Images:
        """Draw `n` images `(n c h w)`: the class of each by its frequency, then the image.

        `temperature` is that of the class as well as of the colors.
        """
        return self.sample_and_log_prob(n, generator, temperature=temperature)[0]

    @torch.no_grad()
    def sample_and_log_prob(
        self, n: int, generator: torch.Generator | None = None, *, temperature: float = 1.0
    ) -> tuple[Images, Nats]:
        """Draw `n` images, with their `log_prob`: of the images alone, not of their classes."""
        check_whole(n=n)
        check_drawing(generator, temperature, self.counts.device)
        y = draw_levels(self.log_frequency.expand(n, -1), generator, temperature)
        x = self.given(y).sample(n, generator, temperature=temperature)
        return x, self.log_prob(x)

    @torch.no_grad()
    def complete(
        self,
        x: Images,
        known: int | Bool[Tensor, "h w"],
        generator: torch.Generator | None = None,
        *,
        temperature: float = 1.0,
    ) -> Images:
        """Keep the `known` pixels of each image, draw its class, see `classify`, then the rest.

        Exact conditional samples where `known` is a number of pixels in raster order.
        """
        mask = known_pixels(known, *self.shape[1:])
        check_levels(x, self.shape, self.levels, mask, self.counts.device)
        check_drawing(generator, temperature, self.counts.device)
        y = draw_levels(self.classify(x, mask), generator, temperature)
        return self.given(y).complete(x, mask, generator, temperature=temperature)

    def _maps(self, x: Images) -> Float[Tensor, "b k h w"]:
        """Return log p(x_i | x_<i, y) of each pixel for every class, a pass a class."""
        return torch.stack([self.given(y).log_prob_map(x) for y in range(self.classes)], 1)


class Given(nn.Module):
    """The model of images whose labels are known: `ClassConditional.given` makes it.

    A `DensityModel`, and exact. `labels` belong to the images of a call, one for each in their
    order; a single one, without a dimension, to all. Each method does what the inner model's does.
    Raises InputError for another number of images than of labels.
    """

    exact = True
    labels: Labels

    def __init__(self, model: ClassConditional, labels: Labels):
        super().__init__()
        self.model = model
        self.register_buffer("labels", labels, persistent=False)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return (colors, rows, columns) of an image."""
        return self.model.shape

    @property
    def levels(self) -> int:
        """Return K: pixels are integers 0..K-1."""
        return self.model.levels

    def log_prob(self, x: Images) -> Nats:
        """Return log p(x | y), exact, in nats per image."""
        return self.log_prob_map(x).sum((1, 2))

    def log_prob_map(self, x: Images) -> Float[Tensor, "b h w"]:
        """Return the log-probability of each pixel given those before it and the label."""
        check_levels(x, self.shape, self.levels, device=self.labels.device)
        return self.model.inner.log_prob_map(x, self.context(len(x)))

    def sample(
        self, n: int, generator: torch.Generator | None = None, *, temperature: float = 1.0
    ) -> Images:
        """Draw `n` images `(n c h w)`."""
        return self.sample_and_log_prob(n, generator, temperature=temperature)[0]

    def sample_and_log_prob(
        self, n: int, generator: torch.Generator | None = None, *, temperature: float = 1.0
    ) -> tuple[Images, Nats]:
        """Draw `n` images, with their nats."""
        check_whole(n=n)
        context = self.context(n)
        return self.model.inner.sample_and_log_prob(n, generator, context, temperature=temperature)

    def complete(
        self,
        x: Images,
        known: int | Bool[Tensor, "h w"],
        generator: torch.Generator | None = None,
        *,
        temperature: float = 1.0,
    ) -> Images:
        """Keep the `known` pixels of each image and draw the rest."""
        mask = known_pixels(known, *self.shape[1:])
        check_levels(x, self.shape, self.levels, mask, self.labels.device)
        context = self.context(len(x))
        return self.model.inner.complete(x, mask, generator, context, temperature=temperature)

    def walk(self, x: Images, known: Bool[Tensor, "h w"]) -> Iterator[Visit]:
        """Visit the pixels of `x` that are not `known`, see `AutoregressiveModel.walk`."""
        return self.model.inner.walk(x, known, self.context(len(x)))

    def context(self, n: int) -> Context:
        """Return the context of `n` images. Raises InputError where the labels are of others."""
        if self.labels.ndim and len(self.labels) != n:
            raise InputError(f"there are {len(self.labels)} labels for {n} images")
        return self.model.context(self.labels.expand(n))


def class_conditional(
    shape: Sequence[int],
    inner: Callable[..., AutoregressiveModel],
    classes: int,
    *,
    features: int = 16,
) -> ClassConditional:
    """Build a class-conditional model of a variant that lacks its shape.

    `inner` is called with `shape` and `context_features`; `features` is their number, the size of a
    class's vector. Raises InputError for sizes or a variant that cannot be, such as Multi-Scale.
    """
    check_whole(features=features)
    if getattr(inner, "func", inner) is multi_scale:
        raise InputError(
            "a Multi-Scale takes no labels: build a class-conditional pixel_cnn, row_lstm, "
            "gated_pixel_cnn or diagonal_bilstm"
        )
    shape = check_shape(shape)
    model = build_variant("inner", inner, shape=shape, context_features=features)
    return ClassConditional(model, classes, features)
