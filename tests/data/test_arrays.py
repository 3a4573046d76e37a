"""Prepared arrays on disk: written whole or not at all, and never read when anything about them is
wrong.
"""

import errno
import json
import os
import weakref
from pathlib import Path

import numpy as np
import pytest

from pixelrnn.data import SPLITS, check_images, npy, open_arrays, read_description, write_arrays
from pixelrnn.data.arrays import check_gray, check_replaceable
from pixelrnn.data.npy import NpyWriter
from pixelrnn.errors import InputError
from pixelrnn.files import md5

SHAPE, LEVELS = (3, 4, 5), 7
COUNTS = {"train": 11, "val": 3, "test": 2}


def make(**changed: np.ndarray) -> dict[str, np.ndarray]:
    random = np.random.RandomState(0)
    return {
        k: random.randint(0, LEVELS, (n, *SHAPE)).astype(np.uint8) for k, n in COUNTS.items()
    } | changed


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    write_arrays(tmp_path / "toy", "toy", SHAPE, LEVELS, make())
    return tmp_path / "toy"


WRONG = [
    pytest.param(np.zeros((3, *SHAPE), np.int64), "dtype is int64", id="dtype"),
    pytest.param(np.zeros((3, *SHAPE), bool), "dtype is bool", id="bool"),
    pytest.param(np.zeros((3, 3, 5, 4), np.uint8), r"shape is \(3, 3, 5, 4\)", id="shape"),
    pytest.param(np.zeros((3, 60), np.uint8), r"shape is \(3, 60\)", id="flat"),
    pytest.param(np.zeros((0, *SHAPE), np.uint8), "empty", id="empty"),
    pytest.param(np.full((3, *SHAPE), LEVELS, np.uint8), "level 7 found", id="level"),
]


# Writing


def test_what_is_written_is_what_is_read(prepared: Path) -> None:
    """Fault: val and test swapped."""
    arrays = open_arrays(prepared, SHAPE, LEVELS)
    for split, images in make().items():
        np.testing.assert_array_equal(arrays[split], images)
    about = json.loads((prepared / "data.json").read_text())
    assert about | {"md5": 0} == {
        "name": "toy",
        "shape": [3, 4, 5],
        "levels": 7,
        "counts": COUNTS,
        "md5": 0,
    }
    assert sorted(about["md5"]) == ["test.npy", "train.npy", "val.npy"]


def test_the_same_bytes_twice_whatever_the_memory_order(tmp_path: Path, prepared: Path) -> None:
    """Faults: numpy's Fortran flag in the header for a transposed array; a time or a path in
    data.json.
    """
    transposed = {k: np.asfortranarray(x) for k, x in make().items()}
    write_arrays(tmp_path / "elsewhere" / "toy", "toy", SHAPE, LEVELS, transposed)
    assert everything(prepared) == everything(tmp_path / "elsewhere" / "toy")


def test_an_earlier_preparation_is_replaced_whole(tmp_path: Path, prepared: Path) -> None:
    other = {k: np.zeros((1, 1, 2, 2), np.uint8) for k in SPLITS}
    write_arrays(prepared, "toy", (1, 2, 2), 2, other)
    assert len(open_arrays(prepared, (1, 2, 2), 2)["train"]) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["toy"]


@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_files_are_those_of_numpy(tmp_path: Path, order: str) -> None:
    """Fault: a header of another length once n is known, which would shift the images."""
    for n in (1, 9, 10, 12345):
        images = np.random.RandomState(n).randint(0, 2, (n, 1, 2, 3)).astype(np.uint8, order=order)
        write_arrays(tmp_path / "toy", "toy", (1, 2, 3), 2, dict.fromkeys(SPLITS, images))
        np.save(tmp_path / "expected.npy", np.ascontiguousarray(images))
        assert (tmp_path / "toy" / "val.npy").read_bytes() == (
            tmp_path / "expected.npy"
        ).read_bytes()


