"""What `pixelrnn` does, a function a stage. `conf/stage/<stage>.yaml` is the call.

They take objects and paths, so that tests and notebooks call them plainly. What they need is imported when they run:
naming them costs nothing, and `pixelrnn compose` doesn't wait for torch.
"""

from pixelrnn.stages.audit import audit
from pixelrnn.stages.compare import compare
from pixelrnn.stages.complete import complete
from pixelrnn.stages.compose import compose
from pixelrnn.stages.dashboard import dashboard
from pixelrnn.stages.evaluate import evaluate
from pixelrnn.stages.prepare import prepare
from pixelrnn.stages.sample import sample
from pixelrnn.stages.score import score
from pixelrnn.stages.train import train

__all__ = [
    "audit",
    "compare",
    "complete",
    "compose",
    "dashboard",
    "evaluate",
    "prepare",
    "sample",
    "score",
    "train",
]
