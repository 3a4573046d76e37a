"""A model as a run's config.yaml describes it: data, of which nothing but a model is made.

    {_target_: pixelrnn.models.row_lstm, shape: [1, 8, 8], hidden: 32, layers: 3,
     head: {_target_: pixelrnn.heads.Softmax, levels: 17}}

A run is passed from hand to hand, so its description is read as a stranger's: `_target_` is one of
the names below, not any that can be imported; the keys are those of its signature, with values of
their types; no other word that begins with `_` has a meaning, but for `_partial_: true` where a
Multi-Scale asks for a variant. How much memory it takes is known before any is taken. A model or a
head of one's own is built where the user names it: `trust`.
"""

import inspect
import math
import pkgutil
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, get_origin

import torch

from pixelrnn.errors import InputError
from pixelrnn.heads import Bernoulli, Head, LogisticMixture, Softmax
from pixelrnn.models.classes import class_conditional
from pixelrnn.models.scales import multi_scale
from pixelrnn.models.variants import diagonal_bilstm, gated_pixel_cnn, pixel_cnn, row_lstm
from pixelrnn.room import check_memory
from pixelrnn.schema import CALLABLE, PARTIAL, TARGET, check, show, takes

MOST_PIXELS = 2**24  # of an image, in all colors: 2364 x 2364 in three
DEEPEST = 16  # descriptions within one another; a scale is at most half of the next one

Builders = Mapping[str, Callable[..., Any]]


def _named(home: str, *functions: Callable[..., Any]) -> Builders:
    return {f"{place}.{one.__name__}": one for one in functions for place in ("pixelrnn", home)}


MODELS = _named(
    "pixelrnn.models",
    pixel_cnn,
    row_lstm,
    diagonal_bilstm,
    gated_pixel_cnn,
    multi_scale,
    class_conditional,
)
HEADS = _named("pixelrnn.heads", Bernoulli, LogisticMixture, Softmax)


def build_model(description: Any, trust: str | Collection[str] = ()) -> Any:
    """Build the model that plain values describe.

    `trust`: what may be called besides the builders of this package, as `my_package.my_model`; the
    code is imported and run. Raises InputError for a description of anything else, with values that
    cannot be, or too large for this machine.
    """
    trusted = _imported(trust)
    make = _read("model", description, MODELS, trusted)
    if make.keywords.get("context_features"):
        raise InputError(
            "model.context_features: only the large model of a Multi-Scale is given any"
        )
    if not trusted:  # other code may look at its parameters, and these have no values
        _check_size(make)
    return make()


def foreign(description: Any) -> set[str]:
    """Return every `_target_` in a description that is not a builder of this package."""
    if isinstance(description, list):
        return {name for value in description for name in foreign(value)}
    if not isinstance(description, Mapping):
        return set()
    own = {description[TARGET]} if isinstance(description.get(TARGET), str) else set()
    return own.union(*map(foreign, description.values())) - MODELS.keys() - HEADS.keys()


def _read(
    place: str, description: Any, known: Builders, trusted: Builders, lacks: bool = False
) -> partial[Any]:
    """Return the call that a description stands for; `lacks`: some arguments come later."""
    if place.count(".") > DEEPEST:
        raise InputError(f"{place} is too deep")
    if not isinstance(description, Mapping):
        raise InputError(f"{place}={show(description)} is no description with a {TARGET}")
    name = description.get(TARGET)
    builder = trusted.get(name, known.get(name)) if isinstance(name, str) else None
    if builder is None:
        raise InputError(
            f"{place}.{TARGET}={show(name)} is not built from a run, only {_choices(known)}; "
            "one of your own, whose code you know, is named by trust=..."
        )
    if description.get(PARTIAL, False) is not lacks:
        expected = "must be true here" if lacks else "has no place here"
        raise InputError(f"{place}.{PARTIAL}={show(description.get(PARTIAL))} {expected}")
    given = {key: value for key, value in description.items() if key not in (TARGET, PARTIAL)}
    own = name in trusted
    read = _arguments(place, given, builder, trusted, own)
    make = partial(builder, **read)
    if not lacks:
        try:
            inspect.signature(builder).bind(**read)
        except TypeError as error:
            raise InputError(f"{place}: {error}") from error
    return make


def _arguments(
    place: str, given: Mapping[Any, Any], builder: Callable[..., Any], trusted: Builders, own: bool
) -> dict[str, Any]:
    """Return the arguments of a builder, checked against its signature, objects built."""
    annotations = takes(builder)
    read = {}
    for key, value in given.items():
        where = f"{place}.{show(key)}"
        if not isinstance(key, str) or (key not in annotations and (key[:1] == "_" or not own)):
            raise InputError(f"{where}: {builder.__name__} takes no such key")
        annotation = annotations.get(key, Any)
        if annotation is Head:
            read[key] = _read(where, value, HEADS, trusted)()
        elif get_origin(annotation) is CALLABLE:
            read[key] = _read(where, value, MODELS, trusted, lacks=True)
        elif own:
            read[key] = _plain_or_built(where, value, trusted)
        else:
            check(where, value, annotation)
            read[key] = value
            if key == "shape" and math.prod(value) > MOST_PIXELS:
                raise InputError(f"{where}={show(value)} is more than {MOST_PIXELS:,} pixels")
    return read


def _plain_or_built(place: str, value: Any, trusted: Builders) -> Any:
    """Return a value for a model of one's own, with what is described in it built."""
    if isinstance(value, Mapping) and TARGET in value:
        lacks = value.get(PARTIAL) is True
        make = _read(place, value, {**MODELS, **HEADS}, trusted, lacks)
        return make if lacks else make()
    if isinstance(value, Mapping):
        return {
            key: _plain_or_built(f"{place}.{show(key)}", one, trusted) for key, one in value.items()
        }
    if isinstance(value, list):
        return [_plain_or_built(f"{place}.{i}", one, trusted) for i, one in enumerate(value)]
    return value


def _imported(trust: str | Collection[str]) -> Builders:
    """Return what the user trusts, by name. Raises InputError where there is no such thing."""
    found = {}
    for name in [trust] if isinstance(trust, str) else trust:
        try:
            found[str(name)] = pkgutil.resolve_name(str(name))
        except (ImportError, AttributeError, ValueError) as error:
            raise InputError(f"trust={name}: {error}; write package.module.function") from error
        if not callable(found[str(name)]):
            raise InputError(f"trust={name} is no function and no class")
    return found


def _check_size(make: Callable[..., Any]) -> None:
    """Raise InputError for a model that this machine's memory can't hold: built without any."""
    try:
        with torch.device("meta"):
            model = make()
    except (RuntimeError, OverflowError) as error:  # more numbers than can be counted
        raise InputError(f"the model can't be built: {str(error).splitlines()[0]}") from error
    needed = sum(one.nbytes for one in (*model.parameters(), *model.buffers()))
    check_memory(needed, "the model", "make it smaller (hidden, layers, kernel, features)")


def _choices(known: Builders) -> str:
    return ", ".join(sorted(name for name in known if name.count(".") > 1))
