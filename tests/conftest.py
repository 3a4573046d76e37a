"""Shapes are checked at run time under pytest: every jaxtyping annotation of the package is an assertion here."""

from jaxtyping import install_import_hook

with install_import_hook([f"pixelrnn.{part}" for part in ("ops", "layers", "heads", "models")], "beartype.beartype"):
    import pixelrnn.models  # noqa: F401

import torch

torch.set_num_threads(1)  # many small tensors, and workers beside each other: more threads only wait
