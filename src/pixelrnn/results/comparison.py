"""All that is to be said of a set of runs, gathered once; `table` and `page` say it to people and programs."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pixelrnn.errors import InputError
from pixelrnn.results.baselines import Baseline, independent_pixels, lossless_coder
from pixelrnn.results.paired import BETTER, NOISE, against, differences
from pixelrnn.results.paper import paper_figure
from pixelrnn.results.rows import Row, bits, make_rows
from pixelrnn.runs import scores
from pixelrnn.runs.frame import differing, flat_configs, history
from pixelrnn.runs.same_images import Evaluated

LEAK = "the audit found that it sees what it predicts, so its NLL is no likelihood: run `pixelrnn audit`"


@dataclass(frozen=True)
class Comparison:
    """Runs and baselines over the same images. What is by name lacks those whose files are missing or damaged."""

    images: Evaluated
    arrays: dict[str, np.ndarray]  # the prepared images by split; empty where they are gone
    rows: list[Row]  # best first
    configs: dict[str, dict[str, Any]]  # by run and dotted key
    settings: pd.DataFrame  # the keys in which runs differ, see `config_differences`
    histories: dict[str, pd.DataFrame]
    nats: dict[str, np.ndarray]  # float64 (n,), of each image
    maps: dict[str, np.ndarray]  # float16 (n, h, w), nats of each pixel
    samples: dict[str, np.ndarray]  # uint8 (n, c, h, w)
    completions: dict[str, np.ndarray]  # uint8 (n, 1 + k, c, h, w)
    differences: pd.DataFrame  # see `paired_differences`
    notes: list[str]  # on the comparison as a whole

    @property
    def title(self) -> str:
        """What was measured on which images."""
        size = "×".join(map(str, self.images.shape))
        split = f"{self.images.count:,} {self.images.split} images"
        return f"{self.images.name}: NLL of the {split} ({size}, {self.images.levels} levels)"

    def headline(self, names: Mapping[str, str] | None = None) -> str:
        """Which run is best, and which others may be as good, as far as these images can tell; runs go by `names`."""
        called = (names or {}).get
        best, *others = [row for row in self.rows if row.kind == "run"]
        said = f"{called(best.name, best.name)} has the lowest NLL, {bits(best)} bits/dim."
        if best.audit == "leak":
            said += " But it sees what it predicts."
        if self.rows[0].kind == "baseline":
            said += f" The baseline {self.rows[0].name} is better than any run."
        pairs = against(self.differences, best.name)
        pairs = pairs[pairs["run"].isin({row.name for row in others})]
        close = [called(run, run) for run in pairs["run"][pairs["kind"] == NOISE]]
        if close:
            more = f"; and {len(close) - 3} more" if len(close) > 3 else ""
            return f"{said} Not distinguishable from it: {'; '.join(close[:3])}{more}."
        if pairs.empty or (pairs["kind"] != BETTER).any():
            return said
        return f"{said} It is better than every other run, beyond noise."


def compare_runs(frame: pd.DataFrame, images: Evaluated) -> Comparison:
    """Read what the runs of `frame` left; `images`: what they share, from `same_images`.

    A damaged file becomes a note on its run; it hides nothing else.
    """
    notes: list[str] = []
    arrays = _load(images, notes)
    baselines = _baselines(arrays, images)
    found, problems = _read_all(frame)
    nats = found["nats"]
    if missing := [
        run for run in frame["run"][frame["bits_per_dim"].notna()] if run not in nats | problems
    ]:
        notes.append(f"no {images.split}_nll.npy, so no paired differences: {', '.join(missing)}")
    nats |= {one.name: one.per_image for one in baselines if one.per_image is not None}
    configs = flat_configs(frame)
    rows = [_complete(row, images, configs, problems) for row in make_rows(frame, baselines)]
    bounds = {row.name for row in rows if row.bound == "upper"}
    tested = differences(nats, bounds, math.prod(images.shape))
    settings = differing(configs)
    return Comparison(
        images, arrays, rows, configs, settings, differences=tested, notes=notes, **found
    )


def _load(images: Evaluated, notes: list[str]) -> dict[str, np.ndarray]:
    try:
        return images.load()
    except InputError as error:
        notes.append(
            f"without the prepared images there are no baselines and no pictures of test images: {error}"
        )
        return {}


def _baselines(arrays: dict[str, np.ndarray], images: Evaluated) -> list[Baseline]:
    if not arrays:
        return []
    test = arrays[images.split]
    return [
        independent_pixels(arrays["train"], test, images.levels),
        lossless_coder(test, images.levels),
    ]


def _read_all(frame: pd.DataFrame) -> tuple[dict[str, dict[str, Any]], dict[str, list[str]]]:
    """By part of a comparison and run; and the lines on damaged files, by run."""
    found: dict[str, dict[str, Any]] = {}
    problems: dict[str, list[str]] = {}
    for part, read in _READERS.items():
        found[part], damaged = scores.read_each(frame, read)
        for run, problem in damaged.items():
            problems.setdefault(run, []).append(problem)
    return found, problems


def _curves(run: scores.Row) -> pd.DataFrame | None:
    return history(run["path"]) if Path(run["path"], "history.csv").exists() else None


_READERS: dict[str, Callable[[scores.Row], Any]] = {
    "histories": _curves,
    "nats": scores.image_nats,
    "maps": scores.nll_maps,
    "samples": scores.samples,
    "completions": scores.completions,
}


def _complete(
    row: Row, images: Evaluated, configs: dict[str, dict[str, Any]], problems: dict[str, list[str]]
) -> Row:
    """The row with the paper's figure beside it and what is wrong with its files below it."""
    if row.kind != "run":
        return row
    layers = configs.get(row.name, {}).get("model.layers")
    paper = paper_figure(row.data, images.shape, images.levels, images.split, row.variant, layers)
    if row.bits_per_dim is None:
        paper = None
    leak = [LEAK] if row.audit == "leak" else []
    return replace(row, paper=paper, note="; ".join(leak + problems.get(row.name, [])) or None)
