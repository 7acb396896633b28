"""Podman without systemd: its API service, started by us on a socket of our own."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

from ..names import short

INSTALL = "sudo apt-get install -y --no-install-recommends podman runc netavark aardvark-dns catatonit"
_START_SECONDS = 20.0


class PodmanService:
    """`podman system service` for one installation. It outlives a killed server; the next one finds its socket."""

    def __init__(self, data_dir: Path, installation: str, store: Path | None) -> None:
        self._folder = data_dir / "podman"
        self._store = store
        runtime = Path("/run") if os.geteuid() == 0 else Path(os.environ.get("XDG_RUNTIME_DIR", "/tmp"))  # noqa: S108
        # Short, because the path of a unix socket may have 107 bytes.
        self.runtime = runtime / f"gureum-podman-{short(installation + str(data_dir), 12)}"
        self.socket = str(self.runtime / "podman.sock")
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def installed() -> bool:
        """Whether there is a podman to start."""
        return shutil.which("podman") is not None

    def ensure(self) -> None:
        """See that the service answers, starting it when it does not. Raises OSError with its last words."""
        with self._lock:
            if not _answers(self.socket):
                self._start()

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self.runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.runtime.stat().st_uid != os.geteuid():  # in /tmp anybody could have made it before us
            raise OSError(f"{self.runtime} belongs to somebody else")
        Path(self.socket).unlink(missing_ok=True)
        log = self._folder / "service.log"
        with log.open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603
                ["podman", "system", "service", "--time=0", f"unix://{self.socket}"],  # noqa: S607
                env={**os.environ, **self._settings()},
                stdin=subprocess.DEVNULL,
                stdout=out,
                cwd=self._folder,  # conmon leaves files where it was started
                stderr=out,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self.socket):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise OSError(
                    f"podman's service does not start: {log.read_text(errors='replace')[-500:].strip()}"
                )
            time.sleep(0.02)

    def close(self) -> None:
        """End the service if we started it; containers run on without it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(10)
        self._process = None

    def _settings(self) -> dict[str, str]:
        """Podman's configuration for machines without systemd or without CAP_SYS_RESOURCE."""
        containers = self._folder / "containers.conf"
        containers.write_text(_containers_conf())
        settings = {"CONTAINERS_CONF": str(containers)}
        if self._store is not None:
            storage = self._folder / "storage.conf"
            graph, run = self._store / "graph", self.runtime / "storage"
            storage.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{graph}"\nrunroot = "{run}"\n')
            settings["CONTAINERS_STORAGE_CONF"] = str(storage)
        return settings


def _containers_conf() -> str:
    """As text. Each line has met a machine that needs it."""
    ulimits = ", ".join(f'"{name}={most}:{most}"' for name, most in default_ulimits().items())
    systemd = Path("/run/systemd/system").is_dir()
    lines = [
        "[containers]",
        f"default_ulimits = [{ulimits}]",
        'log_driver = "k8s-file"',
        'base_hosts_file = "none"',  # otherwise the host's own names leak into tasks
        "[engine]",
        f'cgroup_manager = "{"systemd" if systemd else "cgroupfs"}"',
        f'events_logger = "{"journald" if systemd else "file"}"',
    ]
    if Path("/sys/fs/cgroup/unified").is_dir() and shutil.which("runc"):
        lines.append('runtime = "runc"')  # crun: "cgroups in hybrid mode not supported"
    if Path("/usr/lib/podman/netavark").exists():
        lines += ["[network]", 'network_backend = "netavark"']
    return "\n".join(lines) + "\n"


def default_ulimits() -> dict[str, int]:
    """Open files and processes of a container: Podman's own defaults are above what lesser roots may set."""
    return {
        "nofile": _hard_limit(resource.RLIMIT_NOFILE, 16384),
        "nproc": _hard_limit(resource.RLIMIT_NPROC, 32768),
    }


def _hard_limit(which: int, wanted: int) -> int:
    hard = resource.getrlimit(which)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
        return True
