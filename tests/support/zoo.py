"""Every variant of conf/model, at any size: a new YAML there brings its tests."""

from functools import cache
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from torch import nn

from pixelrnn.conf import CONF
from pixelrnn.models import AutoregressiveModel, ClassConditional, MultiScale

VARIANTS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
HEADS = sorted(path.stem for path in (CONF / "head").glob("*.yaml"))
MULTI_SCALE = [variant for variant in VARIANTS if variant.startswith("multi_scale")]


def build(
    variant: str,
    head: str,
    shape: tuple[int, int, int],
    levels: int = 4,
    *,
    seed: int = 0,
    push: float = 0.2,
    **sizes: object,
) -> nn.Module:
    """Build the variant of conf/model with the head of conf/head in float64.

    Its parameters are off their initial values. h = 7 is not a multiple of 3, so that gates whose
    colors are misaligned show.
    """
    sizes = {"hidden": 7, "layers": 2, "output_hidden": 8, "classes": 3, **sizes}
    torch.manual_seed(seed)
    model = instantiate(describe(variant, head, shape, levels, **sizes), _convert_="all").double()
    for parameter in model.parameters():
        parameter.data += push * torch.randn_like(parameter)
    if isinstance(model, ClassConditional):
        model.counts += torch.arange(model.classes)  # classes that are not equally likely
    return model


def describe(
    variant: str, head: str, shape: tuple[int, int, int], levels: int, **sizes: object
) -> dict[str, Any]:
    """Describe the same as a run records it in config.yaml: plain values."""
    config = _config(variant, head).copy()
    config.data.shape, config.data.levels = list(shape), 2 if head == "bernoulli" else levels
    _resize(config.model, sizes)
    return OmegaConf.to_container(config.model, resolve=True)


def sides(variant: str, h: int, w: int) -> tuple[int, int]:
    """Round h and w up to what the scales of the variant divide."""
    node, divisor = _config(variant, "softmax").model, 1
    while "factor" in node:
        node, divisor = node.small, divisor * node.factor
    return -(-h // divisor) * divisor, -(-w // divisor) * divisor


@cache
def _config(variant: str, head: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=[f"model={variant}", f"head={head}"])
    OmegaConf.set_struct(config, False)
    return config


def _resize(node: DictConfig, sizes: dict[str, object]) -> None:
    for key in node:
        child = None if OmegaConf.is_interpolation(node, key) else node[key]
        if key in sizes:
            node[key] = sizes[key]
        elif isinstance(child, DictConfig):
            _resize(child, sizes)


def parts(
    model: nn.Module, batch: int = 1
) -> list[tuple[AutoregressiveModel, torch.Tensor | None]]:
    """Return the models within, the smallest first, each with a context to condition it on."""
    if isinstance(model, ClassConditional):
        labels = torch.randint(model.classes, (batch,))
        return [(model.inner, model.context(labels).detach())]
    if not isinstance(model, MultiScale):
        return [(model, None)]
    small = torch.randint(model.levels, (batch, *model.small.shape))
    context = model.context(small).detach()
    return [*parts(model.small, batch), (model.large, context)]


def random_images(model: nn.Module, n: int) -> torch.Tensor:
    """Draw `n` images of the model's shape, every level as likely."""
    return torch.randint(model.levels, (n, *model.shape))
