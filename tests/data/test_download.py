"""Downloads from a server of our own: whole, resumed, cut off, refused, wrong."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.support.raw_files import noise

from pixelrnn.data.sources.download import obtain
from pixelrnn.errors import InputError

CONTENT = noise(1_000_000).tobytes()
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


class Home(BaseHTTPRequestHandler):
    """Serves CONTENT under every name. The class says how badly, and writes down what was asked for."""

    resumes, ends_after, asked = True, None, []

    def do_GET(self):
        wanted = self.headers["Range"] if self.resumes else None
        Home.asked.append((self.path, self.headers["Range"]))
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if self.path == "/lost":
            self.send_error(404)
        elif start >= len(CONTENT):
            self.send_error(416)
        else:
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(CONTENT) - start))
            self.end_headers()
            self.wfile.write(CONTENT[start : self.ends_after])

    def log_message(self, *args):
        pass


@pytest.fixture
def home(monkeypatch):
    for name, value in {"resumes": True, "ends_after": None, "asked": []}.items():
        monkeypatch.setattr(Home, name, value)
    with ThreadingHTTPServer(("127.0.0.1", 0), Home) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_what_is_missing_comes_and_is_shown(tmp_path: Path, home: str, capsys) -> None:
    """Faults: what is there fetched again; a .part left; nothing to see."""
    folder = tmp_path / "deep" / "set"
    obtain(folder, {"a": MD5, "b": MD5}, home)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        "a": CONTENT,
        "b": CONTENT,
    }
    shown = capsys.readouterr()
    assert "a" in shown.err
    assert "1.0/1.0 MB" in shown.err
    assert not shown.out
    obtain(folder, {"a": MD5, "b": MD5}, home)
    assert Home.asked == [("/a", None), ("/b", None)]


@pytest.mark.parametrize("resumes", [True, False])
def test_goes_on_where_it_stopped(tmp_path: Path, home: str, monkeypatch, resumes: bool) -> None:
    """Faults: from the start again; the rest appended to the whole by a server that ignores the range."""
    monkeypatch.setattr(Home, "ends_after", 400_000)
    with pytest.raises(
        InputError,
        match=r"a can't be downloaded .the connection ended after 400,000 of 1,000,000 bytes",
    ):
        obtain(tmp_path, {"a": MD5}, home)
    assert [(file.name, file.stat().st_size) for file in tmp_path.iterdir()] == [
        ("a.part", 400_000)
    ]
    monkeypatch.setattr(Home, "ends_after", None)
    monkeypatch.setattr(Home, "resumes", resumes)
    obtain(tmp_path, {"a": MD5}, home)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [CONTENT]
    assert Home.asked == [("/a", None), ("/a", "bytes=400000-")]


def test_a_part_that_is_whole_already(tmp_path: Path, home: str) -> None:
    """Fault: the server's 416 taken for a failure, for ever."""
    (tmp_path / "a.part").write_bytes(CONTENT)
    obtain(tmp_path, {"a": MD5}, home)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("part", [None, 100, 2_000_000])
def test_another_file_than_expected_is_deleted(tmp_path: Path, home: str, part: int | None) -> None:
    """Faults: kept under its name; kept as a part, so that every further attempt fails, too."""
    if part:
        (tmp_path / "a.part").write_bytes(b"x" * part)
    known = MD5 if part else "md5:0123"
    with pytest.raises(
        InputError, match=f"/a gave another file .its md5 is .*, expected {known[4:]}.* deleted"
    ):
        obtain(tmp_path, {"a": known}, home)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_there_any_more(tmp_path: Path, home: str) -> None:
    with pytest.raises(
        InputError,
        match=r"lost can't be downloaded .Not Found.: .*, or put lost, b from http.* into ",
    ):
        obtain(tmp_path / "set", {"a": MD5, "lost": MD5, "b": MD5}, home)
    assert [file.name for file in (tmp_path / "set").iterdir()] == ["a"]


def test_nobody_answers(tmp_path: Path, home: str) -> None:
    with pytest.raises(InputError, match=r"can't be downloaded .*run the same command again"):
        obtain(tmp_path / "set", {"a": MD5}, "http://127.0.0.1:1/")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_checked_before_anything_comes(tmp_path: Path, home: str) -> None:
    (tmp_path / "a").write_bytes(CONTENT[:-1])
    with pytest.raises(InputError, match=f"a is damaged or another file .*expected {MD5[4:]}"):
        obtain(tmp_path, {"b": MD5, "a": MD5}, home)
    assert not Home.asked
