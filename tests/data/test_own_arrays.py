"""Anybody's arrays, in an npz file and as npy files."""

from pathlib import Path

import numpy as np
import pytest
from tests.support.raw_files import DAMAGE, noise

from pixelrnn.data import SPLITS, npy_arrays, npz_arrays, write_arrays
from pixelrnn.data.sources import rows
from pixelrnn.errors import InputError


def save_npz(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez(folder / "mine.npz", **arrays)
    return folder / "mine.npz"


def save_npz_compressed(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez_compressed(folder / "mine.npz", **arrays)
    return folder / "mine.npz"


def save_npy(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder


FORMS = [
    pytest.param(save_npz, npz_arrays, id="npz"),
    pytest.param(save_npz_compressed, npz_arrays, id="compressed"),
    pytest.param(save_npy, npy_arrays, id="npy"),
]


def collected(pairs) -> dict[str, np.ndarray]:
    parts: dict[str, list[np.ndarray]] = {}
    for split, images in pairs:
        parts.setdefault(split, []).append(images)
    return {split: np.concatenate(images) for split, images in parts.items()}


@pytest.mark.parametrize(("save", "read"), FORMS)
def test_colors_move_to_the_front(tmp_path: Path, save, read) -> None:
    """Faults: NHWC taken for NCHW, also of pixels that would fit either way; gray images without an
    axis of colors; x_val dealt out once more.
    """
    arrays = {
        "x_train": noise(5, 4, 6, 3),
        "x_val": noise(2, 4, 6, 3, seed=1),
        "x_test": noise(3, 4, 6, 3, seed=2),
    }
    splits = collected(read(save(tmp_path, arrays), (3, 4, 6), 256))
    for split in ("train", "val", "test"):
        np.testing.assert_array_equal(splits[split], arrays[f"x_{split}"].transpose(0, 3, 1, 2))
    for shape in [(5, 4, 6), (5, 4, 6, 1), (5, 1, 4, 6)]:
        path = save(tmp_path, {name: noise(*shape) for name in arrays})
        gray = collected(read(path, (1, 4, 6), 256))
        np.testing.assert_array_equal(gray["val"], noise(*shape).reshape(5, 1, 4, 6))


@pytest.mark.parametrize("shape", [(3, 4, 6), (3, 3, 6), (3, 4, 3), (3, 3, 3), (1, 1, 1)])
@pytest.mark.parametrize(("save", "read"), FORMS[::2])
def test_colors_may_be_first(tmp_path: Path, save, read, shape: tuple[int, ...]) -> None:
    """The shape says so; where it could be either, they are first. Fault: NCHW taken for NHWC."""
    arrays = {f"x_{split}": noise(4, *shape, seed=i) for i, split in enumerate(SPLITS)}
    splits = collected(read(save(tmp_path, arrays), shape, 256))
    for split in SPLITS:
        np.testing.assert_array_equal(splits[split], arrays[f"x_{split}"])


@pytest.mark.parametrize(("save", "read"), FORMS)
def test_without_validation_a_share_of_the_training_images(tmp_path: Path, save, read) -> None:
    """Faults: an image in both; test images drawn from; the last ones, which may all be of one
    class.
    """
    train = np.arange(40, dtype=np.uint8).repeat(4).reshape(40, 2, 2)
    path = save(tmp_path, {"x_train": train, "x_test": train[:3], "y_train": np.arange(40)})
    dealt = {
        seed: {
            k: x[:, 0, 0, 0].tolist()
            for k, x in collected(read(path, (1, 2, 2), 256, 0.2, seed=seed)).items()
        }
        for seed in (0, 1)
    }
    assert sorted(dealt[0]["train"] + dealt[0]["val"]) == list(range(40))
    assert (len(dealt[0]["val"]), dealt[0]["test"]) == (8, [0, 1, 2])
    assert dealt[0]["val"] != dealt[1]["val"]
    assert dealt[0]["val"] != list(range(32, 40))


@pytest.mark.parametrize(("save", "read"), FORMS)
def test_a_few_images_at_a_time(tmp_path: Path, monkeypatch, save, read) -> None:
    """Fault: the whole array in memory."""
    monkeypatch.setattr(rows, "CHUNK", 8 * 30)
    arrays = {"x_train": noise(50, 5, 6), "x_test": noise(50, 5, 6, seed=1)}
    pairs = list(read(save(tmp_path, arrays), (1, 5, 6), 256))
    assert max(len(images) for _, images in pairs) <= 8
    np.testing.assert_array_equal(collected(pairs)["test"][:, 0], arrays["x_test"])


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, ">f8", np.float16, bool])
def test_whole_numbers_are_levels_and_fractions_intensities(tmp_path: Path, dtype) -> None:
    """Faults: fractions cut off to zero; big-endian values read as little-endian; of bool, nearly
    black levels 0 and 1 of 5.
    """
    levels = noise(6, 4, 4, levels=2 if dtype is bool else 5)
    values = levels / 4 if np.dtype(dtype).kind == "f" else levels
    path = save_npz(tmp_path, {"x_train": values.astype(dtype), "x_test": values.astype(dtype)})
    if dtype is bool:
        with pytest.raises(
            InputError, match=r"type is bool, which is 2 levels, not 5: .* set data.levels=2"
        ):
            collected(npz_arrays(path, (1, 4, 4), 5))
    got = collected(npz_arrays(path, (1, 4, 4), 2 if dtype is bool else 5))["test"]
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got[:, 0], levels)


