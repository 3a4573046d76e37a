"""Image files: any folder of them, and CelebA's archive."""

import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.support.raw_files import DAMAGE, checksums, noise, write_celeba, write_pictures

from pixelrnn.data import celeba, image_folder, write_arrays
from pixelrnn.errors import InputError

SHAPE = (3, 5, 7)


def collected(pairs) -> dict[str, np.ndarray]:
    parts: dict[str, list[np.ndarray]] = {}
    for split, images in pairs:
        parts.setdefault(split, []).append(images)
    return {split: np.concatenate(images) for split, images in parts.items()}


def one(
    folder: Path, image: Image.Image, shape=SHAPE, levels=256, fit="resize", name="0.png", **options
) -> np.ndarray:
    """What becomes of one image: three copies, one for each split."""
    folder.mkdir(exist_ok=True)
    for i in range(3):
        image.save(folder / f"{i}{name}", **options)
    splits = collected(image_folder(folder, shape, levels, fit, val=0.3, test=0.3))
    assert all(np.array_equal(splits["train"], x) for x in splits.values())
    return splits["train"][0]


# A folder


def test_every_picture_once_whatever_folder_it_is_in(tmp_path: Path) -> None:
    """Faults: folders below left out; colors last; an image in two splits."""
    pictures = write_pictures(tmp_path)
    splits = collected(image_folder(tmp_path, SHAPE, 256, val=0.25, test=1 / 6))
    assert {split: x.shape for split, x in splits.items()} == {
        "train": (7, *SHAPE),
        "val": (3, *SHAPE),
        "test": (2, *SHAPE),
    }
    dealt = sorted(image.tobytes() for images in splits.values() for image in images)
    assert dealt == sorted(picture.transpose(2, 0, 1).tobytes() for picture in pictures)


def test_splits_follow_the_seed_and_the_paths(tmp_path: Path) -> None:
    """Faults: the global generator; the order in which the disk lists files, which changes as they are copied."""
    write_pictures(tmp_path)
    read = [collected(image_folder(tmp_path, SHAPE, 256, seed=seed)) for seed in (0, 0, 1)]
    assert np.array_equal(read[0]["val"], read[1]["val"])
    assert not np.array_equal(read[0]["val"], read[2]["val"])
    for file in sorted(tmp_path.rglob("*.png"), reverse=True):
        content = file.read_bytes()
        file.unlink()
        file.write_bytes(content)
    assert np.array_equal(read[0]["train"], collected(image_folder(tmp_path, SHAPE, 256))["train"])


def test_more_pictures_than_are_handed_on_at_a_time(tmp_path: Path, monkeypatch) -> None:
    """Faults: the last, incomplete handful dropped; the handful of one split given to another."""
    monkeypatch.setattr("pixelrnn.data.sources.pictures.TOGETHER", 2)
    write_pictures(tmp_path)
    pairs = list(image_folder(tmp_path, SHAPE, 256, val=0.25, test=0.25))
    assert max(len(images) for _, images in pairs) == 2
    assert {split: len(x) for split, x in collected(pairs).items()} == {
        "train": 6,
        "val": 3,
        "test": 3,
    }


