"""Image files: any folder of them."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from tests.support.raw_files import DAMAGE, noise, write_pictures

from pixelrnn.data import image_folder, write_arrays
from pixelrnn.data.given import read_images
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
    monkeypatch.setenv("PIXELRNN_MOST_PIXELS", "34")
    with pytest.raises(InputError, match=r"0\.png is too large, over 34 pixels") as caught:
        one(tmp_path, Image.new("RGB", (7, 5)))
    assert "damaged" not in str(caught.value)
    monkeypatch.setenv("PIXELRNN_MOST_PIXELS", "35")
    assert one(tmp_path, Image.new("RGB", (7, 5))).shape == (3, 5, 7)
    monkeypatch.setenv("PIXELRNN_MOST_PIXELS", "-1")
    with pytest.raises(InputError, match="PIXELRNN_MOST_PIXELS=-1 must be a number of pixels"):
        one(tmp_path, Image.new("RGB", (7, 5)))


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


def test_other_files_are_skipped_and_counted_or_refused(tmp_path: Path) -> None:
    """Faults: skipped without a word; a text file opened as an image."""
    write_pictures(tmp_path)
    assert notes(tmp_path) == []
    (tmp_path / "b" / "notes.txt").write_text("x")
    (tmp_path / "film.mp4").write_text("x")
    (tmp_path / ".DS_Store").write_text("x")
    assert notes(tmp_path) == [
        f"left out of {tmp_path}, hidden: 1 (.DS_Store)",
        f"left out of {tmp_path}, no picture that Pillow reads, by the suffix: 2 (notes.txt, ...)",
    ]
    with pytest.raises(
        InputError, match=r"2 of 14 files are no images that Pillow reads \(.*notes.txt, "
    ):
        image_folder(tmp_path, SHAPE, 256, strict=True)


# What is not taken as it is, and told


def notes(folder: Path, shape=SHAPE, **options) -> list[str]:
    read = image_folder(folder, shape, 256, val=0.3, test=0.3, **options)
    collected(read)
    return read.notes()


INK = np.zeros((5, 7, 4), np.uint8)  # black, on nothing but for the middle
INK[1:4, 2:5, 3] = 255
WHITE_BUT_INK = np.where(INK[..., 3] == 255, 0, 255)


@pytest.mark.parametrize("colors", [1, 3])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB"])
def test_black_ink_on_nothing_is_seen(tmp_path: Path, mode: str, colors: int) -> None:
    """In every way to say that nothing is there. Fault: the picture is all black."""
    options = {}
    if mode == "RGBA":
        image = Image.fromarray(INK)
    elif mode == "LA":
        image = Image.fromarray(INK).convert("LA")
    elif mode == "P":  # a palette whose second color is transparent
        image = Image.fromarray((INK[..., 3] == 0).astype(np.uint8)).convert("P")
        image.putpalette([0, 0, 0, 0, 0, 0])
        options = {"transparency": b"\xff\x00"}
    else:  # gray level 9, or a color, is transparent
        image = Image.fromarray(np.where(INK[..., 3] == 255, 0, 9).astype(np.uint8)).convert(mode)
        options = {"transparency": 9 if mode == "L" else (9, 9, 9)}
    got = one(tmp_path, image, (colors, 5, 7), **options)
    np.testing.assert_array_equal(got, np.broadcast_to(WHITE_BUT_INK, (colors, 5, 7)))
    assert notes(tmp_path) == ["3 pictures transparent in places: laid on ground=white"]


@pytest.mark.parametrize(
    ("ground", "color"),
    [("white", 255), ("black", 0), (0, 0), (128, 128), ("gray", 128), ("#010101", 1)],
)
def test_the_ground_is_chosen(tmp_path: Path, ground: str | int, color: int) -> None:
    """Also under what is half transparent. Fault: a key that is read and does nothing."""
    pixels = np.zeros((5, 7, 4), np.uint8)
    pixels[..., 3] = np.arange(7) * 42
    for i in range(3):
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    read = image_folder(tmp_path, SHAPE, 256, val=0.3, test=0.3, ground=ground)
    got = collected(read)["train"][0, 0, 0]
    assert np.abs(got.astype(int) - color * (1 - np.arange(7) * 42 / 255)).max() <= 1
    scored = read_images(tmp_path, SHAPE, 256, ground=ground)[1]
    np.testing.assert_array_equal(scored[0, 0, 0], got)


@pytest.mark.parametrize("ground", ["paper", "", -1, 256, True, 0.5, "#ffffff80", None])
def test_grounds_that_are_none(tmp_path: Path, ground: object) -> None:
    """Before any work."""
    write_pictures(tmp_path)
    for read in (image_folder, read_images):
        with pytest.raises(InputError, match=f"ground={ground}: expected white, black"):
            read(tmp_path, SHAPE, 256, ground=ground)


def test_what_could_be_transparent_and_is_not(tmp_path: Path) -> None:
    """Fault: told of pictures that were taken as they are."""
    pixels = noise(5, 7, 3)
    got = one(tmp_path, Image.fromarray(pixels).convert("RGBA"))
    np.testing.assert_array_equal(got, pixels.transpose(2, 0, 1))
    assert notes(tmp_path) == []


DEEP = (257 * np.arange(35).reshape(5, 7) * 7).astype(np.uint16)  # 8 bits, twice


@pytest.mark.parametrize("colors", [1, 3])
@pytest.mark.parametrize(("name", "dtype"), [("0.png", "<u2"), ("0.tif", "<u2"), ("0.pgm", "<i4")])
def test_sixteen_bits_become_eight(tmp_path: Path, name: str, dtype: str, colors: int) -> None:
    """Fault: Pillow's conversion, which clips everything above 255 to white."""
    got = one(tmp_path, Image.fromarray(DEEP.astype(dtype)), (colors, 5, 7), name=name)
    np.testing.assert_array_equal(got, np.broadcast_to(DEEP >> 8, (colors, 5, 7)))
    assert notes(tmp_path) == ["3 pictures of 16 bits a color: the upper 8 were kept"]


