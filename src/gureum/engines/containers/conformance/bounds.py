"""Limits and isolation."""

from __future__ import annotations

import time

from ..port import (
    Limits,
    Network,
    Port,
)
from .bench import API, GET, MB, METADATA, SLEEP, Bench, credentials, finish


def test_too_much_memory_is_killed_and_said(bench: Bench) -> None:
    if not bench.limited:
        return
    handle = bench.run(
        "python3 -c 'x = bytearray(200_000_000); print(len(x))'; exit $?", limits=Limits(memory_bytes=48 * MB)
    )
    status = bench.ended(handle)
    assert status.exit_code == 137
    assert status.oom_killed
    handle = bench.run("python3 -c 'print(len(bytearray(10_000_000)))'", limits=Limits(memory_bytes=48 * MB))
    assert bench.ended(handle).exit_code == 0
    assert not bench.ended(handle).oom_killed


def test_the_task_as_a_whole_is_bounded(bench: Bench) -> None:
    if not bench.limited:
        return
    hungry = "python3 -c 'import time; x = bytearray(60_000_000); time.sleep(1000)'; exit $?"
    both = (bench.shell(hungry, "one"), bench.shell(hungry, "two"))
    handle = bench.start(bench.task(*both, limits=Limits(memory_bytes=100 * MB)))
    deadline = time.monotonic() + 20
    while True:
        containers = bench.status(handle).containers
        if ended := [one for one in containers.values() if one.state == "exited"]:
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert ended[0].oom_killed and ended[0].exit_code == 137
    assert len(ended) == 1


def test_cpu_is_bounded(bench: Bench) -> None:
    if not bench.limited:
        return
    handle = bench.run("while true; do :; done", limits=Limits(cpu=0.25))
    time.sleep(0.2)
    before = bench.engine.stats(handle)
    time.sleep(2)
    after = bench.engine.stats(handle)
    used = after.containers["main"].cpu_seconds - before.containers["main"].cpu_seconds
    assert 0.1 < used / (after.time - before.time) < 0.33


def test_a_fork_bomb_stays_in_its_task(bench: Bench) -> None:
    handle = bench.run("bomb() { bomb | bomb & }; bomb; sleep 1000", limits=Limits(pids=40, cpu=0.5))
    neighbour = bench.run("echo fine; " + SLEEP)
    bench.said(neighbour, "fine")
    time.sleep(0.5)
    status = bench.status(handle).containers["main"]
    if status.state == "running" and bench.limited:
        assert bench.engine.stats(handle).containers["main"].pids <= 41
    began = time.monotonic()
    bench.engine.destroy(handle)
    assert bench.engine.inspect(handle) is None
    assert time.monotonic() - began < 10


def test_containers_of_a_task_share_localhost_only(bench: Bench) -> None:
    serve = "mkdir /www; echo hello > /www/index.html; httpd -f -p 127.0.0.1:8000 -h /www"
    handle = bench.start(bench.task(bench.shell(serve, "web"), bench.shell(SLEEP, "client")))
    fetch = ("python3", "-c", GET, "http://127.0.0.1:8000/")
    deadline = time.monotonic() + 5
    while "hello" not in (text := bench.inside(handle, *fetch, container="client")):
        assert time.monotonic() < deadline, text
    assert "httpd" not in bench.inside(handle, "ps", container="client")
    assert "www" not in bench.inside(handle, "ls", "/", container="client").split()
    stranger = bench.run(SLEEP)
    assert "failed" in bench.inside(stranger, *fetch)


def test_each_task_has_its_own_address(bench: Bench) -> None:
    serve = "mkdir /www; echo I am $NAME > /www/index.html; httpd -f -p 80 -h /www"
    one = bench.run(serve, environment={"NAME": "one"})
    two = bench.run(serve, environment={"NAME": "two"})
    first, second = bench.status(one).address, bench.status(two).address
    assert first and second and first != second
    deadline = time.monotonic() + 5
    while "I am two" not in (text := bench.inside(one, "python3", "-c", GET, f"http://{second}/")):
        assert time.monotonic() < deadline, text
    assert "I am one" in bench.inside(one, "python3", "-c", GET, f"http://{first}/")


