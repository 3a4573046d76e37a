"""Names and forms of what is in a file: kept as they are, and never a way out of the folder."""

import zlib

import numpy as np
import pytest

from pixelrnn.codec import contents
from pixelrnn.codec.contents import Entry, pack, unpack
from pixelrnn.errors import InputError

IMAGE = (1, 2, 3)


def test_entries_come_back():
    entries = [
        Entry("a.png"),
        Entry("sub/ä b.png"),
        Entry("all.npy", "|u1", (4, 1, 2, 3)),
        Entry("last.npy", "<i8", (5, 2, 3, 1)),
        Entry("one.npy", "|b1", (2, 3)),
    ]
    assert unpack(pack(entries), IMAGE, 12) == entries
    assert unpack(pack([]), IMAGE, 7) == []


UNSAFE = ["/etc/passwd", "../a", "a/../../b", "a//b", "a/", ".", "..", "", "a\\b", "C:a", "a\0b"]
UNSAFE += ["a\nb", "a\tb", "a\u202eb", "x" * 256, "/".join("a" * 40)]


@pytest.mark.parametrize("name", UNSAFE)
def test_names_that_reach_out_are_refused_both_ways(name):
    """Fault: the writer alone is careful."""
    with pytest.raises(InputError):
        pack([Entry(name)])
    with pytest.raises(ValueError):  # noqa: PT011
        unpack(zlib.compress(name.encode()), IMAGE, 1)


@pytest.mark.parametrize(
    "names", [["a.png", "a.png"], ["a", "a/b.png"], ["a/b/c.png", "a/b"]], ids=str
)
def test_one_place_holds_one_file(names):
    """Fault: the second overwrites the first."""
    with pytest.raises(InputError, match=r"called|folder"):
        pack(map(Entry, names))
    with pytest.raises(ValueError, match=r"called|folder"):
        unpack(zlib.compress("\n".join(names).encode()), IMAGE, 2)


@pytest.mark.parametrize(
    "content",
    [
        b"no zlib",
        zlib.compress(b"a.png")[:-2],
        zlib.compress(b"a.png") + b"x",
        zlib.compress(b"\xff"),
        zlib.compress(b"a.npy\t|u1"),
        zlib.compress(b"a.npy\tO\t1,1,2,3"),
        zlib.compress(b"a.npy\t|V8\t1,1,2,3"),
        zlib.compress(b"a.npy\t|u1\t1,1,2,-3"),
        zlib.compress(b"a.npy\t|u1\t7,7,7,7"),
        zlib.compress(b"a.npy\t|u1\t2,1,2,3"),
        zlib.compress(b"a.npy\t|u1\t" + b"999999999999999," * 3 + b"3"),
        zlib.compress(b"a.npy\t|u1\t999999999999999,1,2,3"),
        zlib.compress(b"a.png\nb.png"),
    ],
)
def test_contents_that_are_none(content):
    """One image is there. Faults: an error of zlib's or NumPy's own; more images than there are."""
    with pytest.raises(ValueError):  # noqa: PT011
        unpack(content, IMAGE, 1)


def test_a_bomb_is_not_inflated(monkeypatch):
    """Fault: a kilobyte that becomes a gigabyte."""
    monkeypatch.setattr(contents, "MOST", 1000)
    with pytest.raises(ValueError, match="don't end"):
        unpack(zlib.compress(b"\n" * 10**6), IMAGE, 1)
    with pytest.raises(InputError, match="at most 1000"):
        pack([Entry(f"{i:020}.png") for i in range(100)])


def test_no_memory_for_counting():
    assert Entry("a", "|u1", (10**9, *IMAGE)).count(IMAGE) == 10**9
    assert np.prod(IMAGE) == 6
