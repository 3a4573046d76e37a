"""What one types and what Hydra is told."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from pixelrnn.arguments import as_overrides, quote
from pixelrnn.errors import InputError

JOB = "sweeps/model.layers=2,model=row_lstm"
TOLD = {
    # a stage's own key needs no stage., but keys at the top and groups keep their names
    "sample images=9 seed=1": ["stage=sample", "stage.images=9", "seed=1"],
    "evaluate stage.split=val +stage.x=1": ["stage=evaluate", "stage.split=val", "+stage.x=1"],
    "train model.layers=2 optimizer.lr=1e-3 test=true": [
        *["stage=train", "model.layers=2", "optimizer.lr=1e-3", "stage.test=true"]
    ],
    # flags
    "train --test --seed 3 --compile=false": [
        "stage=train",
        "stage.test=true",
        "seed=3",
        "stage.compile=false",
    ],
    "sample --batch-size 4 --run my": ["stage=sample", "stage.batch_size=4", "run=my"],
    # a path is literal
    f"evaluate run={JOB}": ["stage=evaluate", f"run='{JOB}'"],
    f"evaluate --run {JOB}": ["stage=evaluate", f"run='{JOB}'"],
    "evaluate run=123": ["stage=evaluate", "run='123'"],
    "evaluate run='a,b'": ["stage=evaluate", "run='a,b'"],
    "evaluate run=artifacts/${data.name}": ["stage=evaluate", "run=artifacts/${data.name}"],
    f"compare runs={JOB} out=a;b": ["stage=compare", f"stage.runs=['{JOB}']", "stage.out='a;b'"],
    "score out=a,b top=3": [
        "stage=score",
        "stage.out='a,b'",
        "stage.top=3",
    ],  # by default ${run}/scores
    "audit layout=b~(c~k)~h~w shape=[1,2,3]": [
        "stage=audit",
        "stage.layout='b (c k) h w'",
        "stage.shape=[1,2,3]",
    ],
    "compare runs=[a,b]": ["stage=compare", "stage.runs=[a,b]"],
    # bare words
    f"compare a/* {JOB} out=x": ["stage=compare", "stage.out=x", f"stage.runs=['a/*','{JOB}']"],
    "score run=r one.png two.png": ["stage=score", "run=r", "stage.files=['one.png','two.png']"],
    # a sweep is Hydra's
    "train -m model=a,b run=c": ["-m", "stage=train", "model=a,b", "run=c"],
    "evaluate run=a,b --multirun": ["--multirun", "stage=evaluate", "run=a,b"],
    "train sweep=seeds seed=0,1": ["stage=train", "sweep=seeds", "seed=0,1"],
    # and so is what it alone knows
    "train --cfg job model@model.small=row_lstm hydra/launcher=joblib": [
        *["--cfg", "job", "stage=train", "model@model.small=row_lstm", "hydra/launcher=joblib"]
    ],
}


@pytest.mark.parametrize("line", TOLD)
def test_what_hydra_is_told(line):
    """Faults: a comma that sweeps over runs, `seed` taken for the stage's, `a/b=c` taken for a key."""
    assert as_overrides([word.replace("~", " ") for word in line.split(" ")]) == TOLD[line]


def test_a_file_that_is_there_is_no_override(tmp_path, monkeypatch):
    """In a sweep's folder its jobs look like keys. Fault: `model.layers=1` changes the configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.layers=1").mkdir()
    assert as_overrides(["compare", "model.layers=1"]) == [
        "stage=compare",
        "stage.runs=['model.layers=1']",
    ]
    assert as_overrides(["compare", "model.layers=2"]) == ["stage=compare", "model.layers=2"]


@pytest.mark.parametrize(
    "text", ["a,b", "a b", "it's", r"a\b", "a\\", r"\'", "a=b;c#d!", "é", "[x]{y}", '"', "''"]
)
def test_quoted_text_is_read_back(text):
    """Fault: a backslash before the last quote."""
    parser = OverridesParser.create()
    assert parser.parse_override(f"key={quote(text)}").value() == text
    assert parser.parse_override(f"key=[{quote(text)},{quote(text)}]").value() == [text, text]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("trian", "no stage 'trian': did you mean train?"),
        ("evaluate --devise cpu", "no flag --devise: did you mean device?"),
        ("evaluate --split", "--split needs a value"),
        ("evaluate --split --run a", "--split needs a value"),
        (
            "train model=row_lstm,pixel_cnn",
            "model=row_lstm,pixel_cnn: several values: put a list into brackets, or add -m",
        ),
        ("train --cfg jobs", "invalid choice: 'jobs'"),
        ("train -m seed=0,1 --cfg job", "leave -m out"),
    ],
)
def test_bad_words_are_refused(line, message):
    with pytest.raises(InputError) as error:
        as_overrides(line.split(" "))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
