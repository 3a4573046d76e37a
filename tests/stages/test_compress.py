"""`compress` and `decompress`: files come back as they were, or one line tells why not and nothing is written."""

import shutil
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from tests.support import tiny

import pixelrnn as package
from pixelrnn.codec import contents
from pixelrnn.codec.contents import Entry
from pixelrnn.data.quantize import stretch
from pixelrnn.errors import InputError
from pixelrnn.stages.compress import compress
from pixelrnn.stages.decompress import decompress
from pixelrnn.training.run import Run

DRAW = np.random.default_rng(0).integers


def make_run(path, data, seed=2):
    run = Run.claim(path, tiny.config(data))
    run.finish(tiny.pushed_model(seed).state_dict(), {})
    return run.path


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "artifacts/runs/one", tiny.write_data(tmp_path / "data"))


@pytest.fixture
def pictures(tmp_path):
    """Pictures of the model's levels, in a folder and one below it, and arrays in several forms."""
    folder = tmp_path / "pictures"
    (folder / "below").mkdir(parents=True)
    for name in ("a.png", "below/ü 1.png", "below/b.bmp"):
        save(folder / name, DRAW(3, size=(4, 4)))
    np.save(folder / "several.npy", DRAW(3, size=(5, 1, 4, 4)).astype(np.uint8))
    np.save(folder / "below/one.npy", DRAW(3, size=(4, 4)).astype(">i4"))
    np.save(folder / "last.npy", np.asfortranarray(DRAW(3, size=(6, 4, 4, 1))))
    return folder


def save(file, levels):
    Image.fromarray(stretch(np.asarray(levels), 3)).save(file)


def pixels(file):
    return np.asarray(Image.open(file).convert("RGB"))


def test_every_file_comes_back(run, pictures, tmp_path, capsys):
    """Names, pixels, numbers, types and shapes; streams of 4 images run on over files.

    Faults: files in another order than their names; an array in the model's form instead of its own.
    """
    file = compress(run, pictures, batch_size=4, out=tmp_path / "all.prnn")
    assert "15 images in" in capsys.readouterr().out
    out = decompress(file, out=tmp_path / "back", run=run)
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert names == {
        *("a.png", "below/ü 1.png", "below/b.bmp.png"),
        *("several.npy", "last.npy", "below/one.npy"),
    }
    for name in ("a.png", "below/ü 1.png", "below/b.bmp"):
        there = out / (name if name.endswith("png") else f"{name}.png")
        assert (pixels(there) == pixels(pictures / name)).all()
    for name in ("several.npy", "last.npy", "below/one.npy"):
        before, after = np.load(pictures / name), np.load(out / name)
        assert before.dtype == after.dtype
        assert before.shape == after.shape
        assert (before == after).all()
    assert (out / "several.npy").read_bytes() == (pictures / "several.npy").read_bytes()


def test_files_named_one_by_one_and_from_the_command(run, pictures, pixelrnn, tmp_path):
    words = ["artifacts/runs/one", "pictures/a.png", "pictures/below", "out=few.prnn"]
    code, told, errors = pixelrnn("compress", *words)
    assert (code, errors) == (0, "")
    assert "few.prnn: 4 images in" in told
    code, told, errors = pixelrnn("decompress", "few.prnn", "out=few")
    assert (code, told, errors) == (0, "few: 4 images in 4 files\n", "")
    assert {path.name for path in (tmp_path / "few").iterdir()} == {
        *("a.png", "b.bmp.png", "one.npy", "ü 1.png")
    }


