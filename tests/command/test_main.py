"""The command, called in this process: what it runs, and the one line that bad input gets."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest
from tests.support import tiny

SMALL = tiny.WORDS
RUN = "artifacts/runs/digits-pixel_cnn"

# Answered without torch, in well under a second.
QUICK = [
    *("--help", "--version", "train --help", "trian", "sample nowhere", "score nowhere a.png"),
    *("sample", "sample a b c", "train foo", "train --foo", "train logger=null", "compare nowhere"),
    *("train modle=row_lstm", "train model=row_lsm", "train lr=1", "train seed=0,1"),
    *("train --cfg job", "sample run optimizer=adam", "sample run imagse=3", "train -m seed=1"),
    *(
        "train sweep=depth data.path=nowhere",
        "sample run +optimizer=adam",
        "prepare model=row_lstm",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("line", QUICK)
def test_what_is_answered_without_torch(tmp_path, monkeypatch, line):
    """Fault: any import of torch, Lightning, pandas or W&B at the top of a module of the command."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").touch()
    script = f"""if True:
        import sys
        from pixelrnn.command.main import main
        sys.argv = ['pixelrnn', *{line.split(" ")}]
        try:
            main()
        except SystemExit as end:
            assert end.code in (0, 2)
        slow = {{'torch', 'pytorch_lightning', 'wandb', 'pandas'}} & set(sys.modules)
        if len(sys.argv) < 3 or 'no' in sys.argv[2]:
            slow |= {{'hydra'}} & set(sys.modules)
        sys.exit(f'slow: {{slow}}' if slow else 0)"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    if done.stderr:
        assert done.stderr.startswith("pixelrnn: ")
        assert done.stderr.count("\n") == 1
    assert {file.name for file in tmp_path.iterdir()} == {"run"}


@pytest.mark.slow
def test_a_missing_run_is_said_in_well_under_a_second(tmp_path):
    """The fastest of three, beside other work. Fault: the check behind the import of torch, which takes seconds."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        command = [sys.executable, "-m", "pixelrnn", "score", "nowhere", "a.png"]
        assert subprocess.run(command, capture_output=True, cwd=tmp_path).returncode == 2
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1


@pytest.mark.slow
def test_python_m_and_version():
    done = subprocess.run(
        [sys.executable, "-m", "pixelrnn", "--version"], capture_output=True, text=True
    )
    assert done.stdout.startswith("pixelrnn 0."), "Hydra's version, or none"


@pytest.mark.slow
def test_train_evaluate_sample(pixelrnn, tmp_path):
    """The verbs in a row, and nothing in the working folder but artifacts. Fault: Hydra's outputs directory."""
    code, out, err = pixelrnn("train", *SMALL)
    assert code == 0, err
    assert "epoch 1/1" in out
    assert pixelrnn("train", *SMALL)[1].endswith("nothing to train (another directory: run=...)\n")
    assert "test NLL " in pixelrnn("evaluate", RUN)[1]
    assert "2 images" in pixelrnn("sample", RUN, "images=2")[1]
    assert {file.name for file in tmp_path.iterdir()} == {"data", "artifacts"}
    written = {file.name for file in (tmp_path / RUN).iterdir()}
    assert written >= {"config.yaml", "weights.safetensors", "history.csv", "training.json"}
    assert written >= {"metrics.json", "samples.png"}


@pytest.mark.slow
def test_words_reach_the_verb_literally(pixelrnn, monkeypatch):
    """Fault: a word put into the configuration, where `${x}` is an interpolation and `a,b` a sweep."""
    seen = []
    monkeypatch.setattr(
        "pixelrnn.stages.score.score", lambda run, *files, **_: seen.append((run, *files))
    )
    pixelrnn("train", *SMALL, "run=r")
    odd = ["a,b", "[x]", "${x}.png", "???", "it's", "a b", "é"]
    assert pixelrnn("score", "r", "skip=true", *odd, "--", "x=y.png", "-m", "~z")[0] == 0
    assert seen == [("r", *odd, "x=y.png", "-m", "~z")]


