"""A verb's YAML is the call of its function: every key is an argument, with the value that Python takes by default."""

import inspect
from importlib import import_module

import pytest
import yaml

from pixelrnn.command.words import WORDS
from pixelrnn.conf import CONF
from pixelrnn.schema import as_argument

OFFERED = {"config", "command"}  # made by the command
# `train` and `prepare` have no defaults in Python: their objects are built from groups.
POSITIONAL = {"RUN": "run", "GROUP": "group", "FILE": "file", "FILE...": "files"}
POSITIONAL |= {"[RUN...]": "runs", "[RUN]": "run", "[--": "overrides", "OVERRIDE...]": "overrides"}
MATERIAL = {"train": {"variant", "data", "head", "seed", "wait"}, "prepare": {"data"}}


def read(verb):
    """The keys of a verb's configuration with their values, and the parameters of its function."""
    content = yaml.safe_load((CONF / f"{verb}.yaml").read_text())
    function = getattr(import_module(f"pixelrnn.stages.{verb}"), verb)
    assert content["_target_"] == f"{function.__module__}.{verb}"
    keys = {
        as_argument(key): value
        for key, value in content.items()
        if not key.startswith("_") and key not in ("defaults", "hydra")
    }
    groups = {}
    for entry in content["defaults"]:
        if isinstance(entry, dict):
            groups |= entry
    return keys, groups, inspect.signature(function).parameters


@pytest.mark.parametrize("verb", WORDS)
def test_keys_are_arguments(verb):
    """Fault: a key renamed in one of the two, or one that nobody reads."""
    keys, groups, parameters = read(verb)
    words = {POSITIONAL[word] for word in WORDS[verb].split()}
    built = {group for group, default in groups.items() if default is not None}
    assert words | keys.keys() | built == (
        (parameters.keys() - OFFERED) | MATERIAL.get(verb, set())
    )


@pytest.mark.parametrize("verb", sorted(WORDS.keys() - {"train", "prepare"}))
def test_defaults_are_those_of_python(verb):
    """Fault: `pixelrnn sample images=64` documented, another number drawn from Python."""
    keys, _, parameters = read(verb)
    for key, value in keys.items():
        default = parameters[key].default
        if value == "???":  # must be given in both
            assert default is inspect.Parameter.empty
            continue
        assert value == (list(default) if isinstance(default, tuple) else default) or value == str(
            default
        )


@pytest.mark.parametrize("verb", WORDS)
def test_words_come_first_and_keys_by_name(verb):
    """Fault: a second file taken for `out`."""
    words = {POSITIONAL[word] for word in WORDS[verb].split()}
    words |= {"run"} if verb == "train" else set()  # the one key that Python may take first
    for parameter in read(verb)[2].values():
        is_word = parameter.name in words
        assert (parameter.kind is not parameter.KEYWORD_ONLY) == is_word