@pytest.mark.parametrize(("save", "read"), FORMS)
def test_arrays_in_fortrans_order_are_read(tmp_path: Path, monkeypatch, save, read) -> None:
    """Whole, but not row after row. Faults: called damaged; axes in the opposite order."""
    monkeypatch.setattr(rows, "CHUNK", 2 * 30)
    arrays = {"x_train": noise(9, 5, 6), "x_test": noise(4, 5, 6, seed=1)}
    path = save(tmp_path, {name: np.asfortranarray(x) for name, x in arrays.items()})
    splits = collected(read(path, (1, 5, 6), 256, 0.2))
    np.testing.assert_array_equal(splits["test"][:, 0], arrays["x_test"])
    dealt = sorted(x.tobytes() for split in ("train", "val") for x in splits[split])
    assert dealt == sorted(x.tobytes() for x in arrays["x_train"])


@pytest.mark.parametrize(("save", "read"), FORMS[::2])
def test_what_is_whole_is_not_called_damaged(tmp_path: Path, save, read) -> None:
    """Fault: "is damaged or not an npy file (it holds pickled objects)"."""
    arrays = {"x_train": np.array([{}], object), "x_test": noise(4, 5, 6)}
    with pytest.raises(InputError, match=r"x_train.* holds pickled objects, which") as caught:
        collected(read(save(tmp_path, arrays), (1, 5, 6), 256))
    assert "damaged" not in str(caught.value)


def wrong(value: float, dtype) -> np.ndarray:
    x = np.zeros((6, 4, 4), dtype)
    x[3, 2, 1] = value
    return x


WRONG = [
    pytest.param(wrong(np.nan, np.float32), "1 of the values are NaN", id="NaN"),
    pytest.param(
        wrong(np.inf, np.float32), "values 0 to inf, expected fractions from 0 to 1", id="infinity"
    ),
    pytest.param(
        wrong(200.0, np.float64),
        "values 0 to 200, expected fractions from 0 to 1: save x / 255",
        id="fraction",
    ),
    pytest.param(
        wrong(-0.5, np.float64),
        r"values -0.5 to 0, expected fractions from 0 to 1: save \(x \+ 1\) / 2",
        id="negative fraction",
    ),
    pytest.param(
        wrong(5, np.uint8),
        r"values 0 to 5, expected levels=5, so whole numbers from 0 to 4: save x.astype\(int\) \* 5 "
        "// 256 if they are bytes, or set data.levels=6",
        id="level",
    ),
    pytest.param(wrong(-1, np.int64), "values -1 to 0, expected levels=5", id="negative level"),
    pytest.param(
        wrong(257, np.int64), "values 0 to 257, expected levels=5", id="level that wraps round"
    ),
    pytest.param(wrong(1, np.complex64), "type is complex64", id="complex"),
    pytest.param(np.array([[["a"] * 4] * 4] * 6), "type is <U1, expected whole", id="text"),
    pytest.param(np.zeros((6, 16), np.uint8), r"shape is \(n, 16\), expected", id="flat"),
    pytest.param(
        np.zeros((6, 3, 4, 4), np.uint8), r"shape is \(n, 3, 4, 4\), expected", id="colors first"
    ),
    pytest.param(
        np.zeros((6, 4, 5), np.uint8),
        r"shape is \(n, 4, 5\), expected \(n, 1, 4, 4\) or \(n, 4, 4, 1\) or \(n, 4, 4\): set data",
        id="size",
    ),
    pytest.param(np.zeros((0, 4, 4), np.uint8), "the split is empty", id="empty"),
    pytest.param(np.array([{}], object), "pickled objects", id="objects"),
    pytest.param(np.array(3, np.uint8), "is a single number", id="no axis"),
]


