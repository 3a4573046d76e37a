"""Put runs side by side: a table, paired differences, two baselines, and a page of it all."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import yaml
from PIL.Image import Image
from rich.console import Console

from pixelrnn import figures
from pixelrnn.errors import InputError
from pixelrnn.files import as_folder, as_path, first_line, write_text
from pixelrnn.page.build import build
from pixelrnn.page.vega import bundling
from pixelrnn.pictures.grids import save_picture, side_by_side, small_grid
from pixelrnn.results.comparison import Comparison, compare_runs
from pixelrnn.results.rows import Row, bits, title_of
from pixelrnn.results.table import to_curves, to_json, to_markdown, to_metrics, to_rich
from pixelrnn.runs.frame import load_runs
from pixelrnn.runs.same_images import same_images

PICTURED = 12  # runs in samples.png; the page has all


def compare(
    *runs: str | Path,
    out: str | Path = "artifacts/comparison",
    only: Sequence[str] | str | Path | None = None,
) -> list[Row]:
    """Compare `runs` and print the table; they are directories, folders of runs or globs.

    Without any, those in artifacts/runs. `only` are the names of those that count, or a YAML file
    that lists them under `model`; others are named and left aside. Returns the rows, best bits per
    dimension first. Unreadable and unfinished runs are listed last, with the reason. Writes to
    `out` and raises InputError as `write_comparison` does.
    """
    out = as_folder(out)
    frame = load_runs(*(runs or ("artifacts/runs/*",)))
    if only is not None:
        frame = _keep(frame, _names(only))
    comparison = _write(frame, out)
    console = Console()
    if not console.is_terminal:  # a log file has no width: don't fold the figures
        console = Console(width=140)
    console.print(to_rich(comparison))
    page = out / "comparison.html"
    print(f"Written to {page} (open it in a browser), comparison.md and comparison.json")
    return comparison.rows


def write_comparison(*runs: str | Path, out: str | Path) -> Comparison:
    """Compare `runs`, and write to the folder `out` what is to be said of them.

    comparison.html is a page for people, comparison.md for papers, comparison.json for programs,
    metrics.json and curves.csv for DVC; samples.png comes if any run was sampled. All but the page
    say nothing that differs from one time to the next, such as seconds. Raises InputError, having
    written nothing, if nothing matches, nothing was evaluated, or the runs were evaluated on
    different images.
    """
    return _write(load_runs(*runs), as_folder(out))


def _write(frame: pd.DataFrame, out: Path) -> Comparison:
    images = same_images(frame)
    with bundling() as vega:
        comparison = compare_runs(frame, images)
        picture = _picture(comparison)
        markdown = to_markdown(comparison)
        page = build(comparison, vega())
    out.mkdir(parents=True, exist_ok=True)
    if picture:
        save_picture(picture, out / "samples.png")
        markdown += "\n![samples](samples.png)\n"
    write_text(out / "comparison.md", markdown)
    write_text(out / "comparison.json", to_json(comparison))
    write_text(out / "metrics.json", to_metrics(comparison))
    write_text(out / "curves.csv", to_curves(comparison))
    write_text(out / "comparison.html", page)
    return comparison


def _names(only: Sequence[str] | str | Path) -> list[str]:
    """Return the names, read from a YAML file if `only` is one.

    Raises InputError if it is none, or has no list of names under `model`.
    """
    if not isinstance(only, str | Path):
        return [str(name) for name in only]
    file = as_path(only, "only")
    try:
        names = yaml.safe_load(file.read_text(encoding="utf-8"))["model"]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
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
        print(f"left aside, as `only` does not name them: {', '.join(aside)}")
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
