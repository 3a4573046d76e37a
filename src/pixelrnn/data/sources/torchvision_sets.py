"""torchvision's data sets of images, by name: its own download, checksums and folders.

Which images are for training and which for test is for torchvision to say, by the arguments that
most of its data sets share: `train=`, `split=` or `background=`. For validation, some of the
training images are held out, or torchvision's own are taken.
"""

import difflib
import hashlib
import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torchvision import datasets

from pixelrnn.data.arrays import Shape, check_description
from pixelrnn.data.sources.pictures import (
    WHITE,
    check_fit,
    describe_seen,
    fitted,
    in_colors,
    open_picture,
    stacked,
)
from pixelrnn.data.sources.raw import reading
from pixelrnn.data.sources.torchvision_files import Pictures, open_files
from pixelrnn.data.splits import Noted, deal_last, deal_shares
from pixelrnn.errors import InputError
from pixelrnn.files import as_path

Arguments = Mapping[str, Any]  # of a data set of torchvision's
Change = Callable[[Image.Image], Image.Image]

CONVENTIONS: dict[str, dict[str, Arguments]] = {
    "train": {"train": {"train": True}, "test": {"train": False}},
    "split": {"train": {"split": "train"}, "test": {"split": "test"}},
    "background": {"train": {"background": True}, "test": {"background": False}},
}


def torchvision_images(
    dataset: str,
    root: str | Path,
    shape: Sequence[int],
    levels: int,
    train: Arguments | None = None,
    test: Arguments | float | None = None,
    val: Arguments | float = 0.1,
    seed: int = 0,
    options: Arguments | None = None,
    transform: Change | None = None,
    fit: str = "none",
    official: Mapping[str, Mapping[str, Any]] | None = None,
    files: str = "its files",
) -> Noted:
    """Read `torchvision.datasets.<dataset>`, a stream of (split, images) with levels 0..K-1.

    The images are of `shape` (c, h, w): made gray for one color, made to fit by `fit` (see
    `pictures.fitted`), after `transform`, which is given a PIL image and returns one. Transparent
    ones lie on white. Labels come along where they are whole numbers.

    `root` is torchvision's; for the other forms of the files that will do see `torchvision_files`.
    What is missing is downloaded by torchvision.

    `train` and `test` are torchvision's arguments for those images, by default those of
    CONVENTIONS; `options` are its arguments for both. A `test` between 0 and 1 is a share of the
    training images, for sets that have none. `val` is a whole number, the last of the training
    images; or a share of them; or torchvision's arguments. Shares are drawn with `seed`.

    `official` says by split how many `images` there are and, where known, the `md5` of their bytes
    (however the files are packed): a line is printed where there are other numbers, and other bytes
    are refused. `files` says what to put into `root` where torchvision can't download it.

    Raises InputError if there is no such data set; if it can't be had; if arguments, `val` or
    `test` are impossible; or (while it is read) for what is no image or doesn't fit.
    """
    kind = find_dataset(dataset)
    root = as_path(root, "data.source.root")
    shape = check_description(shape, levels)
    check_fit(fit)
    parameters = find_parameters(kind)
    parts = {}
    for split, arguments in _arguments(kind, parameters, train, val, test).items():
        arguments = {**(options or {}), **arguments}
        parts[split] = open_files(kind, parameters, root, split, arguments, files)
    dealt = _deal(parts["train"].number, val, test, seed)
    official = official or {}
    for part, pictures in parts.items():
        expected = official.get(part, {}).get("images", pictures.number)
        if pictures.number != expected:
            print(
                f"{root} has {pictures.number:,} of the {expected:,} official {part} images of "
                f"{dataset}: say so beside any figure"
            )

    seen: Counter[str] = Counter()

    def images() -> Iterator[tuple[str, np.ndarray]]:
        for part, pictures in parts.items():
            splits = dealt if part == "train" else [part] * pictures.number
            what = f"{root}, {dataset} {part}"
            md5 = official.get(part, {}).get("md5")
            opened = _pictures(pictures, what, md5, seen)
            for split, (name, picture, label) in zip(splits, opened, strict=True):
                yield split, _as_levels(name, picture, transform, shape, levels, fit, seen)
                if isinstance(label, int | np.integer):
                    yield f"{split}_labels", np.array(label)

    return Noted(stacked(images()), lambda: describe_seen(seen, WHITE))


