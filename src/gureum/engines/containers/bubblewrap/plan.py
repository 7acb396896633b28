"""From a specification and an image to the plan that a supervisor follows: plain data, everything resolved."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from ..cgroups import Bounds
from ..names import plain, short
from ..outcome import Image
from ..port import BadTask
from ..spec import HOST_IMAGE, Container, Limits, Mount, Task
from . import enter

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What Docker gives by default, less what asks for the host's root anyway.
_DEFAULT = (
    "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT AUDIT_WRITE"
    " SETFCAP"
)
_DEFAULT_CAPABILITIES = _DEFAULT.split()
# By number: linux/capability.h.
_BY_NUMBER = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE"
    " NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN"
    " SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE"
    " MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
_NUMBERS = _BY_NUMBER.split()


def bounds(limits: Limits) -> Bounds:
    """Limits as control groups take them."""
    return Bounds(limits.cpu, limits.cpu_weight, limits.memory_bytes, limits.memory_soft_bytes, limits.pids)


def log_name(container: str) -> str:
    """A container's log, in the task's folder."""
    return f"{short(container)}.log"


class Planner:
    """Makes plans for one task. `folder` is the task's, `shared` that of volumes that outlive it."""

    def __init__(self, task: Task, folder: Path, shared: Path, root_group: str) -> None:
        self.task, self.folder, self._shared, self.root_group = task, folder, shared, root_group

    def volume(self, mount: Mount) -> Path:
        """Where a volume's content lies."""
        if mount.scope == "shared":
            return self._shared / plain(mount.source)
        return self.folder / "volumes" / short(mount.source)

    def container_folder(self, name: str) -> Path:
        return self.folder / "containers" / short(name)

    def group(self, name: str) -> str:
        return f"{self.root_group}/{short(name)}" if self.root_group else ""

    def plan(self, container: Container, image: Image | None, rootfs: Path | None) -> dict[str, Any]:
        """`image` and `rootfs` are None for the host's own files. Raises `BadTask`."""
        argv = _argv(container, image)
        identity = user_of(container.user or (image.user if image else ""), rootfs)
        environment = _environment(container, image, self.task)
        directory = container.directory or (image.directory if image else "") or "/"
        capabilities = _capabilities(container)
        sources, mounts = self._mounts(container)
        plan: dict[str, Any] = {
            "name": container.name,
            "folder": str(self.container_folder(container.name)),
            "log": log_name(container.name),
            "rootfs": str(rootfs) if rootfs else "",
            "argv": argv,
            "environment": list(environment.items()),
            "directory": directory,
            **identity,
            "group": self.group(container.name),
            "bounds": bounds(container.limits),
            "ulimits": [[one.name, one.soft, one.hard] for one in container.ulimits],
            "capabilities": [f"CAP_{name}" for name in capabilities],
            "capability_numbers": [_NUMBERS.index(name) for name in capabilities],
            "sources": sources,
            "mounts": mounts,
            "read_only": container.read_only,
            "init": container.init,
            "tty": container.tty,
            "stop_signal": _signal(container, image),
            "stop_timeout": container.stop_timeout_seconds,
            "health": None,
            "shown": {
                "name": container.name,
                "id": f"{self.folder.name}-{short(container.name, 8)}",
                "image": container.image,
                "image_id": image.id if image else "",
                "error": "",
                "health": "starting" if container.health else "none",
            },
        }
        if not self.root_group:  # no control groups: what a process may do alone is all that can be bounded
            sizes = (container.limits.memory_bytes, self.task.limits.memory_bytes)
            if memory := min((size for size in sizes if size is not None), default=None):
                plan["ulimits"].append(["as", memory, memory])
        if container.health is not None:
            check = container.health
            plan["health"] = {
                "plan": enter.plan_of(plan, check.command, {}, "", None),
                "interval_seconds": check.interval_seconds,
                "timeout_seconds": check.timeout_seconds,
                "retries": check.retries,
                "start_period_seconds": check.start_period_seconds,
            }
        return plan

    def _mounts(self, container: Container) -> tuple[list[str], list[dict[str, Any]]]:
        """The host's paths that are mounted, and where; each mount names its path by number."""
        sources: list[str] = []
        mounts: list[dict[str, Any]] = []

        def bind(source: Path, target: str, read_only: bool) -> None:
            mounts.append({"kind": "bind", "target": target, "source": len(sources), "read_only": read_only})
            sources.append(str(source))

        for mount in container.mounts:
            if mount.kind == "tmpfs":
                size = {"size": mount.size_bytes, "mode": mount.mode, "read_only": mount.read_only}
                mounts.append({"kind": "tmpfs", "target": mount.target, **size})
            else:
                bind(
                    Path(mount.source) if mount.kind == "host" else self.volume(mount),
                    mount.target,
                    mount.read_only,
                )
        for file in container.files:
            bind(self.container_folder(container.name) / "files" / short(file.path), file.path, True)
        taken = {mount["target"] for mount in mounts}
        for name in ("hosts", "resolv.conf", "hostname"):
            if f"/etc/{name}" not in taken:
                bind(self.folder / "etc" / name, f"/etc/{name}", False)
        if container.image == HOST_IMAGE:
            for name in ("passwd", "group"):
                bind(self.folder / "etc" / name, f"/etc/{name}", True)
        return sources, mounts


