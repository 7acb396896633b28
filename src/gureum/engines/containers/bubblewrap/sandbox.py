"""Building one container's sandbox and becoming its program. Standard library only; runs in a forked child.

What needs the host's root is prepared on a stage: a private mount namespace in which the root file system is
overlaid and whatever is to be mounted lies below one open folder. Then bubblewrap, as the sandbox's own user, makes
the other namespaces from it. The sandbox's root is an unprivileged user of the host (`uid_base`).
"""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

from ..cgroups import Hierarchy
from ..syscalls import CLONE_NEWNS, CLONE_NEWUSER, MS_BIND, MS_PRIVATE, MS_REC, mount, setns, unshare
from . import seccomp

UIDS = 65536
_STAGES = ("/mnt", "/media", "/srv", "/opt")
_ETC = ("hosts", "resolv.conf", "hostname")
HOST_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
HOST_ETC = (
    "alternatives",
    "ssl",
    "ca-certificates",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
)


def make_userns(base: int) -> int:
    """A user namespace whose ids 0 … 65535 are the host's `base` …; its descriptor. Needs root. Raises OSError."""
    ready, done = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            unshare(CLONE_NEWUSER)
            os.write(ready[1], b".")
            os.read(done[0], 1)
        finally:
            os._exit(0)
    try:
        os.close(ready[1])
        if not os.read(ready[0], 1):
            raise OSError("this kernel gives no user namespaces")
        for kind in ("uid_map", "gid_map"):
            Path(f"/proc/{pid}/{kind}").write_text(f"0 {base} {UIDS}")
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.write(done[1], b".")
        os.waitpid(pid, 0)
        for fd in (ready[0], *done):
            os.close(fd)


def become(task: dict[str, Any], plan: dict[str, Any], userns: int | None, info: int) -> None:
    """Turn this process into the container's program. Does not return; raises OSError before it is too late.

    `plan` is what the driver has made of the specification, `userns` the task's user namespace (None: we are in it
    already), `info` where bubblewrap tells the program's process id.
    """
    if plan["group"]:
        Hierarchy().join(plan["group"])
    _limit(plan)
    stage = Path(next(place for place in _STAGES if Path(place).is_dir()))
    program = _build(stage, task, plan)
    entered = userns is not None and plan["uid"] == 0
    if userns is not None:
        base = 0 if entered else task["uid_base"]
        if entered:
            setns(userns, CLONE_NEWUSER)
        os.setgroups([base + gid for gid in plan["groups"]])
    if entered:
        os.setresgid(plan["gid"], plan["gid"], plan["gid"])
        os.setresuid(0, 0, 0)
    arguments, kept = _arguments(stage, task, plan, None if entered else userns, info)
    for fd in kept:
        os.set_inheritable(fd, True)
    os.execve(program, ["bwrap", "--args", str(arguments), "--", *plan["argv"]], {"PATH": "/usr/bin:/bin"})  # noqa: S606


def _limit(plan: dict[str, Any]) -> None:
    limits: dict[str, tuple[int, int]] = {name: (soft, hard) for name, soft, hard in plan["ulimits"]}
    for name, (soft, hard) in limits.items():
        resource.setrlimit(getattr(resource, "RLIMIT_" + name.upper()), (soft, hard))


def _build(stage: Path, task: dict[str, Any], plan: dict[str, Any]) -> str:
    """Mount everything that the sandbox needs on the stage; returns the path of bubblewrap there."""
    unshare(CLONE_NEWNS)
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    # The binds are by descriptor, opened before the stage hides what may lie beneath it.
    opened = [os.open(source, os.O_PATH | os.O_CLOEXEC) for source in plan["sources"]]
    library = [os.open(path, os.O_PATH | os.O_CLOEXEC) for path in task["bwrap_folders"]]
    own = Path(plan["folder"])
    mine = [os.open(own / name, os.O_PATH | os.O_CLOEXEC) for name in ("upper", "work")]
    lower = os.open(plan["rootfs"], os.O_PATH | os.O_CLOEXEC) if plan["rootfs"] else -1
    mount("gureum", str(stage), "tmpfs", 0, "mode=755,size=1m")
    root = stage / "root"
    root.mkdir()
    if lower >= 0:
        layers = (
            f"lowerdir=/proc/self/fd/{lower},upperdir=/proc/self/fd/{mine[0]},workdir=/proc/self/fd/{mine[1]}"
        )
        mount("overlay", str(root), "overlay", 0, layers + (",userxattr" if task["uid_base"] == 0 else ""))
    else:
        mount(f"/proc/self/fd/{mine[0]}", str(root), None, MS_BIND)
    _clear_etc(root)
    for number, fd in enumerate(opened):
        _bind(fd, stage / f"m{number}")
    for fd, path in zip(library, task["bwrap_folders"], strict=True):
        _bind(fd, stage / Path(path).name)
    program: str = task["bwrap"]
    return str(stage / task["bwrap_inside"]) if task["bwrap_inside"] else program


