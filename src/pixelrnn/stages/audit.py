"""Does any output see what it must not? The audit of a run's model, or of anyone's network."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelrnn.errors import InputError, LeakFound, check_whole
from pixelrnn.files import as_folder

if TYPE_CHECKING:
    from pixelrnn.causality import Audit


def audit(
    run: str | Path,
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
) -> "Audit":
    """Audit the model of `run`, or what `callable` ("package.module:build", found from here) builds: see
    `pixelrnn.audit`, which explains the other arguments.

    Prints the report and writes it as audit.json and audit.png to `out`: unless given, the run or artifacts/audit/ and
    the callable's name. Returns the report, or if there is a leak, raises LeakFound: exit code 1. Raises InputError,
    and has written nothing, for a run without weights or a network that cannot be audited.
    """
    from pixelrnn import causality

    check_whole(pixels=pixels, images=images)
    conventions: dict[str, Any] = {}
    if callable is None:
        from pixelrnn.training.run import Run

        network, home = Run.load(run).model, Path(run)
    else:
        network, home = load(callable, seed), Path("artifacts/audit", callable.replace(":", "."))
        conventions = {"layout": layout, "levels": levels, "input_range": input_range}
        conventions |= {"shift": shift, "log_probs": log_probs}
    folder = as_folder(out or home)
    report = causality.audit(
        network, shape, pixels=pixels, images=images, tolerance=tolerance, seed=seed, **conventions
    )
    print(report)
    save(report, folder)
    if not report.causal:
        raise LeakFound(report.sentence)
    return report


def load(name: str, seed: int = 0) -> Any:
    """What "package.module:build" builds, in float64: `build` takes no argument and returns a network, or is a module.

    Raises InputError if it isn't there or fails.
    """
    from importlib import import_module
    from operator import attrgetter

    import torch
    from torch import nn

    from pixelrnn.causality.subject import default_dtype, one_line

    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise InputError(f"callable={name}: write package.module:build")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    torch.manual_seed(seed)
    try:
        found = attrgetter(attribute)(import_module(module))
        if isinstance(found, nn.Module):
            return found
        with default_dtype(torch.float64):
            network = found()
    except Exception as error:  # anyone's code may raise anything
        raise InputError(
            f"callable={name} fails: {type(error).__name__}: {one_line(error)}"
        ) from error
    if not callable(network):
        raise InputError(f"callable={name} returns a {type(network).__name__}, not a network")
    return network


def save(report: "Audit", folder: Path) -> None:
    """Write audit.json and audit.png."""
    from pixelrnn.causality import picture
    from pixelrnn.files import replacing, write_json

    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "audit.json", report.to_dict())
    with replacing(folder / "audit.png") as new:
        picture(report).save(new, format="png")
    print(f"{folder / 'audit.png'}, {folder / 'audit.json'}")
