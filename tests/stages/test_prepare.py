"""The stage: from a source to checked arrays, by call and by its YAML."""

import json
from functools import wraps
from pathlib import Path

import numpy as np
import pytest
from tests.support import raw_files

from pixelrnn.conf import CONF
from pixelrnn.data import SPLITS, ImageData, open_arrays
from pixelrnn.data.splits import Noted
from pixelrnn.errors import InputError
from pixelrnn.stages.prepare import prepare

COUNTS = {"train": 11, "val": 3, "test": 2}


def toy() -> dict[str, np.ndarray]:
    return {
        split: np.arange(n * 12, dtype=np.uint8).reshape(n, 3, 2, 2) % 7
        for split, n in COUNTS.items()
    }


def test_writes_and_prints_one_line_a_split(tmp_path: Path, capsys) -> None:
    prepare(source=toy, name="toy", shape=(3, 2, 2), levels=7, out=tmp_path / "deep" / "toy")
    assert capsys.readouterr().out.splitlines()[:3] == [
        "toy train     11 images 3x2x2, levels 0..6 of 7",
        "toy val        3 images 3x2x2, levels 0..6 of 7",
        "toy test       2 images 3x2x2, levels 0..6 of 7",
    ]
    assert {
        k: len(x) for k, x in open_arrays(tmp_path / "deep" / "toy", (3, 2, 2), 7).items()
    } == COUNTS


def test_every_kind_of_note_is_printed_after_the_counts(tmp_path: Path, capsys) -> None:
    """Faults: notes of the source asked for before it was read, or lost; dark levels not told."""
    splits = {split: images // 7 for split, images in toy().items()}  # all of level 0
    seen = []

    def pairs():
        yield from splits.items()
        seen.append("3 pictures transparent")

    prepare(
        source=lambda: Noted(pairs(), lambda: seen),
        name="toy",
        shape=(3, 2, 2),
        levels=16,
        out=tmp_path / "toy",
    )
    assert capsys.readouterr().out.splitlines()[3:6] == [
        "toy: 3 pictures transparent",
        "toy: no level is above 0, nearly black: set data.levels=2 if that is all there are",
        "toy: 10 of the 11 training images are copies of others",
    ]


@pytest.mark.parametrize("split", ["val", "test"])
def test_dedupe_is_a_key_of_the_data(tmp_path: Path, pixelrnn, split: str) -> None:
    """Also of the command. Faults: read nowhere; the description counts what was removed."""
    splits = {name: raw_files.noise(6, 4, 4, seed=i) for i, name in enumerate(SPLITS)}
    splits["train"][1] = splits[split][2]
    np.savez(tmp_path / "mine.npz", **{f"x_{name}": x for name, x in splits.items()})
    words = ["prepare", "data=npz", f"data.source.file={tmp_path / 'mine.npz'}"]
    words.append("data.shape=[1,4,4]")
    for word, count in (("data.dedupe=true", 5), ("data.dedupe=false", 6), ("dedupe=true", 5)):
        code, out, err = pixelrnn(*words, word)
        assert code == 0, err
        about = json.loads(Path("artifacts/data/npz/data.json").read_text())
        assert about["counts"] == {"train": count, "val": 6, "test": 6}
        assert out.split()[2] == str(count)
        removed = "npz: 1 removed from training: identical to one for validation or test"
        leaks = f"1 of the 6 {'test' if split == 'test' else 'validation'} images is also among"
        assert (removed in out, leaks in out) == (count == 5, count == 6)
    code, _, err = pixelrnn(*words, "dedupe=3")
    assert (code, "dedupe=3 must be true or false" in err) == (2, True)


def test_too_few_levels_write_nothing(tmp_path: Path, capsys) -> None:
    with pytest.raises(InputError, match="toy, train: level 6 found, but levels=6"):
        prepare(source=toy, name="toy", shape=(3, 2, 2), levels=6, out=tmp_path / "toy")
    assert not list(tmp_path.iterdir())
    assert not capsys.readouterr().out


def test_a_folder_of_something_else_is_seen_before_any_work(tmp_path: Path) -> None:
    """Fault: an hour of reading first."""
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match=r"other files \(thesis.tex\)"):
        prepare(
            source=lambda: pytest.fail("read"), name="toy", shape=(3, 2, 2), levels=7, out=tmp_path
        )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "my-toy"}, "data.name=my-toy must be letters, digits"),
        ({"name": "prepare"}, "data.name=prepare is the name of stages"),
        ({"name": 2024}, r"data.name=2024 must be text; quote it: data.name=\"'2024'\""),
        ({"shape": 32}, "shape is 32, expected"),
        ({"levels": "7"}, "levels is 7, expected"),
        ({"out": 2024}, r"data\.path=2024 must be text"),
    ],
)
def test_a_description_that_is_none_is_seen_before_any_work(
    tmp_path: Path, change: dict, says: str
) -> None:
    """Faults: an hour of reading first; a traceback."""
    call = {"name": "toy", "shape": (3, 2, 2), "levels": 7, "out": tmp_path / "toy"} | change
    with pytest.raises(InputError, match=says):
        prepare(source=lambda: pytest.fail("read"), **call)