def _bind(fd: int, place: Path) -> None:
    if Path(f"/proc/self/fd/{fd}").is_dir():
        place.mkdir()
    else:
        place.touch()
    mount(f"/proc/self/fd/{fd}", str(place), None, MS_BIND | MS_REC)


def _clear_etc(root: Path) -> None:
    """An image's /etc/resolv.conf may be a link to somewhere: ours shall lie there itself."""
    etc = root / "etc"
    if etc.is_symlink():
        raise OSError("the image's /etc is a symbolic link")
    for name in _ETC:
        if (etc / name).is_symlink():
            (etc / name).unlink()


def _arguments(
    stage: Path, task: dict[str, Any], plan: dict[str, Any], userns: int | None, info: int
) -> tuple[int, list[int]]:
    """Bubblewrap's arguments in a file, so that secrets are on no command line; and what it must inherit."""
    words = ["--bind", f"{stage}/root", "/"]
    kept = [info]
    if userns is not None:
        words += ["--userns", str(userns)]
        kept.append(userns)
    elif plan["uid"] != 0:  # without the host's root: one more namespace, in which we are that user
        words.append("--unshare-user")
    if userns is not None or plan["uid"] != 0:
        words += ["--uid", str(plan["uid"]), "--gid", str(plan["gid"])]
    words += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", task["hostname"]]
    words += ["--die-with-parent", "--info-fd", str(info)]
    words += [] if plan["init"] else ["--as-pid-1"]
    words += [] if plan["tty"] else ["--new-session"]
    if code := seccomp.program(mounting="CAP_SYS_ADMIN" in plan["capabilities"]):
        filter_fd = _file(code)
        kept.append(filter_fd)
        words += ["--seccomp", str(filter_fd)]
    words += ["--cap-drop", "ALL"]
    if plan["uid"] == 0:
        for name in plan["capabilities"]:
            words += ["--cap-add", name]
    words += _mounts(stage, plan)
    words += ["--chdir", plan["directory"], "--clearenv"]
    for name, value in plan["environment"]:
        words += ["--setenv", name, value]
    arguments = _file("\0".join(words).encode("utf-8", "surrogateescape") + b"\0")
    return arguments, [*kept, arguments]


def _mounts(stage: Path, plan: dict[str, Any]) -> list[str]:
    words: list[str] = []
    if not plan["rootfs"]:
        words += ["--ro-bind", "/usr", "/usr"]
        for name in HOST_LINKS:
            if Path("/", name).is_symlink():
                words += ["--symlink", f"usr/{name}", f"/{name}"]
        for name in HOST_ETC:
            words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        words += ["--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108
    words += [
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--perms",
        "1777",
        "--tmpfs",
        "/dev/shm",  # noqa: S108
        "--mqueue",
        "/dev/mqueue",
    ]
    for one in sorted(plan["mounts"], key=lambda one: one["target"].count("/")):
        if one["kind"] == "tmpfs":
            words += ["--perms", f"{one['mode']:o}"]
            words += ["--size", str(one["size"])] if one["size"] else []
            words += ["--tmpfs", one["target"]]
            words += ["--remount-ro", one["target"]] if one["read_only"] else []
        else:
            words += [
                "--ro-bind" if one["read_only"] else "--bind",
                f"{stage}/m{one['source']}",
                one["target"],
            ]
    return words + (["--remount-ro", "/"] if plan["read_only"] else [])


def _file(content: bytes) -> int:
    """A descriptor from which this can be read."""
    fd = os.memfd_create("gureum", os.MFD_CLOEXEC)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