def test_a_stream_gives_the_same_files_as_arrays(tmp_path: Path, prepared: Path) -> None:
    """Faults: the second piece of a split written over the first; an empty piece taken for an
    empty split.
    """
    pieces = [(k, x[i : i + 2]) for i in range(0, 12, 2) for k, x in reversed(make().items())]
    written = write_arrays(tmp_path / "stream" / "toy", "toy", SHAPE, LEVELS, iter(pieces))
    assert everything(tmp_path / "stream" / "toy") == everything(prepared)
    assert {k: (w.count, w.low, w.high) for k, w in written.items()} == {
        k: (n, 0, 6) for k, n in COUNTS.items()
    }


def test_a_stream_is_not_held_in_memory(tmp_path: Path) -> None:
    """Fault: the pieces collected in a list."""
    held = []

    def pairs():
        for i in range(20):
            images = np.full((1, *SHAPE), i % 7, np.uint8)
            held.append(weakref.ref(images))
            yield SPLITS[i % 3], images
            del images
            assert sum(ref() is not None for ref in held) <= 1

    write_arrays(tmp_path / "toy", "toy", SHAPE, LEVELS, pairs())


@pytest.mark.parametrize("earlier", [True, False])
def test_nothing_half_written_is_left_behind(tmp_path: Path, monkeypatch, earlier: bool) -> None:
    """Fault: writing straight into `out`; leaving the temporary folder; a traceback."""
    out = tmp_path / "toy"
    if earlier:
        write_arrays(out, "toy", SHAPE, LEVELS, make())
    before = everything(tmp_path)
    append, calls = NpyWriter.append, []

    def disk_full(*args) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(*args)

    monkeypatch.setattr(NpyWriter, "append", disk_full)
    with pytest.raises(
        InputError, match=r"toy can't be written \(No space left on device\), so nothing was"
    ):
        write_arrays(out, "toy", SHAPE, LEVELS, make(train=np.zeros((11, *SHAPE), np.uint8)))
    assert everything(tmp_path) == before
    assert out.exists() == earlier
    assert len(list(tmp_path.iterdir())) == earlier


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(("images", "says"), WRONG)
def test_wrong_arrays_are_not_written(
    tmp_path: Path, split: str, images: np.ndarray, says: str
) -> None:
    """Faults: each check left out; only the first split checked."""
    with pytest.raises(InputError, match=rf"toy, {split}: .*{says}"):
        write_arrays(tmp_path / "toy", "toy", SHAPE, LEVELS, make(**{split: images}))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("splits", [{}, {"train": make()["train"]}, make(extra=make()["val"])])
def test_wrong_splits(tmp_path: Path, splits: dict[str, np.ndarray]) -> None:
    with pytest.raises(InputError, match="expected train, val, test"):
        write_arrays(tmp_path / "toy", "toy", SHAPE, LEVELS, splits)


@pytest.mark.parametrize(
    "shape", [(4, 5), (2, 4, 5), (3, 0, 5), (3, 4, 5, 1), (3, 4, 5.0), 32, None, "345", {}]
)
def test_a_shape_that_is_none(tmp_path: Path, shape: object) -> None:
    """Faults: a TypeError let through for a number; a text of three letters taken for a shape."""
    with pytest.raises(InputError, match="expected \\[colors, rows, columns\\]"):
        write_arrays(tmp_path / "toy", "toy", shape, LEVELS, make())


@pytest.mark.parametrize("levels", [1, 0, 65_537, 7.5, "7", True])
def test_levels_that_are_none(tmp_path: Path, levels: int) -> None:
    with pytest.raises(InputError, match="from 2 to 65,536"):
        write_arrays(tmp_path / "toy", "toy", SHAPE, levels, make())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("my-photos", "data.name=my-photos must be letters, digits, _ and . only"),
        ("a@b", "letters, digits"),
        ("", "letters, digits"),
        (".hidden", "letters, digits"),
        ("a/b", "letters, digits"),
        ("a b", "letters, digits"),
        ("größe", "letters, digits"),
        (2024, "data.name=2024 must be text; quote it: data.name=\"'2024'\""),
        (None, "data.name=None must be text"),
    ],
)
def test_a_name_that_is_none(tmp_path: Path, name: object, says: str) -> None:
    """Faults: DVC joins `a-b` and `x`, and `a` and `b-x`, to one stage; a number let through."""
    with pytest.raises(InputError, match=says):
        write_arrays(tmp_path / "toy", name, SHAPE, LEVELS, make())
    assert not list(tmp_path.iterdir())