def test_the_run_is_found_by_its_weights(run, pictures, pixelrnn, tmp_path):
    """Among others, unfinished and damaged ones, wherever it lies. Fault: the first run is taken."""
    data = tmp_path / "data"
    make_run(tmp_path / "artifacts/runs/a", data, seed=3)
    (tmp_path / "artifacts/runs/b").mkdir()
    (tmp_path / "artifacts/runs/b/config.yaml").write_text("no: run")
    (tmp_path / "artifacts/runs/b/weights.safetensors").write_text("none")
    file = compress(run, pictures, out=tmp_path / "all.prnn")
    assert pixelrnn("decompress", "all.prnn", "out=first")[0] == 0
    shutil.move(run, tmp_path / "moved")
    code, _, errors = pixelrnn("decompress", "all.prnn", "out=second")
    assert code == 2
    assert "no run in artifacts/runs has: name it by run=..." in errors
    code, _, errors = pixelrnn("decompress", "all.prnn", "out=second", "run=artifacts/runs/a")
    assert code == 2
    assert not (tmp_path / "second").exists()
    assert pixelrnn("decompress", "all.prnn", "out=second", "run=moved")[0] == 0
    with pytest.raises(InputError, match=r"config\.yaml is damaged"):
        decompress(file, out=tmp_path / "3", run=tmp_path / "artifacts/runs/b")


def test_images_without_names_become_an_array(run, tmp_path):
    """What `pixelrnn.compress` returned. Fault: files of the library that the command can't read."""
    images = DRAW(3, size=(7, 1, 4, 4)).astype(np.uint8)
    for n in (7, 0):
        file = tmp_path / f"{n}.prnn"
        file.write_bytes(package.compress(Run.load(run).model, images[:n]))
        out = decompress(file, out=tmp_path / str(n), run=run)
        assert (np.load(out / "images.npy") == images[:n]).all()
        assert np.load(out / "images.npy").shape == (n, 1, 4, 4)


def color(size=(4, 4)):
    return Image.fromarray(DRAW(256, size=(*size, 3)).astype(np.uint8))


LOST = {
    "between.png": (
        lambda file: save_bytes(file, np.full((4, 4), 99)),
        "16 of its pixels lie between",
    ),
    "color.png": (lambda file: color().save(file), "is in color"),
    "size.png": (
        lambda file: save(file, np.zeros((4, 5))),
        "5x4 pixels, the model's images have 4x4",
    ),
    "clear.png": (lambda file: Image.new("LA", (4, 4)).save(file), "is transparent in places"),
    "deep.png": (lambda file: Image.new("I;16", (4, 4)).save(file), "has 16 bits a color"),
    "moves.gif": (lambda file: animate(file), "has several frames"),
    "damaged.png": (lambda file: file.write_bytes(b"\x89PNG"), "damaged.png"),
    "half.npy": (lambda file: np.save(file, np.full((4, 4), 0.5)), "holds fractions"),
    "high.npy": (lambda file: np.save(file, np.full((4, 4), 3)), "levels=3"),
    "low.npy": (lambda file: np.save(file, np.full((4, 4), -1)), "levels=3"),
    "form.npy": (lambda file: np.save(file, np.zeros((4, 5), int)), "expected shape"),
    "none.npy": (lambda file: np.save(file, np.zeros((0, 4, 4), int)), "has no image"),
    "colon:.png": (lambda file: save(file, np.zeros((4, 4))), "not a name that can be kept"),
}


def save_bytes(file, values):
    Image.fromarray(values.astype(np.uint8)).save(file)


