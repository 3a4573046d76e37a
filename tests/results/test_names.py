"""Short names of a sweep's jobs."""

import pytest

from pixelrnn.results.names import short_names


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (
            ["model-row_lstm_model.layers-2", "model-pixel_cnn_model.layers-2"],
            ["row_lstm", "pixel_cnn"],
        ),
        (
            ["model.layers-2_optimizer.lr-0.003", "model.layers-4_optimizer.lr-1e-05"],
            ["layers=2 lr=0.003", "layers=4 lr=1e-05"],
        ),
        (
            ["model-row_lstm_optimizer.weight_decay-0.1_seed-0", "model-pixel_cnn_seed-1"],
            ["row_lstm weight_decay=0.1 seed=0", "pixel_cnn seed=1"],
        ),
        (
            ["model.full_context-true_seed-1", "model.full_context-false_seed-1"],
            ["full_context=true", "full_context=false"],
        ),
        (["no-callbacks.ema_seed-1", "seed-1_x.y-2"], ["no callbacks.ema", "y=2"]),
        (
            ["model.sizes-3-3-5-a66f2a", "model.sizes-3-5-b66f2a"],
            ["sizes=3-3-5-a66f2a", "sizes=3-5-b66f2a"],
        ),
        (["x.lr-1", "y.lr-1"], ["x.lr-1", "y.lr-1"]),  # would be the same
        (["seed-1_x.y-2", "seed-1"], ["seed-1_x.y-2", "seed-1"]),  # nothing would be left
        (["a/model.layers-1", "b/model.layers-1"], ["a/model.layers-1", "b/model.layers-1"]),
    ],
)
def test_a_job_is_named_by_what_varies(names, short):
    """Faults: row_lstm or weight_decay cut at its underscore; a number cut at its minus."""
    assert list(short_names(names).values()) == short


@pytest.mark.parametrize(
    "names",
    [
        ["digits-row_lstm", "digits-pixel_cnn"],
        ["cifar10_row_lstm-modern", "cifar10_row_lstm"],
        ["my_run", "model", "seed", "-"],
    ],
)
def test_what_is_not_a_job_keeps_its_name(names):
    """Fault: the data set's name taken for a key."""
    assert list(short_names(names).values()) == names


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["model=a,model.layers=2,data=x", "model=b,model.layers=2,data=x"], ["a", "b"]),
        (
            ["model=a,model.layers=2,seed=0", "model=a,model.layers=4,seed=1"],
            ["layers=2 seed=0", "layers=4 seed=1"],
        ),
        (["digits-row_lstm", "digits-pixel_cnn"], ["digits-row_lstm", "digits-pixel_cnn"]),
        (["x.lr=1", "y.lr=1"], ["x.lr=1", "y.lr=1"]),  # would be the same
        (["a=1,b=2", "a=1"], ["a=1,b=2", "a=1"]),  # nothing would be left
        (["only,one=1"], ["only 1"]),
        (["sweep/model=a", "sweep/model=b"], ["sweep/model=a", "sweep/model=b"]),
    ],
)
def test_jobs_of_the_first_edition(names, short):
    """Fault: two runs under one name."""
    assert list(short_names(names).values()) == short