def test_names_of_old_are_still_read(tmp_path: Path, prepared: Path) -> None:
    """Fault: what the first edition prepared is refused."""
    file = prepared / "data.json"
    file.write_text(file.read_text().replace('"toy"', '"my-photos@home"'))
    assert read_description(prepared)["name"] == "my-photos@home"
    assert len(open_arrays(prepared, SHAPE, LEVELS)["val"]) == 3


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch) -> None:
    """Faults: a folder called ~; a number for a path let through."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write_arrays("~/toy", "toy", SHAPE, LEVELS, make(train_gray=make()["train"]))
    assert [file.name for file in tmp_path.iterdir()] == ["toy"]
    train = open_arrays("~/toy", SHAPE, LEVELS)["train"]
    check_gray("~/toy", train)
    check_replaceable("~/toy")
    assert read_description("~/toy")["name"] == "toy"
    for call in (read_description, check_replaceable):
        with pytest.raises(InputError, match=r"data\.path=2024 must be text"):
            call(2024)


def test_a_folder_of_something_else_is_never_deleted(tmp_path: Path) -> None:
    """Fault: `rmtree(out)` whatever it holds."""
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match=r"other files \(thesis.tex\)"):
        write_arrays(tmp_path, "toy", SHAPE, LEVELS, make())
    with pytest.raises(InputError, match="is a file"):
        write_arrays(tmp_path / "thesis.tex", "toy", SHAPE, LEVELS, make())
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_wrong_gray_levels_are_not_written(tmp_path: Path) -> None:
    """Faults: gray held to the number of levels of what is drawn from it; not looked at."""
    gray = np.full((11, *SHAPE), 255, np.uint8)
    write_arrays(tmp_path / "toy", "toy", SHAPE, LEVELS, make(train_gray=gray))
    about = json.loads((tmp_path / "toy" / "data.json").read_text())
    assert sorted(about["md5"]) == ["test.npy", "train.npy", "train_gray.npy", "val.npy"]
    assert about["counts"] == COUNTS
    with pytest.raises(InputError, match="toy, train_gray: shape is"):
        write_arrays(tmp_path / "toy", "toy", SHAPE, LEVELS, make(train_gray=gray[:, :1]))


# Reading


@pytest.mark.parametrize("name", ["train.npy", "val.npy", "test.npy", "data.json"])
def test_missing(prepared: Path, name: str) -> None:
    (prepared / name).unlink()
    with pytest.raises(InputError, match=rf"{name} is missing: run `pixelrnn prepare data=toy`"):
        open_arrays(prepared, SHAPE, LEVELS)


@pytest.mark.parametrize("keep", [0, 5, 100, 150])
@pytest.mark.parametrize("name", ["train.npy", "val.npy", "test.npy", "data.json"])
def test_truncated(prepared: Path, name: str, keep: int) -> None:
    """Fault: an EOFError, JSONDecodeError or mmap's ValueError let through."""
    file = prepared / name
    os.truncate(file, keep)
    with pytest.raises(InputError, match=rf"{name} is damaged.*: run `pixelrnn prepare data=toy`"):
        open_arrays(prepared, SHAPE, LEVELS)


@pytest.mark.parametrize(
    ("old", "new"), [(b"3, 3, 4, 5)", b"3, 3, 4, 5("), (b"|u1", b"zzz"), (b"NUMPY", b"DUMPY")]
)
def test_a_damaged_header(prepared: Path, old: bytes, new: bytes) -> None:
    """Fault: tokenize's TokenError, which is no ValueError, let through."""
    file = prepared / "val.npy"
    assert old in file.read_bytes()
    file.write_bytes(file.read_bytes().replace(old, new))
    with pytest.raises(InputError, match=r"val\.npy is damaged"):
        open_arrays(prepared, SHAPE, LEVELS)


@pytest.mark.parametrize(
    "text", ["[]", "null", "{}", '{"shape": 3, "levels": 2, "counts": {}}', "\x00"]
)
def test_a_description_of_something_else(prepared: Path, text: str) -> None:
    (prepared / "data.json").write_text(text)
    with pytest.raises(InputError, match=r"data\.json is damaged"):
        open_arrays(prepared, SHAPE, LEVELS)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(("images", "says"), WRONG)
