"""A run is passed from hand to hand: what its config.yaml names is built from an allowlist, or not at all."""

import os
import shutil

import pytest
import yaml
from tests.support import tiny
from tests.support.attacks import attacks, places
from tests.support.zoo import VARIANTS, describe

from pixelrnn.errors import InputError
from pixelrnn.models.description import build_model
from pixelrnn.runs.directory import RunDirectory
from pixelrnn.training.run import Run

MODEL = tiny.config("data")["model"]
BUILDERS = {
    "evaluate": [],
    "sample": ["images=1"],
    "score": ["data/train.npy"],
    "complete": ["data/train.npy"],
    "audit": [],
}
READERS = {**BUILDERS, "compare": [], "runs": []}


def write_run(folder, model, **others):
    run = Run.claim(folder, tiny.config("data", **others))
    run.finish(tiny.model().state_dict(), {})
    run.files.write_config(tiny.config("data", model=model, **others))
    return run


def test_none_of_the_attacks_takes_effect_in_any_place(tmp_path, monkeypatch):
    """Faults: Hydra's `instantiate`, and an allowlist by the prefix `pixelrnn.`."""
    monkeypatch.chdir(tmp_path)
    all_of_them = attacks(tmp_path / "ground")
    before, variables = tiny.contents(tmp_path / "ground"), dict(os.environ)
    assert len(all_of_them) >= 60
    for attack in all_of_them:
        for place, description in places(MODEL, attack).items():
            with pytest.raises(InputError) as refused:
                build_model(description)
            said = str(refused.value)
            assert "\n" not in said
            assert len(said) < 600, (attack, place)
            assert tiny.contents(tmp_path / "ground") == before, (attack, place)
    assert sorted(file.name for file in (tmp_path / "ground").iterdir()) == ["evil", "victim"]
    assert dict(os.environ) == variables


def attacked(description, attack):
    """A configuration with an attack in the model's description and wherever a training reads one."""
    groups = ("optimizer", "scheduler", "trainer", "callbacks", "logger", "_target_")
    return tiny.config("data", model=description) | dict.fromkeys(groups, attack)


@pytest.mark.slow
@pytest.mark.parametrize("verb", BUILDERS)
def test_no_verb_that_builds_a_model_lets_one_take_effect(verb, pixelrnn, tmp_path):
    """Faults: as above."""
    all_of_them = attacks(tmp_path / "ground")
    run = write_run(tmp_path / "run", MODEL)
    before = tiny.contents(tmp_path / "ground")
    for i, attack in enumerate(all_of_them):
        options = list(places(MODEL, attack).values())
        run.files.write_config(attacked(options[i % len(options)], attack))
        code, _, err = pixelrnn(verb, "run", *BUILDERS[verb])
        assert (code, err.count("\n")) == (2, 1), err
        assert err.startswith("pixelrnn: run/config.yaml: model")
        assert tiny.contents(tmp_path / "ground") == before, attack


