"""Does any output see what it must not? The audit of a run's model, or of anyone's network."""

import os
import sys
from collections.abc import Collection, Sequence
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pixelrnn.causality import Audit, draw_audit
from pixelrnn.causality import audit as audit_network
from pixelrnn.causality.subject import default_dtype, strangers_code
from pixelrnn.errors import InputError, LeakFound, check_whole
from pixelrnn.files import as_folder, first_line, replacing, write_json
from pixelrnn.training.run import Run

HOME = Path("artifacts/audit")  # of reports on networks that belong to no run
DEFAULTS: dict[str, list[Any]] = {  # of the conventions
    "layout": [None],
    "levels": [None],
    "input_range": [(0, 1), [0, 1]],
    "shift": [False],
    "log_probs": [False],
}


def audit(
    run: str | Path | None = None,
    *,
    callable: str | None = None,
    shape: Sequence[int] | None = None,
    layout: str | None = None,
    levels: int | None = None,
    input_range: Sequence[float] = (0, 1),
    shift: bool = False,
    log_probs: bool = False,
    pixels: int = 32,
    images: int = 8,
    tolerance: float = 0.0,
    seed: int = 0,
    out: str | Path | None = None,
    trust: str | Collection[str] = (),
) -> Audit:
    """Audit the model of `run`, or the network that a `callable`, "package.module:build", builds.

    The callable is imported from the working directory and its code is run; it comes before the
    run. `pixelrnn.audit` explains the other arguments. Writes the report as audit.json and
    audit.png to the folder `out`: unless given, to the run, or to artifacts/audit/ and the name of
    the callable. Then prints it, and returns it.

    Raises LeakFound if there is a leak: the command exits with 1. Raises InputError, and has
    written nothing, for a run without weights or a network that cannot be audited.
    """
    check_whole(pixels=pixels, images=images)
    conventions: dict[str, Any] = {
        "layout": layout,
        "levels": levels,
        "input_range": input_range,
        "shift": shift,
        "log_probs": log_probs,
    }
    if callable is not None:
        folder = _find_folder(out or HOME / str(callable).replace(":", "."))
        network = build_network(callable, seed)
    elif run is not None:
        loaded = Run.load(run, trust)
        folder = _find_folder(out or loaded.path)
        network = loaded.model
    else:
        raise InputError("nothing to audit: name a run, or give callable=package.module:build")
    # A model of this package has its own conventions, and the audit refuses whatever is given.
    given = {key: value for key, value in conventions.items() if value not in DEFAULTS[key]}
    report = audit_network(
        network, shape, pixels=pixels, images=images, tolerance=tolerance, seed=seed, **given
    )
    files = write_report(report, folder)
    try:
        print(report)
        print(", ".join(str(file) for file in files))
    finally:  # whoever reads the lines may be gone: the verdict stands
        if not report.causal:
            raise LeakFound(report.sentence)
    return report


def build_network(name: str, seed: int = 0) -> Any:
    """Return what "package.module:build" builds, in float64.

    `build` takes no argument and returns a network, or is a module of torch's itself. Raises
    InputError if it isn't there or fails.
    """
    module, colon, attribute = name.partition(":") if isinstance(name, str) else ("", "", "")
    if not (module and colon and attribute):
        raise InputError(f"callable={name}: write package.module:build")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    torch.manual_seed(seed)
    try:
        with strangers_code(f"callable={name} fails"):
            network = attrgetter(attribute)(import_module(module))
            if not isinstance(network, nn.Module):
                with default_dtype(torch.float64):
                    network = network()
    except SystemExit as error:  # a script that is not only to be imported
        raise InputError(
            f"callable={name} ends Python ({first_line(error)}): name a module that is imported"
        ) from error
    if not callable(network):
        raise InputError(f"callable={name} returns a {type(network).__name__}, not a network")
    return network


def write_report(report: Audit, folder: Path) -> list[Path]:
    """Write audit.png and audit.json to a folder, which is made. Return the two files."""
    folder.mkdir(parents=True, exist_ok=True)
    picture, values = folder / "audit.png", folder / "audit.json"
    write_json(values, report.to_dict())
    with replacing(picture) as new:
        draw_audit(report).save(new, format="png")
    return [picture, values]


def _find_folder(path: str | Path) -> Path:
    """Return the folder to write to, there or not. Raises InputError if it can't be written."""
    folder = as_folder(path)
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise InputError(f"out={folder}: nothing can be written to {there}")
    return folder
