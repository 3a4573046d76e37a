"""Files are replaced whole or not at all, whatever lies in the way."""

import os

import pytest

from pixelrnn.errors import InputError
from pixelrnn.files import as_folder, as_path, first_line, read_json, replacing, write_json


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    """Fault: half a file under the right name, or a temporary one left."""
    write_json(tmp_path / "a.json", {"x": 1})
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a.json") as new:
        new.write_text(f"half {1 / 0}")
    assert read_json(tmp_path / "a.json") == {"x": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_link_is_replaced_not_followed(tmp_path):
    """Fault: a stranger's run in which a link leads out of it."""
    (tmp_path / "outside").write_text("mine")
    (tmp_path / "a.json").symlink_to(tmp_path / "outside")
    (tmp_path / "a.json.new").symlink_to(tmp_path / "outside")
    write_json(tmp_path / "a.json", {})
    assert (tmp_path / "outside").read_text() == "mine"
    assert not (tmp_path / "a.json").is_symlink()


def test_the_temporary_file_lies_beside_the_target(tmp_path, monkeypatch):
    """Fault: a temporary directory on another file system, from where a move is a copy."""
    seen = []
    replace = os.replace
    monkeypatch.setattr("pathlib.os.replace", lambda a, b: seen.append((a, b)) or replace(a, b))
    with replacing(tmp_path / "a") as new:
        assert new.parent == tmp_path


def test_home_is_expanded_and_text_is_text(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert str(as_path("~/x")) == "/home/me/x"
    for strange in (2024, None, 1.5, ["a"], True, ""):
        with pytest.raises(InputError, match=r"run=.* must be text") as error:
            as_path(strange, "run")
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="run=~nobody-here/x"):
        as_path("~nobody-here/x", "run")


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    assert as_folder(tmp_path / "new") == tmp_path / "new"
    with pytest.raises(InputError, match="is a file: name a folder"):
        as_folder(tmp_path / "file")


@pytest.mark.parametrize("content", [b"[1]", b"{", b"", b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_one_line(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.json") as error:
        read_json(tmp_path / "a.json")
    assert "\n" not in str(error.value)


def test_the_first_line_of_an_error():
    assert first_line(ValueError("\n one \n two")) == "one"
    assert first_line(KeyError()) == "KeyError"
