"""Put runs side by side: a table, two baselines that need no training, and one picture of all sample grids."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pixelrnn.errors import InputError

if TYPE_CHECKING:  # pandas and Pillow are loaded when the stage runs: `pixelrnn --help` answers without them
    from PIL.Image import Image

    from pixelrnn.results.table import Row


def compare(runs: Sequence[str], out: str | Path) -> "list[Row]":
    """Compare `runs` (directories, folders of runs or globs); write comparison.md, .json and samples.png to `out`.

    Returns the rows, best bits per dimension first. Unreadable and unfinished runs are listed last, with the reason.
    Raises InputError if nothing matches, nothing was evaluated, or the runs were evaluated on different images.
    """
    from pixelrnn.results.baselines import independent_pixels, lossless_coder
    from pixelrnn.results.frame import load_runs
    from pixelrnn.results.prepared import check_counts, same_images
    from pixelrnn.results.table import comparison, to_json, to_markdown

    out = Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file: name a folder for the comparison with stage.out=...")
    frame = load_runs(*([runs] if isinstance(runs, str) else runs))
    data, split = same_images(frame)
    images = data.load()
    train, test = images["train"], images[split]
    check_counts(frame, len(test))
    picture = _picture(comparison(frame, []))
    baselines = [independent_pixels(train, test, data.levels), lossless_coder(test, data.levels)]
    rows = comparison(frame, baselines)
    size = "×".join(map(str, data.shape))
    title = f"{data.name}: NLL of the {len(test)} {split} images ({size}, {data.levels} levels)"

    about = {"data": data.name, "split": split, "images": len(test), "shape": data.shape, "levels": data.levels}
    _write(out, to_markdown(rows, title), to_json(rows, **about), picture)
    _print(rows, title)
    print("Written to", out, *(["with all samples in", out / "samples.png"] if picture else []))
    for row, file in _samples(rows).items():
        print(f"Samples of {row.name}: {file}")
    return rows


def _write(out: Path, page: str, table: str, picture: "Image | None") -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "samples.png").unlink(missing_ok=True)  # an older comparison's
    if picture:
        picture.save(out / "samples.png")
        page += "\n![samples](samples.png)\n"
    (out / "comparison.md").write_text(page, encoding="utf-8")
    (out / "comparison.json").write_text(table, encoding="utf-8")


def _samples(rows: "Sequence[Row]") -> "dict[Row, Path]":
    """The sample grids of the runs that have one, in the table's order."""
    files = {row: Path(row.path) / "samples.png" for row in rows if row.path}
    return {row: file for row, file in files.items() if file.exists()}


def _picture(rows: "Sequence[Row]") -> "Image | None":
    from pixelrnn.results.pictures import side_by_side
    from pixelrnn.results.table import bits, title_of

    # the font that Pillow brings has no ≤
    grids = [
        (f"{title_of(row)}\n{bits(row).replace('≤', 'at most')} bits/dim", file) for row, file in _samples(rows).items()
    ]
    return side_by_side(grids) if grids else None


def _print(rows: "Sequence[Row]", title: str) -> None:
    from rich.console import Console

    from pixelrnn.results.table import to_rich

    console = Console()
    if not console.is_terminal:  # a log file has no width: don't fold the figures
        console = Console(width=140)
    console.print(to_rich(rows, title))
