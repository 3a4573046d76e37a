"""Resolved configurations as files: what a variant's training depends on, for DVC to watch."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from pixelrnn.conf import CONF
from pixelrnn.errors import InputError


def compose(
    out: str | Path, variants: Sequence[str] | None = None, overrides: Sequence[str] = ()
) -> list[Path]:
    """Write the configuration of `pixelrnn train model=<variant> <overrides>` to `out`/<variant>.yaml.

    Without `variants` one for each of conf/model/*.yaml. The text depends on nothing but conf/ and the overrides: no
    time, no machine. A file of a variant that is no longer there is removed. Returns the files.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from omegaconf import OmegaConf

    known = sorted(file.stem for file in (CONF / "model").glob("*.yaml"))
    if strange := sorted(set(variants or ()) - set(known)):
        raise InputError(f"no variant {strange[0]!r} in conf/model: choose from {', '.join(known)}")
    overrides = [
        override for override in overrides if not override.startswith(("stage=", "stage."))
    ]  # this stage's
    texts = {}
    inside = GlobalHydra.instance().is_initialized()  # called by the command, not by a notebook
    with nullcontext() if inside else initialize_config_dir(str(CONF), version_base="1.3"):
        for variant in variants or known:
            choices = [*overrides, "stage=train", f"model={variant}", f"variant={variant}"]
            call = hydra_compose("config", choices).stage.config
            config = OmegaConf.to_container(call, resolve=True, throw_on_missing=True)
            assert isinstance(config, dict)
            plain = {key: value for key, value in config.items() if not str(key).startswith("_")}
            texts[Path(out, f"{variant}.yaml")] = OmegaConf.to_yaml(OmegaConf.create(plain))

    Path(out).mkdir(parents=True, exist_ok=True)
    for stale in set(Path(out).glob("*.yaml")) - set(texts):
        stale.unlink()
    for file, text in texts.items():
        file.write_text(text)
    return list(texts)
