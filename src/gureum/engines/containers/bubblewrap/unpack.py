"""Applying an image's layers to a folder, inside it: `python -I unpack.py FOLDER BASE < layer.tar` for each layer.

A process of its own, because it goes where no link in a layer can lead out of: its root is the folder. Standard
library only. BASE is the host's id of the sandbox's root, or 0 for an ordinary user, who owns everything then.
https://github.com/opencontainers/image-spec/blob/main/layer.md says what layers are and what whiteouts mean.
"""

from __future__ import annotations

import ctypes
import gzip  # noqa: F401  (tarfile imports them when it is too late: after the change of root)
import lzma  # noqa: F401
import os
import shutil
import sys
import tarfile
import zlib  # noqa: F401
from pathlib import Path
from typing import BinaryIO

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_ROOT = Path("/")
_CLONE_NEWUSER = 0x1000_0000


def main() -> None:
    folder, base = sys.argv[1], int(sys.argv[2])
    if base == 0:
        _become_root_of_own_namespace()
    os.umask(0)
    os.chroot(folder)
    os.chdir("/")
    apply(sys.stdin.buffer, base)


def _become_root_of_own_namespace() -> None:
    user, group = os.getuid(), os.getgid()
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER) != 0:
        sys.exit("this kernel gives no user namespaces")
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        Path("/proc/self", name).write_text(text)


def apply(stream: BinaryIO, base: int) -> None:
    """Apply one layer to the root folder. Raises tarfile.TarError, OSError."""
    fresh: set[Path] = set()  # an opaque folder hides what lower layers have, not what this one has
    folders: list[tuple[Path, float]] = []
    with tarfile.open(fileobj=stream, mode="r|*") as layer:
        for entry in layer:
            path = Path(os.path.normpath(f"/{entry.name}"))
            if path.name == _OPAQUE:
                for other in tuple(path.parent.iterdir()):
                    if other not in fresh:
                        _remove(other)
            elif path.name.startswith(_WHITEOUT):
                _remove(path.with_name(path.name.removeprefix(_WHITEOUT)))
            elif path != _ROOT:
                path.parent.mkdir(parents=True, exist_ok=True)
                _put(layer, entry, path, base)
                fresh.add(path)
            if entry.isdir():
                folders.append((path, entry.mtime))
    for path, changed in reversed(folders):  # after their content, which writing would otherwise change
        if path.is_dir():
            os.utime(path, (changed, changed))


def _put(layer: tarfile.TarFile, entry: tarfile.TarInfo, path: Path, base: int) -> None:
    if entry.isdir():
        if path.is_symlink() or not path.is_dir():
            _remove(path)
            path.mkdir()
    else:
        _remove(path)
        if entry.isreg():
            source = layer.extractfile(entry)
            with path.open("wb") as target:
                if source is not None:
                    shutil.copyfileobj(source, target, 1 << 20)
        elif entry.issym():
            path.symlink_to(entry.linkname)
        elif entry.islnk():
            os.link(os.path.normpath(f"/{entry.linkname}"), path, follow_symlinks=False)
            return
        elif entry.isfifo():
            os.mkfifo(path)
        else:
            return  # device files: a sandbox has its own /dev and may not open others
    if base:
        os.chown(path, base + min(entry.uid, 65534), base + min(entry.gid, 65534), follow_symlinks=False)
    if not entry.issym():
        path.chmod(entry.mode & 0o7777)
        os.utime(path, (entry.mtime, entry.mtime))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
