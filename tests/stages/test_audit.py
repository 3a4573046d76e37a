"""`pixelrnn audit`: a run, and anyone's network from the folder one is in; exit codes 0, 1 and 2."""

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
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in [name for name in sys.modules if name.split(".")[0] == "theirs"]:
        monkeypatch.delitem(sys.modules, name)
    return here


def test_a_run_gets_its_report(run, capsys):
    report = audit(run.path)
    assert report.causal
    told = json.loads((run.path / "audit.json").read_text())
    assert told == json.loads(json.dumps(report.to_dict()))
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


def test_a_leak_is_raised_after_it_was_written(folder):
    with pytest.raises(
        LeakFound, match="LEAK: the output at a pixel depends on pixels that come later"
    ):
        audit("unused", "theirs.networks:unshifted", SHAPE)
    assert (
        json.loads((folder / "artifacts/audit/theirs.networks.unshifted/audit.json").read_text())[
            "verdict"
        ]
        == "leak"
    )


def test_anyones_network_from_the_command_line(pixelrnn, folder):
    """A leak in a process of its own, which finds the package in the folder it is called in; then a sound network.

    Faults: only installed packages are found; exit code 0 after a leak.
    """
    script = "import sys; from pixelrnn.cli import main; sys.argv[0] = 'pixelrnn'; main()"
    words = ["audit", "--callable", "theirs.networks:unshifted", "shape=[1,5,5]", "out=here"]
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("LEAK: ")
    assert {file.name for file in (folder / "here").iterdir()} == {"audit.json", "audit.png"}
    assert {file.name for file in folder.iterdir()} == {"theirs", "here"}

    code, out, _ = pixelrnn(*words[:2], "theirs.networks:sound", *words[3:])
    assert code == 0
    assert out.startswith("causal: no leak; sees ")


BAD = {
    "--callable theirs.networks": "write package.module:build",
    "--callable theirs.nowhere:build": "No module named 'theirs.nowhere'",
    "--callable theirs.networks:nothing": "has no attribute 'nothing'",
    "--callable theirs.broken:build": "No module named 'nothing_of_the_kind'",
    "--callable theirs.networks:MaskedConv2d": "callable=theirs.networks:MaskedConv2d fails: TypeError: ",
    "--callable theirs.networks:torch.get_num_threads": "returns a int, not a network",
    "--callable theirs.networks:sound shape=null": "shape=None: give the [colors,rows,columns]",
    "--callable theirs.networks:sound shape=[1,5]": "shape=[1, 5]: give the [colors,rows,columns]",
    "--callable theirs.networks:sound pixels=0": "pixels=0",
    "--callable theirs.networks:sound out=theirs/networks.py": "is a file",
    "--callable theirs.networks:sound levels=4": "the network fails on integers 0..3",
    "run=nowhere": "no run at nowhere",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_input_gets_one_line_and_writes_nothing(pixelrnn, folder, line):
    words = line.split(" ")
    if "--callable" in line and "shape" not in line:
        words.append("shape=[1,5,5]")
    code, _, err = pixelrnn("audit", *words)
    assert code == 2
    assert err.startswith("pixelrnn: ")
    assert err.count("\n") == 1
    assert BAD[line] in err
    assert {file.name for file in folder.iterdir()} == {"theirs"}


def test_a_run_takes_no_conventions(run):
    with pytest.raises(InputError, match="knows its own shape"):
        audit(run.path, shape=[1, 8, 8])
