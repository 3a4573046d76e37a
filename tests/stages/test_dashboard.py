import json
import sys
from pathlib import Path

import pytest
import wandb

from pixelrnn.errors import InputError
from pixelrnn.runs.group import group_of, plain, recorded_groups
from pixelrnn.stages.dashboard import build, dashboard

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


GROUPS = [
    "digits",
    "digits-depth_trainer.max_epochs-2_optimizer.lr-1e-3",
    "cifar10_row_lstm-seeds",
    "2024",
    "1e-3",
    "None",
    "true",
    "and",
    "-x.",
    plain("digits-" + "model.layers-2_" * 20),
    plain("sweep, seed=1 of 'mine' \\ \N{PILE OF POO}"),
]


@pytest.mark.parametrize("group", GROUPS)
def test_the_group_that_runs_recorded_is_what_a_workspace_selects(group):
    """W&B's own models take the description, and read the same group from it.

    Faults: a name that they refuse (= and emojis), a cut one, a filter in which "a=b" is "a==b".
    """
    from wandb_workspaces.workspaces import Workspace
    from wandb_workspaces.workspaces.internal import WorkspaceViewspec

    record(f"artifacts/sweeps/{group}/job")
    spec = dashboard(f"artifacts/sweeps/{group}", dry_run=True)
    stored = WorkspaceViewspec.model_validate_json(json.dumps(spec["spec"]))
    (runs,) = stored.section.run_sets
    (only,) = runs.filters["filters"]
    assert only["key"] == {"section": "run", "name": "group"}
    assert (only["op"], [only["value"]]) == ("=", recorded_groups("artifacts/sweeps"))
    again = Workspace._from_model(build(group, "p", "e")._to_model())
    assert again.name == group
    assert again.runset_settings.filters == f"Metric(\"Group\") == '{group}'"


def record(run, group=...):
    """The origin.json of a run that W&B knows."""
    Path(run).mkdir(parents=True)
    about = {"id": "1", "group": group_of(run) if group is ... else group}
    Path(run, "origin.json").write_text(json.dumps({"wandb": about}))


@pytest.mark.parametrize(
    ("given", "group"),
    [
        ("digits-depth", "digits-depth"),
        ("artifacts/sweeps/digits-depth", "digits-depth"),
        ("artifacts/sweeps/digits-depth/", "digits-depth"),
        ("artifacts/sweeps/digits/residual_skip", "digits-residual_skip"),
        ("artifacts/runs/digits", "digits"),
        ("elsewhere/exp.1", "exp.1"),
        ("elsewhere/a=b", plain("a=b")),
        ("a=b", plain("a=b")),
    ],
)
def test_a_group_by_its_name_or_its_folder(given, group):
    """Fault: the last word of a sweep in a pipeline, `residual_skip`."""
    (runs,) = dashboard(given, dry_run=True)["spec"]["section"]["runSets"]
    assert runs["filters"]["filters"][0]["value"] == group


def test_a_misspelled_group(capsys):
    """It names those that there are. Fault: an empty workspace, saved and forgotten."""
    for run in ("sweeps/digits-depth/one", "sweeps/digits-width/one", "runs/digits-row_lstm"):
        record(f"artifacts/{run}")
    line = (
        "no run here is recorded in W&B with the group digits-dept: "
        "there is digits-depth, digits-width"
    )
    with pytest.raises(InputError, match=f"^{line}"):
        dashboard("digits-dept")
    assert not Path("artifacts/dashboards").exists()
    dashboard("digits-dept", dry_run=True)
    assert f"note: {line}\n" in capsys.readouterr().out
    dashboard("digits-depth")
    assert "note" not in capsys.readouterr().out


def test_a_group_in_a_folder_of_ones_own(capsys):
    """Fault: runs outside artifacts/ taken for a misspelled group."""
    record("artifacts/runs/digits-row_lstm")
    record("elsewhere/exp/one")
    dashboard("elsewhere/exp")
    assert "note" not in capsys.readouterr().out


def test_nothing_is_recorded_here(capsys):
    """The runs may be another machine's. Fault: an error for want of runs."""
    dashboard("digits-depth")
    assert capsys.readouterr().out.startswith("note: no run here is recorded in W&B yet")


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
    assert capsys.readouterr().out.endswith("\nhttps://wandb.test/x\n")


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
