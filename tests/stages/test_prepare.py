"""The stage: from a source to checked arrays, by call and by its YAML."""

from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from pixelrnn.data import open_arrays
from pixelrnn.errors import InputError
from pixelrnn.stages import prepare

CONF = Path(__file__).parents[2] / "conf"
COUNTS = {"train": 11, "val": 3, "test": 2}


def toy() -> dict[str, np.ndarray]:
    return {split: np.arange(n * 12, dtype=np.uint8).reshape(n, 3, 2, 2) % 7 for split, n in COUNTS.items()}


def test_writes_and_prints_one_line_a_split(tmp_path: Path, capsys) -> None:
    prepare(toy, "toy", (3, 2, 2), 7, tmp_path / "deep" / "toy")
    assert capsys.readouterr().out.splitlines() == [
        "toy train     11 images 3x2x2, levels 0..6 of 7",
        "toy val        3 images 3x2x2, levels 0..6 of 7",
        "toy test       2 images 3x2x2, levels 0..6 of 7",
    ]
    assert {k: len(x) for k, x in open_arrays(tmp_path / "deep" / "toy", (3, 2, 2), 7).items()} == COUNTS


def test_too_few_levels_write_nothing(tmp_path: Path, capsys) -> None:
    with pytest.raises(InputError, match="toy, train: level 6 found, but levels=6"):
        prepare(toy, "toy", (3, 2, 2), 6, tmp_path / "toy")
    assert not list(tmp_path.iterdir())
    assert not capsys.readouterr().out


@pytest.mark.parametrize("file", sorted(CONF.glob("data/*.yaml")), ids=lambda file: file.stem)
def test_every_data_set_by_its_yaml(tmp_path: Path, file: Path) -> None:
    """Faults: an argument misspelled; a shape or number of levels that is not the data's."""
    data = OmegaConf.load(file)
    raw = next(CONF.parent / data.source[key] for key in ("file", "folder") if key in data.source)
    if not raw.exists():
        pytest.skip(f"{raw.name} is not here: run `dvc pull data.dvc`")
    data.source["file" if "file" in data.source else "folder"] = str(raw)
    data.path = str(tmp_path / data.name)
    config = OmegaConf.create({"data": data, "stage": OmegaConf.load(CONF / "stage" / "prepare.yaml")})
    instantiate(config.stage)
    arrays = open_arrays(data.path, list(data.shape), data.levels)
    assert data.name == file.stem
    assert max(x.max() for x in arrays.values()) == data.levels - 1
