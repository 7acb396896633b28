"""Containers without an engine: bubblewrap sandboxes under supervisors of our own.

sandboxes/<id>/task.json             what the task is (written last: without it the folder is a crash's litter)
sandboxes/<id>/state.json            what its supervisor has seen
sandboxes/<id>/containers/<name>/    the container's own layer of files, and those it is given
sandboxes/<id>/<name>.log            what it has written
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec

from .. import loglines
from ..cgroups import Hierarchy
from ..names import plain, short
from ..netdev import network_usage
from ..outcome import ContainerStatus, Fingerprint, Handle, Image, LogLine, TaskStatus, TaskUsage, Usage
from ..port import (
    BadTask,
    ContainerError,
    Door,
    Doors,
    EngineAbsent,
    EngineFailed,
    ImageMissing,
    NoSuchTask,
    Process,
)
from ..spec import HOST_IMAGE, Container, Task, check
from . import wire
from .folder import Kept, TaskFolder
from .host import Bwrap, fingerprint
from .images import SandboxImages
from .network import Networks
from .plan import Planner, bounds, log_name, user_of
from .process import SandboxProcess
from .supervision import Events, Launcher, alive, ask, connect, read_state

_UID_BASE = 1_000_000  # the host's ids of the sandboxes' users, far above any of its own


class Bubblewrap:
    """The driver; see `port.Containers` for the verbs.

    `data_dir` keeps images, volumes and tasks. `installation` keeps servers on one machine apart.
    """

    def __init__(self, data_dir: Path, installation: str, doors: Doors) -> None:
        self._installation = short(installation, 8)
        self._root = data_dir / "sandboxes"
        self._shared = data_dir / "sandbox-volumes"
        self._uid_base = _UID_BASE if os.geteuid() == 0 else 0
        self._bwrap = Bwrap.find()
        self._cgroups = Hierarchy()
        self._images = SandboxImages(data_dir / "sandbox-images", self._uid_base)
        self._networks = Networks(data_dir / "sandbox-networks", self._installation)
        self._launcher = Launcher()
        self._doors = doors
        self._closers: dict[str, list[Callable[[], None]]] = {}
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        self._seen: dict[str, tuple[tuple[int, int, bool], TaskStatus]] = {}
        self._kept: dict[str, Kept] = {}
        self._watchers: list[Callable[[str], None]] = []
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._events = Events(self._root)
        self._events.follow(self._changed)

    @property
    def images(self) -> SandboxImages:
        return self._images

    def fingerprint(self) -> Fingerprint:
        return fingerprint(self._bwrap, self._cgroups)

    def watch(self, changed: Callable[[str], None]) -> None:
        self._watchers.append(changed)

    def close(self) -> None:
        for closers in self._closers.values():
            for close in closers:
                close()
        self._closers.clear()
        self._events.close()
        self._launcher.close()
        self._cgroups.prune(f"gureum/{self._installation}")

    # --- start and recover

    def start(self, task: Task, only: Collection[str] | None = None) -> Handle:
        check(task)
        wanted = [one for one in task.containers if only is None or one.name in only]
        if unknown := set(only or ()) - {one.name for one in wanted}:
            raise BadTask(f"no container of the task is named {', '.join(sorted(unknown))}")
        if any(port.protocol != "tcp" for port in task.ports):
            raise BadTask("the sandbox driver publishes TCP ports only")
        if self._bwrap is None:
            raise EngineAbsent(self.fingerprint().reason + ": " + self.fingerprint().remedy)
        id = plain(task.name)
        with self._locks[id], _told():
            folder = self._root / id
            state = read_state(folder) or {"containers": {}}
            planner = self._planner(task, folder)
            wanted = [one for one in wanted if one.name not in state["containers"]]
            plans = [(one, self._plan(planner, one)) for one in wanted]
            if not (folder / "task.json").exists():
                self._prepare(task, folder, planner.root_group)
            if plans or not alive(folder):
                with self._running(folder) as line:
                    for container, plan in plans:
                        TaskFolder(folder, self._uid_base).add(planner, container, plan)
                        ask(line, {"do": "start", "plan": plan})
        return Handle(driver="bubblewrap", name=task.name, id=id)

    def _planner(self, task: Task, folder: Path) -> Planner:
        group = f"gureum/{self._installation}/{folder.name}" if self._cgroups.version else ""
        return Planner(task, folder, self._shared, group)

    def _plan(self, planner: Planner, container: Container) -> dict[str, Any]:
        if container.image == HOST_IMAGE:
            return planner.plan(container, None, None)
        if (image := self._images.find(container.image)) is None:
            raise ImageMissing(container.image)
        return planner.plan(container, image, self._images.rootfs(image))

    def _prepare(self, task: Task, folder: Path, group: str) -> None:
        """Make the task's folder, its control group and its place in a network."""
        assert self._bwrap is not None
        place = TaskFolder(folder, self._uid_base)
        place.remove()
        seat = self._networks.take(task.network, folder.name) if self._networks.able() else None
        try:
            if group:
                self._cgroups.make(group, bounds(task.limits))
            place.make(task, self._bwrap, group, seat)
        except BaseException:
            if seat is not None:
                self._networks.give_back(seat)
            place.remove()
            raise

    @contextlib.contextmanager
    def _running(self, folder: Path) -> Iterator[socket.socket]:
        """A connection to the task's supervisor, which is started unless it has been."""
        kept = self._keep(folder)
        if alive(folder):
            line = connect(folder)
        elif (folder / "state.json").exists():
            raise EngineFailed("the task has ended with its supervisor (it or the machine was stopped)")
        else:
            line = self._launcher.launch(folder)
        with line:
            if kept.seat is not None and not (folder / "attached").exists():
                state = read_state(folder)
                assert state is not None
                self._networks.attach(kept.seat, state["pid"])
                (folder / "attached").touch()
            self._open_doors(folder.name, kept, line)
            yield line

    def _open_doors(self, id: str, kept: Kept, line: socket.socket) -> None:
        if not kept.inlets or id in self._closers:
            return
        _, fds = ask(line, {"do": "doors", "places": [[inlet.address, inlet.port] for inlet in kept.inlets]})
        sockets = [socket.socket(fileno=fd) for fd in fds]
        for one in sockets:
            one.setblocking(False)
        pairs = zip(kept.inlets, sockets, strict=True)
        self._closers[id] = [self._doors(Door(kept.name, inlet, one)) for inlet, one in pairs]

    def recover(self) -> tuple[Handle, ...]:
        handles = []
        for folder in sorted(self._root.iterdir()):
            if not folder.is_dir():
                continue
            with self._locks[folder.name]:
                if not (folder / "task.json").exists():
                    TaskFolder(folder, self._uid_base).remove()
                    continue
                kept = self._keep(folder)
                handles.append(Handle(driver="bubblewrap", name=kept.name, id=folder.name))
                if alive(folder):
                    with contextlib.suppress(ContainerError), connect(folder) as line:
                        self._open_doors(folder.name, kept, line)
        return tuple(handles)

    def _keep(self, folder: Path) -> Kept:
        """The task's own file, remembered. Raises `NoSuchTask`."""
        if (kept := self._kept.get(folder.name)) is None:
            try:
                kept = msgspec.json.decode((folder / "task.json").read_bytes(), type=Kept)
            except FileNotFoundError:
                raise NoSuchTask(f"no task {folder.name}") from None
            self._kept[folder.name] = kept
        return kept

    # --- look

    def inspect(self, handle: Handle) -> TaskStatus | None:
        folder = self._root / handle.id
        try:
            kept = self._keep(folder)
            written = (folder / "state.json").stat()
            mark = (written.st_mtime_ns, written.st_ino, alive(folder))
        except NoSuchTask:
            return None
        except FileNotFoundError:
            return _status(kept, None, False)
        if (seen := self._seen.get(handle.id)) is not None and seen[0] == mark:
            return seen[1]
        status = _status(kept, read_state(folder), mark[2])
        self._seen[handle.id] = (mark, status)
        return status

    def _changed(self, id: str) -> None:
        with contextlib.suppress(NoSuchTask):
            name = self._keep(self._root / id).name
            for watcher in self._watchers:
                watcher(name)

    def _need(self, handle: Handle, container: str) -> ContainerStatus:
        status = self.inspect(handle)
        if status is None:
            raise NoSuchTask(f"no task {handle.name}")
        if container not in status.containers:
            raise NoSuchTask(f"{handle.name} has no container {container!r}")
        return status.containers[container]

    # --- stop and destroy

    def stop(self, handle: Handle, only: Collection[str] | None = None) -> None:
        names = None if only is None else sorted(only)
        with contextlib.suppress(NoSuchTask), connect(self._root / handle.id) as line:
            ask(line, {"do": "stop", "only": names})

    def destroy(self, handle: Handle) -> None:
        id = handle.id
        folder = self._root / id
        with self._locks[id], _told():
            for close in self._closers.pop(id, ()):
                close()
            try:
                kept = self._keep(folder)
            except NoSuchTask:
                return
            with contextlib.suppress(NoSuchTask, OSError), connect(folder) as line:
                wire.send(line, {"do": "destroy"})
                while wire.receive(line)[0] is not None:
                    pass
            if kept.group:
                self._cgroups.remove(kept.group)
            if kept.seat is not None:
                self._networks.give_back(kept.seat)
            TaskFolder(folder, self._uid_base).remove()
            self._seen.pop(id, None)
            self._kept.pop(id, None)
        self._locks.pop(id, None)

    # --- logs, exec, stats

    def logs(self, handle: Handle, container: str, position: str = "", limit: int = 10_000) -> list[LogLine]:
        ended = self._need(handle, container).state == "exited"
        path = self._root / handle.id / log_name(container)
        return loglines.read_file(path, loglines.parse_k8s, position, limit, ended)

    def exec(
        self,
        handle: Handle,
        container: str,
        command: tuple[str, ...],
        *,
        tty: bool = False,
        environment: dict[str, str] | None = None,
        directory: str = "",
        user: str = "",
    ) -> Process:
        status = self._need(handle, container)
        identity = None
        if user:
            image: Image | None = self._images.find(status.image_id) if status.image_id else None
            identity = user_of(user, self._images.rootfs(image) if image else None)
        request = {
            "do": "exec",
            "container": container,
            "tty": tty,
            "argv": list(command),
            "environment": {**({"TERM": "xterm"} if tty else {}), **(environment or {})},
            "directory": directory,
            "identity": identity,
        }
        return SandboxProcess(connect(self._root / handle.id), request, tty=tty)

    def stats(self, handle: Handle) -> TaskUsage:
        status = self.inspect(handle)
        state = read_state(self._root / handle.id)
        if status is None or state is None:
            raise NoSuchTask(f"no task {handle.name}")
        kept = self._keep(self._root / handle.id)
        if not kept.group:
            raise EngineFailed("usage is counted by control groups, which this host does not let us make")
        usages = {}
        for name, one in status.containers.items():
            counters = (
                self._cgroups.counters(f"{kept.group}/{short(name)}") if one.state == "running" else None
            )
            if counters is not None:
                usages[name] = Usage(**counters._asdict())
        network = network_usage(state["pid"]) if kept.seat is not None else None
        return TaskUsage(time=time.time(), containers=usages, network=network)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """A full disk and the like, as the port says it."""
    try:
        yield
    except OSError as error:
        raise EngineFailed(str(error)) from error


def _status(kept: Kept, state: dict[str, Any] | None, living: bool) -> TaskStatus:
    containers = {
        name: ContainerStatus(name=name, state="pending", image=image) for name, image in kept.declared
    }
    for name, shown in (state or {"containers": {}})["containers"].items():
        status = msgspec.convert(shown, ContainerStatus)
        if status.state == "running" and not living:
            # Its supervisor was killed, and it died with that; nobody saw when.
            lost = {"state": "exited", "exit_code": 137, "pid": None, "error": "its supervisor has ended"}
            status = msgspec.structs.replace(status, **lost, finished=status.started)
        containers[name] = status
    seat = kept.seat
    return TaskStatus(
        name=kept.name,
        address=kept.address,
        containers=containers,
        ports=(state or {}).get("ports", {}),
        gateway=seat.gateway if seat else "",
        mac=seat.mac if seat else "",
    )