@pytest.mark.slow
def test_no_verb_that_reads_runs_lets_one_take_effect(pixelrnn, tmp_path):
    """All of them side by side, evaluated. Fault: anything built for a table or a page."""
    all_of_them = attacks(tmp_path / "ground")
    before = tiny.contents(tmp_path / "ground")
    good = tmp_path / "runs" / "good"
    assert pixelrnn("train", *tiny.WORDS, "run=runs/good", "test=true")[0] == 0
    for i, attack in enumerate(all_of_them):
        for place, description in places(MODEL, attack).items():
            run = tmp_path / "runs" / f"{i}-{place.replace(' ', '_')}"
            shutil.copytree(good, run)
            RunDirectory(run).write_config(attacked(description, attack))
    for words in (
        ["runs", "runs"],
        ["runs", "runs", "json=true"],
        ["compare", "runs/good", "runs/1-*"],
    ):
        code, _, err = pixelrnn(*words)
        assert (code, "Traceback" in err) == (0, False), err
    pixelrnn("dashboard", "runs", "dry_run=true")
    assert tiny.contents(tmp_path / "ground") == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"_args_": [1]}, "model._args_: pixel_cnn takes no such key"),
        ({"_partial_": True}, "model._partial_=true has no place here"),
        ({"_recursive_": False}, "model._recursive_: pixel_cnn takes no such key"),
        ({"_convert_": "none"}, "model._convert_: pixel_cnn takes no such key"),
        ({1: 2}, "model.1: pixel_cnn takes no such key"),
        ({"hidden": "${oc.env:HOME}"}, "model.hidden=${oc.env:HOME} must be a whole number"),
        ({"hidden": True}, "model.hidden=true must be a whole number"),
        ({"hidden": 2.0}, "model.hidden=2.0 must be a whole number"),
        ({"hidden": None}, "model.hidden=null must be a whole number"),
        ({"residual": 1}, "model.residual=1 must be true or false"),
        ({"shape": "144"}, "model.shape=144 must be a list"),
        ({"shape": [1, 2**30, 2**30]}, "is more than 16,777,216 pixels"),
        ({"_target_": "${oc.env:HOME}"}, "is not built from a run"),
        ({"_target_": ["os.system"]}, "is not built from a run"),
        ({"_target_": "a\nb\x1b[2J" + "c" * 999}, r"model._target_=a\nb\x1b[2Jccc"),
        ({"layers": 10**6}, "layers=1000000 must be at most"),
        ({"hidden": 10**6}, "GiB of memory: make it smaller"),
        ({"hidden": 10**30}, "the model can't be built"),
        ({"output_hidden": 10**9}, "the model"),
        ({"kernel": 10**6 + 1}, "GiB of memory: make it smaller"),
    ],
)
def test_what_is_no_plain_value_within_bounds(change, said):
    """Faults: `_partial_` at the top; a million layers; interpolations resolved; memory taken first."""
    with pytest.raises(InputError) as refused:
        build_model(MODEL | change)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("head", ["softmax", "logistic_mixture"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_what_this_package_trains_is_built(variant, head):
    assert build_model(describe(variant, head, (3, 8, 8), 4)).shape == (3, 8, 8)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        'model: !!python/object/apply:os.mkdir ["taken"]',
        'model: !!python/object/new:os.mkdir ["taken"]',
        "model: !!python/name:os.system",
        "a: &a [x, x]\n"
        + "\n".join(f"{b}: &{b} [{', '.join(['*' + a] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        "model: &m [*m]",
        "model: " + "[" * 100_000,
        "model: " + "{a: " * 2_000 + "1" + "}" * 2_000,
        "model: " + "x" * 2**20,
        "- " * 50_000 + "1",
    ],
    ids=range(9),
)  # fmt: skip
def test_yaml_that_is_more_than_it_seems(text, pixelrnn, tmp_path):
    """Faults: libyaml's recursion, which ends the process; aliases written out; tags."""
    run = write_run(tmp_path / "run", MODEL)
    (run.path / "config.yaml").write_text(text)
    for verb, words in READERS.items():
        code, _, err = pixelrnn(verb, "run", *words)
        assert (code, err.count("\n")) == (2, 1) or verb == "runs", err
        assert "Traceback" not in err
    assert not (tmp_path / "taken").exists()


def own_model(shape, head, hidden=2, **_):
    """A model of the user's own."""
    return tiny.pixel_cnn(shape, head, hidden=hidden, layers=1, output_hidden=4)


@pytest.mark.slow
def test_a_model_of_ones_own_is_built_where_the_user_names_it(pixelrnn, tmp_path, monkeypatch):
    """Trained, evaluated with the training, read again. Faults: trust taken from the run itself; trust for all."""
    (tmp_path / "own_models.py").write_text(
        "from tests.training.test_strangers_config import own_model as mine\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    words = [word for word in tiny.WORDS if not word.startswith(("model.layers", "model.output"))]
    name = "own_models.mine"
    code, _, err = pixelrnn("train", *words, f"model._target_={name}", "run=run", "test=true")
    assert code == 0, err
    code, _, err = pixelrnn("evaluate", "run")
    assert code == 2
    assert f"model._target_={name} is not built from a run" in err
    assert pixelrnn("evaluate", "run", "trust=os.system")[0] == 2
    assert pixelrnn("evaluate", "run", f"trust={name}")[0] == 0
    assert pixelrnn("sample", "run", f"trust=[{name}]", "images=1")[0] == 0
    assert Run.load(tmp_path / "run", trust=name).model.levels == 3
    for wrong in ("nowhere", "nowhere.mine", "own_models.nothing", "os.environ", "''"):
        code, _, err = pixelrnn("evaluate", "run", f"trust={wrong}")
        assert (code, err.count("\n")) == (2, 1), err
        assert "trust=" in err


def test_the_config_is_yaml_that_any_reader_takes(tmp_path):
    """What `write_config` writes is within the bounds that `read_config` sets."""
    run = write_run(tmp_path / "run", MODEL)
    assert yaml.safe_load((run.path / "config.yaml").read_text()) == Run.load(run.path).config
