"""Which files of a folder are pictures: the same for `prepare` as for `score` and `complete`."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.support.raw_files import noise

from pixelrnn.data import image_folder
from pixelrnn.data.given import read_images
from pixelrnn.data.sources.walk import (
    HIDDEN,
    NOWHERE,
    OTHER,
    describe_left_out,
    picture_suffixes,
    walk,
)
from pixelrnn.errors import InputError

SHAPE = (3, 4, 4)


def write(file: Path, seed: int = 0, kind: str = "PNG") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(4, 4, 3, seed=seed)).save(file, kind)
    return file


def names(folder: Path) -> list[str]:
    return [str(file.relative_to(folder)) for file in walk(folder).files]


def test_what_programs_leave_beside_pictures_is_passed_over(tmp_path: Path) -> None:
    """Faults: Jupyter's copies of pictures, macOS's notes with a picture's name, read as pictures;
    a hidden folder above the one that is named.
    """
    folder = tmp_path / ".hidden_above" / "mine"
    for name in ("a.png", "b/c.png", ".ipynb_checkpoints/a.png", "b/._c.png", "__MACOSX/b/a.png"):
        write(folder / name)
    (folder / ".DS_Store").write_text("")
    assert names(folder) == ["a.png", "b/c.png"]
    left_out = walk(folder).left_out[HIDDEN]
    assert [file.name for file in left_out] == [
        ".DS_Store",
        ".ipynb_checkpoints",
        "__MACOSX",
        "._c.png",
    ]


def test_prepare_and_score_see_the_same_files(tmp_path: Path) -> None:
    """Fault: two lists of suffixes, or two walks."""
    for seed, name in enumerate(("a.jfif", "b.JPG", "c.tga", "d/e.webp", "d/f.jp2", "g.Jpe")):
        suffix = Path(name).suffix.lower()
        kind = {".tga": "TGA", ".webp": "WEBP", ".jp2": "JPEG2000"}.get(suffix, "JPEG")
        write(tmp_path / name, seed, kind)
    (tmp_path / "film.mpg").write_text("")
    write(tmp_path / ".x" / "a.png")
    prepared = np.concatenate([images for _, images in image_folder(tmp_path, SHAPE, 256)])
    scored = read_images(tmp_path, SHAPE, 256)[1]
    assert len(scored) == 6
    assert sorted(x.tobytes() for x in prepared) == sorted(x.tobytes() for x in scored)


def test_suffixes_are_those_of_what_pillow_reads(tmp_path: Path) -> None:
    """Faults: what Pillow only writes, or only knows by name, is called damaged; a kind that it
    reads is left out.
    """
    common = {".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".bmp", ".mpo"}
    assert common | {".tif", ".tiff", ".ppm", ".pgm", ".tga", ".ico"} <= picture_suffixes()
    assert picture_suffixes().isdisjoint({".pdf", ".mpg", ".mpeg", ".eps", ".h5", ".wmf", ".npy"})


@pytest.mark.filterwarnings("ignore:IM image format is deprecated")
@pytest.mark.parametrize("suffix", sorted(picture_suffixes()))
def test_every_suffix_that_pillow_writes_is_read(tmp_path: Path, suffix: str) -> None:
    """Fault: a suffix in the list whose pictures can't be opened."""
    kind = Image.registered_extensions()[suffix]
    if kind not in Image.SAVE:
        pytest.skip("Pillow only reads it")
    mode = {"BLP": "P", "MSP": "1", "XBM": "1"}.get(kind, "RGB")
    picture = Image.fromarray(noise(32, 32, 3)).convert(mode)
    picture.save(tmp_path / f"a{suffix}", kind)
    assert read_images(tmp_path, (3, 32, 32), 256, fit="resize")[1].shape == (1, 3, 32, 32)


STRANGE = [
    "with spaces.png",
    "line\nbreak.png",
    "[0].png",
    "a=b,c.png",
    "'quoted\".png",
    "éä漢.png",
    os.fsdecode(b"latin-\xe9.png"),
    "漢" * 80 + ".png",
]


@pytest.mark.parametrize("name", STRANGE)
def test_names_may_be_anything(tmp_path: Path, name: str, capsys) -> None:
    """Faults: a line break in a line of output; bytes that are no UTF-8 stop a print or a write."""
    folder = tmp_path / "mine"
    write(folder / name)
    (shown,), _ = read_images(folder, SHAPE, 256)
    assert "\n" not in shown
    shown.encode()
    for i in range(3):
        write(folder / f"{i}.png")
    sum(len(images) for _, images in image_folder(folder, SHAPE, 256))
    (folder / name).write_bytes(b"no picture")
    with pytest.raises(InputError, match="damaged or not an image") as caught:
        list(image_folder(folder, SHAPE, 256))
    str(caught.value).encode()
    assert "\n" not in str(caught.value)
    (folder / name).rename(folder / (name + ".txt"))
    (line,) = describe_left_out(folder, walk(folder).left_out)
    line.encode()
    assert "\n" not in line


def test_links_are_followed_and_a_circle_ends(tmp_path: Path) -> None:
    """Faults: a circle read for ever; a folder read twice; its pictures under the name of a link,
    so that another link deals them out anew; a link to nothing passed over without a word.
    """
    folder, elsewhere = tmp_path / "mine", tmp_path / "elsewhere"
    write(folder / "z" / "a.png")
    write(elsewhere / "b.png")
    for link, target in {
        "a": "z",
        "zz": "z",
        "back": ".",
        "z/up": "..",
        "self": "self",
        "more": "../elsewhere",
        "y.png": "z/a.png",
        "gone.png": "nowhere",
    }.items():
        (folder / link).symlink_to(target)
    assert names(folder) == ["more/b.png", "y.png", "z/a.png"]
    left_out = walk(folder).left_out
    assert [file.name for file in left_out[NOWHERE]] == ["gone.png"]
    assert [file.name for file in left_out[OTHER]] == ["self"]


def test_what_is_left_out_of_a_folder_is_told_by_score(tmp_path: Path, capsys) -> None:
    """Fault: pictures that Pillow doesn't read missing from the scores, without a word."""
    write(tmp_path / "a.png")
    (tmp_path / "phone.heic").write_text("")
    read_images(tmp_path, SHAPE, 256)
    assert capsys.readouterr().err == (
        f"pixelrnn: left out of {tmp_path}, no picture that Pillow reads, by the suffix: 1 "
        "(phone.heic)\n"
    )


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch) -> None:
    """Fault: its pictures are missing without a word, as with pathlib's own walk."""

    def scandir(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(InputError, match=r"can't be read \(Permission denied\): change"):
        walk(tmp_path)
