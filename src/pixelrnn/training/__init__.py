"""Train a model: the Lightning module, its callbacks, and the directory that a run leaves behind."""

from pixelrnn.models import AutoregressiveModel, MultiScale

Model = AutoregressiveModel | MultiScale  # what can be trained
