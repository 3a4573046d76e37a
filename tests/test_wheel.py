"""The wheel holds all that the command needs outside a checkout."""

import os
import subprocess
import sys
import zipfile

import pytest
from tests.support.clones import ROOT, run

pytestmark = pytest.mark.slow
pytest.importorskip("hatchling", reason="needs pip install hatchling")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from the working tree by way of a source archive, without a package index."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    run([*build, "-t", "sdist"], ROOT)
    (archive,) = folder.glob("*.tar.gz")
    run(["tar", "xzf", archive.name], folder)
    run([*build, "-t", "wheel"], folder / archive.name.removesuffix(".tar.gz"))
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_what_the_wheel_holds(wheel):
    """Every file in src/ and conf/ that git doesn't ignore, and none else. Faults: conf/ or the page's files left out."""
    names = zipfile.ZipFile(wheel).namelist()
    held = {name for name in names if name.startswith("pixelrnn/")}
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    ours = [name for name in run([*listing, "src/pixelrnn", "conf"], ROOT).split("\n") if name]
    ours = [name for name in ours if (ROOT / name).exists()]
    expected = {name.removeprefix("src/") for name in ours if name.startswith("src/")}
    expected |= {f"pixelrnn/{name}" for name in ours if name.startswith("conf/")}
    assert held == expected
    needed = {"py.typed", "conf/train.yaml", "data/digits.npz", "page/page.html"}
    assert {f"pixelrnn/{name}" for name in needed} <= held


def test_from_nothing_to_a_trained_model(wheel, tmp_path):
    """In an empty folder. Fault: conf/ is looked for in a checkout, or the digits are."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    (tmp_path / "empty").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    environment.pop("PIXELRNN_CONF", None)
    short = ["trainer.max_epochs=1", "trainer.limit_train_batches=2", "logger=none"]
    for words in (["prepare", "data=digits"], ["train", "data=digits", *short]):
        done = subprocess.run(
            [sys.executable, "-m", "pixelrnn", *words],
            cwd=tmp_path / "empty",
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "empty/artifacts/runs/digits-pixel_cnn/weights.safetensors").exists()
