"""Which runs are one configuration, trained from several seeds."""

import pytest

from pixelrnn.runs.frame import load_runs


def grouped(tmp_path):
    frame = load_runs(tmp_path / "runs")
    return dict(zip(frame["run"], frame["group"], strict=True))


def seeded(seed, **changes):
    return {"seed": seed, "model": {"hidden": 16, "layers": 2}} | changes


def test_runs_that_differ_in_the_seed_alone(make_run, tmp_path):
    """Faults: another learning rate taken for a seed; a logger or what it shows taken for a configuration."""
    for seed in (0, 1):
        for layers in (1, 2):
            config = seeded(seed, model={"hidden": 16, "layers": layers})
            config |= {"logger": {"level": seed}, "trainer": {"log_every_n_steps": 1 + seed}}
            make_run(f"runs/model.layers-{layers}_seed-{seed}", config)
    make_run("runs/lr_seed-2", seeded(2, optimizer={"lr": 1}))
    assert grouped(tmp_path) == {
        "model.layers-1_seed-0": "model.layers-1",
        "model.layers-1_seed-1": "model.layers-1",
        "model.layers-2_seed-0": "model.layers-2",
        "model.layers-2_seed-1": "model.layers-2",
        "lr_seed-2": "lr_seed-2",
    }


@pytest.mark.parametrize(
    ("names", "group"),
    [
        (("seed-0", "seed-1"), "row_lstm"),  # nothing is left of the names: the variant
        (("seed=0,x=1", "seed=1,x=1"), "x=1"),  # the first edition's
        (("first", "second"), "first"),
        (("seed-0_x-1", "seed-1_x-1"), "x-1"),
        (("seedling-0", "seedling-1"), "seedling-0"),
    ],
)
def test_the_name_of_a_group(make_run, tmp_path, names, group):
    for seed, name in enumerate(names):
        make_run(f"runs/{name}", seeded(seed))
    assert set(grouped(tmp_path).values()) == {group}


def test_a_seed_that_came_twice_is_of_other_code(make_run, tmp_path):
    """Two versions of the code, three seeds each. Fault: six seeds of one configuration."""
    for version in ("old", "new"):
        for seed in range(3):
            make_run(f"runs/{version}/seed-{seed}", seeded(seed))
    groups = grouped(tmp_path)
    assert len(set(groups.values())) == 2
    assert len({groups[f"old/seed-{seed}"] for seed in range(3)}) == 1


def test_repeated_in_one_folder_each_is_alone(make_run, tmp_path):
    make_run("runs/a", seeded(0))
    make_run("runs/b", seeded(0))
    assert grouped(tmp_path) == {"a": "a", "b": "b"}


def test_a_damaged_run_is_in_no_group(make_run, tmp_path):
    for name in ("a", "b"):
        (make_run(f"runs/{name}") / "config.yaml").write_text("[")
    assert grouped(tmp_path) == {"a": "a", "b": "b"}
