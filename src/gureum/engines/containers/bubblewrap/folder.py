"""What lies in a task's folder before its supervisor starts.

task.json             what the task is (written last: without it the folder is a crash's litter)
state.json            what its supervisor has seen
etc/                  the files that name the task and others to it
containers/<name>/    a container's own layer of files, and those it is given
volumes/<name>/       those that end with the task
<name>.log            what a container has written
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ..names import short
from ..port import EngineFailed
from ..spec import Container, Inlet, Task
from .host import Bwrap
from .network import Seat
from .plan import Planner

_USERS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin"
_GROUPS = "root:x:0:\nnogroup:x:65534:"


class Kept(msgspec.Struct):
    """What `task.json` holds: the supervisor reads it as well."""

    name: str
    hostname: str
    address: str
    uid_base: int
    bwrap: str
    bwrap_inside: str
    bwrap_folders: list[str]
    ports: list[dict[str, Any]]
    declared: list[tuple[str, str]]
    inlets: list[Inlet]
    group: str
    seat: Seat | None


class TaskFolder:
    """One task's folder. `uid_base` is the host's id of the sandboxes' root, 0 where that is us."""

    def __init__(self, path: Path, uid_base: int) -> None:
        self.path, self._uid_base = path, uid_base

    def make(self, task: Task, bwrap: Bwrap, group: str, seat: Seat | None) -> None:
        """Fill the folder; the last file written makes it a task's."""
        self.path.mkdir(mode=0o700)
        hostname = task.hostname or self.path.name[-63:].strip("-")
        self._write_etc(task, seat, hostname)
        kept = Kept(
            name=task.name,
            hostname=hostname,
            address=seat.address if seat else "",
            uid_base=self._uid_base,
            bwrap=bwrap.path,
            bwrap_inside=bwrap.inside,
            bwrap_folders=bwrap.folders,
            ports=[
                {
                    "address": one.host_address,
                    "host_port": one.host_port,
                    "container_port": one.container_port,
                }
                for one in task.ports
            ],
            declared=[(one.name, one.image) for one in task.containers],
            inlets=list(task.inlets),
            group=group,
            seat=seat,
        )
        fresh = self.path / "task.new"
        fresh.write_bytes(msgspec.json.encode(kept))
        fresh.replace(self.path / "task.json")

    def add(self, planner: Planner, container: Container, plan: dict[str, Any]) -> None:
        """Make what a container's plan mounts. Raises `EngineFailed` when the host lacks a path."""
        folder = planner.container_folder(container.name)
        for name in ("upper", "work", "files"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "upper").chmod(0o755)
        self._own(folder / "upper")
        for file in container.files:
            place = folder / "files" / short(file.path)
            place.touch(0o600)
            place.write_bytes(file.data)
            place.chmod(file.mode)
            self._own(place)
        for mount in container.mounts:
            if mount.kind == "volume" and not (volume := planner.volume(mount)).exists():
                volume.mkdir(parents=True)
                volume.chmod(0o755)
                self._own(volume)
                _fill(volume, plan["rootfs"], mount.target)
            elif mount.kind == "host" and not Path(mount.source).exists():
                raise EngineFailed(f"the host has no {mount.source} to mount at {mount.target}")

    def remove(self) -> None:
        """Remove it all. Silent when it is not there."""

        def open_up(remove: Callable[..., Any], path: str, _: object) -> None:
            """An overlay's work folder may be closed even to its owner."""
            for place in (Path(path).parent, Path(path)):
                if place.is_dir() and not place.is_symlink():
                    place.chmod(0o700)
            remove(path)

        if self.path.exists():
            (self.path / "task.json").unlink(missing_ok=True)  # first: what is left then is litter
            shutil.rmtree(self.path, onerror=open_up)

    def _write_etc(self, task: Task, seat: Seat | None, hostname: str) -> None:
        etc = self.path / "etc"
        etc.mkdir()
        hosts = [
            "127.0.0.1\tlocalhost",
            "::1\tlocalhost",
            f"{seat.address if seat else '127.0.1.1'}\t{hostname}",
        ]
        hosts += [f"{address}\t{name}" for name, address in task.hosts.items()]
        servers = [f"nameserver {server}" for server in task.dns] or _host_nameservers()
        search = ["search " + " ".join(task.dns_search)] if task.dns_search else []
        texts = {
            "hosts": "\n".join(hosts),
            "resolv.conf": "\n".join(servers + search),
            "hostname": hostname,
            "passwd": _USERS,
            "group": _GROUPS,
        }
        for name, text in texts.items():
            (etc / name).write_text(text + "\n")
            self._own(etc / name)

    def _own(self, path: Path) -> None:
        if self._uid_base:
            os.chown(path, self._uid_base, self._uid_base)


def _host_nameservers() -> list[str]:
    """The host's name servers, but not those on its loopback, which a task cannot reach."""
    try:
        lines = Path("/etc/resolv.conf").read_text().splitlines()
    except OSError:
        return []
    return [
        line for line in lines if line.startswith("nameserver") and "127." not in line and "::1" not in line
    ]


def _fill(volume: Path, rootfs: str, target: str) -> None:
    """As Docker: a new volume begins with what the image has in its place."""
    place = Path(rootfs)
    for part in target.strip("/").split("/") if rootfs else ():
        place = place / part
        try:
            if not stat.S_ISDIR(place.lstat().st_mode):
                return
        except OSError:
            return
    if rootfs:
        subprocess.run(["cp", "-a", f"{place}/.", str(volume)], check=True)  # noqa: S603, S607
        shutil.copystat(place, volume)
        os.chown(volume, place.stat().st_uid, place.stat().st_gid)
