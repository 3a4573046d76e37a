"""Put runs side by side: a table, paired differences, two baselines that need no training, and a page of it all."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pixelrnn.errors import InputError

if (
    TYPE_CHECKING
):  # pandas and Pillow are loaded when the stage runs: `pixelrnn --help` answers without them
    from PIL.Image import Image

    from pixelrnn.results.comparison import Comparison
    from pixelrnn.results.rows import Row

PICTURED = 12  # runs in samples.png; the page has all


def compare(runs: Sequence[str], out: str | Path) -> "list[Row]":
    """Compare `runs` (directories, folders of runs or globs); write to `out`:

    comparison.html, a page for people; comparison.md, for papers; comparison.json, for programs; samples.png.

    Returns the rows, best bits per dimension first. Unreadable and unfinished runs are listed last, with the reason.
    Raises InputError if nothing matches, nothing was evaluated, or the runs were evaluated on different images.
    """
    from pixelrnn.results.comparison import compare_runs
    from pixelrnn.results.frame import load_runs
    from pixelrnn.results.page.build import build
    from pixelrnn.results.page.vega import bundling
    from pixelrnn.results.prepared import same_images
    from pixelrnn.results.table import to_json, to_markdown

    out = Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file: name a folder for the comparison with out=...")
    frame = load_runs(*([runs] if isinstance(runs, str) else runs))
    images = same_images(frame)
    with bundling() as vega:
        comparison = compare_runs(frame, images)
        picture = _picture(comparison)
        texts = {"comparison.md": to_markdown(comparison), "comparison.json": to_json(comparison)}
        texts["comparison.html"] = build(comparison, vega())
    _write(out, texts, picture)
    _print(comparison)
    print(
        "Written to",
        out / "comparison.html",
        "(open it in a browser), comparison.md and comparison.json",
    )
    return comparison.rows


def _write(out: Path, texts: dict[str, str], picture: "Image | None") -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "samples.png").unlink(missing_ok=True)  # an older comparison's
    if picture:
        picture.save(out / "samples.png")
        texts["comparison.md"] += "\n![samples](samples.png)\n"
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8")


def _picture(comparison: "Comparison") -> "Image | None":
    """The sample grids of the best runs."""
    from pixelrnn.results.pictures import grid, side_by_side
    from pixelrnn.results.rows import bits, title_of

    drawn = [row for row in comparison.rows if row.name in comparison.samples][:PICTURED]
    # the font that Pillow brings has no ≤
    grids = [
        (
            f"{title_of(row)}\n{bits(row).replace('≤', 'at most')} bits/dim",
            grid(comparison.samples[row.name], comparison.images.levels),
        )
        for row in drawn
    ]
    return side_by_side(grids) if grids else None


def _print(comparison: "Comparison") -> None:
    from rich.console import Console

    from pixelrnn.results.table import to_rich

    console = Console()
    if not console.is_terminal:  # a log file has no width: don't fold the figures
        console = Console(width=140)
    console.print(to_rich(comparison))
