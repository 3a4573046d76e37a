"""`pixelrnn audit`: a run, and anyone's network from where one stands; exit codes 0, 1 and 2."""

import inspect
import json
import shutil
import subprocess
import sys

import pytest
from PIL import Image
from tests.support import strangers, tiny

from pixelrnn.errors import InputError, LeakFound
from pixelrnn.stages.audit import audit
from pixelrnn.training.run import Run

SHAPE = [1, 5, 5]


OURS = """
from pixelrnn import Softmax, diagonal_bilstm

def build():
    return diagonal_bilstm((1, 5, 5), Softmax(3), hidden=2, layers=1, output_hidden=4)
"""


@pytest.fixture
def run(tmp_path):
    """A run with weights, as if trained."""
    run = Run.claim(tmp_path / "run", tiny.config(tiny.write_data(tmp_path / "data")))
    run.finish(tiny.model(seed=2).state_dict(), {})
    return run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with somebody's package in it, which nothing else knows of; and one is in there."""
    here = tmp_path / "elsewhere"
    (here / "theirs").mkdir(parents=True)
    shutil.copy(strangers.__file__, here / "theirs" / "networks.py")
    (here / "theirs" / "broken.py").write_text("import nothing_of_the_kind\n")
    (here / "theirs" / "script.py").write_text("raise SystemExit(1)\n")
    (here / "theirs" / "ours.py").write_text(OURS)
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in [name for name in sys.modules if name.split(".")[0] == "theirs"]:
        monkeypatch.delitem(sys.modules, name)
    return here


def test_a_run_gets_its_report(run, capsys):
    report = audit(run.path)
    assert report.causal
    values = json.loads((run.path / "audit.json").read_text())
    assert values == json.loads(json.dumps(report.to_dict()))
    assert Image.open(run.path / "audit.png").width > 800
    out = capsys.readouterr().out
    assert out.startswith(report.sentence)
    assert str(run.path / "audit.png") in out


def test_a_run_without_weights(run):
    (run.path / "weights.safetensors").unlink()
    before = tiny.contents(run.path)
    with pytest.raises(InputError, match=r"weights\.safetensors is missing"):
        audit(run.path)
    assert tiny.contents(run.path) == before


def verdict(folder):
    return json.loads((folder / "audit.json").read_text())["verdict"]


def test_a_leak_is_raised_after_it_was_written(folder):
    with pytest.raises(
        LeakFound, match="LEAK: the output at a pixel depends on pixels that come later"
    ):
        audit(callable="theirs.networks:unshifted", shape=SHAPE)
    assert verdict(folder / "artifacts/audit/theirs.networks.unshifted") == "leak"


class NobodyReads:
    """A standard output whose reader is gone, as that of `pixelrnn audit ... | head -1`."""

    def write(self, text):
        raise BrokenPipeError

    def flush(self):
        raise BrokenPipeError


@pytest.mark.parametrize(
    ("build", "raised", "expected"),
    [("sound", BrokenPipeError, "causal"), ("unshifted", LeakFound, "leak")],
)
def test_printing_changes_no_verdict(folder, monkeypatch, build, raised, expected):
    """Faults: printed before it is written; no leak, or a leak, because nobody reads on."""
    monkeypatch.setattr(sys, "stdout", NobodyReads())
    with pytest.raises(raised):
        audit(callable=f"theirs.networks:{build}", shape=SHAPE, out="here")
    monkeypatch.undo()
    assert verdict(folder / "here") == expected
    assert Image.open(folder / "here" / "audit.png").width > 800


def test_run_and_callable_by_name(run, folder):
    """`conf/audit.yaml` gives both by name. Fault: the run's model audited all the same."""
    assert audit(run=run.path).parts[0].shape == (1, 4, 4)
    report = audit(run=run.path, callable="theirs.networks:sound", shape=SHAPE)
    assert report.parts[0].shape == (1, 5, 5)
    assert verdict(folder / "artifacts/audit/theirs.networks.sound") == "causal"


