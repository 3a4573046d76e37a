"""A W&B workspace that shows the runs of one group side by side: of a sweep or a pipeline."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wandb

from pixelrnn.errors import InputError
from pixelrnn.files import as_path, first_line, write_json
from pixelrnn.runs.group import ROOTS, group_of, plain, recorded_groups

if TYPE_CHECKING:
    from wandb_workspaces.workspaces import Section, Workspace

COLUMNS = [  # of the table of runs, after their names
    "config:variant.value",
    "summary:test/bits_per_dim",
    "summary:test/bits_per_dim_se",
    "summary:test/nll_nats",
    "summary:test/bound",
    "summary:val/bits_per_dim.min",
    "config:origin.value.git",
]
AXES = {"images": "images seen", "trainer/global_step": "steps"}
CURVES = [  # section, title, metric, what it is drawn against; a mean for each variant or every run
    ("Negative log-likelihood", "Validation, by variant", "val/bits_per_dim", "images", True),
    ("Negative log-likelihood", "Validation, every run", "val/bits_per_dim", "images", False),
    ("Negative log-likelihood", "Validation, nats per image", "val/nll_nats", "images", False),
    ("Negative log-likelihood", "Training, every run", "train/bits_per_dim", "images", False),
    ("Training", "Learning rate", "lr", "trainer/global_step", False),
    ("Training", "Gradient norm before clipping", "gradient_norm", "trainer/global_step", False),
    ("Training", "Images per second", "train/images_per_second", "trainer/global_step", False),
]
PICTURES = {"Samples": "samples", "Completions of test images": "completions"}  # title, metric


def dashboard(
    group: str,
    *,
    project: str = "pixelrnn",
    entity: str | None = None,
    dry_run: bool = False,
    out: str | Path | None = None,
) -> dict[str, Any]:
    """Save a workspace for the runs of `group` in W&B's `project` and print its address.

    With `dry_run`, and where there is no login, its description is written to `out` instead, as
    JSON; `out` is artifacts/dashboards/<group>.json if not given. The group may be given by its
    name or as a path to the folder of its runs (`pixelrnn.runs.group`). Returns the description.

    Raises InputError without the package wandb-workspaces, for an empty name, if the server can't
    be reached, and for a group that no run here has, unless no run here is known to W&B; in a
    `dry_run` that is only said.
    """
    name = _find_group(group) if group else None
    if not name or not project:
        raise InputError(
            f"group={group!r} of project={project!r}: name a sweep or a pipeline, "
            "or the folder that its runs lie in, and a project"
        )
    _check_recorded(name, group, dry_run)
    os.environ.setdefault("WANDB_SILENT", "true")
    online = not dry_run and _log_in()
    workspace = build(name, project, entity or "")
    spec = _describe(workspace)
    if online:
        print(_save(workspace, entity))
    else:
        file = as_path(out or Path("artifacts", "dashboards", f"{name}.json"), "out")
        _write(file, spec)
        why = "" if dry_run else " (no login: `wandb login`, then again, saves it)"
        print(f"{file}: the workspace's description{why}")
    return spec


def build(group: str, project: str, entity: str) -> "Workspace":
    """Return the workspace: which runs, in what order, and what is shown of them.

    Needs no network. Raises InputError without the package wandb-workspaces.
    """
    try:
        from wandb_workspaces import expr
        from wandb_workspaces.workspaces import RunsetSettings, Workspace, WorkspaceSettings
    except ImportError as error:
        raise InputError(
            "the package wandb-workspaces is missing: pip install 'pixelrnn[dashboard]'"
        ) from error
    return Workspace(
        entity=entity,
        project=project,
        name=group,
        sections=_sections(),
        settings=WorkspaceSettings(x_axis="images", max_runs=50),
        runset_settings=RunsetSettings(
            filters=expr.And(expr.Metric("Group") == group),
            order=[expr.Ordering(expr.Summary("test/bits_per_dim"))],
            pinned_columns=list(COLUMNS),
        ),
    )


def _sections() -> "list[Section]":
    import wandb_workspaces.reports.v2 as panels
    from wandb_workspaces.workspaces import Section

    by_variant: dict[str, Any] = {
        "groupby": panels.Config("variant"),
        "groupby_aggfunc": "mean",
        "groupby_rangefunc": "minmax",
    }
    test = panels.SummaryMetric("test/bits_per_dim")
    content: dict[str, list[Any]] = {
        "Negative log-likelihood": [],
        "Test images": [
            panels.BarPlot(title="bits/dim", metrics=[test], max_bars_to_show=50),
            panels.ScalarChart(title="Lowest bits/dim", metric=test, groupby_aggfunc="min"),
            panels.RunComparer(diff_only="split"),
        ],
        "Pictures": [
            panels.MediaBrowser(title=title, media_keys=[metric], num_columns=2)
            for title, metric in PICTURES.items()
        ],
        "Training": [],
    }
    for section, title, metric, x, grouped in CURVES:
        options = by_variant if grouped else {}
        curve = panels.LinePlot(
            title=title, x=x, y=[metric], title_x=AXES[x], title_y=metric, **options
        )
        content[section].append(curve)
    return [
        Section(name=name, panels=shown, is_open=name != "Training")
        for name, shown in content.items()
    ]


def _find_group(group: str) -> str | None:
    path = as_path(group, "group")
    if str(path) == path.name == str(group):  # a name
        return plain(group)
    return group_of(path / "run")


def _check_recorded(name: str, group: str, dry_run: bool) -> None:
    """Raise InputError if no run has this group, which is most likely misspelled, or say so."""
    groups = recorded_groups(*ROOTS, as_path(group, "group"))
    if name in groups:
        return
    if not groups:
        print(f"note: no run here is recorded in W&B yet, none of the group {name}")
        return
    named = [one for one in groups if one]
    others = f"there is {', '.join(named)}" if named else "those that are have no group"
    sentence = f"no run here is recorded in W&B with the group {name}: {others}"
    if not dry_run:
        raise InputError(f"{sentence} (dry_run=true describes it all the same)")
    print(f"note: {sentence}")


def _describe(workspace: "Workspace") -> dict[str, Any]:
    """Return the workspace as W&B stores it.

    The package has no public way to see what it would save; `test_description_of_a_group` notices
    if this one goes.
    """
    return workspace._to_model().model_dump(mode="json", by_alias=True, exclude_none=True)


def _log_in() -> bool:
    """Log in with credentials that are there already; nothing is asked.

    Raises InputError for damaged ones.
    """
    if not os.environ.get("WANDB_MODE"):  # an empty variable is an unset one
        os.environ.pop("WANDB_MODE", None)
    elif os.environ["WANDB_MODE"] != "online":
        return False
    try:
        return wandb.login(prompt=False, verify=False)
    except wandb.errors.Error as error:
        raise InputError(f"W&B: {first_line(error)}") from error


def _save(workspace: "Workspace", entity: str | None) -> str:
    """Save the workspace, among the user's own if there is no entity; return its address."""
    try:
        workspace.entity = entity or wandb.Api(timeout=10).default_entity or ""
        workspace.save()
        return workspace.url
    except Exception as error:
        reason = first_line(error)
        raise InputError(
            f"W&B saved no workspace ({reason}): dry_run=true writes its description"
        ) from error


def _write(file: Path, spec: dict[str, Any]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, spec)
    except OSError as error:
        raise InputError(f"cannot write to out={file}: {error.strerror}") from error
