"""Image files: any folder of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from tests.support.raw_files import DAMAGE, noise, write_pictures

from pixelrnn.data import image_folder, write_arrays
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
    """Faults: the global generator; the order in which the disk lists files, which changes as they
    are copied.
    """
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


@pytest.mark.parametrize("colors", [1, 3])
def test_lab_is_read(tmp_path: Path, colors: int) -> None:
    """Fault: called damaged. (L*a*b* has fewer colors than RGB, so some come back a little off.)"""
    pixels = np.full((5, 7, 3), 100, np.uint8)
    pixels[:, 3:] = 200, 150, 120
    rgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    transform = ImageCms.buildTransform(rgb, lab, "RGB", "LAB")
    image = ImageCms.applyTransform(Image.fromarray(pixels), transform)
    got = one(tmp_path, image, (colors, 5, 7), name="0.tif")
    expected = np.asarray(Image.fromarray(pixels).convert("L" if colors == 1 else "RGB"))
    expected = expected.reshape(5, 7, colors).transpose(2, 0, 1)
    assert np.abs(got.astype(int) - expected).max() <= 3


def test_what_is_whole_is_not_called_damaged(tmp_path: Path, monkeypatch) -> None:
    """Fault: "damaged" for 400 megapixels, which Pillow takes for an attack."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 17)
    with pytest.raises(InputError, match=r"0\.png is too large: .* up to 34 pixels") as caught:
        one(tmp_path, Image.new("RGB", (7, 5)))
    assert "damaged" not in str(caught.value)


def test_a_mode_that_pillow_does_not_convert(tmp_path: Path, monkeypatch) -> None:
    def convert(self, mode):
        raise ValueError("conversion not supported")

    monkeypatch.setattr(Image.Image, "convert", convert)
    with pytest.raises(InputError, match=r"0\.png: mode RGB is not one that Pillow converts"):
        one(tmp_path, Image.new("RGB", (7, 5)))


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch) -> None:
    """Faults: a folder called ~; a number for a path let through."""
    monkeypatch.setenv("HOME", str(tmp_path))
    write_pictures(tmp_path / "raw")
    assert len(collected(image_folder("~/raw", SHAPE, 256))["train"]) == 10
    with pytest.raises(InputError, match=r"data\.source\.folder=2024 must be text"):
        image_folder(2024, SHAPE, 256)


def test_a_photograph_taken_upright(tmp_path: Path) -> None:
    """Fault: what the camera noted about its orientation is not heeded, so that it lies on its
    side.
    """
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    pixels = noise(7, 5, 3)
    got = one(tmp_path, Image.fromarray(pixels), exif=exif)
    np.testing.assert_array_equal(got, np.rot90(pixels, -1).transpose(2, 0, 1))


def test_what_fits_and_what_does_not(tmp_path: Path) -> None:
    """Faults: proportions lost; a corner in place of the middle; a size that is refused where it
    may be cut.
    """
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
    (tmp_path / ".DS_Store").write_text("x")
    assert len(collected(image_folder(tmp_path, SHAPE, 256))["train"]) == 10
    assert capsys.readouterr().out == (
        f"{tmp_path}: left out 1 hidden (.DS_Store); "
        "2 that are no pictures Pillow reads, by their suffix (notes.txt, ...)\n"
    )
    with pytest.raises(InputError, match=r"2 of 14 files are no images \(.*notes.txt, "):
        image_folder(tmp_path, SHAPE, 256, strict=True)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_picture_is_no_other_file(tmp_path: Path, damage: str) -> None:
    """Faults: Pillow's errors let through; a truncated image read as gray; the others left behind,
    prepared.
    """
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
    with pytest.raises(
        InputError, match="0 images are too few to leave some for train, val and test"
    ):
        image_folder(tmp_path, SHAPE, 256)
    write_pictures(tmp_path, n=2)
    with pytest.raises(InputError, match="2 images are too few"):
        image_folder(tmp_path, SHAPE, 256)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"val": 0.0}, "must be shares"),
        ({"test": -0.1}, "must be shares"),
        ({"val": 10, "test": 10}, "must be shares"),
        ({"val": 0.5, "test": 0.5}, "must be shares"),
        ({"fit": "stretch"}, "fit=stretch: expected resize, crop, none"),
    ],
)
def test_options_that_are_none(tmp_path: Path, options: dict, says: str) -> None:
    write_pictures(tmp_path)
    with pytest.raises(InputError, match=says):
        image_folder(tmp_path, SHAPE, 256, **options)
