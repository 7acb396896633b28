"""Which engine there is to talk to: a socket that answers, or a Podman that we start."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..cgroups import Hierarchy
from ..outcome import Fingerprint
from ..port import EngineAbsent, EngineFailed
from . import pause
from .http import Api, Refused, Unreachable
from .podman import INSTALL, PodmanService


class Engine:
    """The connection. `api()` answers at once when it is known to be there and raises `EngineAbsent` otherwise."""

    def __init__(self, data_dir: Path, installation: str, socket: str, store: Path | None) -> None:
        self._wanted = socket
        self._service = PodmanService(data_dir, installation, store)
        self._store = store
        self._api: Api | None = None
        self._lock = threading.Lock()
        self.version: dict[str, Any] = {}
        self.info: dict[str, Any] = {}
        self.podman = False
        self.cgroups = Hierarchy()
        self.connected: Callable[[Api], None] = lambda api: None

    def api(self) -> Api:
        """The engine, connected. Raises `EngineAbsent`."""
        return self._api or self.connect()

    def connect(self) -> Api:
        """Find the engine (again). Raises `EngineAbsent`."""
        with self._lock:
            failures = []
            for path in self._candidates():
                try:
                    if path == self._service.socket:
                        self._service.ensure()
                    api = Api(path)
                    if path == self._service.socket:
                        api.revive = self._service.ensure
                    self.version = api.negotiate()
                    known = self._api is not None and self._api.path == path
                    if not known:  # Podman takes half a second to tell
                        self.info = api.call("GET", "/info", timeout=10)
                except (OSError, Refused) as error:
                    failures.append(f"{path}: {error}")
                    continue
                parts = [part.get("Name", "") for part in self.version.get("Components") or ()]
                self.podman = any("Podman" in name for name in parts)
                if not known:
                    self._api = api
                    self.connected(api)
                return self._api or api
            self._api = None
        raise EngineAbsent(self._absence(failures))

    def close(self) -> None:
        """Let go; a Podman service of ours ends, its containers run on."""
        self._api = None
        self._service.close()

    def fingerprint(self) -> Fingerprint:
        """See `port.Containers.fingerprint`."""
        try:
            self.connect()
        except EngineAbsent as absent:
            remedy = "" if PodmanService.installed() and not self._wanted else INSTALL
            return Fingerprint(driver="docker", state="absent", reason=str(absent), remedy=remedy)
        flaws = self._flaws()
        name = "Podman" if self.podman else "Docker"
        return Fingerprint(
            driver="docker",
            state="degraded" if flaws else "healthy",
            reason="; ".join(reason for reason, _ in flaws),
            remedy=flaws[0][1] if flaws else "",
            version=f"{name} {self.version.get('Version', '')}",
        )

    def own_groups(self) -> bool:
        """Whether we can make the control group that bounds a task as a whole."""
        return self.info.get("CgroupDriver") == "cgroupfs" and self.cgroups.version > 0 and os.geteuid() == 0

    def _flaws(self) -> list[tuple[str, str]]:
        flaws = []
        if not pause.supported():
            flaws.append(
                (
                    f"no task can hold a network on a {platform.machine()} processor",
                    "use an x86_64 or arm64 host",
                )
            )
        if not self.info.get("MemoryLimit", True):
            flaws.append(
                ("the engine cannot limit memory", "add cgroup_enable=memory to the kernel's command line")
            )
        if os.geteuid() != 0:
            flaws.append(
                (
                    "tasks cannot reach the metadata endpoint: making a door into them needs root",
                    "run gureum as root",
                )
            )
        if not self.own_groups():
            text = "a task's limits bound each container and not their sum: the engine's control groups are not ours"
            flaws.append(
                (text, 'set "native.cgroupdriver=cgroupfs" in the engine\'s exec-opts and run gureum as root')
            )
        return flaws

    def _candidates(self) -> Iterator[str]:
        if self._wanted:
            yield self._wanted
            return
        if self._store is None:  # a store of our own is only for a Podman of our own
            named = os.environ.get("DOCKER_HOST", "")
            if named.startswith("unix://"):
                yield named.removeprefix("unix://")
            runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")
            for path in ("/var/run/docker.sock", "/run/podman/podman.sock", f"{runtime}/podman/podman.sock"):
                if os.access(path, os.W_OK):
                    yield path
        if PodmanService.installed():
            yield self._service.socket

    def _absence(self, failures: list[str]) -> str:
        told = "; ".join(failures) or "there is no Docker or Podman socket, and no podman program to start"
        return f"no container engine: {told}. Install one: {INSTALL}"


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """The engine's refusals and silences, as the port's exceptions."""
    try:
        yield
    except Refused as refused:
        raise EngineFailed(refused.text) from refused
    except Unreachable as error:
        engine.connect()  # raises EngineAbsent when it is gone; a Podman of ours is started again
        raise EngineFailed(f"the engine broke off and is back: {error}") from error
    except OSError as error:
        raise EngineFailed(str(error)) from error
