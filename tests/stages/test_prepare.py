"""The stage: from a source to checked arrays, by call and by its YAML."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from tests.support import raw_files

from pixelrnn.data import SPLITS, open_arrays
from pixelrnn.errors import InputError
from pixelrnn.stages.prepare import prepare

CONF = Path(__file__).parents[2] / "conf"
COUNTS = {"train": 11, "val": 3, "test": 2}


def toy() -> dict[str, np.ndarray]:
    return {
        split: np.arange(n * 12, dtype=np.uint8).reshape(n, 3, 2, 2) % 7
        for split, n in COUNTS.items()
    }


def test_writes_and_prints_one_line_a_split(tmp_path: Path, capsys) -> None:
    prepare(toy, "toy", (3, 2, 2), 7, tmp_path / "deep" / "toy")
    assert capsys.readouterr().out.splitlines() == [
        "toy train     11 images 3x2x2, levels 0..6 of 7",
        "toy val        3 images 3x2x2, levels 0..6 of 7",
        "toy test       2 images 3x2x2, levels 0..6 of 7",
    ]
    assert {
        k: len(x) for k, x in open_arrays(tmp_path / "deep" / "toy", (3, 2, 2), 7).items()
    } == COUNTS


def test_too_few_levels_write_nothing(tmp_path: Path, capsys) -> None:
    with pytest.raises(InputError, match="toy, train: level 6 found, but levels=6"):
        prepare(toy, "toy", (3, 2, 2), 6, tmp_path / "toy")
    assert not list(tmp_path.iterdir())
    assert not capsys.readouterr().out


def test_a_folder_of_something_else_is_seen_before_any_work(tmp_path: Path) -> None:
    """Fault: an hour of reading first."""
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match=r"other files \(thesis.tex\)"):
        prepare(lambda: pytest.fail("read"), "toy", (3, 2, 2), 7, tmp_path)


# Every data set by its YAML, from a few images in the true format. What they need otherwise than the real ones do is
# overridden: where they are, their checksums, and how many are held out.

RAW = Path(__file__).parents[2] / "data"


def embedded(key: str, name: str):
    def write(folder: Path) -> dict:
        if not RAW.is_dir():
            pytest.skip("data/ is not here: run `dvc pull data.dvc`")
        return {key: str(RAW / name)}

    return write


def official(write, size: int | None = None, **overrides):
    def write_and_vouch(folder: Path) -> dict:
        write(folder, **({"size": size} if size else {}))
        return {"folder": str(folder), "checksums": raw_files.checksums(folder)} | overrides

    return write_and_vouch


def pictures(folder: Path) -> dict:
    raw_files.write_pictures(folder)
    return {"folder": str(folder)}


def npz(folder: Path) -> dict:
    np.savez(folder, x_train=raw_files.noise(9, 32, 32, 3), x_test=raw_files.noise(3, 32, 32, 3))
    return {"file": f"{folder}.npz"}


def npy(folder: Path) -> dict:
    folder.mkdir()
    for name in ("x_train", "x_test"):
        np.save(folder / f"{name}.npy", raw_files.noise(9, 32, 32, 3))
    return {"folder": str(folder)}


RAW_FILES = {
    "binarized_mnist": official(raw_files.write_binarized_mnist),
    "celeba": official(raw_files.write_celeba),
    "cifar10": official(partial(raw_files.write_cifar, packed=False), val=3),
    "digits": embedded("file", "digits.npz"),
    "fashion_mnist": official(raw_files.write_mnist, val=3),
    "folder": pictures,
    "imagenet32": official(raw_files.write_imagenet, size=32, val=10),
    "imagenet64": official(raw_files.write_imagenet, size=64, val=10),
    "mnist": official(raw_files.write_mnist, val=3),
    "mnist_dynamic": official(raw_files.write_mnist, val=3),
    "npy": npy,
    "npz": npz,
    "patches": embedded("folder", "photos"),
}


@pytest.mark.parametrize("name", sorted(file.stem for file in CONF.glob("data/*.yaml")))
def test_every_data_set_by_its_yaml(tmp_path: Path, name: str, capsys) -> None:
    """Faults: an argument misspelled; a shape or levels that are not the data's; keys that training does not get."""
    data = OmegaConf.load(CONF / "data" / f"{name}.yaml")
    data.source = OmegaConf.merge(data.source, RAW_FILES[name](tmp_path / "raw"))
    data.path = str(tmp_path / data.name)
    stages = {
        stage: OmegaConf.load(CONF / "stage" / f"{stage}.yaml") for stage in ("prepare", "train")
    }
    config = OmegaConf.create(
        {"data": data, "stage": stages["prepare"], "train": stages["train"].data}
    )
    instantiate(config.stage)
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        [name, s] for s in SPLITS
    ]
    arrays = open_arrays(data.path, list(data.shape), data.levels)
    assert data.name == name
    assert max(x.max() for x in arrays.values()) >= (data.levels - 1) * (
        0.5 if name == "celeba" else 1
    )

    loaded = instantiate(config.train)
    assert (loaded.resample, loaded.flip) == (name == "mnist_dynamic", False)
    batch = next(iter(loaded.train_dataloader()))
    assert tuple(batch.shape[1:]) == tuple(data.shape)
    assert batch.max() < data.levels
    assert len(batch) == min(data.batch_size, len(arrays["train"]))


@pytest.mark.parametrize(
    "name", ["cifar10", "celeba", "folder", "imagenet32", "imagenet64", "npy", "npz"]
)
def test_flip_reaches_training(tmp_path: Path, name: str) -> None:
    """Fault: a key that is recorded and does nothing."""
    data = OmegaConf.load(CONF / "data" / f"{name}.yaml")
    config = OmegaConf.create(
        {"data": data, "train": OmegaConf.load(CONF / "stage" / "train.yaml").data}
    )
    config.data.flip = True
    assert config.train.flip is True
