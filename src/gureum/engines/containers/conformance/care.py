"""Looking into running containers, and leaving nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ..port import (
    File,
    HealthCheck,
    Limits,
    Mount,
    Network,
    Port,
)
from .bench import MB, METADATA, SLEEP, Bench, finish


def test_exec(bench: Bench) -> None:
    handle = bench.run("echo up; " + SLEEP, environment={"A": "container"}, directory="/home")
    bench.said(handle, "up")
    run = bench.engine.exec
    script = 'read x; echo "$x $A $B $(id -u)"; pwd; echo err >&2; exit 5'
    process = run(handle, "main", ("sh", "-c", script), environment={"B": "b"}, user="bob", directory="/usr")
    process.send(b"hello\n")
    process.close_input()
    parts = list(process.output())
    assert b"".join(data for stream, data in parts if stream == "stdout") == b"hello container b 1000\n/usr\n"
    assert b"".join(data for stream, data in parts if stream == "stderr") == b"err\n"
    assert process.wait(5) == 5
    process.close()
    assert finish(run(handle, "main", ("/no/such",)))[0] in (126, 127)
    assert finish(run(handle, "main", ("pwd",)))[1] == "/home\n"
    code, text = finish(run(handle, "main", ("cat", "/proc/self/status")))
    assert code == 0
    own = bench.inside(handle, "grep", "CapEff", "/proc/1/status")
    assert own in text


def test_exec_with_a_terminal(bench: Bench) -> None:
    handle = bench.run(SLEEP)
    process = bench.engine.exec(handle, "main", ("/bin/sh",), tty=True)
    process.resize(33, 99)
    process.send(b"tty && stty size; exit 4\n")
    text = b"".join(data for stream, data in process.output() if stream == "stdout").decode()
    assert "/dev/pts/" in text and "33 99" in text
    assert process.wait(5) == 4
    process.close()


def test_closing_ends_a_command(bench: Bench) -> None:
    handle = bench.run(SLEEP)
    process = bench.engine.exec(handle, "main", ("sleep", "4321"))
    assert process.wait(0.3) is None
    assert "4321" in bench.inside(handle, "ps")
    process.close()
    deadline = time.monotonic() + 5
    while "4321" in bench.inside(handle, "ps"):
        assert time.monotonic() < deadline


def test_stats(bench: Bench) -> None:
    busy = "import time; x = bytearray(30_000_000); sum(range(5_000_000)); print(1); time.sleep(99)"
    handle = bench.start(
        bench.task(
            bench.shell(f"python3 -u -c '{busy}'", limits=Limits(memory_bytes=128 * MB)),
            inlets=(METADATA,),
        )
    )
    bench.said(handle, "1")
    usage = bench.engine.stats(handle)
    main = usage.containers["main"]
    assert abs(usage.time - time.time()) < 5
    if bench.limited:
        assert 25 * MB < main.memory_bytes < 128 * MB
        assert main.memory_limit_bytes == 128 * MB
        assert 0.02 < main.cpu_seconds < 10
        assert 1 <= main.pids <= 5
    assert usage.network is not None
    before = usage.network.sent_packets
    gateway = bench.status(handle).gateway
    bench.inside(handle, "ping", "-c", "2", "-W", "1", gateway)
    after = bench.engine.stats(handle).network
    assert after is not None and after.sent_packets > before


def test_health(bench: Bench) -> None:
    check = HealthCheck(
        command=("test", "-e", "/home/good"),
        interval_seconds=0.3,
        timeout_seconds=3,
        retries=2,
    )
    handle = bench.run(SLEEP, health=check)
    assert bench.status(handle).containers["main"].health == "starting"
    bench.until(handle, lambda one: one.health == "unhealthy")
    bench.inside(handle, "touch", "/home/good")
    bench.until(handle, lambda one: one.health == "healthy")
    slow = HealthCheck(command=("sleep", "60"), interval_seconds=0.2, timeout_seconds=0.2, retries=1)
    bench.until(bench.run(SLEEP, health=slow), lambda one: one.health == "unhealthy")
    assert bench.status(bench.run(SLEEP)).containers["main"].health == "none"


def test_init_reaps(bench: Bench) -> None:
    handle = bench.run("echo up; trap 'exit 6' TERM; sleep 1000 & wait", init=True)
    bench.said(handle, "up")
    assert bench.inside(handle, "cat", "/proc/1/comm").strip() != "sh"
    bench.engine.stop(handle)
    assert bench.ended(handle).exit_code == 6


def test_destroy_leaves_nothing(bench: Bench) -> None:
    for handle in bench.handles:
        bench.engine.destroy(handle)
    before = sorted(bench.leftovers())
    task = bench.task(
        bench.shell(
            "sleep 1000", mounts=(Mount(target="/data", source="v"),), files=(File(path="/f", data=b"x"),)
        ),
        bench.shell("exit 0", "done"),
        inlets=(METADATA,),
        ports=(Port(container_port=80),),
        network=Network(name=f"only/{os.getpid()}"),
    )
    handle = bench.start(task)
    pid = bench.status(handle).containers["main"].pid
    assert pid is not None and sorted(bench.leftovers()) != before
    bench.engine.destroy(handle)
    bench.engine.destroy(handle)
    assert bench.engine.inspect(handle) is None
    assert handle not in bench.engine.recover()
    assert sorted(bench.leftovers()) == before
    assert not Path(f"/proc/{pid}").exists()


def test_a_task_starts_in_a_second_and_a_half(bench: Bench) -> None:
    bench.run("true")
    best = 9.0
    for _ in range(3):
        began = time.monotonic()
        handle = bench.run("echo up; sleep 100")
        bench.said(handle, "up")
        best = min(best, time.monotonic() - began)
    assert best < 1.5