def test_an_array_replaced_by_a_wrong_one(
    prepared: Path, split: str, images: np.ndarray, says: str
) -> None:
    np.save(prepared / f"{split}.npy", images)
    with pytest.raises(InputError, match=rf"{split}\.npy.*{says}"):
        open_arrays(prepared, SHAPE, LEVELS)


def test_an_array_of_another_length(prepared: Path) -> None:
    """Fault: two preparations mixed in one folder go unseen."""
    np.save(prepared / "val.npy", np.zeros((4, *SHAPE), np.uint8))
    with pytest.raises(InputError, match=r"val\.npy has 4 images, data\.json says 3"):
        open_arrays(prepared, SHAPE, LEVELS)


def test_an_array_of_pickled_objects_is_refused(prepared: Path) -> None:
    """Fault: `allow_pickle=True` would run whatever the file says."""
    np.save(prepared / "val.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(InputError, match=r"val\.npy is damaged"):
        open_arrays(prepared, SHAPE, LEVELS)


def record(prepared: Path) -> None:
    """Make the files as they are now those that were prepared."""
    about = json.loads((prepared / "data.json").read_text())
    about["md5"] = {name: md5(prepared / name) for name in about["md5"]}
    (prepared / "data.json").write_text(json.dumps(about))


def test_an_array_in_fortrans_order_is_read(prepared: Path) -> None:
    """Fault: axes in the opposite order."""
    np.save(prepared / "val.npy", np.asfortranarray(make()["val"]))
    record(prepared)
    np.testing.assert_array_equal(open_arrays(prepared, SHAPE, LEVELS)["val"], make()["val"])


@pytest.mark.parametrize("levels", [6, 8, 256])
def test_levels_that_disagree_with_the_data(prepared: Path, levels: int) -> None:
    """Fault: only a level that is too high is seen, so that K = 256 on 7 levels trains for
    nothing.
    """
    with pytest.raises(InputError, match=f"holds images of 7 levels, but data.levels is {levels}"):
        open_arrays(prepared, SHAPE, levels)


def test_a_shape_that_disagrees_with_the_data(prepared: Path) -> None:
    with pytest.raises(InputError, match=r"shape \[3, 4, 5\], but data.shape is \[3, 5, 4\]"):
        open_arrays(prepared, (3, 5, 4), LEVELS)


def test_check_images_takes_the_highest_level() -> None:
    check_images("toy", np.full((1, *SHAPE), LEVELS - 1, np.uint8), SHAPE, LEVELS)
    check_images("toy", np.full((1, *SHAPE), 255, np.uint8), SHAPE, 256)


def test_large_arrays_are_not_looked_through(prepared: Path, monkeypatch) -> None:
    """Fault: every start of a training reads 15 GB. What is seen without it: test_truncated and
    others.
    """
    np.save(prepared / "val.npy", np.full((3, *SHAPE), LEVELS, np.uint8))
    record(prepared)
    monkeypatch.setattr(npy, "LARGE", 179)
    open_arrays(prepared, SHAPE, LEVELS)
    monkeypatch.setattr(npy, "LARGE", 180)
    with pytest.raises(InputError, match="level 7 found"):
        open_arrays(prepared, SHAPE, LEVELS)


@pytest.mark.parametrize(
    ("gray", "says"),
    [
        (None, r"train_gray\.npy is missing: run `pixelrnn prepare data=toy`"),
        (np.zeros((10, *SHAPE), np.uint8), "has 10 images, train.npy 11"),
        (np.zeros((11, 3, 5, 4), np.uint8), "shape is"),
        (np.zeros((11, *SHAPE), np.float32), "dtype is float32"),
    ],
)
def test_gray_levels_of_other_images(prepared: Path, gray: np.ndarray | None, says: str) -> None:
    if gray is not None:
        np.save(prepared / "train_gray.npy", gray)
    with pytest.raises(InputError, match=says):
        check_gray(prepared, open_arrays(prepared, SHAPE, LEVELS)["train"])
