"""The paper's own figures, to stand beside a run of the same variant on the same data.

Van den Oord et al. (2016), tables 4 to 6. `memory`: quoted from memory, not yet checked against the paper.
"""

from dataclasses import dataclass

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Figure:
    """NLL of a variant: nats per image, or bits per dimension. `layers`: the figure is of that depth only."""

    data: str  # conf/data
    shape: Shape  # a run on smaller images, or on fewer levels, is another problem
    levels: int
    variant: str  # conf/model
    value: float
    unit: str
    table: int
    layers: int | None = None
    memory: bool = False


_MNIST = ("binarized_mnist", (1, 28, 28), 2)
_CIFAR = ("cifar10", (3, 32, 32), 256)
_IMAGENET32 = ("imagenet32", (3, 32, 32), 256)
_IMAGENET64 = ("imagenet64", (3, 64, 64), 256)

FIGURES = (
    Figure(*_MNIST, "diagonal_bilstm", 80.75, "nats", 4, layers=1),
    Figure(
        *_MNIST, "diagonal_bilstm", 79.20, "nats", 4
    ),  # 7 layers, the best: beside any other depth
    Figure(*_MNIST, "row_lstm", 80.54, "nats", 4, memory=True),
    Figure(*_MNIST, "pixel_cnn", 81.30, "nats", 4, memory=True),
    Figure(*_CIFAR, "pixel_cnn", 3.14, "bits/dim", 5),
    Figure(*_CIFAR, "row_lstm", 3.07, "bits/dim", 5),
    Figure(*_CIFAR, "diagonal_bilstm", 3.00, "bits/dim", 5),
    Figure(*_IMAGENET32, "row_lstm", 3.86, "bits/dim", 6),
    Figure(*_IMAGENET64, "row_lstm", 3.63, "bits/dim", 6),
)


def paper_figure(
    data: str | None, shape: Shape, levels: int, split: str, variant: str | None, layers: object
) -> Figure | None:
    """The figure to set beside such a run; None where there is none, or where it would compare different problems."""
    if split != "test":
        return None
    fitting = [
        figure
        for figure in FIGURES
        if (figure.data, figure.shape, figure.levels, figure.variant)
        == (data, shape, levels, variant)
        and figure.layers in (None, layers)
    ]
    return fitting[0] if fitting else None