@pytest.mark.slow
def test_config_of_a_run_is_what_compose_writes(pixelrnn, tmp_path):
    """DVC watches the one to decide on the other. Fault: a key in one of them only."""
    pixelrnn("train", *SMALL)
    assert pixelrnn("compose", "models=[pixel_cnn]", "out=configs", "--", *SMALL)[0] == 0
    composed = (tmp_path / "configs" / "pixel_cnn.yaml").read_text()
    assert composed == (tmp_path / RUN / "config.yaml").read_text()
    assert pixelrnn("compose", "--", "modle=1")[2].startswith("pixelrnn: train has no 'modle'")


@pytest.mark.slow
def test_hydras_flags_pass_through(pixelrnn, tmp_path):
    """`--cfg`, `--info`, `--config-dir`, before and behind. Fault: overrides on both sides of a flag that has a value."""
    code, out, _ = pixelrnn("train", "seed=7", "--cfg", "job", "model=row_lstm", "-p", "model")
    assert (code, out.count("row_lstm")) == (0, 1)
    assert "# @package" not in pixelrnn("train", "--cfg=job", "--resolve", "seed=7")[1]
    assert "pixelrnn: " not in pixelrnn("--info=defaults", "train")[2]
    mine = tmp_path / "mine" / "head"
    mine.mkdir(parents=True)
    (mine / "own.yaml").write_text("_target_: pixelrnn.heads.Softmax\nlevels: 3\n")
    code, _, err = pixelrnn("train", *SMALL, "head=own", "--config-dir", "mine")
    assert code == 0, err


@pytest.mark.parametrize("group", ["experiment", "recipe", "sweep", "debug"])
def test_null_is_taken_where_it_is_the_default(pixelrnn, group):
    """Fault: Hydra's ValueError. `group=null` is not in its grammar."""
    assert pixelrnn("train", f"{group}=null", "--cfg", "job")[0] == 0


@pytest.mark.slow
def test_what_to_paste_into_a_shell_for_that_run(pixelrnn, tmp_path):
    """It finds the run finished: the same directory, the same configuration."""
    assert pixelrnn("train", "seed=3", "run='a b/c=1,d'", *SMALL)[0] == 0
    command = json.loads((tmp_path / "a b/c=1,d/origin.json").read_text())["command"]
    assert command.startswith("pixelrnn train seed=3 ")
    assert "c=1,d is finished" in pixelrnn(*shlex.split(command)[1:])[1]


BAD = {
    "train modle=row_lstm": "train has no 'modle': did you mean model",
    "train model=row_lsm": "no model=row_lsm: did you mean row_lstm",
    "train model=zzz": "no model=zzz: there is class_conditional, diag",
    "train optimizer.lrr=1": "no key 'optimizer.lrr': did you mean lr",
    "train model.full_context=true": "(diagonal_bilstm has it: in a sweep write ++model.full_con",
    "train lr=1": "no key 'lr': did you mean optimizer.lr",
    "train experimnt=x": "did you mean experiment",
    "train experiment=x": "no experiment=x",
    "sample RUN imagse=3": "sample has no 'imagse': did you mean images",
    "sample RUN optimizer=adam": "sample has no 'optimizer': there is batch_size, class, columns",
    "sample RUN +optimizer=adam": "sample has no 'optimizer': there is batch_size, class, columns",
    "sample RUN +foo=1": "sample has no 'foo'",
    "sample RUN run=here": "no key 'run': a run is a word of its own: pixelrnn sample RUN",
    "train model=row_lstm,pixel_cnn": "several values: put a list into brackets, or add -m",
    "train model=[": "cannot read 'model=['",
    "train +seed=1": "already at 'seed'",
    "train ~sede": "'sede' does not exist",
    "train seed=abc": "seed=abc",
    "train seed=???": "no value for seed",
    "train seed=${seeed}": "'seeed' not found",
    "train -m seed=0,1 --cfg job": "Only one of",
    "train --config-dir nowhere": "nowhere' not found",
    "train +model.foo=1": "model.foo: no such key: there is",
    "train model.hidden=0": "hidden=0 must be",
    "train model._target_=pixelrnn.models.nope": "nope",
    "train +optimizer.foo=1": "optimizer.foo: no such key",
    "train optimizer.lr=-1": "optimizer: Invalid learning rate",
    "train ~optimizer": "train: missing a required argument: 'optimizer'",
    "train scheduler.warmup=3": "warmup=3",
    "train +trainer.foo=1": "trainer.foo: no such key",
    "train trainer.max_epochs=abc": "trainer.max_epochs=abc",
    "train callbacks.samples.every=0": "every=0",
    "train head.levels=5": "5 levels",
    "train data.levels=2": "levels",
    "train data.path=nowhere": "nowhere",
    "train data.batch_size=0": "batch_size=0",
    "train model=multi_scale model.factor=3": "factor 3",
    "train run=2024": "run=2024 must be text: quote it, run=\"'2024'\"",
    "prepare data.source.file=nowhere.npz": "nowhere.npz",
    "prepare data.source.file=2024": "data.source.file=2024 must be text: quote it",
    "prepare data.name=2024": "data.name=2024 must be text: quote it, data.name=\"'2024'\"",
    "evaluate RUN split=???": "no value for split",
    "evaluate RUN split=2": "split=2 must be text",
    "audit": "nothing to audit",
    "compose models=[row]": "no model 'row'",
    "compare": "no run found",
}