def test_networks_are_apart(bench: Bench) -> None:
    serve = "mkdir /www; echo secret > /www/index.html; httpd -f -p 80 -h /www"
    here = bench.start(bench.task(bench.shell(serve), network=Network(name="vpc/a", cidr="10.213.1.0/24")))
    there = bench.start(bench.task(bench.shell(SLEEP), network=Network(name="vpc/b", cidr="10.213.2.0/24")))
    address = bench.status(here).address
    assert address.startswith("10.213.1.")
    deadline = time.monotonic() + 5
    while "secret" not in (text := bench.inside(here, "python3", "-c", GET, f"http://{address}/")):
        assert time.monotonic() < deadline, text
    assert "failed" in bench.inside(there, "python3", "-c", GET, f"http://{address}/")


def test_an_address_of_choice(bench: Bench) -> None:
    network = Network(name="vpc/c", cidr="10.213.3.0/24", address="10.213.3.77")
    handle = bench.start(bench.task(bench.shell("ip -4 addr; " + SLEEP), network=network))
    assert bench.status(handle).address == "10.213.3.77"
    bench.said(handle, "10.213.3.77")


def test_published_ports(bench: Bench) -> None:
    serve = "mkdir /www; echo published > /www/index.html; httpd -f -p 8080 -h /www"
    handle = bench.start(bench.task(bench.shell(serve), ports=(Port(container_port=8080),)))
    port = bench.status(handle).ports["8080/tcp"]
    from urllib.request import urlopen

    deadline = time.monotonic() + 5
    while True:
        try:
            assert b"published" in urlopen(f"http://127.0.0.1:{port}/", timeout=3).read()
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_doors_tell_who_asks(bench: Bench) -> None:
    one = bench.start(bench.task(bench.shell(SLEEP), bench.shell(SLEEP, "side"), inlets=(METADATA, API)))
    two = bench.start(bench.task(bench.shell(SLEEP), inlets=(METADATA, API)))
    fetch = ("python3", "-c", GET)
    for handle, container in ((one, "main"), (one, "side"), (two, "main")):
        answer = bench.inside(handle, *fetch, "http://169.254.170.2/v4/any/task", container=container)
        assert answer.strip() == f"task-metadata of {handle.name}"
    assert bench.inside(one, *fetch, "http://127.0.0.1:4566/").strip() == f"api of {one.name}"
    # A neighbour who sends packets for 169.254.170.2 to our address is not heard.
    outside = bench.run(SLEEP)
    assert "failed" in bench.inside(outside, *fetch, "http://169.254.170.2/")
    intruder = bench.start(bench.task(bench.shell(SLEEP, capabilities_add=("NET_ADMIN",))))
    bench.inside(intruder, "ip", "route", "add", "169.254.170.2/32", "via", bench.status(one).address)
    assert "failed" in bench.inside(intruder, *fetch, "http://169.254.170.2/")


def test_processes_and_files_are_apart(bench: Bench) -> None:
    one = bench.run("echo mine > /tmp/mine; exec sleep 1234")
    two = bench.run("ps; ls /tmp; " + SLEEP)
    assert "1234" not in bench.said(two, "ps") and "mine" not in bench.text(two)
    assert bench.status(one).containers["main"].state == "running"
    assert "refused" in bench.inside(
        one, "sh", "-c", "echo x > /proc/sys/kernel/core_pattern || echo refused"
    )


def test_a_real_sdk_gets_its_own_credentials_only(bench: Bench) -> None:
    one = bench.start(bench.task(bench.shell(SLEEP), inlets=(METADATA,)))
    two = bench.start(bench.task(bench.shell(SLEEP), inlets=(METADATA,)))
    program = "import boto3; print(boto3.Session().get_credentials().access_key)"
    for handle in (one, two):
        # Whatever id is asked for: the door decides.
        environment = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": f"/v2/credentials/{two.id}"}
        key = bench.inside(handle, "python3", "-c", program, environment=environment)
        assert key.strip() == credentials(handle.name)["AccessKeyId"]


def test_no_new_namespaces_or_mounts(bench: Bench) -> None:
    handle = bench.run(SLEEP)
    for command in (
        ("unshare", "-m", "true"),
        ("unshare", "-n", "true"),
        ("mount", "-t", "tmpfs", "x", "/home"),
    ):
        assert finish(bench.engine.exec(handle, "main", command))[0] not in (0, None), command
    main = bench.run("unshare -m true && echo got out; mount -t tmpfs x /home && echo mounted; echo done")
    assert "got out" not in bench.said(main, "done") and "mounted" not in bench.text(main)