def find_dataset(name: object) -> type:
    """Return a class of `torchvision.datasets` by its name.

    Raises InputError, with the nearest names, if there is none.
    """
    kinds = {key: getattr(datasets, key) for key in datasets.__all__}
    names = {key: kind for key, kind in kinds.items() if inspect.isclass(kind)}
    if not isinstance(name, str) or name not in names:
        by_lower = {key.lower(): key for key in names}
        near = difflib.get_close_matches(str(name).lower(), by_lower, n=2)
        hint = " or ".join(by_lower[key] for key in near) or "MNIST, SVHN, ..."
        raise InputError(
            f"data.source.dataset={name} is no data set of torchvision: did you mean {hint}?"
        )
    return names[name]


def find_parameters(kind: type) -> set[str]:
    """Return the names of what a class takes, also of what it hands on as **kwargs."""
    names: set[str] = set()
    for base in kind.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
            names.update(parameter.name for parameter in parameters)
            if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
                break
    return names


def _arguments(
    kind: type,
    parameters: set[str],
    train: Arguments | None,
    val: Arguments | float,
    test: Arguments | float | None,
) -> dict[str, Arguments]:
    """Return torchvision's arguments for each split that it has; train always, the others not."""
    key = next((key for key in CONVENTIONS if key in parameters), None)
    usual = CONVENTIONS[key] if key else {"train": {}}
    arguments = {"train": usual["train"] if train is None else train}
    if isinstance(val, Mapping):
        arguments["val"] = val
    if isinstance(test, Mapping):
        arguments["test"] = test
    elif test is None:
        if "test" not in usual:
            raise InputError(
                f"torchvision's {kind.__name__} has no images for test: set data.source.test to a "
                "share of the images, such as 0.1"
            )
        arguments["test"] = usual["test"]
    return arguments


def _deal(n: int, val: Arguments | float, test: Arguments | float | None, seed: int) -> list[str]:
    """Return the split of each of torchvision's n training images."""
    shares = {}
    if isinstance(test, int | float):
        shares["test"] = test
    if isinstance(val, int) and not isinstance(val, bool):
        if shares:
            raise InputError(f"val={val} are the last images, but test={test} is a share: set both")
        return deal_last(n, val)
    if not isinstance(val, Mapping):
        shares = {"val": val, **shares}
    return deal_shares(n, shares, seed) if shares else ["train"] * n


def _pictures(
    pictures: Pictures, what: str, md5: str | None, seen: Counter[str]
) -> Iterator[tuple[str, Image.Image, Any]]:
    """Open each picture, between its file's name and its label; then compare the md5 of all.

    Raises InputError, on `what`, for one that can't be read or is no picture, and for another md5.
    """
    digest = hashlib.md5(usedforsecurity=False)
    for i in range(pictures.number):
        name = f"{what} {i}"
        with reading(name, "an image", "get the files again"):
            picture, label = pictures.open(i)
        if isinstance(picture, Path):
            name, picture = str(picture), open_picture(picture, 3, WHITE, seen)
        check_picture(name, picture)
        name = getattr(picture, "filename", "") or name
        with reading(name, "an image", "get the files again"):
            picture.load()
        if md5:
            digest.update(np.asarray(picture).tobytes())
        yield name, picture, label
    if md5 and digest.hexdigest() != md5:
        raise InputError(
            f"{what}: the images are not the official ones (their md5 is {digest.hexdigest()}, "
            f"expected {md5}): get the files again"
        )


def _as_levels(
    name: str,
    picture: Image.Image,
    transform: Change | None,
    shape: Shape,
    levels: int,
    fit: str,
    seen: Counter[str],
) -> np.ndarray:
    """Return a picture as uint8 (c, h, w) with levels 0..K-1."""
    if transform is not None:
        picture = transform(picture)
        check_picture(f"{name}, transformed,", picture)
    return fitted(name, in_colors(name, picture, shape[0], WHITE, seen), shape, levels, fit)


def check_picture(name: str, picture: object) -> None:
    """Raise InputError, on `name`, unless it is a PIL image."""
    if not isinstance(picture, Image.Image):
        raise InputError(f"{name} is no picture but a {type(picture).__name__}")
