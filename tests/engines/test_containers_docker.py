"""The Docker and Podman driver against the conformance suite, on a Podman with a store of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from gureum.engines.containers import conformance
from gureum.engines.containers.conformance import *  # noqa: F403  (the checks)
from gureum.engines.containers.docker.driver import Docker
from gureum.engines.containers.docker.http import Api
from gureum.engines.containers.docker.podman import PodmanService

Podman = Callable[..., AbstractContextManager[Docker]]

# A running dockerd to try instead (one in a network namespace of its own: it changes the host's forwarding).
SOCKET = os.environ.get("GUREUM_TEST_DOCKER_SOCKET", "")

pytestmark = pytest.mark.skipif(
    not SOCKET and not PodmanService.installed(), reason="podman is not installed"
)


@pytest.fixture(scope="module")
def server() -> Iterator[conformance.Server]:
    server = conformance.Server()
    yield server
    server.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("docker")


@pytest.fixture(scope="module")
def first(root: Path, server: conformance.Server, container_image: Path, podman: Podman) -> Iterator[Docker]:
    """The driver that owns the Podman service: the others of this module find it running."""
    with podman(root, server.serve, SOCKET) as driver:
        driver.images.load(container_image, "gureum/test:1")
        yield driver


@pytest.fixture
def bench(root: Path, server: conformance.Server, first: Docker) -> Iterator[conformance.Bench]:
    def make() -> Docker:
        return Docker(root / "data", str(root), server.serve, socket=SOCKET, store=root / "store")

    def leftovers() -> list[str]:
        api: Api = first._engine.api()
        found = [row["Id"] for row in api.call("GET", "/containers/json", {"all": "true"})]
        found += [row["Name"] for row in api.call("GET", "/volumes")["Volumes"] or ()]
        found += [row["Name"] for row in api.call("GET", "/networks")]
        found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/gureum/{first._installation}/*/")]
        found += [str(path) for path in (root / "data" / "container-files").glob("*")]
        # Not the machine's interfaces: other tests make and remove theirs at the same time.
        return found

    source = (
        "from pathlib import Path; from gureum.engines.containers.docker.driver import Docker\n"
        f"engine = Docker(Path({str(root / 'data')!r}), {str(root)!r}, lambda door: door.socket.close,"
        f" socket={SOCKET!r}, store=Path({str(root / 'store')!r}))\n"
    )
    bench = conformance.Bench(make, "gureum/test:1", leftovers, server, source)
    yield bench
    bench.close()


def test_logs_over_the_api_are_the_same(bench: conformance.Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the engine's files are not ours to read."""
    monkeypatch.setattr("gureum.engines.containers.docker.logs._readable", lambda path: False)
    conformance.test_logs_are_complete_ordered_and_resumable(bench)  # type: ignore[attr-defined]
    conformance.test_long_and_binary_lines(bench)  # type: ignore[attr-defined]
    conformance.test_a_killed_server_finds_its_tasks_again(bench)  # type: ignore[attr-defined]


def test_the_engine_comes_back(bench: conformance.Bench, first: Docker) -> None:
    """Kill Podman's service: containers run on, and the next call starts it again."""
    if SOCKET:
        pytest.skip("the engine is not ours to kill")
    handle = bench.run("echo up; sleep 1000")
    bench.said(handle, "up")
    pid = bench.status(handle).containers["main"].pid
    service = first._engine._service._process
    assert service is not None
    service.kill()
    service.wait()
    assert bench.inside(handle, "echo", "still here") == "still here\n"
    assert bench.status(handle).containers["main"].pid == pid
    bench.restart()
    assert handle in bench.engine.recover()
