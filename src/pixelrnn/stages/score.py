"""What images of one's own cost under a trained model: a figure a file, and a map of its pixels."""

import csv
import io
import math
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pixelrnn import figures
from pixelrnn.data.given import find_ground, read_images
from pixelrnn.errors import InputError, check_whole
from pixelrnn.files import as_folder, write_text
from pixelrnn.models import ClassConditional, DensityModel
from pixelrnn.models.in_batches import (
    check_fit,
    class_nats,
    find_device,
    nll_maps,
    of_class,
    spread,
)
from pixelrnn.pictures.grids import save_picture
from pixelrnn.pictures.nll_map import nll_picture
from pixelrnn.results.classes import bayes
from pixelrnn.results.outliers import ONES_OWN, coder_nats, typical_p
from pixelrnn.terminal import Bar
from pixelrnn.training.run import Run

Row = dict[str, Any]

MAP_NAME = re.compile(r"\d{4,}-.*\.png")


def score(
    run: str | Path,
    *files: str | Path,
    out: str | Path | None = None,
    class_: int | None = None,
    maps: bool = True,
    top: float | None = None,
    unusual: bool = False,
    against: str | Path | None = None,
    fit: str = "none",
    ground: str | int | None = None,
    skip: bool = False,
    batch_size: int = 64,
    device: str = "auto",
    trust: str | Collection[str] = (),
) -> list[Row]:
    """Score the images in `files`: pictures, folders of them, .npy arrays.

    Writes to `out` (scores/ in the run, by default) scores.csv, a row an image in the order of the
    files: file, nll_nats, bits_per_dim, bound ("exact", or "upper" where the NLL is an upper bound:
    Multi-Scale without clamping); with `maps`, maps/<row>-<file>.png, the image and beside it the
    nats of each pixel, on one scale for all files: from 0 to `top` nats, by default 3 more than a
    uniform guess at a pixel costs. Transparent pictures are laid on `ground`, by
    default that of the run's data. With `unusual` or `against`, a background run, there are the
    columns ratio, complexity and typical_p of `out_of_distribution` besides.

    A class-conditional model scores the image alone, and says in the columns class and class_p
    which class is likeliest, by Bayes' rule, and how likely; with `class_`, images of that class.

    Returns the rows. Raises InputError, having written nothing, for files that cannot be used (see
    `read_images`).
    """
    loaded = Run.load(run, trust)
    out = as_folder(out or loaded.path / "scores")
    check_whole(batch_size=batch_size)
    if top is not None and not (isinstance(top, int | float) and 0 < top < math.inf):
        raise InputError(f"top={top} must be a number of nats above 0")
    model = of_class(loaded.model.to(find_device(device)), class_)
    ground = find_ground(loaded.config) if ground is None else ground
    if class_ is not None and (unusual or against is not None):
        raise InputError(f"class={class_}: how unusual an image is, is asked of all classes")
    background = None if against is None else _load_background(against, model)
    names, images = read_images(files, model.shape, model.levels, fit, skip, ground)
    nats: list[float] = []
    kept: list[np.ndarray] = []
    with Bar("scoring", total=len(images)) as bar:
        for batch in nll_maps(model, images, batch_size):
            nats.extend(batch.sum((1, 2)).tolist())
            if maps:
                kept.extend(batch)
            bar.advance(len(batch))
    rows = [_row(name, total, model) for name, total in zip(names, nats, strict=True)]
    if isinstance(model, ClassConditional):
        given = np.concatenate(list(class_nats(model, images, batch_size)))
        log_p = bayes(given, model.log_frequency.cpu().numpy())
        for row, values in zip(rows, log_p, strict=True):
            row["class"] = int(values.argmax())
            row["class_p"] = round(float(np.exp(values.max())), 4)
    if unusual or background:
        table = _compare(loaded, images, np.array(nats), background, batch_size).round(4)
        for name in table.columns.drop("nll_nats"):
            for row, value in zip(rows, table[name], strict=True):
                row[name] = float(value)
    write_text(_folder(out) / "scores.csv", _table(rows))
    if maps:
        _write_maps(rows, images, kept, model, top, _folder(out / "maps"))
    _print(rows, out)
    return rows


