import pytest

from pixelrnn.results.paper import FIGURES, paper_figure

MNIST = ("binarized_mnist", (1, 28, 28), 2, "test")


@pytest.mark.parametrize(
    ("about", "variant", "layers", "value"),
    [
        (MNIST, "diagonal_bilstm", 1, 80.75),
        (MNIST, "diagonal_bilstm", 7, 79.20),
        (MNIST, "diagonal_bilstm", 2, 79.20),
        (MNIST, "row_lstm", 7, 80.54),
        (("cifar10", (3, 32, 32), 256, "test"), "diagonal_bilstm", 12, 3.00),
        (("imagenet64", (3, 64, 64), 256, "test"), "row_lstm", 4, 3.63),
        (MNIST, "multi_scale", None, None),
        (("mnist", (1, 28, 28), 256, "test"), "row_lstm", 7, None),
        (("binarized_mnist", (1, 14, 14), 2, "test"), "row_lstm", 7, None),
        (("cifar10", (3, 32, 32), 16, "test"), "row_lstm", 12, None),
        (("cifar10", (3, 32, 32), 256, "val"), "row_lstm", 12, None),
    ],
)
def test_a_figure_stands_beside_the_same_problem_only(about, variant, layers, value):
    """Fault: 80 nats of binarized digits beside 256 gray levels, or a figure of the test split beside validation."""
    data, shape, levels, split = about
    figure = paper_figure(data, shape, levels, split, variant, layers)
    assert (figure.value if figure else None) == value


def test_units_and_tables():
    assert {(figure.data, figure.unit, figure.table) for figure in FIGURES} == {
        ("binarized_mnist", "nats", 4),
        ("cifar10", "bits/dim", 5),
        ("imagenet32", "bits/dim", 6),
        ("imagenet64", "bits/dim", 6),
    }
    assert {figure.value for figure in FIGURES if figure.memory} == {80.54, 81.30}
