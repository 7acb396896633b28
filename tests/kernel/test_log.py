"""Append-only logs: what was flushed is there after any crash, and a torn end is cut off."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gureum.kernel.durable import Syncer
from gureum.kernel.log import Log


def make(folder, **more):
    return Log(folder, Syncer("write"), lambda log: None, **more)


def entries(log):
    return [entry for _, entry in log.entries()]


def test_entries_come_back_in_order_and_by_position(tmp_path):
    log = make(tmp_path / "l")
    positions = [log.append(f"e{i}".encode()) for i in range(100)]
    assert log.read(positions[42]) == b"e42"
    assert entries(log) == [f"e{i}".encode() for i in range(100)]
    log.close()
    again = make(tmp_path / "l")
    assert entries(again) == [f"e{i}".encode() for i in range(100)]
    assert again.read(positions[99]) == b"e99"
    again.append(b"more")
    assert entries(again)[-1] == b"more"


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=30), st.data())
def test_a_torn_end_costs_only_what_nobody_was_told_of(tmp_path_factory, items, data):
    folder = tmp_path_factory.mktemp("torn")
    log = make(folder)
    ends = [log.append(item)[1] + len(item) for item in items]
    log.close()
    path = next(folder.glob("*.log"))
    cut = data.draw(st.integers(0, path.stat().st_size))
    os.truncate(path, cut)
    whole = [item for item, end in zip(items, ends, strict=True) if end <= cut]
    again = make(folder)
    assert entries(again) == whole
    again.append(b"next")
    assert entries(again) == [*whole, b"next"]
    again.close()


def test_a_damaged_entry_ends_the_log(tmp_path):
    log = make(tmp_path / "l")
    for _ in range(3):
        log.append(b"x" * 100)
    log.close()
    path = next((tmp_path / "l").glob("*.log"))
    raw = bytearray(path.read_bytes())
    raw[150] ^= 1
    path.write_bytes(raw)
    assert len(entries(make(tmp_path / "l"))) == 1


def test_segments_roll_and_old_ones_are_forgotten(tmp_path):
    log = make(tmp_path / "l", segment_bytes=1000)
    positions = []
    for _ in range(50):
        positions.append(log.append(b"y" * 90))
        log.flush()
    assert len(log.segments) > 3
    last = max(log.segments)
    log.forget_before(last)
    assert list(log.segments) == [last]
    assert log.read(positions[-1]) == b"y" * 90
    assert len(list((tmp_path / "l").iterdir())) == 1


def test_a_full_disc_loses_only_what_could_not_be_written(tmp_path, monkeypatch):
    log = make(tmp_path / "l")
    log.append(b"kept")
    log.flush()
    lost = []
    log.on_loss = lambda: lost.append(True)
    real = os.write

    def full(fd, data):
        real(fd, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    log.append(b"cannot be kept")
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        log.flush()
    monkeypatch.setattr(os, "write", real)
    assert lost == [True]
    log.append(b"after")
    assert entries(log) == [b"kept", b"after"]
    log.close()
    assert entries(make(tmp_path / "l")) == [b"kept", b"after"]


def test_clear_empties(tmp_path):
    log = make(tmp_path / "l")
    log.append(b"a")
    log.flush()
    log.append(b"b")
    log.clear()
    assert entries(log) == []
    log.append(b"c")
    assert entries(log) == [b"c"]
    log.close()
    assert entries(make(tmp_path / "l")) == [b"c"]


def test_what_replaces_a_segment_is_written_before_it_goes(tmp_path):
    log = make(tmp_path / "l", segment_bytes=50)
    log.append(b"x" * 60)
    log.flush()
    log.append(log.read((min(log.segments), 8, 60)))
    log.forget_before(max(log.segments))
    # As a kill at this moment leaves the folder.
    assert entries(make(tmp_path / "l")) == [b"x" * 60]
