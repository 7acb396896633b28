"""The parts that container drivers share: log positions, control groups, timers, specifications, kernel filters."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gureum.engines.containers import loglines
from gureum.engines.containers.bubblewrap import seccomp
from gureum.engines.containers.bubblewrap.container import Log
from gureum.engines.containers.cgroups import Bounds, Hierarchy
from gureum.engines.containers.docker.driver import Docker
from gureum.engines.containers.docker.process import frames
from gureum.engines.containers.loglines import Piece, assemble, read_file, start_of
from gureum.engines.containers.names import plain
from gureum.engines.containers.port import Container, EngineAbsent, Handle, Task
from gureum.engines.containers.spec import check
from gureum.engines.containers.timers import Timers

PIECES = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["stdout", "stderr"]), st.binary(max_size=5), st.booleans()),
    max_size=30,
)


def pieces_of(rows: list[tuple[int, str, bytes, bool]]) -> list[Piece]:
    """Records as an engine has them: their base never goes back."""
    base, out = 100, []
    for step, stream, text, whole in rows:
        base += step
        out.append(Piece(base, float(base), stream, text, whole))  # type: ignore[arg-type]
    return out


@given(PIECES, st.integers(1, 4))
def test_lines_are_the_same_however_they_are_read(
    rows: list[tuple[int, str, bytes, bool]], limit: int
) -> None:
    """Reading on from any position, in portions of any size, tells each line once."""
    pieces = pieces_of(rows)
    everything = assemble(pieces, 0, 1000, ended=True)
    told = []
    base, skip = start_of("")
    while portion := assemble((one for one in pieces if one.base >= base), skip, limit, ended=True):
        told += portion
        base, skip = start_of(portion[-1].position)
    assert told == everything
    joined: dict[str, bytes] = {"stdout": b"", "stderr": b""}
    for line in everything:
        joined[line.stream] += line.text
    for stream, text in joined.items():
        assert text == b"".join(one.text for one in pieces if one.stream == stream)


@given(
    st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.binary(max_size=40)), max_size=12),
    st.integers(1, 3),
)
def test_the_supervisors_log_reads_back(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[str, bytes]], limit: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "x.log"
    log = Log(path)
    position, told = "", []

    def read() -> None:
        nonlocal position
        while lines := read_file(path, loglines.parse_k8s, position, limit, ended=False):
            told.extend(lines)
            position = lines[-1].position

    for stream, data in writes:
        log.write(stream, data)
        read()
    log.end("stdout")
    log.end("stderr")
    log.close()
    read()
    for stream in ("stdout", "stderr"):
        whole = b"".join(data for name, data in writes if name == stream)
        lines = whole.split(b"\n")
        expected = lines if lines[-1] else lines[:-1]
        assert [line.text for line in told if line.stream == stream] == expected


def test_dockers_own_log_file(tmp_path: Path) -> None:
    path = tmp_path / "json.log"
    rows = [
        {"log": "a\n", "stream": "stdout", "time": "2026-01-02T03:04:05.123456789Z"},
        {"log": "long ", "stream": "stdout", "time": "2026-01-02T03:04:06Z"},
        {"log": "err\n", "stream": "stderr", "time": "2026-01-02T03:04:06.5Z"},
        {"log": "line\n", "stream": "stdout", "time": "2026-01-02T03:04:07Z"},
        {"log": "half", "stream": "stdout", "time": "2026-01-02T03:04:08Z"},
    ]
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows) + b'{"log": "torn')
    lines = read_file(path, loglines.parse_json, "", 100, ended=False)
    assert [line.text for line in lines] == [b"a", b"err", b"long line"]
    assert lines[0].time == pytest.approx(1767323045.123456)
    # After the error line, the long one must still come whole, though it began before.
    after = read_file(path, loglines.parse_json, lines[1].position, 100, ended=False)
    assert [line.text for line in after] == [b"long line"]
    ended = read_file(path, loglines.parse_json, lines[2].position, 100, ended=True)
    assert [line.text for line in ended] == [b"half"]


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=20)), max_size=8), st.integers(1, 7))
def test_frames_in_any_portions(rows: list[tuple[int, bytes]], size: int) -> None:
    data = b"".join(bytes([kind, 0, 0, 0]) + len(text).to_bytes(4, "big") + text for kind, text in rows)
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    assert list(frames(chunks)) == [("stderr" if kind == 2 else "stdout", text) for kind, text in rows]


@given(st.text(min_size=1, max_size=80))
def test_engine_names_are_plain(name: str) -> None:
    assert plain(name).replace("-", "").isalnum() and plain(name).isascii() and len(plain(name)) <= 42
    assert plain(name) != plain(name + "x")


def fake_v2(root: Path) -> Hierarchy:
    """The files of a version 2 hierarchy, as the kernel would show them."""
    root.mkdir()
    (root / "cgroup.controllers").write_text("cpu io memory pids\n")
    (root / "cgroup.subtree_control").write_text("")
    return Hierarchy(root)


def test_version_2_limits_and_counters(tmp_path: Path) -> None:
    groups = fake_v2(tmp_path / "cg")
    assert groups.version == 2 and not groups.missing
    place = tmp_path / "cg" / "task"
    place.mkdir()
    (place / "memory.swap.max").write_text("max")
    groups.make("task", Bounds(0.25, 1024, 64 << 20, 32 << 20, 77))
    assert (tmp_path / "cg" / "cgroup.subtree_control").read_text() == "+memory +cpu +pids +io"
    written = {
        name: (place / name).read_text() for name in ("memory.max", "cpu.max", "memory.low", "pids.max")
    }
    assert written == {
        "memory.max": str(64 << 20),
        "cpu.max": "25000 100000",
        "memory.low": str(32 << 20),
        "pids.max": "77",
    }
    assert (place / "memory.swap.max").read_text() == "0" and 1 < int(
        (place / "cpu.weight").read_text()
    ) < 100
    (place / "memory.current").write_text("5000")
    (place / "memory.stat").write_text("anon 1000\ninactive_file 2000\n")
    (place / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    (place / "io.stat").write_text("8:0 rbytes=10 wbytes=20 rios=1\n8:16 rbytes=1 wbytes=2\n")
    (place / "pids.current").write_text("3")
    (place / "memory.events").write_text("low 0\noom 2\noom_kill 1\n")
    assert groups.counters("task") == (1.5, 3000, 64 << 20, 11, 22, 3)
    assert groups.oom_kills("task") == 1
    assert groups.counters("gone") is None


def test_no_control_groups(tmp_path: Path) -> None:
    groups = Hierarchy(tmp_path)
    assert groups.version == 0
    groups.make("x", Bounds(1, None, 1, None, 1))
    groups.remove("x")
    assert groups.counters("x") is None and not list(tmp_path.iterdir())


def test_timers_keep_their_order_and_survive_errors() -> None:
    timers, seen, done = Timers("test"), [], threading.Event()
    timers.after(0.06, done.set)
    timers.after(0.04, lambda: seen.append("late"))
    timers.after(0.02, lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    timers.after(0.01, lambda: seen.append("early"))
    assert done.wait(5) and seen == ["early", "late"]
    timers.after(0.01, lambda: seen.append("never"))
    timers.close()
    time.sleep(0.03)
    assert seen == ["early", "late"]


def test_the_filter_is_a_program() -> None:
    full, mounting = seccomp.program(), seccomp.program(mounting=True)
    assert len(full) % 8 == 0 and 0 < len(mounting) < len(full)


def test_handles_and_specifications_are_stored_and_come_back() -> None:
    task = Task(name="t", containers=(Container(name="a", image="b", environment={"x": "y"}),))
    assert msgspec.json.decode(msgspec.json.encode(task), type=Task) == task
    check(task)
    handle = Handle(driver="docker", name="t", id="i")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(handle), type=Handle) == handle


def test_an_absent_engine_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    engine = Docker(tmp_path, "x", lambda door: door.socket.close, socket=f"{tmp_path}/none.sock")
    began = time.monotonic()
    told = engine.fingerprint()
    assert (
        told.state == "absent"
        and "none.sock" in told.reason
        and told.remedy.startswith("sudo apt-get install")
    )
    task = Task(name="t", containers=(Container(name="a", image="b"),))
    for verb in (lambda: engine.start(task), lambda: engine.images.find("x"), engine.recover):
        with pytest.raises(EngineAbsent, match="apt-get install"):
            verb()
    assert time.monotonic() - began < 1
    engine.close()
