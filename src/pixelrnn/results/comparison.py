"""All that there is to tell of a set of runs, gathered once.

`results.table` and `page` tell it to people and to programs.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from pixelrnn import figures
from pixelrnn.data.values import values_of
from pixelrnn.errors import InputError
from pixelrnn.results.baselines import Baseline, independent_pixels, lossless_coder
from pixelrnn.results.classes import by_class
from pixelrnn.results.groups import Group, make_groups
from pixelrnn.results.paired import BETTER, BOUND, FEW, NOISE, SEEDS, against, by_group, differences
from pixelrnn.results.paper import Figure, paper_figure
from pixelrnn.results.rows import Row, make_rows
from pixelrnn.runs import scores
from pixelrnn.runs.directory import HISTORY, nll_name
from pixelrnn.runs.frame import differing, flat_configs, history, records
from pixelrnn.runs.record import Record
from pixelrnn.runs.same_images import Evaluated

LEAK = (
    "the audit found that it sees what it predicts, so its NLL is no likelihood: "
    "run `pixelrnn audit`"
)
# Of more levels, and of real numbers, there are no baselines.
MOST_LEVELS = 256
# Runs that the headline names as perhaps as good as the best.
NAMED = 3


@dataclass(frozen=True)
class Comparison:
    """Runs and baselines over the same images.

    What is by name lacks the runs whose files are missing or damaged.
    """

    images: Evaluated
    arrays: dict[str, np.ndarray]  # the prepared images by split; empty where they are gone
    rows: list[Row]  # groups in their order, then baselines, then what has no figure
    groups: list[Group]  # chosen first, see `results.groups`
    configs: dict[str, dict[str, Any]]  # by run and dotted key
    settings: pd.DataFrame  # the keys in which runs differ, see `config_differences`
    histories: dict[str, pd.DataFrame]
    nats: dict[str, np.ndarray]  # float64 (n,), of each image
    maps: dict[str, np.ndarray]  # float16 (n, h, w), nats of each pixel
    samples: dict[str, np.ndarray]  # (n, c, h, w)
    grids: dict[str, np.ndarray]  # (e,) of epoch and images: see `runs.scores.grids`
    completions: dict[str, np.ndarray]  # (n, 1 + k, c, h, w)
    classes: dict[str, list[float]]  # mean nats of the images of each class, if any run knows them
    differences: pd.DataFrame  # of groups and baselines, see `paired_differences`
    notes: list[str]  # on the comparison as a whole

    @property
    def title(self) -> str:
        """What was measured on which images."""
        size = "×".join(map(str, self.images.shape))
        split = f"{self.images.count:,} {self.images.split} images"
        values = values_of(self.images.levels)
        return f"{self.images.name}: NLL{values.label} of the {split} ({size}, {values})"

    @property
    def chosen(self) -> Group:
        """The group that validation chooses."""
        return self.groups[0]

    def headline(self, names: Mapping[str, str] | None = None) -> str:
        """Return which group validation chooses, what the test says of it, and of the others.

        Groups go by `names`, where it has one for them.
        """
        named = dict(names or {})
        chosen = self.chosen
        text = _choice(chosen, self._error_of_chosen(), named, self.images)
        if chosen.leaks:
            text += " But it sees what it predicts."
        for row in self.rows:
            lower = (row.bits_per_dim or math.inf) < (chosen.bits_per_dim or math.inf)
            if row.kind == "baseline" and lower:
                text += f" The baseline {row.name} is better than it."
        pairs = against(self.differences, chosen.group)
        pairs = pairs[pairs["run"].isin({group.group for group in self.groups})]
        return text + _others(pairs, named)

    def _error_of_chosen(self) -> float | None:
        """Return the standard error over its seeds; of a single run, that over the images."""
        if self.chosen.n > 1:
            return self.chosen.bits_per_dim_se
        run = next(row for row in self.rows if row.name == self.chosen.runs[0])
        return run.bits_per_dim_se


def _choice(chosen: Group, error: float | None, names: Mapping[str, str], images: Evaluated) -> str:
    """Return the first sentence of a headline."""
    name = names.get(chosen.group, chosen.group)
    unit = f"bits/dim{values_of(images.levels).label}"
    over = f", the mean of {chosen.n} seeds" if chosen.n > 1 else ""
    value = figures.spell(chosen.bits_per_dim, error, chosen.bound, 4)
    if chosen.val_bits_per_dim is None:
        return f"{name} has the lowest NLL of the {images.split} images, {value} {unit}{over}."
    validation = figures.spell(chosen.val_bits_per_dim, chosen.val_bits_per_dim_se, chosen.bound, 4)
    return (
        f"By the validation images {name} is chosen ({validation} {unit}{over}); "
        f"its NLL of the {images.split} images is {value} {unit}."
    )


def _others(pairs: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Return what the test says of the other groups, seen from the chosen one."""
    lower = pairs["nats"] < 0
    better = pairs[(pairs["kind"] == BETTER) & lower]
    undecided = pairs[pairs["kind"].isin((NOISE, BOUND, FEW))]
    noise = pairs[pairs["kind"] == NOISE]
    text = ""
    if len(better):
        text += f" Better than it: {_list(better['run'], names)}."
    if len(noise):
        text += f" Not distinguishable from it: {_list(noise['run'], names)}."
    if len(pairs) and not len(better) and not len(undecided):
        text += " It is better than every other, beyond noise."
    if not len(pairs):
        return text
    if (pairs["noise"] == SEEDS).all():
        return f"{text} (Tested over seeds.)"
    if (pairs["noise"] == SEEDS).any():
        return f"{text} (Tested over seeds where there are several, else over images.)"
    return f"{text} (Tested over images: these trained models; the luck of the seed is not in it.)"


