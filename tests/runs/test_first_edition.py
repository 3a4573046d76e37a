"""A run directory as the first edition left it: it loads, scores as it did, and is compared."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from pixelrnn.runs.frame import history, load_runs
from pixelrnn.runs.identity import differences
from pixelrnn.training.run import Run

HOME = Path(__file__).parent / "first_edition"
NATS = [183.03683471679688, 180.84239196777344, 181.51092529296875, 176.56182861328125]


def test_the_model_scores_as_it_did():
    """The NLL of four images, as the first edition computed it."""
    images = torch.from_numpy(np.load(HOME / "samples.npy").astype(np.int64))
    with torch.no_grad():
        nats = -Run.load(HOME).model.log_prob(images)
    assert nats.tolist() == pytest.approx(NATS, rel=1e-6)


def test_its_figures_are_read():
    """Its metrics.json holds one split, which names itself."""
    (row,) = load_runs(HOME).to_dict("records")
    assert (row["status"], row["split"], row["images"]) == ("finished", "test", 300)
    assert row["bits_per_dim"] == pytest.approx(3.34857073)
    assert len(history(HOME)) == 2


def test_it_is_the_same_run_under_todays_names():
    """Schedules, callbacks and loggers were recorded by the files that they stood in."""
    held = yaml.safe_load((HOME / "config.yaml").read_text())
    today = yaml.safe_load((HOME / "config.yaml").read_text())
    today["scheduler"]["_target_"] = "pixelrnn.training.cosine"
    today["callbacks"] = {"progress": {"_target_": "pixelrnn.training.Progress"}}
    assert differences(held, today) == {}
