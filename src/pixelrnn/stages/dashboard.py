"""A W&B workspace that shows the runs of one group, such as the jobs of a sweep, side by side."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelrnn.errors import InputError

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


def dashboard(
    group: str,
    project: str = "pixelrnn",
    entity: str | None = None,
    dry_run: bool = False,
    out: str | Path | None = None,
) -> dict[str, Any]:
    """Save a workspace for the runs of `group` in W&B's `project` and print its address.

    With `dry_run`, and where there is no login, its description is written to `out` instead, as JSON; `out` is
    artifacts/dashboards/<group>.json if not given. A group is named like the folder of its run directories, and may be
    given as a path to it. Returns the description. Raises InputError without the package wandb-workspaces, for an empty
    name, and if the server can't be reached.
    """
    if not (name := Path(group).name) or not project:
        raise InputError(
            f"group={group!r} of project={project!r}: name the folder that the runs lie in, and a project"
        )
    os.environ.setdefault("WANDB_SILENT", "true")
    online = not dry_run and _log_in()
    workspace = build(name, project, entity or "")
    if online:
        try:
            workspace.entity = entity or _own_entity()
            workspace.save()
            print(workspace.url)
        except Exception as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise InputError(
                f"W&B saved no workspace ({reason}): --dry-run writes its description"
            ) from error
    spec = workspace._to_model().model_dump(mode="json", by_alias=True, exclude_none=True)
    if not online:
        why = "" if dry_run else " (no login: `wandb login`, then again, saves it)"
        print(
            f"{_write(spec, out or Path('artifacts/dashboards', f'{name}.json'))}: the workspace's description{why}"
        )
    return spec


def build(group: str, project: str, entity: str) -> "Workspace":
    """The workspace: which runs, in what order, and what is shown of them. Needs no network."""
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

    def curve(title: str, y: str, x: str = "images", **options: Any) -> Any:
        title_x = "images seen" if x == "images" else "steps"
        return panels.LinePlot(title=title, x=x, y=[y], title_x=title_x, title_y=y, **options)

    by_variant: dict[str, Any] = {"groupby": panels.Config("variant")}
    by_variant |= {"groupby_aggfunc": "mean", "groupby_rangefunc": "minmax"}
    test = panels.SummaryMetric("test/bits_per_dim")
    step = "trainer/global_step"
    return [
        Section(
            name="Negative log-likelihood",
            panels=[
                curve("Validation, by variant", "val/bits_per_dim", **by_variant),
                curve("Validation, every run", "val/bits_per_dim"),
                curve("Validation, nats per image", "val/nll_nats"),
                curve("Training, every run", "train/bits_per_dim"),
            ],
            is_open=True,
        ),
        Section(
            name="Test images",
            panels=[
                panels.BarPlot(title="bits/dim", metrics=[test], max_bars_to_show=50),
                panels.ScalarChart(title="Lowest bits/dim", metric=test, groupby_aggfunc="min"),
                panels.RunComparer(diff_only="split"),
            ],
            is_open=True,
        ),
        Section(
            name="Pictures",
            panels=[
                panels.MediaBrowser(title="Samples", media_keys=["samples"], num_columns=2),
                panels.MediaBrowser(
                    title="Completions of test images", media_keys=["completions"], num_columns=2
                ),
            ],
            is_open=True,
        ),
        Section(
            name="Training",
            panels=[
                curve("Learning rate", "lr", step),
                curve("Gradient norm before clipping", "gradient_norm", step),
                curve("Images per second", "train/images_per_second", step),
            ],
        ),
    ]


def _log_in() -> bool:
    """With credentials that are already there; nothing is asked. Raises InputError for damaged ones."""
    import wandb

    if os.environ.get("WANDB_MODE", "online") != "online":
        return False
    try:
        return wandb.login(prompt=False, verify=False)
    except wandb.errors.Error as error:
        raise InputError(f"W&B: {error}") from error


def _own_entity() -> str:
    import wandb

    return wandb.Api(timeout=10).default_entity or ""


def _write(spec: dict[str, Any], out: str | Path) -> Path:
    out = Path(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(spec, indent=2) + "\n")
    except OSError as error:
        raise InputError(f"cannot write to out={out}: {error.strerror}") from error
    return out
