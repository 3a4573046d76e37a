"""Random command lines: any key of a verb's configuration, set to what belongs there or not."""

import inspect
import random
from functools import cache

import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer

from pixelrnn.command.words import WORDS
from pixelrnn.conf import CONF

NUMBERS = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "1.5",
    "-0.5",
    "0.1",
    "nan",
    "inf",
    "-inf",
    "1e30",
    "1e-30",
]
NUMBERS += ["100000000000", "-100000000000", "4294967296", "9" * 30]
OTHERS = [
    "null",
    "true",
    "false",
    "''",
    "abc",
    "'a b'",
    "nowhere",
    "data",
    "data/train.npy",
    "é",
    "???",
]
OTHERS += [
    "[]",
    "[1]",
    "[1,4,4]",
    "[0.5,2]",
    "[abc]",
    "[[1]]",
    "[null]",
    "{}",
    "{a:1}",
    "{a:null}",
    "{_target_:nowhere}",
]
OTHERS += [
    "{_target_:builtins.dict}",
    "{_target_:builtins.dict,_partial_:true}",
    "{_partial_:true}",
    "'${seed}'",
    "${nowhere}",
]
OTHERS += [
    "${oc.env:NOWHERE}",
    "'2024'",
    "x" * 300,
    r"'\n'",
    "'a/b'",
    "auto",
    "cpu",
    "cuda:7",
    "resize",
    "white",
]
LIKELY = ["1", "2", "3", "0", "0.5", "true", "false", "null", "8", "1e-3"]
OUTSIDE = [
    "/",
    "..",
    "~",
    "~nobody",
    "/dev/null",
    "/dev/full/x",
    "/proc/x",
]  # nothing is to be written there

# What is right, and only takes for ever: no mistake that could be found.
LONG = {
    "max_epochs",
    "max_steps",
    "min_epochs",
    "min_steps",
    "num_nodes",
    "strategy",
    "devices",
    "max_time",
}
LONG |= {
    "fast_dev_run",
    "reload_dataloaders_every_n_epochs",
    "accumulate_grad_batches",
    "num_workers",
}

_FILES = [
    "pictures/gray.png",
    "pictures",
    "data/train.npy",
    "data/data.json",
    "nowhere.png",
    "run/config.yaml",
]
_SMALL = [
    "data.path=data",
    "data.shape=[1,4,4]",
    "data.levels=3",
    "data.batch_size=16",
    "model.hidden=2",
    "model.layers=1",
]
_SMALL += [
    "model.output_hidden=4",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
    "logger=none",
]
_ADDED = [f"trainer.{name}" for name in inspect.signature(Trainer).parameters]
_ADDED += [f"optimizer.{name}" for name in inspect.signature(torch.optim.Adam).parameters]
_ADDED += [
    "callbacks.mine",
    "callbacks.mine._target_",
    "logger.mine",
    "logger.mine._target_",
    "mine",
    "data.mine",
    "model.mine",
]
_ADDED += [
    "data.flip",
    "data.resample",
    "data.dedupe",
    "model.context_features",
    "model._partial_",
    "model._args_",
    "head._args_",
]
_GROUPS = {
    "data": ["digits", "npz", "npy", "folder", "torchvision", "mnist", "nope", "null", "[digits,mnist]"],
    "model": ["pixel_cnn", "row_lstm", "diagonal_bilstm", "gated_pixel_cnn", "multi_scale", "multi_scale_3", "nope", "null"],
    "head": ["softmax", "bernoulli", "logistic_mixture", "nope"],
    "optimizer": ["adam", "adamw", "rmsprop", "nope"],
    "scheduler": ["constant", "cosine", "step", "nope"],
    "trainer": ["default", "nope"],
    "callbacks": ["default", "ema", "nope", "null"],
    "logger": ["none", "csv", "null", "nope", "[csv,none]"],
    "recipe": ["modern", "small", "paper", "nope", "null"],
    "debug": ["nope", "null"],
    "experiment": ["nope", "null", "mnist_row_lstm"],
}  # fmt: skip


def lines(verb: str, seed: int, count: int, inside: bool = False) -> list[list[str]]:
    """`count` command lines of a verb; with `inside` such as write nowhere else, and end soon."""
    draw = random.Random(f"{verb} {seed}")
    return [_line(draw, verb, inside) for _ in range(count)]


def _line(draw: random.Random, verb: str, inside: bool) -> list[str]:
    words = _words(draw, verb)
    if verb == "train":
        words += [*_SMALL, "run=new"]
    if verb == "prepare":
        words += draw.choice([[], ["data=npz", "data.source.file=raw.npz", "data.shape=[1,4,4]"], ["data=folder", "data.source.folder=pictures", "data.shape=[1,4,4]"]])  # fmt: skip
        words.append("data.path=new")
    words += [_override(draw, verb, inside) for _ in range(draw.choice([1, 1, 1, 2, 3]))]
    return [verb, *words]


def _words(draw: random.Random, verb: str) -> list[str]:
    expected = WORDS[verb]
    words = []
    if "RUN" in expected:
        words = draw.choice(
            [["run"]] * 8 + [[], ["data"], ["nowhere"], ["run", "run"], ["unfinished"]]
        )
    if "FILE" in expected:
        words = words + draw.sample(_FILES, draw.choice([0, 1, 1, 1, 2]))
    if "GROUP" in expected:
        words = [draw.choice(["group", "artifacts", "run", "''"])]
    return list(words)


def _override(draw: random.Random, verb: str, inside: bool) -> str:
    kind = draw.random()
    groups = _groups(verb)
    if kind < 0.1 and groups:
        group = draw.choice(groups)
        return draw.choice(
            [
                f"{group}={draw.choice(_GROUPS[group])}",
                f"~{group}",
                f"{group}={_value(draw, inside)}",
            ]
        )
    keys = _keys(verb)
    added = [key for key in _ADDED if key.partition(".")[0] in groups or "." not in key]
    if kind < 0.3 and added:
        key, sign = draw.choice(added), draw.choice(["+", "+", "++", ""])
    else:
        key, sign = draw.choice(keys), draw.choice(["", "", "", "", "++", "~"])
    if sign == "~":
        return f"~{key}"
    if inside and key.rpartition(".")[2] in LONG:
        return f"{sign}{key}={draw.choice(['1', 'abc', '[]', 'null' if 'max_' not in key else '1', '-0.5', 'true'])}"
    return f"{sign}{key}={_value(draw, inside)}"


def _value(draw: random.Random, inside: bool) -> str:
    if inside and draw.random() < 0.5:
        return draw.choice(LIKELY)
    return draw.choice(draw.choice([NUMBERS, OTHERS, OTHERS if inside else OUTSIDE]))


@cache
def _keys(verb: str) -> list[str]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(verb)
    return sorted(key for key in _walk(config) if not key.startswith("hydra"))


def _walk(node: DictConfig, prefix: str = "") -> list[str]:
    keys = []
    for key in node:
        if key in ("_target_",) and not prefix:  # the verb itself
            continue
        keys.append(f"{prefix}{key}")
        child = None
        if not OmegaConf.is_interpolation(node, key) and not OmegaConf.is_missing(node, key):
            child = node[key]
        if isinstance(child, DictConfig):
            keys += _walk(child, f"{prefix}{key}.")
    return keys


def _groups(verb: str) -> list[str]:
    return {"train": list(_GROUPS), "prepare": ["data"]}.get(verb, [])