def test_a_callable_may_build_a_model_of_ours(folder):
    """It knows its shape. Fault: refused for conventions that nobody gave."""
    report = audit(callable="theirs.ours:build", seed=1)
    assert report.parts[0].shape == (1, 5, 5)
    with pytest.raises(InputError, match="knows its own shape and conventions: give none"):
        audit(callable="theirs.ours:build", levels=3)


def test_home_is_a_folder_like_any_other(run, monkeypatch, tmp_path):
    """Fault: a folder called `~`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    audit("~/run", out="~/reports")
    assert verdict(tmp_path / "reports") == "causal"


@pytest.mark.slow
def test_anyones_network_from_the_command_line(pixelrnn, folder):
    """A leak in a process of its own, which finds the package where it is called; then a sound one.

    Faults: only installed packages are found; exit code 0 after a leak.
    """
    script = "import sys; from pixelrnn.command.main import main; sys.argv[0] = 'pixelrnn'; main()"
    words = ["audit", "callable=theirs.networks:unshifted", "shape=[1,5,5]", "out=here"]
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("LEAK: ")
    assert {file.name for file in (folder / "here").iterdir()} == {"audit.json", "audit.png"}
    assert {file.name for file in folder.iterdir()} == {"theirs", "here"}

    code, out, _ = pixelrnn("audit", "callable=theirs.networks:sound", *words[2:])
    assert code == 0
    assert out.startswith("causal: no leak; sees ")


BAD = {
    "callable=theirs.networks": "write package.module:build",
    "callable=theirs.nowhere:build": "No module named 'theirs.nowhere'",
    "callable=theirs.networks:nothing": "has no attribute 'nothing'",
    "callable=theirs.broken:build": "No module named 'nothing_of_the_kind'",
    "callable=theirs.networks:MaskedConv2d": "theirs.networks:MaskedConv2d fails: TypeError: ",
    "callable=theirs.script:build": "callable=theirs.script:build ends Python (1)",
    "callable=17": "callable=17 must be text",
    "callable=theirs.networks:torch.get_num_threads": "returns a int, not a network",
    "callable=theirs.networks:sound shape=null": "shape=None: give the [colors,rows,columns]",
    "callable=theirs.networks:sound shape=[1,5]": "shape=[1, 5]: give the [colors,rows,columns]",
    "callable=theirs.networks:sound pixels=0": "pixels=0",
    "callable=theirs.networks:sound out=theirs/networks.py": "is a file",
    "callable=theirs.networks:sound levels=4": "the network fails on integers 0..3",
    "callable=theirs.networks:sound out=theirs/networks.py/deeper": "to theirs/networks.py",
    "callable=theirs.networks:sound levels=[4]": "levels=[4]",
    "nowhere": "no run at nowhere",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_input_gets_one_line_and_writes_nothing(pixelrnn, folder, line):
    words = line.split(" ")
    if "callable" in line and "shape" not in line:
        words.append("shape=[1,5,5]")
    code, _, err = pixelrnn("audit", *words)
    assert code == 2
    assert err.startswith("pixelrnn: ")
    assert err.count("\n") == 1
    assert BAD[line] in err
    assert {file.name for file in folder.iterdir()} == {"theirs"}


@pytest.mark.parametrize(
    "convention",
    [
        {"shape": [1, 8, 8]},
        {"layout": "b k h w"},
        {"levels": 3},
        {"input_range": [-1, 1]},
        {"shift": True},
        {"log_probs": True},
    ],
)
def test_a_run_takes_no_conventions(run, convention):
    """Fault: a convention that is dropped without a word."""
    with pytest.raises(InputError, match="knows its own shape and conventions: give none"):
        audit(run.path, **convention)


def test_only_a_run_goes_without_its_name():
    """Every other argument is given by name."""
    kinds = {parameter.kind for parameter in list(inspect.signature(audit).parameters.values())[1:]}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}
    with pytest.raises(InputError, match="nothing to audit: name a run"):
        audit()


def test_help_says_that_code_is_run(pixelrnn):
    code, out, _ = pixelrnn("audit", "--help")
    assert code == 0
    assert "its code is run" in " ".join(out.split())