def test_sixteen_bits_of_three_colors_are_told(tmp_path: Path) -> None:
    """Pillow keeps the upper 8 itself. Fault: without a word."""
    rows = b"".join(
        b"\0" + DEEP[:, :, None].repeat(3, 2).astype(">u2")[i].tobytes() for i in range(5)
    )
    header = struct.pack(">IIBBBBB", 7, 5, 16, 2, 0, 0, 0)
    chunks = {b"IHDR": header, b"IDAT": zlib.compress(rows), b"IEND": b""}
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    )
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(content)
    assert notes(tmp_path) == ["3 pictures of 16 bits a color: the upper 8 were kept"]
    got = read_images(tmp_path, SHAPE, 256)[1][0]
    np.testing.assert_array_equal(got, np.broadcast_to(DEEP >> 8, SHAPE))


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (np.full((5, 7), 0.5, np.float32), r"0\.tif: mode F has fractions for colors"),
        (np.full((5, 7), 70_000, np.int32), r"0\.tif: mode I with levels 70000..70000, expected"),
        (np.full((5, 7), -1, np.int32), r"0\.tif: mode I with levels -1..-1, expected"),
    ],
)
def test_more_than_sixteen_bits_are_refused(tmp_path: Path, pixels: np.ndarray, says: str) -> None:
    """Fault: levels that wrap round."""
    with pytest.raises(InputError, match=says):
        one(tmp_path, Image.fromarray(pixels), name="0.tif")


@pytest.mark.parametrize("name", ["0.gif", "0.png", "0.webp", "0.tif"])
def test_the_first_of_several_frames_is_taken(tmp_path: Path, name: str) -> None:
    """Faults: the last one; without a word."""
    frames = [Image.new("L", (7, 5), color).convert("RGB") for color in (0, 99, 255)]
    options = {"lossless": True} if name.endswith("webp") else {}
    got = one(tmp_path, frames[0], name=name, save_all=True, append_images=frames[1:], **options)
    assert got.max() == 0
    assert notes(tmp_path) == ["3 pictures of several frames or pages: the first was taken"]


def test_notes_count_every_kind(tmp_path: Path, capsys) -> None:
    """By `prepare` and by `score` alike. Faults: one kind hides another; a plural of one."""
    write_pictures(tmp_path)
    Image.fromarray(INK).save(tmp_path / "ink.png")
    Image.fromarray(DEEP).save(tmp_path / "deep.png")
    expected = [
        "1 picture transparent in places: laid on ground=black",
        "1 picture of 16 bits a color: the upper 8 were kept",
    ]
    assert notes(tmp_path, ground="black") == expected
    read_images(tmp_path, SHAPE, 256, fit="resize", ground="black")
    assert capsys.readouterr().err.splitlines() == [f"pixelrnn: {line}" for line in expected]


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
    with pytest.raises(
        InputError, match=r"nowhere is no folder: put the images there or set data\.source\.folder"
    ):
        image_folder(tmp_path / "nowhere", SHAPE, 256)
    with pytest.raises(
        InputError, match="0 images are too few to leave some for train, val and test"
    ):
        image_folder(tmp_path, SHAPE, 256)
    write_pictures(tmp_path, n=2)
    (tmp_path / "a.heic").write_text("x")
    with pytest.raises(InputError, match=r"2 images are too few .*; left out of .*: 1 \(a.heic\)"):
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
