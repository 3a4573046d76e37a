"""What a function takes, read off its signature: the schema of whatever is written in YAML.

Values are plain: None, booleans, numbers, text, lists, mappings. An object stands as its
description, a mapping with a `_target_`: it fits wherever a signature has a class or a callable,
and nowhere else. What an annotation does not say is not checked.
"""

import inspect
import math
import types
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from keyword import iskeyword
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pixelrnn.errors import InputError

TARGET, PARTIAL = "_target_", "_partial_"
CALLABLE = get_origin(Callable[..., Any])
LONGEST = 80  # characters of a value that a message shows
_SCALARS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "text",
    type(None): "null",
}


def takes(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a function's arguments by name; Any where there is none.

    Arguments that have no name of their own (`*files`, `**options`) are left out. Behind a name
    that Python keeps for itself the signature has an underscore: `class_` takes class.
    """
    named = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            annotation = parameter.annotation
            plain = name[:-1] if iskeyword(name[:-1]) else name
            named[plain] = Any if annotation is parameter.empty else annotation
    if any(isinstance(annotation, str) for annotation in named.values()):
        source = function.__init__ if inspect.isclass(function) else function
        try:
            hints = get_type_hints(source)
        except (NameError, TypeError, AttributeError):  # of names for type checkers only
            hints = {}
        named = {name: hints.get(as_argument(name), Any) for name in named}
    return named


def as_argument(name: str) -> str:
    """Return what an argument is called in a signature: see `takes`."""
    return f"{name}_" if iskeyword(name) else name


def takes_any(function: Callable[..., Any]) -> bool:
    """Return whether a function takes arguments by names that its signature does not say."""
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


def check(key: str, value: Any, annotation: Any) -> None:
    """Raise InputError, naming the key, unless a value fits an annotation."""
    if fits(value, annotation):
        return
    if isinstance(value, Mapping) and (parts := _parts_of(annotation)) is not None:
        for name, part in value.items():
            check(f"{key}.{name}", part, parts)
    hint = ""
    if isinstance(value, int | float) and not isinstance(value, bool) and fits("", annotation):
        hint = f": quote it, {key}=\"'{value}'\""
    raise InputError(f"{key}={show(value)} must be {spell(annotation)}{hint}")


def fits(value: Any, annotation: Any) -> bool:
    """Return whether a plain value fits an annotation. NaN is no number."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(fits(value, kind) for kind in arguments)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in arguments)
    if annotation is None or annotation is type(None):
        return value is None
    if annotation in (Any, object) or isinstance(annotation, TypeVar | str):
        return True
    if annotation is float:
        return _is_number(value) and not math.isnan(value)
    if annotation is int:
        return _is_number(value) and isinstance(value, int)
    if annotation is bool:
        return isinstance(value, bool)
    if annotation in (str, Path):
        return isinstance(value, str)
    kind = origin or annotation
    if _is_description(value):
        return True
    if kind is CALLABLE:
        return False
    if not inspect.isclass(kind) or issubclass(kind, Enum):  # of which a number may be one
        return True
    if issubclass(kind, Mapping):
        return isinstance(value, Mapping) and _all_fit(value.values(), arguments[1:])
    if issubclass(kind, tuple) and arguments and arguments[-1] is not ...:
        same = isinstance(value, Sequence) and len(value) == len(arguments)
        return same and all(map(fits, value, arguments))
    if _is_list(kind):
        listed = isinstance(value, Sequence) and not isinstance(value, str)
        return listed and _all_fit(value, arguments[:1])
    return False


def spell(annotation: Any) -> str:
    """Return an annotation in words: `a whole number or null`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(spell(kind) for kind in arguments))
    if origin is Literal:
        return " or ".join(map(str, arguments))
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    kind = origin or annotation
    if inspect.isclass(kind) and issubclass(kind, Mapping):
        return "a mapping"
    if inspect.isclass(kind) and _is_list(kind):
        return f"a list ({spell(arguments[0])} each)" if arguments else "a list"
    return f"an object, described by {TARGET}"


def show(value: Any) -> str:
    """Return a value as a message shows it: in one line, and not all of a long one."""
    text = "null" if value is None else value if isinstance(value, str) else repr(value)
    if isinstance(value, bool):
        text = text.lower()
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: LONGEST + 1])
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def _parts_of(annotation: Any) -> Any:
    """Return what the values of a mapping are to fit, None where no mapping is taken."""
    for kind in (annotation, *get_args(annotation)):
        origin = get_origin(kind)
        if inspect.isclass(origin) and issubclass(origin, Mapping):
            return get_args(kind)[1]
    return None


def _is_list(kind: type) -> bool:
    """Return whether a list is taken: by Sequence and Iterable, too."""
    return kind in (list, tuple, set) or issubclass(list, kind)


def _all_fit(values: Any, kinds: Sequence[Any]) -> bool:
    return not kinds or all(fits(value, kinds[0]) for value in values)


def _is_description(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get(TARGET), str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