def test_two_to_256_levels_and_one_color(tmp_path: Path) -> None:
    """Faults: bins of unequal width; a level K; red for gray."""
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    for levels in (2, 17, 32, 256):
        gray = one(tmp_path / str(levels), ramp, (1, 16, 16), levels)
        np.testing.assert_array_equal(gray.ravel(), np.arange(256) * levels // 256)
    green = Image.new("RGB", (7, 5), (0, 200, 0))
    assert one(tmp_path / "green", green, (1, 5, 7))[0, 0, 0] == round(0.587 * 200)
    assert one(tmp_path / "rgb", ramp, (3, 16, 16))[:, 3, 4].tolist() == [52] * 3


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr"])
def test_pictures_of_other_modes(tmp_path: Path, mode: str) -> None:
    """Fault: a palette's indices taken for colors, an alpha channel for a fourth."""
    image = Image.new("RGB", (7, 5), (255, 255, 255)).convert(mode)
    name = "0.jpg" if mode in ("CMYK", "YCbCr") else "0.png"
    assert one(tmp_path, image, name=name).tolist() == np.full(SHAPE, 255).tolist()


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_more_than_eight_bits_are_refused(tmp_path: Path, mode: str) -> None:
    """Fault: Pillow's conversion, which clips everything above 255 to white."""
    pixels = np.full(
        (5, 7), 40_000, np.uint16 if mode == "I;16" else np.int32 if mode == "I" else np.float32
    )
    with pytest.raises(InputError, match=rf"0\.tif: mode {mode} has more than 8 bits a color"):
        one(tmp_path, Image.fromarray(pixels), name="0.tif")


def test_a_photograph_taken_upright(tmp_path: Path) -> None:
    """Fault: what the camera noted about its orientation is not heeded, so that it lies on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    pixels = noise(7, 5, 3)
    got = one(tmp_path, Image.fromarray(pixels), exif=exif)
    np.testing.assert_array_equal(got, np.rot90(pixels, -1).transpose(2, 0, 1))


def test_what_fits_and_what_does_not(tmp_path: Path) -> None:
    """Faults: proportions lost; a corner in place of the middle; a size that is refused where it may be cut."""
    stripes = np.zeros((6, 20, 3), np.uint8)
    stripes[:, 4:7], stripes[:, 7:13], stripes[:, 13:16] = 50, 100, 150
    image = Image.fromarray(stripes)
    np.testing.assert_array_equal(
        one(tmp_path / "a", image, (3, 6, 6), fit="crop"), np.full((3, 6, 6), 100)
    )
    np.testing.assert_array_equal(
        one(tmp_path / "b", image, (3, 4, 2), fit="crop"), np.full((3, 4, 2), 100)
    )
    np.testing.assert_allclose(
        one(tmp_path / "c", image, (3, 3, 3)), np.full((3, 3, 3), 100), atol=5
    )  # 6x6, halved
    halved = one(tmp_path / "d", image, (3, 3, 10))
    np.testing.assert_allclose(halved[0, 1, [0, 5, 9]], [0, 100, 0], atol=8)
    np.testing.assert_array_equal(
        one(tmp_path / "e", image, (3, 6, 20), fit="none"), stripes.transpose(2, 0, 1)
    )
    for shape in [(3, 6, 21), (3, 7, 20)]:
        with pytest.raises(
            InputError, match=f"20x6 pixels are too few to cut {shape[2]}x{shape[1]} from"
        ):
            one(tmp_path / "f", image, shape, fit="crop")
    with pytest.raises(
        InputError, match=r"0\.png: 20x6 pixels, expected 19x6: set fit=resize or fit=crop"
    ):
        one(tmp_path / "g", image, (3, 6, 19), fit="none")


def test_other_files_are_skipped_and_counted_or_refused(tmp_path: Path, capsys) -> None:
    """Faults: skipped without a word; a text file opened as an image."""
    write_pictures(tmp_path)
    assert not capsys.readouterr().out
    (tmp_path / "b" / "notes.txt").write_text("x")
    (tmp_path / "film.mp4").write_text("x")
    assert len(collected(image_folder(tmp_path, SHAPE, 256))["train"]) == 10
    assert (
        capsys.readouterr().out
        == f"{tmp_path}: skipped 2 of 14 files, which are no images (notes.txt, ...)\n"
    )
    with pytest.raises(InputError, match=r"2 of 14 files are no images \(.*notes.txt, "):
        image_folder(tmp_path, SHAPE, 256, strict=True)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_picture_is_no_other_file(tmp_path: Path, damage: str) -> None:
    """Faults: Pillow's errors let through; a truncated image read as gray; the others left behind, prepared."""
    write_pictures(tmp_path / "raw", size=(40, 40))
    file = tmp_path / "raw" / "b" / "03.png"
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with pytest.raises(
        InputError, match=r"is damaged or not an image .*: replace or remove it"
    ) as caught:
        write_arrays(
            tmp_path / "out", "photos", SHAPE, 256, image_folder(tmp_path / "raw", SHAPE, 256)
        )
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_folders_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere is no folder: set data\.source\.folder"):
        image_folder(tmp_path / "nowhere", SHAPE, 256)
    with pytest.raises(InputError, match="has 0 images"):
        image_folder(tmp_path, SHAPE, 256)
    write_pictures(tmp_path, n=2)
    with pytest.raises(InputError, match="has 2 images: too few"):
        image_folder(tmp_path, SHAPE, 256)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"val": 0.0}, "are shares"),
        ({"test": -0.1}, "are shares"),
        ({"val": 10, "test": 10}, "are shares"),
        ({"val": 0.5, "test": 0.5}, "are shares"),
        ({"fit": "stretch"}, "fit=stretch: expected resize, crop, none"),
    ],
)
def test_options_that_are_none(tmp_path: Path, options: dict, says: str) -> None:
    write_pictures(tmp_path)
    with pytest.raises(InputError, match=says):
        image_folder(tmp_path, SHAPE, 256, **options)


