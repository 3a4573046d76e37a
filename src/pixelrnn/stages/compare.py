"""Put runs side by side: a table, paired differences, two baselines, and a page of it all."""

from pathlib import Path

from PIL.Image import Image
from rich.console import Console

from pixelrnn import figures
from pixelrnn.files import as_folder, write_text
from pixelrnn.page.build import build
from pixelrnn.page.vega import bundling
from pixelrnn.pictures.grids import save_picture, side_by_side, small_grid
from pixelrnn.results.comparison import Comparison, compare_runs
from pixelrnn.results.rows import Row, bits, title_of
from pixelrnn.results.table import to_json, to_markdown, to_rich
from pixelrnn.runs.frame import load_runs
from pixelrnn.runs.same_images import same_images

PICTURED = 12  # runs in samples.png; the page has all


def compare(*runs: str | Path, out: str | Path = "artifacts/comparison") -> list[Row]:
    """Compare `runs` and print the table; they are directories, folders of runs or globs.

    Without any, those in artifacts/runs. Returns the rows, best bits per dimension first.
    Unreadable and unfinished runs are listed last, with the reason. Writes to `out` and raises
    InputError as `write_comparison` does.
    """
    out = as_folder(out)
    comparison = write_comparison(*(runs or ("artifacts/runs/*",)), out=out)
    console = Console()
    if not console.is_terminal:  # a log file has no width: don't fold the figures
        console = Console(width=140)
    console.print(to_rich(comparison))
    page = out / "comparison.html"
    print(f"Written to {page} (open it in a browser), comparison.md and comparison.json")
    return comparison.rows


def write_comparison(*runs: str | Path, out: str | Path) -> Comparison:
    """Compare `runs`, and write to the folder `out` what is to be said of them.

    comparison.html is a page for people, comparison.md for papers, comparison.json for programs;
    samples.png comes if any run was sampled. Raises InputError, having written nothing, if nothing
    matches, nothing was evaluated, or the runs were evaluated on different images.
    """
    out = as_folder(out)
    frame = load_runs(*runs)
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
    write_text(out / "comparison.html", page)
    return comparison


def _picture(comparison: Comparison) -> Image | None:
    """Draw the sample grids of the best runs."""
    levels = comparison.images.levels
    grids = []
    for row in comparison.rows:
        if row.name in comparison.samples:
            title = f"{title_of(row)}\n{figures.in_words(bits(row))} bits/dim"
            grids.append((title, small_grid(comparison.samples[row.name], levels)))
    return side_by_side(grids[:PICTURED]) if grids else None
