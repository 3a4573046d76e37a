import json
import sys
from pathlib import Path

import pytest
import wandb

from pixelrnn.errors import InputError
from pixelrnn.stages.dashboard import dashboard

pytest.importorskip("wandb_workspaces", reason="needs pip install 'pixelrnn[dashboard]'")


@pytest.fixture(autouse=True)
def _anonymous(monkeypatch, tmp_path):
    """Nobody is logged in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_SILENT"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    wandb.teardown()
    yield
    wandb.teardown()


def panels(spec):
    sections = spec["spec"]["section"]["panelBankConfig"]["sections"]
    return {
        panel["config"].get("chartTitle", panel["viewType"]): panel
        for s in sections
        for panel in s["panels"]
    }


def test_description_of_a_group(tmp_path, capsys):
    """The curves, bars and pictures; the table's runs, order and columns.

    Fault: the package has no `_to_model` any more, which nothing public stands for.
    """
    spec = dashboard("digits-variants", dry_run=True)
    file = tmp_path / "artifacts" / "dashboards" / "digits-variants.json"
    assert json.loads(file.read_text()) == spec
    assert "digits-variants.json" in capsys.readouterr().out
    shown = panels(spec)
    curves = shown["Validation, by variant"]["config"]
    assert (curves["xAxis"], curves["metrics"], curves["groupBy"]) == (
        "images",
        ["val/bits_per_dim"],
        "variant.value",
    )
    assert shown["bits/dim"]["config"]["metrics"] == ["summary_metrics.test/bits_per_dim"]
    media = [
        panel["config"]["mediaKeys"]
        for panel in shown.values()
        if panel["viewType"] == "Media Browser"
    ]
    assert media == [["samples"], ["completions"]]
    (runs,) = spec["spec"]["section"]["runSets"]
    (only,) = runs["filters"]["filters"]
    assert (only["key"]["name"], only["op"], only["value"]) == ("group", "=", "digits-variants")
    assert runs["sort"]["keys"] == [
        {"key": {"section": "summary", "name": "test/bits_per_dim"}, "ascending": True}
    ]
    assert {"config:variant.value", "summary:test/bits_per_dim"} <= set(
        runs["runFeed"]["columnOrder"]
    )


def test_sections_are_in_reading_order():
    """The table of curves fills them. Fault: a section that is empty or closed."""
    spec = dashboard("g", dry_run=True)
    sections = spec["spec"]["section"]["panelBankConfig"]["sections"]
    found = [(one["name"], len(one["panels"]), one["isOpen"]) for one in sections]
    assert found == [
        ("Negative log-likelihood", 4, True),
        ("Test images", 3, True),
        ("Pictures", 2, True),
        ("Training", 3, False),
    ]


def test_a_group_of_any_name():
    """W&B refuses a workspace's name with commas and the like: "Emojis are not allowed".

    The runs' group stays as it is.
    """
    spec = dashboard("sweep, seed", dry_run=True)
    (runs,) = spec["spec"]["section"]["runSets"]
    assert runs["filters"]["filters"][0]["value"] == "sweep, seed"


def test_the_description_is_replaced_as_a_whole(tmp_path, monkeypatch):
    """Fault: half of a file where the disk is full."""
    file = tmp_path / "here.json"
    file.write_text("{}")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match=r"cannot write to out=.*: No space left on device"):
        dashboard("g", dry_run=True, out=file)
    assert file.read_text() == "{}"
    assert list(tmp_path.iterdir()) == [file]


def test_without_a_login_the_description_is_written(monkeypatch, capsys):
    """Also with an empty WANDB_MODE. Fault: W&B asks for a key."""
    monkeypatch.setenv("WANDB_MODE", "")
    dashboard("artifacts/sweeps/digits-depth", out="here.json")
    assert "here.json: the workspace's description (no login" in capsys.readouterr().out


def test_with_a_login_it_is_saved(monkeypatch, capsys):
    from wandb_workspaces.workspaces import Workspace

    saved = []
    monkeypatch.setattr(wandb, "login", lambda **_: True)
    monkeypatch.setattr(Workspace, "save", lambda workspace: saved.append(workspace))
    monkeypatch.setattr(Workspace, "url", "https://wandb.test/x")
    dashboard("g", project="p", entity="e")
    assert [(one.entity, one.project, one.name) for one in saved] == [("e", "p", "g")]
    assert capsys.readouterr().out == "https://wandb.test/x\n"


def test_a_server_that_refuses(monkeypatch):
    from wandb_workspaces.workspaces import Workspace

    def refuse(_):
        raise RuntimeError("no project p\nand more")

    monkeypatch.setattr(wandb, "login", lambda **_: True)
    monkeypatch.setattr(Workspace, "save", refuse)
    with pytest.raises(InputError, match=r"^W&B saved no workspace \(no project p\): dry_run=true"):
        dashboard("g", entity="e")


@pytest.mark.parametrize(
    "wrong", [{"group": ""}, {"group": "g", "project": ""}, {"group": "g", "out": "/proc/x"}]
)
def test_wrong_arguments(wrong):
    with pytest.raises(InputError, match=r"group=|out="):
        dashboard(**wrong)


def test_package_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    with pytest.raises(InputError, match=r"pip install 'pixelrnn\[dashboard\]'"):
        dashboard("g")
