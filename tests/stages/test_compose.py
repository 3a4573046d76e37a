import pytest
import yaml

from pixelrnn.conf import CONF
from pixelrnn.errors import InputError
from pixelrnn.stages.compose import compose

VARIANTS = {file.stem for file in (CONF / "model").glob("*.yaml")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("configs")
    compose(folder, overrides=["data=digits"])
    return folder


def test_a_file_a_variant(folder):
    assert {file.stem for file in folder.iterdir()} == VARIANTS


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_resolved_and_free_of_machines_and_times(folder, variant):
    text = (folder / f"{variant}.yaml").read_text()
    config = yaml.safe_load(text)
    keys = [
        "seed",
        "variant",
        "data",
        "model",
        "head",
        "optimizer",
        "scheduler",
        "trainer",
        "callbacks",
    ]
    assert list(config) == keys
    assert config["variant"] == variant
    assert config["model"]["shape"] == config["data"]["shape"] == [1, 8, 8]
    assert "${" not in text
    assert str(CONF.parent) not in text


def test_the_same_again(folder, tmp_path):
    compose(tmp_path, overrides=["data=digits"])
    for file in folder.iterdir():
        assert (tmp_path / file.name).read_text() == file.read_text()


def test_overrides_reach_every_variant(tmp_path):
    compose(tmp_path, overrides=["seed=7", "stage=compose", "model=row_lstm"])
    assert {yaml.safe_load(file.read_text())["seed"] for file in tmp_path.iterdir()} == {7}


def test_files_of_variants_that_are_gone_are_removed(tmp_path):
    (tmp_path / "gone.yaml").write_text("")
    files = compose(tmp_path, variants=["row_lstm"])
    assert (
        [file.name for file in tmp_path.iterdir()]
        == ["row_lstm.yaml"]
        == [file.name for file in files]
    )


def test_unknown_variant(tmp_path):
    with pytest.raises(InputError, match="no variant 'row'"):
        compose(tmp_path / "out", variants=["row"])
    assert not (tmp_path / "out").exists()