def _list(runs: Iterable[str], names: Mapping[str, str]) -> str:
    called = [names.get(run, run) for run in runs]
    if len(called) > NAMED:
        called[NAMED:] = [f"and {len(called) - NAMED} more"]
    return "; ".join(called)


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
    configs = flat_configs(frame)
    classes = _by_class(nats, configs, images, notes)
    groups = make_groups(records(frame))
    rows = [
        replace(
            row,
            paper=_paper(row, images, configs.get(row.name, {})),
            note=row.note or _note(row, problems.get(row.name, [])),
        )
        for row in make_rows(frame, baselines, groups)
    ]
    bounds = {group.group for group in groups if group.bound == "upper"}
    tested = by_group(frame, nats)
    nats |= {one.name: one.per_image for one in baselines if one.per_image is not None}
    tested |= {one.name: one.per_image for one in baselines if one.per_image is not None}
    return Comparison(
        images=images,
        arrays=arrays,
        rows=rows,
        groups=groups,
        configs=configs,
        settings=differing(configs),
        differences=differences(tested, bounds, math.prod(images.shape)),
        notes=notes,
        classes=classes,
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
    if images.levels is None or images.levels > MOST_LEVELS:
        return []  # histograms and picture coders are of bytes
    test = arrays[images.split]
    return [
        independent_pixels(arrays["train"], test, images.levels),
        lossless_coder(test, images.levels),
    ]


def _by_class(
    nats: Mapping[str, np.ndarray],
    configs: Mapping[str, Mapping[str, Any]],
    images: Evaluated,
    notes: list[str],
) -> dict[str, list[float]]:
    """Return each run's NLL by class, where one of the runs was trained with labels."""
    told = [run for run in nats if "model.classes" in configs.get(run, {})]
    if not told:
        return {}
    notes.append(
        f"trained with labels: {', '.join(told)}. The figures are of the images alone, summed over "
        "the classes; validation's are of image and label together, an upper bound."
    )
    labels = images.labels()
    return {} if labels is None else {run: by_class(own, labels) for run, own in nats.items()}


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
    "grids": scores.grids,
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
