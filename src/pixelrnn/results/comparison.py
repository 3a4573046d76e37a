"""All that there is to tell of a set of runs, gathered once.

`results.table` and `page` tell it to people and to programs.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from pixelrnn.errors import InputError
from pixelrnn.results.baselines import Baseline, independent_pixels, lossless_coder
from pixelrnn.results.paired import BETTER, NOISE, against, differences
from pixelrnn.results.paper import Figure, paper_figure
from pixelrnn.results.rows import Row, bits, make_rows
from pixelrnn.runs import scores
from pixelrnn.runs.directory import HISTORY, nll_name
from pixelrnn.runs.frame import differing, flat_configs, history
from pixelrnn.runs.record import Record
from pixelrnn.runs.same_images import Evaluated

LEAK = (
    "the audit found that it sees what it predicts, so its NLL is no likelihood: "
    "run `pixelrnn audit`"
)
# Runs that the headline names as perhaps as good as the best.
NAMED = 3


@dataclass(frozen=True)
class Comparison:
    """Runs and baselines over the same images.

    What is by name lacks the runs whose files are missing or damaged.
    """

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
        """Return which run is best, and which may be as good, as far as these images can tell.

        Runs go by `names`, where it has one for them.
        """
        called = (names or {}).get
        best, *others = [row for row in self.rows if row.kind == "run"]
        text = f"{called(best.name, best.name)} has the lowest NLL, {bits(best)} bits/dim."
        if best.audit == "leak":
            text += " But it sees what it predicts."
        if self.rows[0].kind == "baseline":
            text += f" The baseline {self.rows[0].name} is better than any run."
        pairs = against(self.differences, best.name)
        pairs = pairs[pairs["run"].isin({row.name for row in others})]
        close = [called(run, run) for run in pairs["run"][pairs["kind"] == NOISE]]
        if close:
            if len(close) > NAMED:
                close[NAMED:] = [f"and {len(close) - NAMED} more"]
            return f"{text} Not distinguishable from it: {'; '.join(close)}."
        if pairs.empty or (pairs["kind"] != BETTER).any():
            return text
        return f"{text} It is better than every other run, beyond noise."


def compare_runs(frame: pd.DataFrame, images: Evaluated) -> Comparison:
    """Read what the runs of `frame` left; `images` are those that they share (`same_images`).

    A damaged file becomes a note on its run; it hides nothing else.
    """
    notes: list[str] = []
    arrays = _load(images, notes)
    baselines = _baselines(arrays, images)
    contents, problems = _read_all(frame)

    nats = contents["nats"]
    evaluated = frame["run"][frame["bits_per_dim"].notna()]
    missing = [run for run in evaluated if run not in nats and run not in problems]
    if missing:
        file = nll_name(images.split)
        notes.append(f"no {file}, so no paired differences: {', '.join(missing)}")
    nats |= {one.name: one.per_image for one in baselines if one.per_image is not None}

    configs = flat_configs(frame)
    rows = [
        replace(
            row,
            paper=_paper(row, images, configs.get(row.name, {})),
            note=row.note or _note(row, problems.get(row.name, [])),
        )
        for row in make_rows(frame, baselines)
    ]
    bounds = {row.name for row in rows if row.bound == "upper"}
    return Comparison(
        images=images,
        arrays=arrays,
        rows=rows,
        configs=configs,
        settings=differing(configs),
        differences=differences(nats, bounds, math.prod(images.shape)),
        notes=notes,
        **contents,
    )


def _load(images: Evaluated, notes: list[str]) -> dict[str, np.ndarray]:
    try:
        return images.load()
    except InputError as error:
        lost = "without the prepared images there are no baselines and no pictures of test images"
        notes.append(f"{lost}: {error}")
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
    """Return what runs left, by part and run; and lines on damaged files, by run."""
    contents: dict[str, dict[str, Any]] = {}
    problems: dict[str, list[str]] = {}
    for part, read in _READERS.items():
        contents[part], damaged = scores.read_each(frame, read)
        for run, problem in damaged.items():
            problems.setdefault(run, []).append(problem)
    return contents, problems


def _curves(run: Record) -> pd.DataFrame | None:
    return history(run.folder) if (run.folder / HISTORY).exists() else None


_READERS: dict[str, Callable[[Record], Any]] = {
    "histories": _curves,
    "nats": scores.image_nats,
    "maps": scores.nll_maps,
    "samples": scores.samples,
    "completions": scores.completions,
}


def _paper(row: Row, images: Evaluated, config: Mapping[str, Any]) -> Figure | None:
    """Return the paper's figure to set beside the row of a run that was evaluated."""
    if row.kind != "run" or row.bits_per_dim is None:
        return None
    layers = config.get("model.layers")
    return paper_figure(row.data, images.shape, images.levels, images.split, row.variant, layers)


def _note(row: Row, problems: list[str]) -> str | None:
    """Return what is wrong with a run and with its files."""
    lines = [LEAK, *problems] if row.audit == "leak" else problems
    return "; ".join(lines) or None
