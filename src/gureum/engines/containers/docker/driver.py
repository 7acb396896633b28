"""Containers on Docker or Podman, through their common API.

A task is a pause container, which holds the network namespace, and its containers beside it. All that is known of
a task is in the engine itself, as labels: nothing of it is kept elsewhere, so nothing can disagree after a crash.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from ..cgroups import Bounds
from ..doors import listen_within
from ..names import plain, short
from ..netdev import network_usage
from ..outcome import Fingerprint, Handle, LogLine, TaskStatus, TaskUsage
from ..port import BadTask, ContainerError, Door, Doors, EngineFailed, ImageMissing, NoSuchTask, Process
from ..spec import HOST_IMAGE, Container, Inlet, Task, check
from ..timers import Timers
from . import bodies, observe, oom
from .bodies import Ids
from .engine import Engine, translated
from .feed import Feed
from .health import HealthChecks
from .http import Api, Refused
from .images import DockerImages
from .logs import EngineLogs
from .networks import EngineNetworks
from .process import begin, exits_well
from .stopping import Stopping

_INLETS = bodies.LABEL + "inlets"
_REFRESH_SECONDS = 60.0  # an engine may lose an event: nothing is believed longer than this


class Docker:
    """The driver; see `port.Containers` for the verbs.

    `data_dir` keeps secrets' files and Podman's settings. `installation` keeps servers that share an engine apart.
    `socket` names the engine's unix socket; "" looks in the usual places and else starts Podman. `store` gives the
    Podman that is started a store of its own (tests); None shares the user's, with the images that are in it.
    """

    def __init__(
        self, data_dir: Path, installation: str, doors: Doors, *, socket: str = "", store: Path | None = None
    ) -> None:
        self._installation = short(installation, 8)
        self._files = data_dir / "container-files"
        self._engine = Engine(data_dir, self._installation, socket, store)
        self._engine.connected = self._connected
        self._images = DockerImages(self._engine.api, lambda: self._engine.podman)
        self._doors = doors
        self._closers: dict[str, list[Callable[[], None]]] = {}
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        self._timers = Timers("container-timers")
        self._stopping = Stopping(self._engine, self._timers)
        self._networks = EngineNetworks(self._engine, self._installation)
        self._log = EngineLogs(self._engine)
        self._health = HealthChecks(self._timers, self._run_check)
        self._feed: Feed | None = None
        self._seen: dict[str, tuple[float, TaskStatus | None]] = {}
        self._turns: dict[str, int] = {}  # how often a task (or, "", any) has changed
        self._errors: dict[str, str] = {}
        self._watchers: list[Callable[[str], None]] = []

    @property
    def images(self) -> DockerImages:
        return self._images

    def fingerprint(self) -> Fingerprint:
        return self._engine.fingerprint()

    def watch(self, changed: Callable[[str], None]) -> None:
        self._watchers.append(changed)

    def close(self) -> None:
        for closers in self._closers.values():
            for close in closers:
                close()
        self._closers.clear()
        self._timers.close()
        self._health.close()
        if self._feed is not None:
            self._feed.close()
        self._engine.close()
        self._engine.cgroups.prune(f"gureum/{self._installation}")

    # --- start and recover

    def start(self, task: Task, only: Collection[str] | None = None) -> Handle:
        check(task)
        wanted = [one for one in task.containers if only is None or one.name in only]
        if unknown := set(only or ()) - {one.name for one in wanted}:
            raise BadTask(f"no container of the task is named {', '.join(sorted(unknown))}")
        if any(one.image == HOST_IMAGE for one in task.containers):
            raise BadTask("the host's own files are no image for Docker: use the sandbox driver")
        ids = self._ids(task.name)
        with translated(self._engine), self._locks[ids.task]:
            api = self._engine.api()
            existing = self._find(ids.task)
            for container in wanted:
                if container.name not in existing and self._images.find(container.image) is None:
                    raise ImageMissing(container.image)
            try:
                self._start_pause(api, task, ids, existing.get(bodies.PAUSE))
                for container in wanted:
                    self._start_one(api, task, container, ids, existing.get(container.name))
            finally:
                self._seen.pop(ids.task, None)
            return Handle(driver="docker", name=task.name, id=ids.task)

    def _start_pause(self, api: Api, task: Task, ids: Ids, found: dict[str, Any] | None) -> None:
        if found is not None and found["State"]["Status"] in ("exited", "stopped", "dead"):
            raise EngineFailed(
                "the task has ended with its network (the engine or the machine was restarted)"
            )
        if found is None:
            self._images.ensure_pause()
            network = self._networks.ensure(task.network)
            body = bodies.pause_body(task, ids, network, self._group(task, ids), self._engine.podman)
            body["Labels"][_INLETS] = " ".join(f"{i.address}:{i.port}:{i.purpose}" for i in task.inlets)
            api.call("POST", "/containers/create", {"name": ids.container(bodies.PAUSE)}, body)
        if found is None or found["State"]["Status"] != "running":
            api.call("POST", f"/containers/{ids.container(bodies.PAUSE)}/start")
        self._open_doors(ids.task, task.name, task.inlets)

    def _start_one(
        self, api: Api, task: Task, container: Container, ids: Ids, found: dict[str, Any] | None
    ) -> None:
        if found is None:
            folder = self._write_files(ids.task, container)
            group = self._group_name(ids) if self._engine.own_groups() else ""
            body = bodies.body(task, container, ids, group, folder, self._engine.podman)
            name = ids.container(container.name)
            try:
                api.call("POST", "/containers/create", {"name": name}, body)
            except Refused as refused:
                if refused.status == 404 and self._images.find(container.image) is None:
                    raise ImageMissing(container.image, refused.text) from refused
                raise
        elif found["State"]["Status"] not in ("created", "configured", "initialized"):
            return
        try:
            api.call("POST", f"/containers/{ids.container(container.name)}/start")
        except Refused as refused:  # Podman keeps no note of why
            made = self._find(ids.task).get(container.name)
            if made is not None:
                self._errors[made["Id"]] = refused.text
            raise

    def _write_files(self, id: str, container: Container) -> Path:
        """Put the container's files below a folder that only we may enter; they are mounted from there."""
        folder = self._files / id / short(container.name)
        for file in container.files:
            folder.mkdir(parents=True, exist_ok=True)
            self._files.chmod(0o700)
            place = folder / short(file.path)
            place.touch(0o600)
            place.chmod(0o600)
            place.write_bytes(file.data)
            place.chmod(file.mode)
        return folder

    def _group_name(self, ids: Ids) -> str:
        return f"/gureum/{ids.installation}/{ids.task}"

    def _group(self, task: Task, ids: Ids) -> str:
        """Make the control group that bounds the task as a whole, where we may; its name, or ""."""
        if not self._engine.own_groups():
            return ""
        limits = task.limits
        bounds = Bounds(
            limits.cpu, limits.cpu_weight, limits.memory_bytes, limits.memory_soft_bytes, limits.pids
        )
        self._engine.cgroups.make(self._group_name(ids).strip("/"), bounds)
        return self._group_name(ids)

    def _open_doors(self, id: str, name: str, inlets: Collection[Inlet]) -> None:
        if not inlets or id in self._closers:
            return
        pid = self._find(id)[bodies.PAUSE]["State"]["Pid"]
        places = [(inlet.address, inlet.port) for inlet in inlets]
        try:
            sockets = listen_within(Path(f"/proc/{pid}/ns/net"), places)
        except OSError as error:
            raise EngineFailed(
                f"the task's metadata endpoint cannot be made: {error} (it needs root)"
            ) from error
        pairs = zip(inlets, sockets, strict=True)
        self._closers[id] = [self._doors(Door(name, inlet, socket)) for inlet, socket in pairs]

    def recover(self) -> tuple[Handle, ...]:
        with translated(self._engine):
            self._engine.api()
            handles = []
            turns = dict(self._turns)
            for id, found in self._find_all().items():
                pause = found.get(bodies.PAUSE)
                labels = observe.labels_of(pause or next(iter(found.values())))
                handles.append(Handle(driver="docker", name=labels[bodies.NAME], id=id))
                if pause is not None and pause["State"]["Status"] == "running":
                    with self._locks[id], contextlib.suppress(ContainerError):  # it may have ended just now
                        self._open_doors(id, labels[bodies.NAME], _inlets(labels))
                self._notice(id, labels[bodies.NAME], found, turns.get(id, 0) + turns.get("", 0))
            return tuple(handles)

    # --- look

    def inspect(self, handle: Handle) -> TaskStatus | None:
        id = handle.id
        feed = self._feed
        if (seen := self._seen.get(id)) is not None and feed is not None and feed.alive:
            at, status = seen
            if time.monotonic() - at < _REFRESH_SECONDS:
                return status
        with translated(self._engine):
            turn = self._turn(id)
            return self._notice(id, handle.name, self._find(id), turn)

    def _notice(self, id: str, name: str, found: dict[str, dict[str, Any]], turn: int) -> TaskStatus | None:
        """Make a status of what was found, and see that health checks run for what runs.

        It is kept unless the task has changed since `turn`, when looking began.
        """
        at = time.monotonic()
        for one in found.values():
            if (check := bodies.health_of(observe.labels_of(one))) is not None:
                if one["State"]["Status"] == "running":
                    self._health.begin(one["Id"], check, lambda: self._changed(id, name))
                else:
                    self._health.end(one["Id"])
            state = one["State"]
            if self._engine.podman and not state["OOMKilled"] and state["Status"] in ("exited", "stopped"):
                state["OOMKilled"] = oom.remembered(one["Id"])
            state["Error"] = state.get("Error") or self._errors.get(one["Id"], "")
        status = observe.task_status(name, list(found.values()), self._health.health)
        if self._feed is not None and self._feed.alive and turn == self._turn(id):
            self._seen[id] = (at, status)
        return status

    def _find(self, id: str) -> dict[str, dict[str, Any]]:
        """The task's containers, inspected, by name."""
        return self._find_all(f"{bodies.TASK}={id}").get(id, {})

    def _find_all(self, label: str = "") -> dict[str, dict[str, dict[str, Any]]]:
        api = self._engine.api()
        filters = {"label": [f"{bodies.INSTALLATION}={self._installation}", *([label] if label else [])]}
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for row in api.call("GET", "/containers/json", {"all": "true", "filters": filters}) or ():
            with contextlib.suppress(Refused):  # removed in between
                one = api.call("GET", f"/containers/{row['Id']}/json")
                labels = observe.labels_of(one)
                found.setdefault(labels[bodies.TASK], {})[labels[bodies.CONTAINER]] = one
        return found

    def _connected(self, api: Api) -> None:
        if self._feed is not None:
            self._feed.close()
        self._seen.clear()
        self._feed = Feed(api, self._installation, self._changed)

    def _turn(self, id: str) -> int:
        return self._turns.get(id, 0) + self._turns.get("", 0)

    def _changed(self, id: str, name: str) -> None:
        self._turns[id] = self._turns.get(id, 0) + 1
        if not id:
            self._seen.clear()
            return
        self._seen.pop(id, None)
        for watcher in self._watchers:
            watcher(name)

    def _ids(self, name: str) -> Ids:
        return Ids(self._installation, plain(name))

    def _need(self, handle: Handle, container: str) -> dict[str, Any]:
        found = self._find(handle.id)
        if container not in found or container == bodies.PAUSE:
            raise NoSuchTask(
                f"{handle.name} has no container {container!r}" if found else f"no task {handle.name}"
            )
        return found[container]

    # --- stop and destroy

    def stop(self, handle: Handle, only: Collection[str] | None = None) -> None:
        with translated(self._engine):
            for name, found in self._find(handle.id).items():
                running = found["State"]["Status"] in ("running", "paused")
                if name == bodies.PAUSE or (only is not None and name not in only) or not running:
                    continue
                self._stopping.begin(found)

    def destroy(self, handle: Handle) -> None:
        id = handle.id
        with translated(self._engine), self._locks[id]:
            api = self._engine.api()
            for close in self._closers.pop(id, ()):
                close()
            found = self._find(id)
            networks: set[str] = set()
            for name in sorted(found, key=lambda name: name == bodies.PAUSE):  # the pause container last
                networks |= set(found[name]["NetworkSettings"].get("Networks") or ())
                self._health.end(found[name]["Id"])
                self._errors.pop(found[name]["Id"], None)
                self._log.forget(found[name]["Id"])
                self._remove(api, found[name]["Id"])
            self._remove_volumes(api, id)
            for network in networks:
                self._networks.remove_unused(network)
            if self._engine.own_groups():
                self._engine.cgroups.remove(self._group_name(self._ids(handle.name)).strip("/"))
            shutil.rmtree(self._files / id, ignore_errors=True)
            self._seen.pop(id, None)
        self._locks.pop(id, None)
        self._turns.pop(id, None)

    def _remove(self, api: Api, id: str) -> None:
        self._stopping.kill(id)  # Podman's forced removal would first wait ten seconds for the stop signal
        try:
            api.call("DELETE", f"/containers/{id}", {"force": "true", "v": "true"})
        except Refused as refused:
            if refused.status != 404:
                raise

    def _remove_volumes(self, api: Api, id: str) -> None:
        prefix = f"gureum-{self._installation}-{id}-"
        answer = api.call("GET", "/volumes", {"filters": {"name": [prefix]}})
        for volume in answer.get("Volumes") or ():
            if volume["Name"].startswith(prefix):
                api.call("DELETE", f"/volumes/{volume['Name']}")

    # --- logs, exec, stats

    def logs(self, handle: Handle, container: str, position: str = "", limit: int = 10_000) -> list[LogLine]:
        with translated(self._engine):
            status = self.inspect(handle)
            if status is None or container not in status.containers:
                raise NoSuchTask(f"{handle.name} has no container {container!r}")
            return self._log.read(status.containers[container], position, limit)

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
        with translated(self._engine):
            id = self._need(handle, container)["Id"]
            return begin(self._engine.api(), id, command, tty, environment or {}, directory, user)

    def _run_check(self, id: str, command: tuple[str, ...], timeout: float) -> bool:
        return exits_well(self._engine.api(), id, command, timeout)

    def stats(self, handle: Handle) -> TaskUsage:
        with translated(self._engine):
            found = self._find(handle.id)
            if not found:
                raise NoSuchTask(f"no task {handle.name}")
            usages, network = {}, None
            for name, one in found.items():
                if one["State"]["Status"] != "running":
                    continue
                if name == bodies.PAUSE:
                    network = network_usage(one["State"]["Pid"])  # Podman's own answer counts no packets
                    continue
                query = {"stream": "false", "one-shot": "true"}
                stats = self._engine.api().call("GET", f"/containers/{one['Id']}/stats", query)
                usages[name] = observe.usage(stats)
            return TaskUsage(time=time.time(), containers=usages, network=network)


def _inlets(labels: dict[str, str]) -> list[Inlet]:
    parts = [text.split(":", 2) for text in labels.get(_INLETS, "").split()]
    return [Inlet(address=address, port=int(port), purpose=purpose) for address, port, purpose in parts]