# Every data set by its YAML, from a few images in the true format. What they need otherwise than
# the real ones do is overridden: where they are, their checksums, and how many are held out.

RAW = Path(__file__).parents[2] / "data"


def embedded(name: str) -> Path:
    if not (RAW / name).exists():
        pytest.skip(f"data/{name} is not here: run `dvc pull data.dvc`")
    return RAW / name


def write_idx_files(prefix: str = "", train: str = "train", test: str = "t10k"):
    names = tuple(f"{prefix}{split}-images-idx3-ubyte" for split in (train, test))

    def write(folder: Path, monkeypatch) -> list[str]:
        raw_files.write_mnist(folder, ".gz", names)
        return [f"source.root={folder}", "source.val=3", "source.official=null"]

    return write


def write_mnist_dynamic(folder: Path, monkeypatch) -> list[str]:
    words = write_idx_files()(folder, monkeypatch)
    return [word.replace("source.", "source.gray.") for word in words]


def write_binarized_mnist(folder: Path, monkeypatch) -> list[str]:
    raw_files.write_binarized_mnist(folder)
    checksums = raw_files.checksums(folder)
    monkeypatch.setattr("pixelrnn.data.sources.binarized_mnist.verify", lambda *_: None)
    assert len(checksums) == 3
    return [f"source.folder={folder}"]


def write_cifar(folder: Path, monkeypatch) -> list[str]:
    raw_files.write_cifar(folder)
    raw_files.vouch_for_cifar(folder, monkeypatch)
    return [f"source.root={folder}", "source.val=3"]


def write_npz_of_cifar100(folder: Path, monkeypatch) -> list[str]:
    folder.mkdir()
    train, test = raw_files.noise(9, 32, 32, 3), raw_files.noise(3, 32, 32, 3)
    np.savez(folder / "cifar100.npz", x_train=train, x_test=test)
    return [f"source.root={folder}", "source.val=3"]


def write_svhn(folder: Path, monkeypatch) -> list[str]:
    pytest.importorskip("scipy")
    raw_files.write_svhn(folder, monkeypatch)
    return [f"source.root={folder}"]


def write_celeba(folder: Path, monkeypatch) -> list[str]:
    raw_files.write_celeba(folder)
    raw_files.vouch_for_celeba(folder, monkeypatch)
    return [f"source.root={folder}"]


def write_omniglot(folder: Path, monkeypatch) -> list[str]:
    raw_files.write_omniglot(folder, monkeypatch)
    return [f"source.root={folder}"]


def write_imagenet(size: int):
    def write(folder: Path, monkeypatch) -> list[str]:
        raw_files.write_imagenet(folder, size=size)
        return [f"source.folder={folder}", "source.val=10"]

    return write


def write_torchvision(folder: Path, monkeypatch) -> list[str]:
    return [
        "source.dataset=FakeData",
        "+source.options.image_size=[3,32,32]",
        "+source.options.size=10",
        "source.test=0.1",
    ]


def write_folder(folder: Path, monkeypatch) -> list[str]:
    raw_files.write_pictures(folder)
    return [f"source.folder={folder}"]


