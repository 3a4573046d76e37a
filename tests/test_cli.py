"""The command, called in this process: what it runs, and the one line that bad input gets."""

import subprocess
import sys

import pytest
from tests.support import tiny

from pixelrnn import cli
from pixelrnn.conf import CONF
from pixelrnn.errors import InputError

SMALL = tiny.WORDS


def test_importing_the_command_imports_nothing_slow():
    """And so does asking for help. Fault: any import of torch, Lightning or Hydra at the top of a stage."""
    script = (
        "import sys; from pixelrnn import cli; sys.argv = ['pixelrnn', '--help']; cli.main();"
        "slow = {'torch', 'pytorch_lightning', 'hydra', 'wandb', 'pandas', 'numpy'} & set(sys.modules);"
        "sys.exit(f'slow: {slow}' if slow else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


STAGES = sorted(file.stem for file in (CONF / "stage").glob("*.yaml"))


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_stages_and_groups(pixelrnn, arguments):
    code, out, err = pixelrnn(*arguments)
    assert (code, err) == (0, "")
    for stage in STAGES:
        line = next(line for line in out.splitlines() if line.split()[:1] == [stage])
        assert len(line.split()) > 3, "no first comment line"
    for group in CONF.iterdir():
        if group.is_dir():
            assert all(option.stem in out for option in group.glob("*.yaml"))


@pytest.mark.parametrize("stage", STAGES)
def test_help_on_a_stage_is_what_its_yaml_says(pixelrnn, stage):
    """The first comment with its example, and every key that is the stage's own. Fault: a key without its comment."""
    code, out, err = pixelrnn(stage, "--help")
    assert (code, err) == (0, "")
    lines = (CONF / "stage" / f"{stage}.yaml").read_text().splitlines()
    assert f"  pixelrnn {stage}" in out, "no example in the first comment line"
    assert lines[0].removeprefix("# ").partition(": pixelrnn")[0] in " ".join(out.split())
    for line in lines:
        key, _, value = line.partition(": ")
        default, _, comment = (part.strip() for part in value.partition("#"))
        if (
            default
            and key.isidentifier()
            and not key.startswith("_")
            and not default.startswith("${")
        ):
            assert f"  {key}={default}" in out
            assert " ".join(comment.split()) in " ".join(out.split())


def test_help_on_train_says_where_the_run_goes_and_which_groups_it_reads(pixelrnn):
    out = pixelrnn("train", "-h")[1]
    assert "run=artifacts/runs/${data.name}-${variant}" in out
    assert "the run directory" in out
    assert "diagonal_bilstm, multi_scale" in out


def test_train_evaluate_sample(pixelrnn, tmp_path):
    """The stages in a row, and nothing in the working folder but artifacts. Fault: Hydra's outputs directory."""
    code, out, err = pixelrnn("train", *SMALL)
    assert code == 0, err
    assert "epoch 1/1" in out
    assert pixelrnn("train", *SMALL)[1].endswith("nothing to train (another directory: run=...)\n")
    assert "test NLL = " in pixelrnn("evaluate")[1]
    assert "2 images" in pixelrnn("sample", "images=2")[1]
    assert {file.name for file in tmp_path.iterdir()} == {"data", "artifacts"}
    assert {
        file.name for file in (tmp_path / "artifacts" / "runs" / "digits-pixel_cnn").iterdir()
    } >= {
        *[
            "config.yaml",
            "weights.safetensors",
            "history.csv",
            "training.json",
            "metrics.json",
            "samples.png",
        ],
    }


def test_config_of_a_run_is_what_compose_writes(pixelrnn, tmp_path):
    """DVC watches the one to decide on the other. Fault: a key in one of them only."""
    pixelrnn("train", *SMALL)
    assert pixelrnn("compose", *SMALL, "stage.variants=[pixel_cnn]")[0] == 0
    composed = (tmp_path / "artifacts" / "configs" / "pixel_cnn.yaml").read_text()
    assert (
        composed
        == (tmp_path / "artifacts" / "runs" / "digits-pixel_cnn" / "config.yaml").read_text()
    )


BAD = {
    "trian": "no stage 'trian': did you mean train",
    "model=row_lstm": "specify 'stage'",
    "train modle=row_lstm": "no key 'modle': did you mean model",
    "train model=row_lsm": "no model=row_lsm: did you mean row_lstm",
    "train model=zzz": "no model=zzz: there is diagonal_bilstm",
    "train optimizer.lrr=1": "no key 'optimizer.lrr': did you mean lr",
    "train lr=1": "no key 'lr': did you mean optimizer.lr",
    "train experimnt=x": "did you mean experiment",
    "train experiment=x": "no experiment=x",
    "train foo": "cannot read 'foo'",
    "sample imagse=3": "no key 'imagse': did you mean images",
    "sample --imagse 3": "no flag --imagse: did you mean images",
    "sample --images": "--images needs a value",
    "train model=row_lstm,pixel_cnn": "several values: put a list into brackets, or add -m",
    "train model=[": "cannot read 'model=['",
    "train --foo": "--foo",
    "train +seed=1": "already at 'seed'",
    "train ~sede": "'sede' does not exist",
    "train seed=abc": "seed=abc",
    "train seed=???": "Missing mandatory value: seed",
    "train seed=${seeed}": "'seeed' not found",
    "train +model.foo=1": "got an unexpected keyword argument 'foo'",
    "train model.hidden=0": "hidden must be",
    "train model._target_=pixelrnn.models.nope": "nope",
    "train +optimizer.foo=1": "optimizer: ",
    "train optimizer.lr=-1": "optimizer: Invalid learning rate",
    "train scheduler.warmup=3": "warmup=3",
    "train +trainer.foo=1": "trainer: ",
    "train trainer.max_epochs=abc": "trainer.max_epochs=abc",
    "train callbacks.samples.every=0": "every=0",
    "train head.levels=5": "5 levels",
    "train data.levels=2": "levels",
    "train data.path=nowhere": "nowhere",
    "train data.batch_size=0": "batch_size=0",
    "train model=multi_scale model.factor=3": "factor 3",
    "prepare data.source.file=nowhere.npz": "nowhere.npz",
    "evaluate": "no run at artifacts/runs/digits-pixel_cnn",
    "evaluate stage.split=???": "no value for stage.split",
    "sample run=nowhere": "no run at nowhere",
    "compose stage.variants=[row]": "no variant 'row'",
    "compare": "no run found",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_input_gets_one_line_and_code_2_before_any_work(pixelrnn, tmp_path, line):
    """Faults: a traceback, Hydra's own line before ours, a claimed directory, code 1."""
    stage, *words = line.split(" ")
    small = [word for word in SMALL if word.split("=")[0] not in {w.split("=")[0] for w in words}]
    if "multi_scale" in line:  # has no sizes of its own
        small = [word for word in small if not word.startswith("model.")]
    before = tiny.contents(tmp_path)
    code, _, err = pixelrnn(stage, *(small if stage == "train" else []), *words)
    assert code == 2
    assert err.startswith("pixelrnn: ")
    assert err.count("\n") == 1
    assert BAD[line] in err
    assert tiny.contents(tmp_path) == before


def test_other_errors_keep_their_traceback(pixelrnn, monkeypatch):
    def fails(**_):
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("pixelrnn.stages.sample", fails)
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        pixelrnn("sample")


def test_full_errors_on_demand(pixelrnn, monkeypatch):
    monkeypatch.setattr(cli.os.environ, "get", lambda name, default=None: "1")
    with pytest.raises(InputError, match="no stage"):
        pixelrnn("trian")
