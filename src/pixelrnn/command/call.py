"""From a composed configuration to the call of the verb's function.

The keys of the configuration are the function's arguments: groups are built by `_target_`, the bare
words come first, as they were typed. What a verb's configuration holds besides (the groups `data`
and `head` of `train`, its `variant`) is material for the others, and part of what a run records.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, get_origin

from hydra.errors import InstantiationException
from hydra.utils import get_method, get_object, instantiate
from omegaconf import DictConfig, OmegaConf, open_dict

from pixelrnn.command.errors import no_key
from pixelrnn.command.words import Command, nearest, own_names
from pixelrnn.errors import InputError
from pixelrnn.schema import CALLABLE, PARTIAL, TARGET, as_argument, check, takes, takes_any
from pixelrnn.stages.compose import record

# Hydra's own words in a description, and what they are to be.
_WAYS = Literal["none", "partial", "object", "all"]
_FLAGS = {PARTIAL: bool, "_recursive_": bool, "_convert_": _WAYS}
# Raised while an object is built, they say that its arguments are wrong, not its code.
_BAD_ARGUMENTS = (TypeError, ValueError, ImportError, AttributeError)


def build(config: DictConfig, command: Command, again: str) -> Callable[[], Any]:
    """Return the verb's function with its arguments, built and checked: nothing is written yet.

    `again` is what to type for this one call: `train` records it, and the configuration. Raises
    InputError for a key that the verb has not, a value that is missing or of another
    type, and what the objects refuse.
    """
    _check_keys(config, command)
    offered: dict[str, Any] = {"command": again}
    if command.verb == "train":
        from pixelrnn.training.seeding import seed_everything  # brings Lightning

        offered["config"] = record(config)
        seed_everything(config.seed)
    OmegaConf.resolve(config)
    function = get_method(config._target_)
    annotations = takes(function)
    with open_dict(config):
        for key in [key for key in config if key not in annotations]:
            config.pop(key)
    check_arguments(function, _plain(config), command)
    arguments = {str(key): _build(str(key), node) for key, node in config.items()}
    for key, value in arguments.items():
        if get_origin(annotations[key]) is CALLABLE and not callable(value):
            raise InputError(f"{key}: what its {TARGET} gives can't be called: _partial_: true")
    arguments |= {key: value for key, value in offered.items() if key in annotations}
    arguments = {as_argument(key): value for key, value in arguments.items()}
    try:
        inspect.signature(function).bind(*command.words, **arguments)
    except TypeError as error:  # as by ~optimizer
        raise InputError(f"{command.verb}: {error}") from error
    return partial(function, *command.words, **arguments)


def _check_keys(config: DictConfig, command: Command) -> None:
    groups, keys = own_names(command.verb)
    for key in map(str, config):
        if key not in {*groups, *keys} and not key.startswith("_"):  # by +key=...
            raise InputError(no_key(key, None, command))
    # Those at the top first: what is interpolated from one would be an error of its own.
    missing = [str(key) for key in config if OmegaConf.is_missing(config, key)]
    missing = missing or list(OmegaConf.missing_keys(config))
    if missing:
        raise InputError(f"no value for {min(missing)}: give one by {min(missing)}=...")


def _build(key: str, node: Any) -> Any:
    """Return what a value of the configuration describes, in plain Python types."""
    if not OmegaConf.is_config(node):
        return node
    if key == "model":
        return _build_model(_plain(node))
    try:
        return instantiate(node, _convert_="all")
    except InstantiationException as error:
        if error.__cause__ and not isinstance(error.__cause__, _BAD_ARGUMENTS):
            raise error.__cause__ from None
        raise


def _build_model(description: Any) -> Any:
    """Build a model as its run will: what that would refuse is not trained.

    Whatever the user names here is trusted.
    """
    from pixelrnn.models.description import build_model, foreign  # brings torch

    return build_model(description, trust=foreign(description))


def check_arguments(function: Callable[..., Any], given: Any, command: Command) -> None:
    """Raise InputError for plain values that a function does not take, by its signature.

    What it takes an object for is checked in the same way, against what the object is made by.
    """
    annotations = takes(function)
    for name, value in given.items():
        if name in annotations:
            check(_as_typed(name, command), value, annotations[name])
        elif not name.startswith("_") and not takes_any(function):
            known = nearest(name, [one for one in annotations if one not in ("self", "cls")])
            raise InputError(f"{_as_typed(name, command)}: no such key{known}")
    for description in _described(list(given.values())):
        for flag in description.keys() & _FLAGS.keys():
            check(flag, description[flag], _FLAGS[flag])
        try:
            called = get_object(description[TARGET])
            inspect.signature(called)
        except (ImportError, AttributeError, TypeError, ValueError):
            continue  # building it will say what is wrong
        check_arguments(called, description, command)


def _as_typed(name: str, command: Command) -> str:
    """Return the key that was typed for an argument: `data.source.folder` for folder."""
    keys = [override.partition("=")[0].lstrip("+") for override in command.overrides]
    return next((key for key in keys if key.rpartition(".")[2] == name), name)


def _described(node: Any) -> Iterator[dict[str, Any]]:
    """Yield the outermost descriptions of objects in a plain value."""
    if isinstance(node, dict) and TARGET in node:
        yield node
    elif isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from _described(child)


def _plain(node: Any) -> Any:
    return OmegaConf.to_container(node, resolve=True)