def write_npz(folder: Path, monkeypatch) -> list[str]:
    file = folder.with_suffix(".npz")
    np.savez(file, x_train=raw_files.noise(9, 32, 32, 3), x_test=raw_files.noise(3, 32, 32, 3))
    return [f"source.file={file}"]


def write_npy(folder: Path, monkeypatch) -> list[str]:
    folder.mkdir()
    for name in ("x_train", "x_test"):
        np.save(folder / f"{name}.npy", raw_files.noise(9, 32, 32, 3))
    return [f"source.folder={folder}"]


RAW_FILES = {
    "binarized_mnist": write_binarized_mnist,
    "celeba": write_celeba,
    "cifar10": write_cifar,
    "cifar100": write_npz_of_cifar100,
    "digits": lambda *_: [f"source.file={embedded('digits/digits.npz')}"],
    "emnist": write_idx_files("emnist-balanced-", "train", "test"),
    "fashion_mnist": write_idx_files(),
    "folder": write_folder,
    "imagenet32": write_imagenet(32),
    "imagenet64": write_imagenet(64),
    "ising": lambda *_: ["source.images=20", "source.val=4", "source.test=4", "source.sweeps=3"],
    "kmnist": write_idx_files(),
    "mnist": write_idx_files(),
    "mnist_dynamic": write_mnist_dynamic,
    "npy": write_npy,
    "npz": write_npz,
    "omniglot": write_omniglot,
    "patches": lambda *_: [f"source.folder={embedded('patches')}"],
    "qmnist": write_idx_files("qmnist-", "train", "test"),
    "svhn": write_svhn,
    "torchvision": write_torchvision,
}


@pytest.mark.parametrize("name", sorted(file.stem for file in CONF.glob("data/*.yaml")))
def test_every_data_set_by_its_yaml(tmp_path: Path, monkeypatch, pixelrnn, name: str) -> None:
    """Faults: an argument misspelled; a shape or levels that are not the data's."""
    words = RAW_FILES[name](tmp_path / "raw", monkeypatch)
    words = [word.replace("source.", "data.source.", 1) for word in words]
    code, out, err = pixelrnn("prepare", f"data={name}", *words)
    assert code == 0, err
    lines = [line for line in out.splitlines() if "official" not in line]
    assert [line.split()[:2] for line in lines[:3]] == [[name, split] for split in SPLITS]
    assert all(line.startswith(f"{name}: ") for line in lines[3:])
    path = Path("artifacts/data") / name
    about = json.loads((path / "data.json").read_text())
    assert about["name"] == name
    arrays = open_arrays(path, about["shape"], about["levels"])
    brightest = max(images.max() for images in arrays.values())
    made_smaller = name in ("celeba", "omniglot")
    assert brightest >= (about["levels"] - 1) * (0.5 if made_smaller else 1)
    drawn = name == "mnist_dynamic"
    data = ImageData(path, about["shape"], about["levels"], batch_size=3, resample=drawn)
    batch = next(iter(data.train_dataloader()))
    assert tuple(batch.shape[1:]) == tuple(about["shape"])
    assert batch.max() < about["levels"]


def test_emnist_is_upright(tmp_path: Path, monkeypatch, pixelrnn) -> None:
    """Its files have rows and columns exchanged. Fault: samples that lie on their side."""
    words = RAW_FILES["emnist"](tmp_path / "raw", monkeypatch)
    pixelrnn("prepare", "data=emnist", *[f"data.{word}" for word in words])
    test = raw_files.noise(4, 28, 28, seed=1)
    arrays = open_arrays("artifacts/data/emnist", (1, 28, 28), 256)
    np.testing.assert_array_equal(arrays["test"][:, 0], test.transpose(0, 2, 1))


def test_another_size_is_refused_unless_it_may_be_made_to_fit(pixelrnn) -> None:
    """Fault: pictures made larger because `shape` was left as it stands in the base."""
    words = ["source.dataset=FakeData", "+source.options.size=10", "source.test=0.1"]
    words = [
        "prepare",
        "data=torchvision",
        *[word.replace("source", "data.source") for word in words],
    ]
    code, _, err = pixelrnn(*words)
    assert (code, "224x224 pixels, expected 32x32: set fit=resize" in err) == (2, True)
    code, _, err = pixelrnn(*words, "data.source.fit=resize")
    assert code == 0, err


