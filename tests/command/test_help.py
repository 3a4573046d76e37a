"""Help is the configuration's own comments."""

import re

import pytest

from pixelrnn.command.words import WORDS, own_names
from pixelrnn.conf import CONF


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_verbs_and_groups(pixelrnn, arguments):
    code, out, err = pixelrnn(*arguments)
    assert (code, err) == (0, "")
    for verb in WORDS:
        line = next(line for line in out.splitlines() if line.split()[:1] == [verb])
        assert len(line.split()) > 3, "no first comment line"
    for group in own_names("train")[0]:
        assert all(option.stem in out for option in (CONF / group).glob("*.yaml"))


@pytest.mark.parametrize("verb", WORDS)
def test_help_on_a_verb_is_what_its_yaml_says(pixelrnn, verb):
    """The first comment with its example, its words, every key that is the verb's own. Fault: a key without its comment."""
    code, out, err = pixelrnn(verb, "--help")
    assert (code, err) == (0, "")
    lines = (CONF / f"{verb}.yaml").read_text().splitlines()
    said = " ".join(out.split())
    assert said.startswith(f"pixelrnn {verb} {WORDS[verb]}".strip())
    assert f"  pixelrnn {verb}" in out, "no example in the first comment line"
    assert lines[0].removeprefix("# ").partition(": pixelrnn")[0] in said
    groups, keys = own_names(verb)
    for line in lines:
        key, _, value = line.partition(":")
        if key in keys and not value.startswith((" ${data", " {_target_")):
            assert " ".join(line.split()) in said
    for group, default in groups.items():
        entry = next(line for line in lines if re.match(rf"  - {group}: ", line))
        comment = entry.partition("# ")[2]
        assert comment
        assert comment in said
        assert default is None or f"{group}={default}" in said


def test_help_on_train_says_where_the_run_goes_and_which_options_there_are(pixelrnn):
    out = pixelrnn("train", "-h")[1]
    assert "run: artifacts/runs/" in out
    assert "diagonal_bilstm, gated_pixel_cnn, multi_scale" in out


def test_after_two_dashes_a_flag_is_a_word(pixelrnn):
    assert pixelrnn("score", "nowhere", "--", "--help")[0] == 2