def animate(file):
    frames = [Image.new("L", (4, 4), level) for level in (0, 255)]
    frames[0].save(file, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize("name", LOST)
def test_what_would_lose_something_is_refused(run, tmp_path, name):
    """Fault: a picture that is quantised, made gray, cut or laid on white, and called lossless."""
    make, message = LOST[name]
    make(tmp_path / name)
    before = tiny.contents(tmp_path)
    with pytest.raises(InputError, match=message):
        compress(run, tmp_path / name, out=tmp_path / "out.prnn")
    assert tiny.contents(tmp_path) == before


def test_two_files_of_one_name(run, pictures, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(pictures, other)
    with pytest.raises(InputError, match=r"two files are called 'a\.png'"):
        compress(run, pictures, other / "a.png", out=tmp_path / "out.prnn")


def test_nothing_else_is_overwritten(run, pictures, tmp_path):
    """Fault: `out=` one letter away from a picture."""
    file = compress(run, pictures, out=tmp_path / "all.prnn")
    written = file.read_bytes()
    assert compress(run, pictures, out=file).read_bytes() == written
    before = tiny.contents(tmp_path)
    for out in (pictures / "a.png", pictures, tmp_path / "nowhere/all.prnn"):
        with pytest.raises(InputError, match="out="):
            compress(run, pictures, out=out)
    for out in (pictures, file, tmp_path / "nowhere/all"):
        with pytest.raises(InputError, match="must be a new folder"):
            decompress(file, out=out, run=run)
    assert tiny.contents(tmp_path) == before


def test_wrong_words(run, pictures, pixelrnn, tmp_path):
    before = tiny.contents(tmp_path)
    for words, message in [
        (["compress"], "RUN is missing"),
        (["compress", "artifacts/runs/one"], "FILE... is missing"),
        (["compress", "artifacts/runs/one", "nowhere.png"], "nowhere.png is missing"),
        (["compress", "nowhere", "pictures", "out=a"], "no run at nowhere"),
        (["compress", "artifacts/runs/one", "pictures"], "no value for out"),
        (["compress", "artifacts/runs/one", "pictures", "out=a", "batch_size=0"], "batch_size=0"),
        (
            ["compress", "artifacts/runs/one", "pictures", "out=a", "batch_size=9999"],
            "at most 4096",
        ),
        (["decompress"], "FILE is missing"),
        (["decompress", "nowhere", "out=a"], "nowhere is missing"),
        (["decompress", "pictures", "out=a"], "pictures can't be read"),
        (
            ["decompress", "pictures/a.png", "out=a"],
            "pictures/a.png is no file of `pixelrnn compress`",
        ),
        (["decompress", "pictures/a.png"], "no value for out"),
    ]:
        code, _, errors = pixelrnn(*words)
        assert code == 2
        assert message in errors
        assert errors.count("\n") == 1
    assert tiny.contents(tmp_path) == before


def test_damage_leaves_nothing_behind(run, pictures, tmp_path):
    """In the last stream, so that files were written before it is found. Fault: half a folder.

    Sealed again, so that only the stream's own checksum can tell.
    """
    file = compress(run, pictures, batch_size=4, out=tmp_path / "all.prnn")
    data = bytearray(file.read_bytes())
    data[-9] ^= 0xFF
    file.write_bytes(data)
    before = tiny.contents(tmp_path)
    for message in ("is damaged", "other numbers here"):
        with pytest.raises(InputError, match=message):
            decompress(file, out=tmp_path / "back", run=run)
        assert tiny.contents(tmp_path) == before
        assert {path.name for path in tmp_path.iterdir()} == {
            "data",
            "artifacts",
            "pictures",
            "all.prnn",
        }
        data[-4:] = struct.pack("<I", zlib.crc32(data[:-4]))
        file.write_bytes(data)
        before = tiny.contents(tmp_path)


def test_a_strangers_names_stay_in_the_folder(run, tmp_path, monkeypatch):
    """Faults: `../evil.png` is written beside the folder; the check is the writer's alone."""
    source = tmp_path / "a.png"
    save(source, np.zeros((4, 4)))
    with monkeypatch.context() as patch:
        patch.setattr(contents, "_fault", lambda _: "")
        patch.setattr(
            "pixelrnn.stages.compress.pack", lambda _: contents.pack([Entry("../evil.png")])
        )
        file = compress(run, source, out=tmp_path / "evil.prnn")
    with pytest.raises(InputError, match="is damaged"):
        decompress(file, out=tmp_path / "back", run=run)
    assert not list(tmp_path.rglob("evil.png"))


def test_what_does_not_decode_is_not_kept(run, pictures, tmp_path, monkeypatch):
    """Unless asked not to look. Fault: success is reported before the file was read again."""
    encode = package.codec.coder.Coder.encode
    monkeypatch.setattr(
        package.codec.coder.Coder, "encode", lambda self, images, advance: encode(self, 2 - images)
    )
    before = tiny.contents(tmp_path)
    with pytest.raises(InputError, match="does not decode"):
        compress(run, pictures, out=tmp_path / "all.prnn")
    assert tiny.contents(tmp_path) == before
    assert compress(run, pictures, verify=False, out=tmp_path / "all.prnn").exists()
