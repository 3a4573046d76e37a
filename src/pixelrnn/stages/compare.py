"""Put runs side by side: a table, paired differences, two baselines, and a page of it all."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import yaml
from PIL.Image import Image
from rich.console import Console

from pixelrnn import figures
from pixelrnn.errors import InputError
from pixelrnn.files import as_folder, as_path, first_line, write_text
from pixelrnn.page.build import build, contents
from pixelrnn.page.vega import bundling
from pixelrnn.pictures.grids import save_picture, side_by_side, small_grid
from pixelrnn.reading import read_yaml
from pixelrnn.results.comparison import Comparison, compare_runs
from pixelrnn.results.rows import bits, title_of
from pixelrnn.results.table import to_curves, to_json, to_markdown, to_metrics, to_rich
from pixelrnn.runs.frame import find_runs, load_runs
from pixelrnn.runs.group import plain
from pixelrnn.runs.same_images import by_images

PAGE = "comparison.html"
PICTURED = 12  # runs in samples.png; the page has all


def compare(
    *runs: str | Path,
    out: str | Path = "artifacts/comparison",
    only: Sequence[str] | str | Path | None = None,
    json: bool = False,
) -> list[Comparison]:
    """Compare `runs` and print the tables; they are directories, folders of runs or globs.

    Without any, those in artifacts/runs. Those over the same images are compared with each other: a
    table and a page a data set. `only` are the names of those that count, or a YAML file that lists
    them under `model`; others are named and left aside. Unreadable and unfinished runs are listed
    last, with the reason; a folder without a run is a line. With `json`, what comparison.json holds
    is printed, and nothing else on standard output. Writes to `out` and raises InputError as
    `write_comparison` does.
    """
    out = as_folder(out)
    frame = load_runs(*_with_runs(runs or ("artifacts/runs/*",)))
    if only is not None:
        frame = _keep(frame, _names(only))
    comparisons = _write(frame, out)
    if json:
        print(to_json(comparisons), end="")
        return comparisons
    console = Console()
    if not console.is_terminal:  # a log file has no width: don't fold the figures
        console = Console(width=140)
    for comparison in comparisons:
        console.print(to_rich(comparison))
    page = out / PAGE
    print(f"Written to {page} (open it in a browser), comparison.md and comparison.json")
    return comparisons


def write_comparison(
    *runs: str | Path, out: str | Path, note: str | None = None
) -> list[Comparison]:
    """Compare `runs`, and write to the folder `out` what is to be said of them.

    comparison.html is a page for people, comparison.md for papers, comparison.json for programs,
    metrics.json and curves.csv for DVC; samples.png comes if any run was sampled. Of several data
    sets each has its own page and picture, comparison-<data>.html and samples-<data>.png, and
    comparison.html leads to them. All but the pages say nothing that differs from one time to the
    next, such as seconds. `note` comes first of all notes, such as that a sweep still runs. Returns
    a comparison a data set. Raises InputError, having written nothing, if nothing matches or
    nothing was evaluated.
    """
    return _write(load_runs(*runs), as_folder(out), note)


def _write(frame: pd.DataFrame, out: Path, note: str | None = None) -> list[Comparison]:
    parts, others = by_images(frame)
    if others:
        _say(f"not evaluated yet, and no other run has their images: {', '.join(others)}")
    with bundling() as vega:
        comparisons = [compare_runs(part, images) for part, images in parts]
        if note:
            comparisons = [replace(one, notes=[note, *one.notes]) for one in comparisons]
        names = _suffixes(comparisons)
        pictures = [_picture(comparison) for comparison in comparisons]
        texts = [to_markdown(comparison) for comparison in comparisons]
        pages = [build(comparison, vega()) for comparison in comparisons]
    out.mkdir(parents=True, exist_ok=True)
    for place, picture in enumerate(pictures):
        if picture:
            file = f"samples{names[place]}.png"
            save_picture(picture, out / file)
            texts[place] += f"\n![samples]({file})\n"
    for name, page in zip(names, pages, strict=True):
        write_text(out / f"comparison{name}.html", page)
    if len(pages) > 1:
        files = [f"comparison{name}.html" for name in names]
        write_text(out / PAGE, contents(comparisons, files))
    write_text(out / "comparison.md", "\n".join(texts))
    write_text(out / "comparison.json", to_json(comparisons))
    write_text(out / "metrics.json", to_metrics(comparisons))
    write_text(out / "curves.csv", to_curves(comparisons))
    return comparisons


def _suffixes(comparisons: Sequence[Comparison]) -> list[str]:
    """Return what tells the files of several data sets apart; nothing for one."""
    if len(comparisons) == 1:
        return [""]
    seen: Counter[str] = Counter()
    suffixes = []
    for comparison in comparisons:
        name = plain(comparison.images.name)  # it comes from the runs, and files are named by it
        seen[name] += 1
        suffixes.append(f"-{name}" if seen[name] == 1 else f"-{name}-{seen[name]}")
    return suffixes


def _with_runs(words: Sequence[str | Path]) -> Sequence[str | Path]:
    """Return those with a run in them; a line for each other one. All of them if none has."""
    found = [word for word in words if find_runs(word)]
    for word in [word for word in words if word not in found and found]:
        _say(f"no run in {word} yet")
    return found or words


def _say(note: str) -> None:
    """Print a note where it is in no program's way."""
    print(f"pixelrnn: {note}", file=sys.stderr)


def _names(only: Sequence[str] | str | Path) -> list[str]:
    """Return the names, read from a YAML file if `only` is one.

    Raises InputError if it is none, or has no list of names under `model`.
    """
    if not isinstance(only, str | Path | Sequence):
        raise InputError(f"only={only}: give names, as [a,b], or a YAML file that lists them")
    if not isinstance(only, str | Path):
        return [str(name) for name in only]
    file = as_path(only, "only")
    try:
        names = read_yaml(file)["model"]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError) as error:
        reason = first_line(error)
        raise InputError(f"only={file} has no list under `model` ({reason})") from None
    if not isinstance(names, list) or not names:
        raise InputError(f"only={file}: `model` is {names}, expected a list of names")
    return [str(name) for name in names]


def _keep(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the rows of runs with these names; say which are left aside.

    Raises InputError if there are none.
    """
    wanted = frame["path"].map(lambda path: Path(path).name).isin(names)
    if not wanted.any():
        raise InputError(f"no run called {' or '.join(names)}: there is {', '.join(frame['run'])}")
    if aside := list(frame["path"][~wanted]):
        _say(f"left aside, as `only` does not name them: {', '.join(aside)}")
    return frame[wanted].reset_index(drop=True)


def _picture(comparison: Comparison) -> Image | None:
    """Draw the sample grids of the best runs."""
    levels = comparison.images.levels
    grids = []
    for row in comparison.rows:
        if row.name in comparison.samples:
            title = f"{title_of(row)}\n{figures.in_words(bits(row))} bits/dim"
            grids.append((title, small_grid(comparison.samples[row.name], levels)))
    return side_by_side(grids[:PICTURED]) if grids else None
