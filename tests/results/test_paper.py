import re
from pathlib import Path

import pytest
import yaml

from pixelrnn.conf import CONF
from pixelrnn.results.paper import FIGURES, paper_figure, quoted_figure

ROOT = Path(__file__).parents[2]
MNIST = ("binarized_mnist", (1, 28, 28), 2, "test")
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
EXPERIMENTS = sorted(CONF.glob("experiment/*.yaml"))
NUMBER = re.compile(r"(\d+\.\d+) (nats|bits/dim)")


@pytest.mark.parametrize(
    ("about", "variant", "layers", "value"),
    [
        (MNIST, "diagonal_bilstm", 1, 80.75),
        (MNIST, "diagonal_bilstm", 7, 79.20),
        (MNIST, "diagonal_bilstm", 2, 79.20),
        (MNIST, "row_lstm", 7, 80.54),
        (("cifar10", (3, 32, 32), 256, "test"), "diagonal_bilstm", 12, 3.00),
        (("cifar10", (3, 32, 32), 256, "test"), "gated_pixel_cnn", 15, 3.03),
        (("imagenet64", (3, 64, 64), 256, "test"), "row_lstm", 4, None),  # other images
        (MNIST, "multi_scale", None, None),
        (("mnist", (1, 28, 28), 256, "test"), "row_lstm", 7, None),
        (("binarized_mnist", (1, 14, 14), 2, "test"), "row_lstm", 7, None),
        (("cifar10", (3, 32, 32), 16, "test"), "row_lstm", 12, None),
        (("cifar10", (3, 32, 32), 256, "val"), "row_lstm", 12, None),
    ],
)
def test_a_figure_stands_beside_the_same_problem_only(about, variant, layers, value):
    """Faults: 80 nats of two levels beside 256 gray levels; a test figure beside validation."""
    data, shape, levels, split = about
    figure = paper_figure(data, shape, levels, split, variant, layers)
    assert (figure.value if figure else None) == value


def test_units_and_tables():
    assert {(figure.data, figure.unit, figure.table) for figure in FIGURES} == {
        ("binarized_mnist", "nats", 4),
        ("cifar10", "bits/dim", 5),
        ("cifar10", "bits/dim", 1),
        ("imagenet32", "bits/dim", 6),
        ("imagenet32", "bits/dim", 2),
        ("imagenet64", "bits/dim", 6),
        ("imagenet64", "bits/dim", 2),
    }
    gated = {figure.value for figure in FIGURES if figure.variant == "gated_pixel_cnn"}
    assert {figure.value for figure in FIGURES if figure.memory} == {80.54, 81.30} | gated


def _data_set(name):
    """The name, shape and levels of a configured data set, on top of those that it builds on."""
    described = yaml.safe_load((CONF / "data" / f"{name}.yaml").read_text())
    for base in described.get("defaults", []):
        if isinstance(base, str) and base != "_self_":
            described = yaml.safe_load((CONF / "data" / f"{base}.yaml").read_text()) | described
    return described["name"], tuple(described["shape"]), described["levels"]


@pytest.mark.parametrize("name", sorted({figure.data for figure in FIGURES}))
def test_the_problem_is_that_of_the_configuration(name):
    """Fault: a figure that stands beside no run, since its data set is described in another way."""
    for figure in FIGURES:
        if figure.data == name:
            assert (name, figure.shape, figure.levels) == _data_set(name)
            assert (CONF / "model" / f"{figure.variant}.yaml").is_file()


def _expected(file):
    """What an experiment says that it expects, and the paper's figure beside its runs."""
    text = file.read_text()
    line = re.search(r"^# Expected: +(.*)$", text, re.MULTILINE)
    config = yaml.safe_load(text)
    chosen = {}
    for choice in config.get("defaults", []):
        if isinstance(choice, dict):
            chosen |= {key.rpartition("/")[2]: value for key, value in choice.items()}
    layers = (config.get("model") or {}).get("layers")
    figure = None
    if {"data", "model"} <= chosen.keys():
        problem = _data_set(chosen["data"])
        figure = quoted_figure(*problem, chosen["model"], layers)
    return line and line[1], figure


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda file: file.stem)
def test_an_experiment_expects_the_papers_figure(file):
    """Fault: a figure mistyped, or corrected in one place only."""
    line, figure = _expected(file)
    assert line, "the header has no line `# Expected:`"
    for value, unit in NUMBER.findall(line):
        assert figure is not None
        assert (value, unit) == (f"{figure.value:.2f}", figure.unit)
    if NUMBER.match(line):
        assert ("(quoted from memory" in line) == figure.memory


def test_every_figure_is_what_an_experiment_expects():
    """Fault: a figure of the paper that nobody tries to reach."""
    expected = [_expected(file) for file in EXPERIMENTS]
    reached = {figure for line, figure in expected if figure and NUMBER.match(line or "")}
    assert reached == set(FIGURES)


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_tables_quote_the_papers_figures(file):
    """Fault: a figure corrected in one place only, or a star forgotten or left over."""
    variants = {"Diagonal BiLSTM": "diagonal_bilstm", "Row LSTM": "row_lstm"}
    variants |= {"PixelCNN": "pixel_cnn"}
    quoting = False
    for line in file.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            quoting = False
        elif cells[-1].startswith("the paper"):
            quoting = "nats" in line
        elif quoting and re.match(r"\d", cells[-1]):
            variant = variants[cells[0].partition(",")[0]]
            figure = paper_figure(*MNIST, variant, 7)
            assert cells[-1] == f"{figure.value:.2f}" + (" *" if figure.memory else "")
