"""From a composed configuration to the call of the verb's function.

The keys of the configuration are the function's arguments: groups are built by `_target_`, the bare
words come first, as they were typed. What a verb's configuration holds besides (the groups `data`
and `head` of `train`, its `variant`) is material for the others, and part of what a run records.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import get_method, get_object, instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict

from pixelrnn.command.errors import no_key
from pixelrnn.command.words import Command, own_names
from pixelrnn.errors import InputError
from pixelrnn.stages.compose import record

# Raised while an object is built, they say that its arguments are wrong, not its code.
_BAD_ARGUMENTS = (TypeError, ValueError, ImportError, AttributeError)


def build(config: DictConfig, command: Command, again: str) -> Callable[[], Any]:
    """Return the verb's function with its arguments, built and checked: nothing is written yet.

    `again` is what to type for this one call: `train` records it, and the configuration. Raises
    InputError for a key that the verb has not, a value that is missing or should be text, and what
    the objects refuse.
    """
    _check_keys(config, command)
    offered: dict[str, Any] = {"command": again}
    if command.verb == "train":
        from pixelrnn.training.seeding import seed_everything  # brings Lightning

        offered["config"] = record(config)
        seed_everything(config.seed)
    OmegaConf.resolve(config)
    function = get_method(config._target_)
    takes = inspect.signature(function).parameters
    with open_dict(config):
        for key in [key for key in config if key not in takes]:
            config.pop(key)
    check_texts(function, config, command)
    arguments = {str(key): _build(node) for key, node in config.items()}
    arguments |= {key: value for key, value in offered.items() if key in takes}
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


def _build(node: Any) -> Any:
    """Return what a value of the configuration describes, in plain Python types."""
    if not OmegaConf.is_config(node):
        return node
    try:
        return instantiate(node, _convert_="all")
    except InstantiationException as error:
        if error.__cause__ and not isinstance(error.__cause__, _BAD_ARGUMENTS):
            raise error.__cause__ from None
        raise


def check_texts(
    function: Callable[..., Any], arguments: Mapping[Any, Any], command: Command
) -> None:
    """Raise InputError where a function takes text and gets a number, for want of quotes."""
    for name, parameter in inspect.signature(function).parameters.items():
        value = arguments.get(name)
        if isinstance(value, int | float) and _is_text(parameter.annotation):
            key = _as_typed(name, command)
            raise InputError(f"{key}={value} must be text: quote it, {key}=\"'{value}'\"")
    for node in arguments.values():
        for described in _described(node):
            try:
                called = get_object(described._target_)
                inspect.signature(called)
            except (ImportError, AttributeError, TypeError, ValueError):
                continue  # building it will say what is wrong
            check_texts(called, described, command)


def _is_text(annotation: Any) -> bool:
    """Return whether an annotation, such as `str | Path | None`, takes text and no number."""
    types = set(re.findall(r"\w+", annotation if isinstance(annotation, str) else str(annotation)))
    return "str" in types and types.isdisjoint({"int", "float", "bool", "Any", "object"})


def _as_typed(name: str, command: Command) -> str:
    """Return the key that was typed for an argument: `data.source.folder` for folder."""
    keys = [override.partition("=")[0].lstrip("+") for override in command.overrides]
    return next((key for key in keys if key.rpartition(".")[2] == name), name)


def _described(node: Any) -> Iterator[DictConfig]:
    """Yield the outermost descriptions of objects in a value of the configuration."""
    if isinstance(node, DictConfig) and "_target_" in node:
        yield node
    elif isinstance(node, DictConfig):
        for child in node.values():
            yield from _described(child)
    elif isinstance(node, ListConfig):
        for child in node:
            yield from _described(child)