@pytest.mark.parametrize("name", ["x_train", "x_val", "x_test"])
@pytest.mark.parametrize(("values", "says"), WRONG)
@pytest.mark.parametrize(("save", "read"), FORMS[::2])
def test_arrays_of_another_kind(
    tmp_path: Path, save, read, values: np.ndarray, says: str, name: str
) -> None:
    """Faults: each check left out; what was written before the wrong array left behind."""
    folder = tmp_path / "raw"
    folder.mkdir()
    good = {key: np.zeros((6, 4, 4), np.uint8) for key in ("x_train", "x_val", "x_test")}
    path = save(folder, good | {name: values})
    with pytest.raises(InputError, match=says) as caught:
        write_arrays(tmp_path / "out", "mine", (1, 4, 4), 5, read(path, (1, 4, 4), 5))
    assert name.removeprefix("x_") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["raw"]


@pytest.mark.parametrize(("save", "read"), FORMS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged(tmp_path: Path, save, read, damage: str) -> None:
    """Fault: zip's own checksum not reached. (In an npy file there is none, so a changed value
    can't be seen.)
    """
    path = save(tmp_path, {"x_train": noise(50, 4, 4), "x_test": noise(50, 4, 4, seed=1)})
    file = path if path.is_file() else path / "x_test.npy"
    file.write_bytes(
        DAMAGE[damage if path.is_file() else damage.replace("middle", "short")](file.read_bytes())
    )
    with pytest.raises(InputError, match=r"is damaged or not an np[yz] file") as caught:
        collected(read(path, (1, 4, 4), 256))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_values_than_the_header_says(tmp_path: Path) -> None:
    """Fault: two files written into one."""
    save_npy(tmp_path, {"x_train": noise(5, 4, 4), "x_test": noise(5, 4, 4)})
    with (tmp_path / "x_test.npy").open("ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match="it has more bytes than its header says"):
        collected(npy_arrays(tmp_path, (1, 4, 4), 256))


@pytest.mark.parametrize(("save", "read"), FORMS[::2])
@pytest.mark.parametrize("name", ["x_train", "x_test"])
def test_missing_arrays(tmp_path: Path, save, read, name: str) -> None:
    arrays = {"x_train": noise(5, 4, 4), "x_val": noise(5, 4, 4), "x_test": noise(5, 4, 4)}
    del arrays[name]
    remedy = r"set data.source.test=0\.1 for a share" if name == "x_test" else "add one"
    with pytest.raises(InputError, match=f"has no array {name}: {remedy}"):
        read(save(tmp_path, arrays), (1, 4, 4), 256)


@pytest.mark.parametrize(("save", "read"), FORMS)
def test_one_array_of_another_name(tmp_path: Path, save, read) -> None:
    """As people have them. Faults: an image in two splits; other images than the array's."""
    images = np.arange(40, dtype=np.uint8).repeat(4).reshape(40, 2, 2)
    path = save(tmp_path, {"images": images, "labels": np.arange(40)})
    with pytest.raises(InputError, match=r"no array x_train: set .*names.train to one of images, "):
        read(path, (1, 2, 2), 256)
    names = {"train": "images"}
    with pytest.raises(
        InputError, match=r"has no array x_test: set .* of labels or set .*test=0.1 for"
    ):
        read(path, (1, 2, 2), 256, names=names)
    splits = collected(read(path, (1, 2, 2), 256, val=0.2, test=0.1, names=names))
    assert {split: len(splits[split]) for split in SPLITS} == {"train": 28, "val": 8, "test": 4}
    dealt = sorted(level for split in SPLITS for level in splits[split][:, 0, 0, 0].tolist())
    assert dealt == list(range(40))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"names": {"train": "images", "test": "images"}}, "one array can't be for two splits"),
        ({"names": {"valid": "images"}}, "expected names by split"),
        ({"names": "images"}, "expected names by split"),
        (
            {"names": {"val": "nope"}},
            "has no array nope: set .* of images or set data.source.val=0.1 for",
        ),
        ({"test": 0.1}, "has x_test, so test=0.1 can't be a share: set test=null"),
    ],
)
def test_names_and_shares_that_cannot_be(tmp_path: Path, options: dict, says: str) -> None:
    """Before any work. Faults: the same images for training and test; a typing error for which
    training images are held out in place of those meant.
    """
    save_npy(tmp_path, {name: noise(9, 4, 4) for name in ("x_train", "x_test", "images")})
    with pytest.raises(InputError, match=says):
        npy_arrays(tmp_path, (1, 4, 4), 256, **options)