def user_of(text: str, rootfs: Path | None) -> dict[str, Any]:
    """Ids of `user` or `user:group`, by name from the image's own files. Raises `BadTask` for unknown names."""
    name, _, group_name = text.partition(":")
    users = _rows(rootfs, "passwd")
    groups = _rows(rootfs, "group")
    row = next(
        (row for row in users if row[0] == (name or "root") or (name.isdigit() and row[2] == name)), None
    )
    if row is not None:
        uid, gid, name = int(row[2]), int(row[3]), row[0]
    elif not name or name.isdigit():
        uid, gid = int(name or 0), 0
    else:
        raise BadTask(f"the image has no user {name!r}")
    extra = sorted(int(row[2]) for row in groups if name and name in row[3].split(","))
    if group_name:
        found = next((row for row in groups if row[0] == group_name), None)
        if found is None and not group_name.isdigit():
            raise BadTask(f"the image has no group {group_name!r}")
        gid, extra = int(found[2] if found else group_name), []
    if not (0 <= uid < 65535 and 0 <= gid < 65535):
        raise BadTask(f"user {text!r} is above 65534, the last that a sandbox has")
    return {"uid": uid, "gid": gid, "groups": [gid, *(one for one in extra if one != gid)]}


def _rows(rootfs: Path | None, name: str) -> list[list[str]]:
    """Rows of the image's passwd or group file, if it is truly in the image."""
    if rootfs is None:
        last = "0" if name == "passwd" else ""
        return [["root", "x", "0", last], ["nobody", "x", "65534", "65534" if last else ""]]
    file = rootfs / "etc" / name
    if file.is_symlink() or (rootfs / "etc").is_symlink() or not file.is_file():
        return []
    rows = [line.split(":") for line in file.read_text(errors="replace").splitlines()]
    return [
        row for row in rows if len(row) >= 4 and row[2].isdigit() and (name == "group" or row[3].isdigit())
    ]


def _argv(container: Container, image: Image | None) -> list[str]:
    entrypoint, command = container.entrypoint, container.command
    if image is not None:
        # As Docker: an entrypoint of one's own makes the image's command void.
        command = image.command if command is None and entrypoint is None else command
        entrypoint = image.entrypoint if entrypoint is None else entrypoint
    argv = [*(entrypoint or ()), *(command or ())]
    if not argv:
        raise BadTask(f"container {container.name!r}: neither it nor its image has a command")
    return argv


def _environment(container: Container, image: Image | None, task: Task) -> dict[str, str]:
    environment = {"PATH": _PATH, "HOSTNAME": task.hostname or short(task.name, 12), "HOME": "/root"}
    environment |= {"TERM": "xterm"} if container.tty else {}
    for line in image.environment if image else ():
        name, _, value = line.partition("=")
        environment[name] = value
    return environment | container.environment


def _capabilities(container: Container) -> list[str]:
    names = set(_DEFAULT_CAPABILITIES)
    if "ALL" in container.capabilities_drop:
        names = set()
    names -= set(container.capabilities_drop)
    names |= set(_NUMBERS) if "ALL" in container.capabilities_add else set(container.capabilities_add)
    return sorted(names)


def _signal(container: Container, image: Image | None) -> int:
    name = container.stop_signal or (image.stop_signal if image else "") or "SIGTERM"
    if name.isdigit():
        return int(name)
    try:
        return int(signal.Signals[name if name.startswith("SIG") else f"SIG{name}"])
    except KeyError:
        raise BadTask(f"container {container.name!r}: unknown signal {name!r}") from None
