"""Every option of every group composes, and every combination of model, head and data builds."""

import math

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, get_method, instantiate
from omegaconf import OmegaConf

from pixelrnn.command.words import WORDS
from pixelrnn.conf import CONF

OPTIONS = sorted(
    (str(file.parent.relative_to(CONF)), file.stem)
    for file in CONF.glob("*/**/*.yaml")
    if file.parent.name != "parts"  # of models, not models
)
NAMES = {group: [option for name, option in OPTIONS if name == group] for group, _ in OPTIONS}


@pytest.fixture(scope="module", autouse=True)
def _hydra():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def composed(*overrides):
    config = compose("train", ["variant=test", "run=run", *overrides])
    OmegaConf.resolve(config)
    return config


EXTRA = {
    "sweep=search": "hydra_plugins.hydra_optuna_sweeper",
    "hydra/launcher=two": "hydra_plugins.hydra_joblib_launcher",
}


@pytest.mark.slow
@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_composes_to_targets_that_exist(group, option):
    pytest.importorskip(
        EXTRA.get(f"{group}={option}", "hydra"), reason="the extra `sweep` isn't installed"
    )
    override = f"{group}={option}"
    for target in _targets(OmegaConf.to_container(composed(override))):
        assert callable(_locate(target))


def _targets(node):
    if isinstance(node, dict):
        yield from [node["_target_"]] if "_target_" in node else []
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            yield from _targets(value)


def _locate(target):
    return (
        get_class(target)
        if target.rpartition(".")[2][0].isupper() or "builtins" in target
        else get_method(target)
    )


@pytest.mark.slow
@pytest.mark.parametrize("data", NAMES["data"])
@pytest.mark.parametrize("head", NAMES["head"])
@pytest.mark.parametrize("model", NAMES["model"])
def test_every_model_head_and_data_build(model, head, data):
    """Shape and levels come from the data. Fault: either written down in a model's or a head's YAML."""
    config = composed(f"model={model}", f"head={head}", f"data={data}")
    levels = {"bernoulli": 2, "gaussian_mixture": None}.get(head, config.data.levels)
    if levels != config.data.levels:
        words = f"data.levels={'null' if levels is None else levels}"
        config = composed(f"model={model}", f"head={head}", f"data={data}", words)
    built = instantiate(config.model, _convert_="all")
    assert tuple(built.shape) == tuple(config.data.shape)
    assert built.levels == config.data.levels
    assert sum(parameter.numel() for parameter in built.parameters()) > 0


@pytest.mark.parametrize("scheduler", NAMES["scheduler"])
@pytest.mark.parametrize("optimizer", NAMES["optimizer"])
def test_every_optimizer_and_scheduler_step(optimizer, scheduler):
    config = composed(f"optimizer={optimizer}", f"scheduler={scheduler}")
    weight = torch.nn.Parameter(torch.ones(1))
    built = instantiate(config.optimizer, _convert_="all")([weight])
    schedule = instantiate(config.scheduler, _convert_="all")(built, 10)
    for _ in range(10):
        weight.grad = torch.ones(1)
        built.step()
        schedule.step()
    assert weight.item() < 1
    assert math.isfinite(built.param_groups[0]["lr"])


def test_parts_of_multi_scale_are_chosen_from_the_same_group():
    config = composed(
        "model=multi_scale", "model@model.small=row_lstm", "model@model.large=diagonal_bilstm"
    )
    assert config.model.small._target_.endswith("row_lstm")
    assert config.model.large._target_.endswith("diagonal_bilstm")
    assert instantiate(config.model, _convert_="all").small.shape == (1, 4, 4)


@pytest.mark.parametrize("verb", WORDS)
def test_every_verb_composes_to_a_function(verb):
    """What it interpolates exists, but for what Hydra fills in."""
    config = compose(verb)
    assert callable(get_method(config._target_))


def test_a_recipe_beats_the_experiment():
    """Fault: `experiment=cifar10_row_lstm recipe=modern` trained by the paper's RMSProp."""
    config = composed("experiment=cifar10_row_lstm", "recipe=modern")
    assert config.optimizer._target_ == "torch.optim.Adam"
    assert config.trainer.precision == "bf16-mixed"
    assert (config.model.layers, config.data.name) == (12, "cifar10")
    assert composed("experiment=cifar10_row_lstm").optimizer._target_ == "torch.optim.RMSprop"


def test_every_yaml_says_what_it_is():
    for group, option in [*OPTIONS, *((".", verb) for verb in ("command", *WORDS))]:
        lines = (CONF / group / f"{option}.yaml").read_text().splitlines()
        assert lines[lines[0].startswith("# @package")].startswith("# "), (
            f"conf/{group}/{option}.yaml"
        )
