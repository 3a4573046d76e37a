"""Images that are there more than once: counted, told, and left out where that is asked for."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.support.raw_files import noise

from pixelrnn.data import open_arrays, write_arrays
from pixelrnn.data.identical import Fingerprints, among, describe_identical
from pixelrnn.data.npy import keep_only
from pixelrnn.errors import InputError
from pixelrnn.stages.prepare import prepare

SHAPE = (1, 3, 3)


def images(*levels: int) -> np.ndarray:
    """An image for each number, which is its first pixel; the others are noise, the same in all."""
    some = np.repeat(noise(1, *SHAPE), len(levels), 0)
    some[:, 0, 0, 0] = levels
    return some


def firsts(arrays: dict[str, np.ndarray]) -> dict[str, list[int]]:
    return {split: x[:, 0, 0, 0].tolist() for split, x in arrays.items()}


LEAKY = {
    "train": images(1, 2, 3, 3, 4, 5, 6, 7),
    "val": images(10, 3, 11, 20, 20),
    "test": images(20, 21, 6, 6),
}


def taken(splits: dict[str, np.ndarray]) -> dict[str, Fingerprints]:
    prints = {}
    for split, x in splits.items():
        prints[split] = Fingerprints()
        for part in np.array_split(x, 2):
            prints[split].add(part)
    return prints


def test_every_kind_is_told_with_its_number() -> None:
    """Faults: a pair of splits forgotten; the training images counted in place of the test images;
    a copy counted for each pair.
    """
    also = "also among the training images: dedupe=true removes"
    assert describe_identical(taken(LEAKY)) == [
        "1 of the 8 training images is a copy of another",
        "1 of the 5 validation images is a copy of another",
        "1 of the 4 test images is a copy of another",
        f"1 of the 5 validation images is {also} it from training",
        f"2 of the 4 test images are {also} them from training",
        "1 of the 4 test images is also among the validation images: dedupe=true removes it from "
        "validation",
    ]


def test_images_of_one_color_are_counted() -> None:
    """In each of three colors its own. Fault: a gray image alone called plain."""
    plain = np.broadcast_to(np.arange(3, dtype=np.uint8)[:, None, None], (2, 3, 4, 4)).copy()
    splits = {split: noise(3, 3, 4, 4, seed=seed) for seed, split in enumerate(("train", "val"))}
    lines = describe_identical(taken({**splits, "test": plain}), remedy=False)
    assert lines == [
        "1 of the 2 test images is a copy of another",
        "2 of the 2 test images are of one color throughout",
    ]


def test_nothing_is_told_where_there_is_nothing() -> None:
    splits = {split: noise(3, *SHAPE, seed=seed) for seed, split in enumerate(LEAKY)}
    assert describe_identical(taken(splits)) == []


def test_many_digests_among_few_and_few_among_many() -> None:
    """Against sets. Faults: the last of the others not found; one beyond it found."""
    draw = np.random.RandomState(0).randint
    digests = [draw(0, 256, (n, 16)).astype(np.uint8) for n in (1000, 7)]
    digests[1][:3] = digests[0][[0, 500, 999]]
    digests[0][1, -5:] = 0  # bytes that NumPy pads with
    digests[1][4] = digests[0][1]
    few, many = (x.reshape(-1).view("S16") for x in reversed(digests))
    assert among(few, many).tolist() == [True] * 3 + [False, True, False, False]
    assert np.flatnonzero(among(many, few)).tolist() == [0, 1, 500, 999]
    assert among(few, few[:1]).tolist() == [True] + [False] * 6


def test_an_image_takes_sixteen_bytes() -> None:
    """Fault: the images are kept, or their digests as Python's objects."""
    prints = taken({"train": noise(500, 3, 8, 8)})["train"]
    assert prints.digests.nbytes == 16 * len(prints) == 16 * 500


# Left out


def test_dedupe_leaves_out_what_leaks(tmp_path: Path) -> None:
    """Faults: test images removed; copies within a split removed; the order changed."""
    written = write_arrays(tmp_path / "a", "a", SHAPE, 256, LEAKY, dedupe=True)
    arrays = open_arrays(tmp_path / "a", SHAPE, 256)
    assert firsts(arrays) == {
        "train": [1, 2, 4, 5, 7],
        "val": [10, 3, 11],
        "test": [20, 21, 6, 6],
    }
    assert {split: x.removed for split, x in written.items()} == {"train": 3, "val": 2, "test": 0}
    assert (written["train"].low, written["train"].high) == (
        arrays["train"].min(),
        arrays["train"].max(),
    )
    lines = describe_identical({split: x.fingerprints for split, x in written.items()})
    assert not any("also among" in line for line in lines)


def test_what_nothing_leaks_from_stays_byte_for_byte(tmp_path: Path) -> None:
    """Faults: without leaks other bytes; a file of its own for what was removed."""
    splits = {split: noise(9, *SHAPE, seed=seed) for seed, split in enumerate(LEAKY)}
    for dedupe in (False, True):
        write_arrays(tmp_path / str(dedupe), "a", SHAPE, 256, splits, dedupe)
    files = [sorted((tmp_path / str(dedupe)).iterdir()) for dedupe in (False, True)]
    assert [file.name for file in files[0]] == [file.name for file in files[1]]
    assert [file.read_bytes() for file in files[0]] == [file.read_bytes() for file in files[1]]


def test_a_file_is_written_again_a_chunk_at_a_time(tmp_path: Path, monkeypatch) -> None:
    """Faults: the last chunk lost; a chunk of which nothing is kept."""
    monkeypatch.setattr("pixelrnn.data.npy.CHUNK", 4 * 9)
    some = images(*range(11))
    np.save(tmp_path / "a.npy", some)
    keep = np.array([1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1], bool)
    keep_only(tmp_path / "a.npy", keep)
    np.save(tmp_path / "b.npy", some[keep])
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


@pytest.mark.parametrize(
    ("splits", "says"),
    [
        ({"train": images(10, 3)}, "no image for training, as each is also for validation or test"),
        ({"val": images(20, 6)}, "no image for validation, as each is also for test"),
        ({"train_gray": images(*range(8))}, "as they are drawn anew every epoch: set dedupe=false"),
    ],
)
def test_dedupe_that_cannot_be(tmp_path: Path, splits: dict, says: str) -> None:
    """Faults: a split of nothing; gray images that are not those of the training images any more."""
    with pytest.raises(InputError, match=says):
        write_arrays(tmp_path / "a", "a", SHAPE, 256, LEAKY | splits, dedupe=True)
    assert not list(tmp_path.iterdir())
    write_arrays(tmp_path / "a", "a", SHAPE, 256, LEAKY | splits)


def test_drawn_images_name_no_remedy(tmp_path: Path, capsys) -> None:
    """Fault: advice that ends in an error."""
    splits = LEAKY | {"train_gray": LEAKY["train"]}
    prepare(source=lambda: splits, name="a", shape=SHAPE, levels=256, out=tmp_path / "a")
    out = capsys.readouterr().out
    assert "also among the training images" in out
    assert "dedupe" not in out


def test_the_description_is_the_same_as_ever(tmp_path: Path) -> None:
    """Fault: a count or a name in data.json that changes the bytes that DVC knows."""
    write_arrays(tmp_path / "a", "a", SHAPE, 256, LEAKY)
    about = json.loads((tmp_path / "a" / "data.json").read_text())
    assert list(about) == ["name", "shape", "levels", "counts", "md5"]
