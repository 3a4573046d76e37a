"""Prepared arrays are as `prepare` wrote them, or there is one line."""

import json
import os

import numpy as np
import pytest
from tests.support import tiny

from pixelrnn.data import checksums
from pixelrnn.data.arrays import open_arrays
from pixelrnn.errors import InputError


def test_a_flipped_bit_of_the_images_is_noticed(tmp_path):
    """In the values, of every file. Fault: 52 of 100 flips became other images."""
    data = tiny.write_data(tmp_path / "stripes")
    random = np.random.default_rng(0)
    for name in ("train", "val", "test") * 10:
        file = data / f"{name}.npy"
        content = file.read_bytes()
        place = int(random.integers(128, len(content)))
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(InputError, match=rf"{name}\.npy( is not as it was prepared|: level 3)"):
            open_arrays(data, tiny.SHAPE, tiny.LEVELS)
        file.write_bytes(content)
    assert open_arrays(data, tiny.SHAPE, tiny.LEVELS)


def test_a_file_is_read_once_for_each_size_time_and_inode(tmp_path, monkeypatch):
    """Faults: at every start again; never again, although it was written since."""
    data = tiny.write_data(tmp_path / "stripes")
    looked, md5 = [], checksums.md5
    monkeypatch.setattr(checksums, "md5", lambda file: looked.append(file.name) or md5(file))
    for _ in range(3):
        open_arrays(data, tiny.SHAPE, tiny.LEVELS)
    assert sorted(looked) == ["test.npy", "train.npy", "val.npy"]
    os.utime(data / "val.npy", ns=(1, 1))
    open_arrays(data, tiny.SHAPE, tiny.LEVELS)
    assert looked[3:] == ["val.npy"]


def test_notes_that_cannot_be_read_or_written_are_done_without(tmp_path, monkeypatch):
    data = tiny.write_data(tmp_path / "stripes")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    open_arrays(data, tiny.SHAPE, tiny.LEVELS)
    (notes,) = (tmp_path / "cache/pixelrnn/checked").iterdir()
    notes.write_text("[")
    assert open_arrays(data, tiny.SHAPE, tiny.LEVELS)
    assert set(json.loads(notes.read_text())) == {"test.npy", "train.npy", "val.npy"}
    notes.unlink()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checksums, "write_json", full)
    assert open_arrays(data, tiny.SHAPE, tiny.LEVELS)