# CelebA


@pytest.mark.parametrize("place", [".", "celeba"])
def test_celeba_is_the_middle_of_each_face_in_its_official_split(
    tmp_path: Path, place: str
) -> None:
    """Faults: val and test swapped; the whole picture, whose edge is darker, made smaller."""
    write_celeba(tmp_path / place)
    splits = collected(celeba(tmp_path, size=8, checksums=checksums(tmp_path)))
    assert {split: x.shape[1:] for split, x in splits.items()} == dict.fromkeys(splits, (3, 8, 8))
    levels = {split: [round(float(x.mean())) for x in images] for split, images in splits.items()}
    assert levels == {"train": [10, 30, 50], "val": [70, 90], "test": [110, 130]}
    assert all(image.max() - image.min() <= 1 for images in splits.values() for image in images)


@pytest.mark.parametrize(
    ("name", "md5"), [("img_align_celeba.zip", "00d2c5bc"), ("list_eval_partition.txt", "d32c9cbf")]
)
def test_celebas_official_checksums_are_the_default(tmp_path: Path, name: str, md5: str) -> None:
    write_celeba(tmp_path)
    with pytest.raises(
        InputError, match=r"list_eval_partition.txt .*expected d32c9cbf5e040fd4025c592c306e6668"
    ):
        celeba(tmp_path, size=8)


@pytest.mark.parametrize("name", ["img_align_celeba.zip", "list_eval_partition.txt"])
def test_celeba_missing_without_gdown(tmp_path: Path, monkeypatch, name: str) -> None:
    write_celeba(tmp_path)
    known = checksums(tmp_path)
    (tmp_path / name).unlink()
    monkeypatch.setitem(sys.modules, "gdown", None)
    with pytest.raises(
        InputError, match=f"{name} can't be downloaded .*gdown.*get .* at https://.*put them into"
    ):
        celeba(tmp_path, size=8, checksums=known)


def test_celeba_comes_by_torchvision_and_gdown(tmp_path: Path, monkeypatch) -> None:
    """Fault: the wrong file for an id."""
    write_celeba(tmp_path / "drive")
    files = {
        "0B7EVK8r0v71pZjFTYXZWM3FlRnM": "img_align_celeba.zip",
        "0B7EVK8r0v71pY0NSMzRuSXJEVkk": "list_eval_partition.txt",
    }

    def download(id, output, **options):
        Path(output).write_bytes((tmp_path / "drive" / files[id]).read_bytes())

    monkeypatch.setitem(sys.modules, "gdown", types.SimpleNamespace(download=download))
    monkeypatch.setattr(
        "torchvision.datasets.utils.check_integrity", lambda file, md5: Path(file).is_file()
    )
    splits = collected(celeba(tmp_path / "mine", size=8, checksums=checksums(tmp_path / "drive")))
    assert {split: len(x) for split, x in splits.items()} == {"train": 3, "val": 2, "test": 2}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("000001.jpg 0\nmissing.jpg 1\n", "archive of CelebA's images .*missing.jpg"),
        ("000001.jpg 3\n", "list of CelebA's splits"),
        ("000001.jpg\n", "list of CelebA's splits"),
    ],
)
def test_a_list_of_other_images(tmp_path: Path, text: str, says: str) -> None:
    write_celeba(tmp_path)
    (tmp_path / "list_eval_partition.txt").write_text(text)
    with pytest.raises(InputError, match=says):
        collected(celeba(tmp_path, size=8, checksums=checksums(tmp_path)))


def test_faces_too_small_to_cut_from(tmp_path: Path) -> None:
    write_celeba(tmp_path)
    with pytest.raises(
        InputError, match=r"000001\.jpg: 178x218 pixels are too few to cut 200x200 from"
    ):
        collected(celeba(tmp_path, size=8, cut=200, checksums=checksums(tmp_path)))


@pytest.mark.parametrize("damage", ["empty", "half", "garbage"])
def test_a_damaged_archive_of_faces(tmp_path: Path, damage: str) -> None:
    write_celeba(tmp_path)
    file = tmp_path / "img_align_celeba.zip"
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with pytest.raises(InputError, match=r"img_align_celeba\.zip is damaged"):
        collected(celeba(tmp_path, size=8, checksums=checksums(tmp_path)))
