"""What was typed, taken apart: words are literal, everything else is Hydra's."""

import random
import string

import pytest
import yaml

from pixelrnn.command.words import WORDS, Command, check_words, own_names, read
from pixelrnn.conf import CONF
from pixelrnn.errors import InputError

VERBS = {file.stem for file in CONF.glob("*.yaml")} - {"command"}


def test_every_verb_has_a_configuration_and_its_words():
    assert set(WORDS) == VERBS


TAKEN_APART = {
    "sample r images=9 seed=1": Command("sample", ("r",), (), ("images=9", "seed=1")),
    "sample images=9 r": Command("sample", ("r",), (), ("images=9",)),
    "score r a.png ./x=y.png": Command("score", ("r", "a.png", "./x=y.png")),
    "score r -- x=y.png -m ~a --help": Command("score", ("r", "x=y.png", "-m", "~a", "--help")),
    "compose out=a -- data=digits": Command("compose", ("data=digits",), (), ("out=a",)),
    "train -m model=a,b +tag=1 ++x.y=2 ~logger ~a.b=c": Command(
        "train", (), ("-m",), ("model=a,b", "+tag=1", "++x.y=2", "~logger", "~a.b=c")
    ),
    "--multirun train seed=0,1": Command("train", (), ("--multirun",), ("seed=0,1",)),
    # a flag's value belongs to it, apart or not
    "train --cfg job -p model --config-dir mine seed=1": Command(
        "train", (), ("--cfg=job", "-p=model", "--config-dir=mine"), ("seed=1",)
    ),
    "train --cfg=job --info": Command("train", (), ("--cfg=job", "--info")),
    "train --info=defaults": Command("train", (), ("--info=defaults",)),
    "train hydra/launcher=two model@model.small=row_lstm": Command(
        "train", (), (), ("hydra/launcher=two", "model@model.small=row_lstm")
    ),
    # a path that is none of these is a word, as is what only looks like a deletion
    "compare artifacts/runs/* ~/runs a,b": Command(
        "compare", ("artifacts/runs/*", "~/runs", "a,b")
    ),
    # null is dropped where it is the default
    "train experiment=null sweep=null seed=null": Command("train", (), (), ("seed=null",)),
    "compare --json a": Command("compare", ("a",), (), ("json=true",)),
    "compose -- recipe=null seed=1": Command("compose", ("seed=1",)),
}


@pytest.mark.parametrize("line", TAKEN_APART)
def test_a_command_line_taken_apart(line):
    """Faults: a flag's value taken for a word; `a/b=c` taken for a file; what stands after -- read."""
    assert read(line.split(" ")) == TAKEN_APART[line]


def test_nothing_is_changed_and_after_two_dashes_all_is_literal():
    """300 strings. Faults: one that is quoted, unquoted, split, or read in spite of the dashes."""
    draw = random.Random(0)
    letters = "ab/.,=~+-:@[]{}'$ \\é" + string.digits
    for _ in range(300):
        text = "".join(draw.choices(letters, k=draw.randint(1, 9)))
        assert read(["score", "r", "--", text]).words == ("r", text)
        if not text.startswith("-"):
            command = read(["score", "r", text])
            assert (*command.words[1:], *command.overrides) == (text,)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("trian", "no verb 'trian': did you mean train?"),
        ("model=row_lstm", "say what to do: pixelrnn prepare | train"),
        ("evaluate --devise cpu", "no flag --devise: a key is set by devise=value"),
        ("sample r --batch-size 4", "a key is set by batch_size=value"),
        ("train --cfg jobs", "--cfg needs job or hydra or all, as in --cfg=..."),
        ("train --config-dir", "--config-dir needs a value"),
        ("train logger=null", "logger=null: leave logger out by ~logger"),
    ],
)
def test_bad_flags_are_refused(line, message):
    with pytest.raises(InputError) as error:
        read(line.split(" "))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture
def _files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "config.yaml").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.png").touch()


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sample", "RUN is missing: pixelrnn sample RUN [key=value ...]"),
        ("sample run=r", "RUN is missing"),
        ("score r", "FILE... is missing: pixelrnn score RUN FILE... [key=value ...]"),
        ("dashboard", "GROUP is missing"),
        ("sample r r", "'r' is one word too many: pixelrnn sample RUN"),
        ("train foo", "'foo' is one word too many: pixelrnn train [key=value ...]"),
        ("audit r r", "one word too many"),
        ("sample nowhere", "no run at nowhere"),
        ("sample empty", "no run at empty"),
        ("audit nowhere", "no run at nowhere"),
        ("score r a.png b.png", "b.png is missing"),
        ("complete nowhere a.png", "no run at nowhere"),
        ("compare r nowhere", "no run at nowhere"),
        ("sample ~nosuchuser/r", "~nosuchuser/r: "),
    ],
)
def test_wrong_words_are_refused(line, message):
    with pytest.raises(InputError) as error:
        check_words(read(line.split(" ")))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize(
    "line",
    [
        *("sample r", "score r a.png a.png", "score r b.png skip=true", "compare", "compare r no*"),
        *("compare r empty", "audit r", "audit callable=a:b", "compose -- a=b c=d", "dashboard g"),
    ],
)
def test_right_words_are_not(line):
    check_words(read(line.split(" ")))


@pytest.mark.usefixtures("_files")
def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    check_words(read(["score", "~/r", "~/a.png"]))


@pytest.mark.parametrize("verb", WORDS)
def test_a_verb_composes_only_the_groups_that_it_reads(verb):
    groups, keys = own_names(verb)
    content = yaml.safe_load((CONF / f"{verb}.yaml").read_text())
    assert content["defaults"][:2] == ["command", "_self_"]
    assert set(keys) <= set(content)
    if verb not in ("train", "prepare"):
        assert groups == {}
