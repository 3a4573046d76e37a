"""dvc.yaml in a clone of its own, with the committed results: what an edit makes it do again, and what not."""

import re
import shutil

import pytest
from tests.support.clones import clone_working_tree, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The working tree as a git repository of its own, data and results pulled from the remote inside it."""
    clone = clone_working_tree(tmp_path_factory.mktemp("clone"))
    dvc(clone, "pull", "--quiet")
    return clone


def dvc(clone, *arguments):
    return run(["dvc", *arguments], clone)


def test_an_edit_of_one_variant_reruns_its_stages_only(clone):
    """Fault to plant: make train depend on conf/ instead of on the composed file of its variant."""
    # Code that changed since the results were committed is another matter: take the results as they
    # are.
    dvc(clone, "commit", "--force")
    assert "up to date" in dvc(clone, "status")
    assert "Running" not in dvc(clone, "repro")

    variant = clone / "conf/model/row_lstm.yaml"
    variant.write_text(re.sub(r"hidden: \d+", "hidden: 4", variant.read_text()))
    assert running(dvc(clone, "repro", "--dry")) == {"compose"}
    dvc(clone, "repro", "compose")
    assert running(dvc(clone, "repro", "--dry")) == {"train@row_lstm"}
    ran = running(dvc(clone, "repro"))
    assert ran == {"train@row_lstm", "evaluate@row_lstm", "sample@row_lstm", "compare"}
    assert "up to date" in dvc(clone, "status")


def running(output):
    return set(re.findall(r"Running stage '([^']+)'", output))


def test_metrics_and_plots_are_declared(clone):
    shown = dvc(clone, "metrics", "show")
    assert re.search(r"digits-pixel_cnn/metrics.json .*\d\.\d+", shown)
    assert "digits-pixel_cnn/history.csv" in dvc(clone, "plots", "show", "--json")


def test_an_archive_of_the_repository_needs_no_git(tmp_path):
    """Fault: `make demo` without `core.no_scm`, and quiet, ends with 255 and not a word where there is no .git."""
    archive = clone_working_tree(tmp_path)
    shutil.rmtree(archive / ".git")
    run(["make", "--old-file=.venv/installed", "embedded-data"], archive)
    assert (archive / "data/digits.npz").exists()
    assert "Running stage 'prepare" in run(["dvc", "repro", "prepare"], archive)
