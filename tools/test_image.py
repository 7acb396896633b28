"""Make a container image from this machine's own programs, for tests without a registry.

    python tools/test_image.py OUT.tar [--name gureum/test:1]

Busybox, this Python with the libraries it needs, and boto3 with the models of a few services: a docker archive of
one layer, as `Images.load` takes it. The first run takes seconds; the file depends on this machine only.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

NAME = "gureum/test:1"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")
_SERVICES = "dynamodb ecs iam kms lambda logs s3 secretsmanager sns sqs ssm sts"
SERVICES = frozenset(_SERVICES.split())
_LEFT_OUT = (
    "test tests idlelib tkinter turtledemo ensurepip lib2to3 site-packages __pycache__ pydoc_data distutils"
)
LEFT_OUT = frozenset(_LEFT_OUT.split())
USERS = "root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000:bob:/home/bob:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
GROUPS = "root:x:0:\nbob:x:1000:\nstaff:x:50:bob\nnogroup:x:65534:\n"


class Layer:
    """A tar being written; each path once, parents first."""

    def __init__(self) -> None:
        self._out = io.BytesIO()
        self._tar = tarfile.TarFile(fileobj=self._out, mode="w", format=tarfile.GNU_FORMAT)
        self._made: set[str] = set()

    def folder(self, path: str, mode: int = 0o755, owner: int = 0) -> None:
        path = path.strip("/")
        if not path or path in self._made:
            return
        self.folder(str(Path(path).parent) if "/" in path else "")
        entry = tarfile.TarInfo(path)
        entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, mode, owner, owner
        self._add(entry, b"")

    def file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        path = path.strip("/")
        if path in self._made:
            return
        self.folder(str(Path(path).parent))
        entry = tarfile.TarInfo(path)
        entry.mode, entry.size = mode, len(data)
        self._add(entry, data)

    def link(self, path: str, target: str) -> None:
        self.folder(str(Path(path.strip("/")).parent))
        entry = tarfile.TarInfo(path.strip("/"))
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self._add(entry, b"")

    def copy(self, source: Path, path: str) -> None:
        self.file(path, source.read_bytes(), 0o755 if os.access(source, os.X_OK) else 0o644)

    def close(self) -> bytes:
        self._tar.close()
        return self._out.getvalue()

    def _add(self, entry: tarfile.TarInfo, data: bytes) -> None:
        self._made.add(entry.name)
        self._tar.addfile(entry, io.BytesIO(data))


def libraries(program: Path) -> Iterator[Path]:
    """The shared libraries that a program or module loads, with the loader itself."""
    told = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
    for line in told.splitlines():
        if found := re.search(r"(/\S+) \(0x", line):
            yield Path(found[1])


def python(layer: Layer) -> None:
    """The interpreter that runs this, its standard library, and what they load."""
    program = Path(os.path.realpath(sys.executable))
    standard = Path(sysconfig.get_path("stdlib"))
    needed = [program, *standard.glob("lib-dynload/*.so")]
    layer.copy(program, str(program))
    for link in ("/usr/bin/python3", "/usr/bin/python"):
        layer.link(link, str(program))
    tree(layer, standard, str(standard))
    for library in sorted({library for one in needed for library in libraries(one)}):
        layer.copy(library, str(library))


def packages(layer: Layer) -> None:
    """boto3 and what it needs, with the models of `SERVICES` only (all are 300 MB)."""
    import boto3

    site = Path(boto3.__file__).parent.parent
    target = f"{sysconfig.get_path('stdlib')}/site-packages"
    for name in PACKAGES:
        if (site / name).is_dir():
            tree(
                layer,
                site / name,
                f"{target}/{name}",
                skip=lambda path: path.parts[-2:] == ("botocore", "data"),
            )
        else:
            layer.copy(site / name, f"{target}/{name}")
    data = site / "botocore" / "data"
    for entry in data.iterdir():
        if entry.is_file():
            layer.copy(entry, f"{target}/botocore/data/{entry.name}")
        elif entry.name in SERVICES:
            tree(layer, entry, f"{target}/botocore/data/{entry.name}")


def tree(layer: Layer, source: Path, target: str, skip: Callable[[Path], bool] | None = None) -> None:
    """Every file below `source`, without tests and caches."""
    for entry in sorted(source.iterdir()):
        if entry.name in LEFT_OUT or entry.suffix == ".a" or (skip is not None and skip(entry)):
            continue
        if entry.is_dir():
            tree(layer, entry, f"{target}/{entry.name}", skip)
        else:
            layer.copy(entry, f"{target}/{entry.name}")


def build(name: str = NAME) -> bytes:
    """The archive. Needs Debian's busybox-static."""
    layer = Layer()
    busybox = Path(shutil.which("busybox") or "/bin/busybox")
    if not busybox.exists():
        raise SystemExit("busybox is missing: sudo apt-get install -y busybox-static")
    layer.copy(busybox, "/bin/busybox")
    listed = subprocess.run(
        [str(busybox), "--list"], capture_output=True, text=True, check=True
    ).stdout.split()
    for applet in listed:
        if applet != "busybox":
            layer.link(f"/bin/{applet}", "busybox")
    layer.file("/etc/passwd", USERS.encode())
    layer.file("/etc/group", GROUPS.encode())
    layer.folder("/tmp", 0o1777)
    layer.folder("/root", 0o755)  # this Python may live below it
    layer.folder("/home/bob", 0o755, 1000)
    python(layer)
    packages(layer)
    return archive(name, layer.close())


def archive(name: str, layer: bytes) -> bytes:
    """A docker archive of one layer."""
    configuration = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {
            "Env": [f"PATH={Path(os.path.realpath(sys.executable)).parent}:/usr/bin:/bin", "FROM_IMAGE=yes"],
            "Cmd": ["/bin/sh", "-c", "echo no command given"],
            "WorkingDir": "/tmp",
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
    }
    files = {
        "layer.tar": layer,
        "config.json": json.dumps(configuration).encode(),
        "manifest.json": json.dumps(
            [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
        ).encode(),
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--name", default=NAME)
    arguments = parser.parse_args()
    arguments.out.write_bytes(build(arguments.name))


if __name__ == "__main__":
    main()
