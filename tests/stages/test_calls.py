"""A stage's YAML is its call: every argument is a key, and what stands there is what Python takes by default."""

import inspect

import pytest
import yaml

from pixelrnn import stages
from pixelrnn.conf import CONF


@pytest.mark.parametrize("stage", ["evaluate", "sample", "complete", "score"])
def test_keys_are_arguments_with_the_same_defaults(stage):
    """Fault: a key renamed in one of the two; `pixelrnn sample images=64` documented, another number drawn."""
    call = yaml.safe_load((CONF / "stage" / f"{stage}.yaml").read_text())
    keys = {key: value for key, value in call.items() if not key.startswith("_")}
    parameters = inspect.signature(getattr(stages, stage)).parameters
    assert keys.keys() == parameters.keys()
    for key, value in keys.items():
        if parameters[key].default is not inspect.Parameter.empty and "${" not in str(value):
            assert value == parameters[key].default
