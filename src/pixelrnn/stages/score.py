"""What images of one's own cost under a trained model: a figure a file, and which pixels it is that cost."""

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelrnn.errors import InputError, check_whole
from pixelrnn.files import as_folder

if TYPE_CHECKING:
    import numpy as np

    from pixelrnn.training import Model

Row = dict[str, Any]

MAP_NAME = re.compile(r"\d{4,}-.*\.png")


def score(
    run: str | Path,
    files: str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    maps: bool = True,
    top: float | None = None,
    fit: str = "none",
    skip: bool = False,
    batch_size: int = 64,
    device: str = "auto",
) -> list[Row]:
    """Score the images in `files` (pictures, folders, .npy of levels); write to `out` (scores/ in the run, by default):

    scores.csv, a row an image in the order of the files: file, nll_nats, bits_per_dim, bound ("exact", or "upper" where
    the NLL is an upper bound: Multi-Scale without clamping);
    with `maps`, maps/<row>-<file>.png, the image and beside it the nats of each pixel, on one scale for all files: from
    0 to `top` nats, by default 3 more than a uniform guess at a pixel costs.

    Returns the rows. Raises InputError, having written nothing, for files that cannot be used (see `read_images`).
    """
    from pixelrnn.data.files import read_images
    from pixelrnn.training.run import Run, find_device
    from pixelrnn.training.scoring import nll_maps

    loaded = Run.load(run)
    out = as_folder(out or loaded.path / "scores")
    check_whole(batch_size=batch_size)
    if top is not None and not (isinstance(top, int | float) and 0 < top < math.inf):
        raise InputError(f"top={top} must be a number of nats above 0")
    model = loaded.model
    names, images = read_images(files, model.shape, model.levels, fit, skip)
    nats: list[float] = []
    kept: list[np.ndarray] = []
    for batch in nll_maps(model.to(find_device(device)), images, batch_size):
        nats.extend(batch.sum((1, 2)).tolist())
        kept.extend(batch if maps else ())
    rows = [_row(name, total, model) for name, total in zip(names, nats, strict=True)]
    _write_table(rows, out)
    _remove_maps(out / "maps")
    if maps:
        _write_maps(rows, images, kept, model, top, out / "maps")
    _print(rows, out)
    return rows


def _row(file: str, nats: float, model: "Model") -> Row:
    from pixelrnn.ops.pixels import bits_per_dim

    return {
        "file": file,
        "nll_nats": round(nats, 4),
        "bits_per_dim": round(bits_per_dim(nats, math.prod(model.shape)), 5),
        "bound": "exact" if model.exact else "upper",
    }


def _write_table(rows: list[Row], out: Path) -> None:
    from pixelrnn.files import replacing

    out.mkdir(parents=True, exist_ok=True)
    with (
        replacing(out / "scores.csv") as new,
        new.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _remove_maps(folder: Path) -> None:
    """Those of an earlier call with other files; nothing else that lies there."""
    for old in folder.glob("*.png"):
        if MAP_NAME.fullmatch(old.name):
            old.unlink()


def _write_maps(
    rows: list[Row],
    images: "np.ndarray",
    nats: "list[np.ndarray]",
    model: "Model",
    top: float | None,
    folder: Path,
) -> None:
    from pixelrnn.training.maps import nll_picture

    guess = model.shape[0] * math.log(
        model.levels
    )  # what a pixel costs where all levels are as likely
    folder.mkdir(exist_ok=True)
    for i, row in enumerate(rows):
        file = Path(row["file"])
        sign = "" if model.exact else "at most "  # the font that Pillow brings has no ≤
        title = f"{file.name[-40:]}: {sign}{row['nll_nats']:.2f} nats, {row['bits_per_dim']:.3f} bits/dim"
        picture = nll_picture(
            images[i], nats[i], model.levels, top or guess + 3, title, (guess, "uniform guess")
        )
        stem = Path(file.name.replace(".npy[", "[")).stem  # test[3] of test.npy[3]
        picture.save(folder / f"{i + 1:04}-{stem[-100:]}.png")


def _print(rows: list[Row], out: Path) -> None:
    ordered = sorted(rows, key=lambda row: row["nll_nats"])
    sign = "<= " if rows[0]["bound"] == "upper" else ""
    ends = (
        {"likeliest: ": ordered[0], "unlikeliest: ": ordered[-1]}
        if len(rows) > 1
        else {"": rows[0]}
    )
    for name, row in ends.items():
        print(
            f"{name}{row['file']}, {sign}{row['nll_nats']:.2f} nats, {sign}{row['bits_per_dim']:.3f} bits/dim"
        )
    print(f"{out / 'scores.csv'}: {len(rows)} images")
