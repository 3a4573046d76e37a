import pytest
import yaml

from pixelrnn.conf import CONF
from pixelrnn.errors import InputError
from pixelrnn.stages.compose import RECORDED, compose

MODELS = {file.stem for file in (CONF / "model").glob("*.yaml")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("configs")
    compose("data=digits", out=folder)
    return folder


def test_a_file_a_model(folder):
    assert {file.stem for file in folder.iterdir()} == MODELS | {"prepare"}


def test_what_prepare_depends_on(folder, tmp_path):
    """Whatever the data set stands on, and not how it is loaded. Fault: a new batch size prepares anew."""
    about = yaml.safe_load((folder / "prepare.yaml").read_text())
    assert about["source"]["_target_"] == "pixelrnn.data.digits"
    assert (about["name"], about["shape"], about["levels"]) == ("digits", [1, 8, 8], 17)
    compose("data=digits", "data.batch_size=7", "data.source.val=9", out=tmp_path)
    changed = yaml.safe_load((tmp_path / "prepare.yaml").read_text())
    assert changed == about | {"source": about["source"] | {"val": 9}}


@pytest.mark.parametrize("model", sorted(MODELS))
def test_resolved_and_free_of_machines_and_times(folder, model):
    text = (folder / f"{model}.yaml").read_text()
    config = yaml.safe_load(text)
    assert list(config) == list(RECORDED)
    assert config["variant"] == model
    assert config["model"]["shape"] == config["data"]["shape"] == [1, 8, 8]
    assert "${" not in text
    assert str(CONF.parent) not in text


def test_the_same_again(folder, tmp_path):
    compose("data=digits", out=tmp_path)
    for file in folder.iterdir():
        assert (tmp_path / file.name).read_text() == file.read_text()


def test_overrides_reach_every_model(tmp_path):
    compose("seed=7", "model=row_lstm", out=tmp_path)
    seeds = {yaml.safe_load((tmp_path / f"{name}.yaml").read_text())["seed"] for name in MODELS}
    assert seeds == {7}


def test_other_files_stay(tmp_path):
    """Fault: what this call does not make again is deleted, as it was."""
    (tmp_path / "theirs.yaml").write_text("")
    files = compose(out=tmp_path, models=["row_lstm"])
    assert [file.name for file in files] == ["row_lstm.yaml", "prepare.yaml"]
    there = {file.name for file in tmp_path.iterdir()}
    assert there == {"row_lstm.yaml", "prepare.yaml", "theirs.yaml"}


def test_unknown_model(tmp_path):
    with pytest.raises(InputError, match="no model 'row'"):
        compose(out=tmp_path / "out", models=["row"])
    assert not (tmp_path / "out").exists()