# Anybody's data set: five lines of YAML on top of another


def write_images(folder: Path) -> None:
    """Of each kind, in a home folder."""
    raw_files.write_pictures(folder / "pictures")
    write_npz(folder / "mine", None)
    write_npy(folder / "arrays", None)
    raw_files.write_mnist(folder / "letters")


OWN = {
    "folder": "{folder: ~/pictures}",
    "npz": "{file: ~/mine.npz}",
    "npy": "{folder: ~/arrays, val: 0.5}",
    "torchvision": "{dataset: KMNIST, root: ~/letters, fit: resize}",
}


@pytest.mark.parametrize("base", OWN)
@pytest.mark.parametrize("defaults", ["[{}]", "[{}, _self_]"])
def test_five_lines_are_a_data_set(
    tmp_path: Path, monkeypatch, pixelrnn, base: str, defaults: str
) -> None:
    """Faults: the lines of the base win; `~` taken for a folder; the base's name or path."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write_images(tmp_path / "home")
    levels = 16 if base in ("folder", "torchvision") else 256
    shape = "[1, 32, 32]" if base == "torchvision" else "[3, 32, 32]"
    lines = [
        f"defaults: {defaults.format(base)}",
        "name: mine",
        f"shape: {shape}",
        f"levels: {levels}",
        f"source: {OWN[base]}",
    ]
    conf = tmp_path / "conf"
    (conf / "data").mkdir(parents=True)
    (conf / "data" / "mine.yaml").write_text("\n".join(lines) + "\n")
    code, _, err = pixelrnn("prepare", "--config-dir", str(conf), "data=mine")
    assert code == 0, err
    about = json.loads(Path("artifacts/data/mine/data.json").read_text())
    assert (about["name"], str(about["shape"]), about["levels"]) == ("mine", shape, levels)
    if base == "npy":
        assert about["counts"] == {"train": 5, "val": 4, "test": 9}


@pytest.mark.parametrize("base", ["folder", "npz", "npy", "torchvision", "mnist_dynamic"])
def test_raw_files_lie_in_a_folder_of_the_name(tmp_path: Path, pixelrnn, base: str) -> None:
    """So that no source need be named. Faults: the base's folder; another data set's."""
    raw = tmp_path / "data" / "mine"
    if base == "folder":
        raw_files.write_pictures(raw)
    elif base == "npz":
        raw.mkdir()
        write_npz(raw / "any", None)
    elif base == "npy":
        write_npy(raw, None)
    else:
        raw_files.write_mnist(raw)
    lines = [f"defaults: [{base}]", "name: mine"]
    lines += {
        "torchvision": ["shape: [1, 28, 28]", "source: {dataset: MNIST, val: 3}"],
        "mnist_dynamic": ["source: {gray: {val: 3, official: null}}"],
    }.get(base, ["shape: [3, 32, 32]"])
    (tmp_path / "conf" / "data").mkdir(parents=True)
    (tmp_path / "conf" / "data" / "mine.yaml").write_text("\n".join(lines) + "\n")
    code, _, err = pixelrnn("prepare", "--config-dir", str(tmp_path / "conf"), "data=mine")
    assert code == 0, err
    assert Path("artifacts/data/mine/data.json").exists()


@pytest.mark.parametrize("name", ["cifar10", "celeba", "folder", "imagenet32", "npy", "npz"])
def test_flip_reaches_training(monkeypatch, pixelrnn, name: str) -> None:
    """Fault: a key that is recorded and does nothing."""
    given = {}

    @wraps(ImageData.__init__)
    def note(self, **keys):
        given.update(keys)
        raise InputError("noted")

    monkeypatch.setattr(ImageData, "__init__", note)
    code, _, err = pixelrnn("train", f"data={name}", "data.flip=true", "logger=none")
    assert (code, "noted" in err) == (2, True)
    assert given["flip"] is True
