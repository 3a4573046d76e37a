"""Damaged files of a run and of its data: a line that names one, or results as if nothing had happened.

A file is cut short, lengthened, emptied, zeroed in part, flipped in a bit, or takes another's place. Whatever is then
read of it is told from what it was: by its checksum, or because it can't be read.
`PIXELRNN_FUZZ=10000 pytest tests/test_damage.py` tries as many (`make test-faults`).
"""

import json
import os
import random

import numpy as np
import pytest
from tests.support import tiny

from pixelrnn.data.arrays import open_arrays
from pixelrnn.errors import InputError
from pixelrnn.files import md5
from pixelrnn.runs import scores
from pixelrnn.runs.frame import history, load_runs, records
from pixelrnn.training.run import Run

TRIES = int(os.environ.get("PIXELRNN_FUZZ") or 300)
SEED = int(os.environ.get("PIXELRNN_FUZZ_SEED") or 0)

# What has a checksum, and who reads it: the result is an error of one line, or the same as before.
READERS = {
    "run/weights.safetensors": lambda: weights(),
    "run/config.yaml": lambda: described(),
    "run/history.csv": lambda: history("run").to_csv(),
    "run/test_nll.npy": lambda: scores.image_nats(record()),
    "run/test_nll_map.npy": lambda: scores.nll_maps(record()),
    "run/samples.npy": lambda: scores.samples(record()),
    "run/completions.npy": lambda: scores.completions(record()),
    "run/grids.npy": lambda: scores.grids(record()),
    "data/train.npy": lambda: prepared("train"),
    "data/val.npy": lambda: prepared("val"),
    "data/test.npy": lambda: prepared("test"),
}
# What holds the checksums themselves, or has none: whatever it says, nobody falls over it.
OTHERS = [
    "run/metrics.json",
    "run/training.json",
    "run/sampling.json",
    "run/origin.json",
    "data/data.json",
]
OTHERS += ["run/timing.json", "run/checkpoints/last.ckpt"]


def weights():
    return [value.numpy() for value in Run.load("run").model.state_dict().values()]


def described():
    run = Run.load("run")
    return repr(run.model)


def record():
    return next(iter(records(load_runs("run"))))


def prepared(split):
    return np.array(open_arrays("data", tiny.SHAPE, tiny.LEVELS)[split])


@pytest.fixture
def home(pixelrnn, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert pixelrnn("train", *tiny.WORDS, "run=run", "test=true")[0] == 0
    return tmp_path


def damaged(content, other, rng):
    """Return the content of a file otherwise than it was."""
    at = rng.randrange(len(content))
    end = rng.randrange(at, len(content)) + 1
    kinds = [
        lambda: content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :],
        lambda: content[:at],
        lambda: content[:at] + bytes(end - at) + content[end:],
        lambda: content[:at] + rng.randbytes(end - at) + content[end:],
        lambda: content[:at] + content[end:],
        lambda: content[:at] + content[at:end] * 2 + content[end:],
        lambda: content + rng.randbytes(rng.choice([1, 100])),
        lambda: other,
        lambda: b"",
    ]
    return rng.choice(kinds)()


def same(before, now):
    if isinstance(before, list):
        return all(map(np.array_equal, before, now))
    if isinstance(before, str):
        return before == now
    return before.dtype == now.dtype and before.tobytes() == now.tobytes()


@pytest.mark.slow
def test_damage_is_a_line_or_changes_nothing(home):
    """Faults: a file read without its checksum; a reader that raises what a damaged header makes numpy raise."""
    rng = random.Random(SEED)
    sound = tiny.contents(home)
    expected = {name: read() for name, read in READERS.items()}
    told = 0
    for name in (rng.choice(list(READERS)) for _ in range(TRIES)):
        file = home / name
        content = damaged(sound[file], rng.choice(list(sound.values())), rng)
        file.write_bytes(content)
        try:
            now = READERS[name]()
        except InputError as error:
            told += 1
            line = str(error)
        else:
            line = ""
            assert same(expected[name], now), (name, content[:200])
        assert "\n" not in line, (name, line)
        file.write_bytes(sound[file])
    assert told > TRIES * 0.7, "a damage that is noticed is the rule"


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["evaluate", "sample", "compare", "train", "audit", "runs"])
def test_verbs_over_damaged_files(verb, home, pixelrnn):
    """Faults: JSON that is whole and of another form; a checkpoint whose parts are another's."""
    rng = random.Random(f"{SEED} {verb}")
    sound = tiny.contents(home)
    words = {
        "train": [verb, *tiny.WORDS, "run=run"],
        "compare": [verb, "run", "out=out"],
        "sample": [verb, "run", "images=2", "out=out"],
        "runs": [verb, "run"],
    }.get(verb, [verb, "run"])
    for name in (rng.choice(OTHERS + list(READERS)) for _ in range(max(2, TRIES // 60))):
        file = home / name
        file.write_bytes(damaged(sound[file], rng.choice(list(sound.values())), rng))
        code, out, err = pixelrnn(*words)
        assert code in (0, 2), (verb, name, err)
        assert "Traceback" not in out + err, (verb, name, err)
        if code == 2:
            assert len(err.splitlines()) == 1, (verb, name, err)
            assert err.startswith("pixelrnn: "), (verb, name, err)
        for other in set(tiny.contents(home)) - set(sound):
            other.unlink()
        for file, content in sound.items():
            file.write_bytes(content)


def test_each_file_of_results_has_a_checksum(home):
    """Fault: one more file that nobody recorded."""
    training, sampling, metrics = (
        json.loads((home / "run" / name).read_text())
        for name in ("training.json", "sampling.json", "metrics.json")
    )
    recorded = {**sampling["md5"], **metrics["test"]["md5"]}
    recorded |= {"weights.safetensors": training["weights_md5"]}
    recorded |= {"history.csv": training["history_md5"], "grids.npy": training["grids_md5"]}
    assert recorded == {name: md5(home / "run" / name) for name in recorded}
    arrays = {file.name for file in (home / "run").glob("*.npy")}
    assert arrays <= recorded.keys()


def test_the_description_of_another_model_is_noticed(home, pixelrnn):
    """Fault: a key that no weight shows. These weights fit both models, and give another likelihood."""
    file = home / "run" / "config.yaml"
    file.write_text(file.read_text().replace("residual: true", "residual: false"))
    code, _, err = pixelrnn("evaluate", "run")
    assert code == 2
    assert "describes another model" in err