@pytest.mark.slow
@pytest.mark.parametrize("line", BAD)
def test_bad_input_gets_one_line_and_code_2_before_any_work(pixelrnn, tmp_path, line):
    """Faults: a traceback, Hydra's own line before ours, a claimed directory, code 1."""
    verb, *words = line.replace("RUN", "run").split(" ")
    set_here = {word.split("=")[0] for word in words}
    small = [word for word in SMALL if word.split("=")[0] not in set_here]
    if "multi_scale" in line:  # has no sizes of its own
        small = [word for word in small if not word.startswith("model.")]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").touch()
    before = tiny.contents(tmp_path)
    code, _, err = pixelrnn(verb, *(small if verb == "train" else []), *words)
    assert code == 2
    assert err.startswith("pixelrnn: ")
    assert err.count("\n") == 1
    assert BAD[line] in err
    assert tiny.contents(tmp_path) == before


@pytest.mark.slow
def test_quoted_numbers_are_text(pixelrnn, tmp_path):
    assert pixelrnn("train", *SMALL, "run='2024'", "data.name='2024'")[0] == 0
    assert (tmp_path / "2024" / "weights.safetensors").exists()


def test_other_errors_keep_their_traceback(pixelrnn, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("pixelrnn.stages.audit.audit", fails)
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        pixelrnn("audit")


@pytest.mark.parametrize("line", ["trian", "train modle=1", "train data.path=nowhere"])
def test_full_errors_on_demand(pixelrnn, monkeypatch, line):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(Exception, match=r"no verb|modle|nowhere") as error:
        pixelrnn(*line.split(" "))
    assert not isinstance(error.value, SystemExit)


def test_ctrl_c_ends_with_one_line_and_130(pixelrnn, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("pixelrnn.stages.audit.audit", interrupted)
    assert pixelrnn("audit") == (130, "", "pixelrnn: interrupted\n")


def test_sigterm_ends_with_one_line_and_143(pixelrnn, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(
        "pixelrnn.stages.audit.audit", lambda **_: os.kill(os.getpid(), signal.SIGTERM)
    )
    assert pixelrnn("audit") == (143, "", "pixelrnn: stopped by SIGTERM\n")
    assert signal.getsignal(signal.SIGTERM) == before


def test_json_is_all_that_is_on_standard_output(pixelrnn, tmp_path):
    """Fault: a line of Hydra's or of ours before the document."""
    for seed in (0, 1):
        assert pixelrnn("train", *tiny.WORDS, f"seed={seed}", f"run=runs/seed-{seed}")[0] == 0
    code, out, _ = pixelrnn("runs", "runs", "--json")
    assert code == 0
    assert {run["group"] for run in json.loads(out)["runs"]} == {"pixel_cnn"}
    assert pixelrnn("runs", "runs")[1].count("not evaluated") == 2
    code, out, err = pixelrnn("compare", "runs", "--json")
    assert (code, out) == (2, "")
    assert "no run has been evaluated" in err
    assert "no 'json'" in pixelrnn("evaluate", "runs/seed-0", "--json")[2]
