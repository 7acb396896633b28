"""How tasks start, end and outlive the server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import msgspec

from ..port import (
    BadTask,
    Container,
    EngineFailed,
    Handle,
    ImageMissing,
    Inlet,
    Limits,
    Mount,
    Network,
    NoSuchTask,
)
from .bench import GET, METADATA, SLEEP, Bench


def test_it_is_there(bench: Bench) -> None:
    print_ = bench.engine.fingerprint()
    assert print_.state in ("healthy", "degraded") and (print_.state == "healthy" or print_.remedy)


def test_start_is_idempotent_by_name(bench: Bench) -> None:
    task = bench.task(bench.shell("date +%s%N; " + SLEEP))
    first = bench.start(task)
    bench.said(first, "1")
    pid = bench.status(first).containers["main"].pid
    assert bench.engine.start(task) == first
    assert bench.status(first).containers["main"].pid == pid
    assert len(bench.lines(first)) == 1


def test_an_ended_container_is_not_started_again(bench: Bench) -> None:
    task = bench.task(bench.shell("echo once; exit 3"))
    handle = bench.start(task)
    bench.ended(handle)
    assert bench.engine.start(task) == handle
    time.sleep(0.3)
    assert bench.ended(handle).exit_code == 3
    assert bench.text(handle) == "once"


def test_containers_start_in_the_order_that_is_asked(bench: Bench) -> None:
    task = bench.task(bench.shell("exit 0", "init"), bench.shell(SLEEP, "app"))
    handle = bench.start(task, only={"init"})
    bench.ended(handle, "init")
    assert bench.status(handle).containers["app"].state == "pending"
    assert bench.engine.start(task, only={"init", "app"}) == handle
    assert bench.until(handle, lambda one: one.state == "running", "app").pid


def test_exit_codes_and_times(bench: Bench) -> None:
    before = time.time()
    killed = "sh -c 'kill -KILL $$'; exit $?"  # by a child: process 1 cannot kill itself
    for script, code in (("exit 0", 0), ("exit 42", 42), (killed, 137), ("kill -9 -1; exit 5", 5)):
        status = bench.ended(bench.run(script))
        assert status.exit_code == code
        assert not status.oom_killed
        assert status.started is not None and status.finished is not None
        assert before - 1 <= status.started <= status.finished <= time.time() + 1
        assert status.pid is None


def test_the_stop_signal_is_honoured(bench: Bench) -> None:
    handle = bench.run("trap 'echo bye; exit 7' TERM; echo up; sleep 1000 & wait")
    bench.said(handle, "up")
    began = time.monotonic()
    bench.engine.stop(handle)
    assert time.monotonic() - began < 1
    bench.engine.stop(handle)
    assert bench.ended(handle).exit_code == 7
    assert time.monotonic() - began < 3
    assert bench.text(handle) == "up\nbye"


def test_another_stop_signal(bench: Bench) -> None:
    handle = bench.run("trap 'exit 9' USR1; echo up; sleep 1000 & wait", stop_signal="SIGUSR1")
    bench.said(handle, "up")
    bench.engine.stop(handle)
    assert bench.ended(handle).exit_code == 9


def test_who_does_not_listen_is_killed_after_the_stop_timeout(bench: Bench) -> None:
    handle = bench.run("trap '' TERM; echo up; while true; do sleep 1; done", stop_timeout_seconds=1.5)
    bench.said(handle, "up")
    began = time.monotonic()
    bench.engine.stop(handle)
    status = bench.ended(handle)
    assert status.exit_code == 137
    assert not status.oom_killed
    assert 1.2 < time.monotonic() - began < 4


def test_one_container_can_be_stopped(bench: Bench) -> None:
    handle = bench.start(bench.task(bench.shell("echo up; " + SLEEP, "one"), bench.shell(SLEEP, "two")))
    bench.said(handle, "up", "one")
    bench.engine.stop(handle, only={"one"})
    bench.ended(handle, "one")
    assert bench.status(handle).containers["two"].state == "running"


def test_a_kill_from_outside_is_told(bench: Bench) -> None:
    told: list[str] = []
    bench.engine.watch(told.append)
    handle = bench.run("sleep 1000")
    pid = bench.until(handle, lambda one: one.pid is not None).pid
    assert pid is not None
    told.clear()
    os.kill(pid, signal.SIGKILL)
    assert bench.ended(handle).exit_code == 137
    deadline = time.monotonic() + 5
    while handle.name not in told and time.monotonic() < deadline:
        time.sleep(0.02)
    assert handle.name in told


def test_a_program_that_is_not_there(bench: Bench) -> None:
    task = bench.task(Container(name="main", image=bench.image, command=("/no/such/program",)))
    bench.handles.append(Handle(driver="", name=task.name, id=""))
    try:
        handle = bench.engine.start(task)
    except EngineFailed as failed:
        assert "/no/such/program" in str(failed) or "no such file" in str(failed).lower()
        handle = next(one for one in bench.engine.recover() if one.name == task.name)
    bench.handles[-1] = handle
    status = bench.status(handle).containers["main"]
    assert status.state == "pending" and status.error


def test_a_missing_image_is_named(bench: Bench) -> None:
    task = bench.task(bench.shell(SLEEP), Container(name="other", image="registry.invalid/no/such:1"))
    try:
        bench.start(task)
    except ImageMissing as missing:
        assert missing.reference == "registry.invalid/no/such:1"
        assert "registry.invalid/no/such:1" in str(missing)
    else:
        raise AssertionError("started without an image")
    assert task.name not in {handle.name for handle in bench.engine.recover()}
    assert bench.engine.images.find("registry.invalid/no/such:1") is None


def test_a_bad_task_changes_nothing(bench: Bench) -> None:
    before = sorted(bench.leftovers())
    main = bench.shell("true")
    for bad in (
        bench.task(),
        bench.task(main, main),
        bench.task(msgspec.structs.replace(main, environment={"A=B": "1"})),
        bench.task(msgspec.structs.replace(main, capabilities_add=("GOD",))),
        bench.task(msgspec.structs.replace(main, mounts=(Mount(target="/a/../etc", source="x"),))),
        bench.task(msgspec.structs.replace(main, limits=Limits(memory_bytes=1))),
        bench.task(main, inlets=(Inlet(address="8.8.8.8", port=53, purpose="x"),)),
        bench.task(main, network=Network(cidr="10.0.0.0/24", address="10.0.1.1")),
    ):
        try:
            bench.engine.start(bad)
        except BadTask as refusal:
            assert str(refusal)
        else:
            raise AssertionError(f"started {bad}")
    assert sorted(bench.leftovers()) == before


def test_unknown_tasks(bench: Bench) -> None:
    nobody = Handle(driver="x", name="nobody", id="nobody-0123456789abcdef")
    assert bench.engine.inspect(nobody) is None
    bench.engine.stop(nobody)
    bench.engine.destroy(nobody)
    verbs: tuple[Callable[[], object], ...] = (
        lambda: bench.engine.logs(nobody, "main"),
        lambda: bench.engine.stats(nobody),
        lambda: bench.engine.exec(nobody, "main", ("true",)),
    )
    for verb in verbs:
        try:
            verb()
        except NoSuchTask:
            continue
        raise AssertionError("nobody answered")


def test_hostile_names(bench: Bench) -> None:
    name = f"../../etc/$(reboot)`id`; rm -rf '\"\\ 구름 \n{os.getpid()}" + "x" * 500
    value = "a'b\"c $HOME `id` \\ \n구름"
    task = bench.task(
        bench.shell('printf "%s|" "$HOSTILE"; printf "%s|" "$0" "$@"', environment={"HOSTILE": value}),
        name=name,
        labels={"any": value},
    )
    handle = bench.start(task)
    bench.ended(handle)
    assert bench.text(handle).startswith(value + "|")
    assert bench.status(handle).name == name
    assert name in {one.name for one in bench.engine.recover()}
    twin = bench.start(bench.task(bench.shell("true"), name=name + "x"))
    assert twin.id != handle.id


def test_a_killed_server_finds_its_tasks_again(bench: Bench) -> None:
    running = bench.run("i=0; while true; do i=$((i+1)); echo $i; sleep 0.05; done")
    ending = bench.run("sleep 0.5; exit 33")
    bench.said(running, "3")
    pid = bench.status(running).containers["main"].pid
    stored = msgspec.json.decode(msgspec.json.encode(running), type=Handle)
    last = bench.lines(running)[-1]
    bench.restart()
    assert {running, ending} <= set(bench.engine.recover())
    assert bench.status(stored).containers["main"].pid == pid
    assert bench.ended(ending).exit_code == 33
    bench.said(stored, str(int(last.text) + 5))
    after = [int(line.text) for line in bench.engine.logs(stored, "main", last.position)]
    assert after == list(range(int(last.text) + 1, int(last.text) + 1 + len(after)))
    bench.engine.stop(stored)
    bench.engine.destroy(stored)
    assert bench.engine.inspect(stored) is None


def test_doors_open_again_after_a_restart(bench: Bench) -> None:
    handle = bench.start(bench.task(bench.shell(SLEEP), inlets=(METADATA,)))
    bench.restart()
    bench.engine.recover()
    assert handle.name in bench.inside(handle, "python3", "-c", GET, "http://169.254.170.2/")


_SERVER = """
import msgspec, sys, time
from gureum.engines.containers.port import Container, Task
script = "i=0; while true; do i=$((i+1)); echo $i; sleep 0.02; done"
containers = (Container(name="main", image=sys.argv[1], command=("/bin/sh", "-c", script)),)
print(msgspec.json.encode(engine.start(Task(name=sys.argv[2], containers=containers))).decode(), flush=True)
time.sleep(1000)
"""


def test_kill_9_of_the_server_loses_nothing(bench: Bench) -> None:
    name = f"killed/{os.getpid()}"
    command = [sys.executable, "-c", bench.source + _SERVER, bench.image, name]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:  # noqa: S603
        assert server.stdout is not None
        handle = msgspec.json.decode(server.stdout.readline(), type=Handle)
        bench.handles.append(handle)
        server.kill()
    assert handle in bench.engine.recover()
    first = bench.status(handle).containers["main"]
    assert first.state == "running"
    count = len(bench.lines(handle))
    bench.said(handle, f"\n{count + 20}")
    numbers = [int(line.text) for line in bench.lines(handle)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert bench.status(handle).containers["main"].pid == first.pid
    bench.engine.stop(handle)