def test_a_folder_with_one_npz_file(tmp_path: Path) -> None:
    """Faults: one of several chosen; a hidden one taken for it."""
    with pytest.raises(InputError, match=r"holds none, expected one npz file: set data"):
        npz_arrays(tmp_path, (1, 4, 4), 256)
    save_npz(tmp_path, {"x_train": noise(9, 4, 4), "x_test": noise(3, 4, 4)})
    (tmp_path / "._mine.npz").write_text("")
    assert len(collected(npz_arrays(tmp_path, (1, 4, 4), 256))["test"]) == 3
    (tmp_path / "other.npz").write_text("")
    with pytest.raises(InputError, match=r"holds mine.npz, other.npz, expected one npz file"):
        npz_arrays(tmp_path, (1, 4, 4), 256)


def test_a_pickled_masked_array(tmp_path: Path) -> None:
    """Fault: unpickled. (`np.save` itself drops a mask.)"""
    save_npy(tmp_path, {"x_test": noise(3, 4, 4)})
    np.ma.masked_equal(noise(9, 4, 4), 3).dump(tmp_path / "x_train.npy")
    with pytest.raises(InputError, match=r"x_train.npy is damaged or not an npy file"):
        npy_arrays(tmp_path, (1, 4, 4), 256)


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    arrays = {"x_train": noise(5, 4, 4), "x_test": noise(5, 4, 4)}
    save_npz(tmp_path, arrays)
    save_npy(tmp_path, arrays)
    assert sorted(collected(npz_arrays("~/mine.npz", (1, 4, 4), 256))) == ["test", "train", "val"]
    assert sorted(collected(npy_arrays("~", (1, 4, 4), 256))) == ["test", "train", "val"]
    for call, key in ((npz_arrays, "file"), (npy_arrays, "folder")):
        with pytest.raises(InputError, match=rf"data\.source\.{key}=2024 must be text"):
            call(2024, (1, 4, 4), 256)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.npz is missing"):
        npz_arrays(tmp_path / "mine.npz", (1, 4, 4), 256)
    with pytest.raises(InputError, match=r"nowhere is no folder: put npy files there or set"):
        npy_arrays(tmp_path / "nowhere", (1, 4, 4), 256)


@pytest.mark.parametrize("val", [0, 1, 5, -0.1, "0.1", None])
def test_a_share_that_is_none(tmp_path: Path, val: object) -> None:
    path = save_npz(tmp_path, {"x_train": noise(5, 4, 4), "x_test": noise(5, 4, 4)})
    says = "no array x_val: set data.source.val=0.1" if val is None else f"val={val} must be shares"
    with pytest.raises(InputError, match=says):
        npz_arrays(path, (1, 4, 4), 256, val)
