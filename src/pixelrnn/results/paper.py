"""The papers' own figures, to stand beside a run of the same variant on the same data.

They are in `paper.yaml`, which says where each comes from.
"""

from dataclasses import dataclass
from importlib.resources import files

import yaml

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Figure:
    """The NLL of a variant in the paper; the fields are those of `paper.yaml`."""

    data: str
    shape: Shape
    levels: int
    variant: str
    value: float
    unit: str
    table: int
    layers: int | None = None
    memory: bool = False
    other_images: bool = False


def read_figures() -> list[Figure]:
    """Read all figures, in the file's order."""
    text = (files(__package__) / "paper.yaml").read_text(encoding="utf-8")
    read = []
    for problem in yaml.safe_load(text):
        figures = problem.pop("figures")
        problem["shape"] = tuple(problem["shape"])
        read += [Figure(**(problem | figure)) for figure in figures]
    return read


FIGURES = read_figures()


def paper_figure(
    data: str | None, shape: Shape, levels: int, split: str, variant: str | None, layers: object
) -> Figure | None:
    """Return the figure to set beside such a run.

    There is none (None) where it would compare different problems, or different images.
    """
    figure = quoted_figure(data, shape, levels, variant, layers) if split == "test" else None
    return None if figure and figure.other_images else figure


def quoted_figure(
    data: str | None, shape: Shape, levels: int, variant: str | None, layers: object
) -> Figure | None:
    """Return the figure of the same problem, for an experiment to quote; None if there is none."""
    for figure in FIGURES:
        problem = (figure.data, figure.shape, figure.levels, figure.variant)
        if problem == (data, shape, levels, variant) and figure.layers in (None, layers):
            return figure
    return None