def out_of_distribution(
    run: str | Path | Run,
    images: np.ndarray,
    background: str | Path | Run | None = None,
    batch_size: int = 64,
) -> pd.DataFrame:
    """Return how unusual each image is to the model of `run`, a row an image.

    `images`: levels 0..K-1, uint8 (n, c, h, w). Columns: nll_nats; with a `background` run, such as
    one that was trained by `+data.mutate=0.1`, ratio; complexity; typical_p, which is missing where
    the prepared validation images are not at hand. `pixelrnn.results.outliers` says what they mean.

    Raises InputError for a run without weights, and for a background of other images.
    """
    loaded = run if isinstance(run, Run) else Run.load(run)
    other = None if background is None else _load_background(background, loaded.model)
    nats = _nats(loaded.model, images, batch_size)
    return _compare(loaded, images, nats, other, batch_size)


def _load_background(run: str | Path | Run, model: DensityModel) -> DensityModel:
    """Return a run's model. Raises InputError unless it is of the same images as `model`."""
    background = (run if isinstance(run, Run) else Run.load(run)).model
    check_fit(background, model.levels, model.shape)
    return background


def _compare(
    run: Run, images: np.ndarray, nats: np.ndarray, background: DensityModel | None, batch_size: int
) -> pd.DataFrame:
    table = pd.DataFrame({"nll_nats": nats})
    if background is not None:
        table["ratio"] = nats - _nats(background, images, batch_size)
    table["complexity"] = nats - coder_nats(images, run.model.levels)
    try:
        known = spread(run.split("val"), ONES_OWN)
    except InputError as error:
        print(f"no typical_p, which takes the validation images: {error}")
        table["typical_p"] = math.nan
    else:
        table["typical_p"] = typical_p(nats, _nats(run.model, known, batch_size))
    return table


def _nats(model: DensityModel, images: np.ndarray, batch_size: int) -> np.ndarray:
    """Return the NLL of each image, float64 (n,)."""
    batches = [maps.sum((1, 2)) for maps in nll_maps(model, images, batch_size)]
    return np.concatenate([np.empty(0), *batches])


def _row(file: str, nats: float, model: DensityModel) -> Row:
    return {
        "file": file,
        "nll_nats": round(nats, 4),
        "bits_per_dim": round(figures.bits_per_dim(nats, math.prod(model.shape)), 5),
        "bound": "exact" if model.exact else "upper",
    }


def _table(rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _write_maps(
    rows: list[Row],
    images: np.ndarray,
    nats: list[np.ndarray],
    model: DensityModel,
    top: float | None,
    folder: Path,
) -> None:
    """Draw a map a file.

    Those of an earlier call with other files go, and nothing else that lies there.
    """
    for old in folder.glob("*.png"):
        if MAP_NAME.fullmatch(old.name):
            old.unlink()
    guess = model.shape[0] * math.log(model.levels)  # a pixel's cost where all levels are as likely
    mark = (guess, "uniform guess")
    for i, row in enumerate(rows):
        file = Path(row["file"])
        title = f"{file.name[-40:]}: {figures.in_words(_figures(row))}"
        picture = nll_picture(images[i], nats[i], model.levels, top or guess + 3, title, mark)
        stem = Path(file.name.replace(".npy[", "[")).stem  # test[3] of test.npy[3]
        tail = stem.encode()[-100:].decode(errors="ignore")  # a name has at most 255 bytes
        save_picture(picture, folder / f"{i + 1:04}-{tail}.png")


def _figures(row: Row) -> str:
    nats = figures.spell(row["nll_nats"], bound=row["bound"], digits=2)
    bits = figures.spell(row["bits_per_dim"], bound=row["bound"])
    return f"{nats} nats, {bits} bits/dim"


def _print(rows: list[Row], out: Path) -> None:
    ordered = sorted(rows, key=lambda row: row["nll_nats"])
    ends = {"": rows[0]}
    if len(rows) > 1:
        ends = {"likeliest: ": ordered[0], "unlikeliest: ": ordered[-1]}
    for name, row in ends.items():
        print(f"{name}{row['file']}, {_figures(row)}")
    print(f"{out / 'scores.csv'}: {len(rows)} images")
