"""Backups: the data directory of a stopped cloud as one archive, and back.

The archive is a tar, gzipped unless its name ends in `.tar`. Its last member, `gureum-backup.json`, lists
every file with its SHA-256, so a torn or altered archive is told from a whole one. Keys that open the cloud's
secrets stay out unless asked for: whoever holds an archive with them holds the cloud.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from gureum import __version__, running
from gureum.commands import Refused

MANIFEST = "gureum-backup.json"
FORMAT = 1
ROOT_KEYS = (running.ROOT_KEY, running.CREDENTIALS)
# A certificate's key is as secret; the server makes another when it has none.
TLS = "tls"
# What belongs to a running process, not to the state.
PASSING = {running.LOCK, running.STATE, f"{running.STATE}.new", running.LOG, "spool"}


class _Hashing:
    """A file that is read once, by tarfile, and hashed on the way."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._sum = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._sum.update(data)
        return data

    def hexdigest(self) -> str:
        return self._sum.hexdigest()


@contextlib.contextmanager
def _stopped(data: Path, to_do: str) -> Iterator[None]:
    """Keeps a server from starting on `data` meanwhile. Raises Refused when one runs."""
    try:
        with running.claim(data):
            yield
    except running.InUse:
        raise Refused(f"the cloud is running: stop it with `gureum down`, then {to_do}") from None


def backup(chosen: argparse.Namespace) -> int:
    data, target = chosen.data, chosen.file.expanduser().absolute()
    mode = _mode(target)
    if not data.is_dir():
        raise Refused(f"nothing to back up: {data} is not there")
    if target.exists() and not chosen.force:
        raise Refused(f"{target} is there already: choose another name, or add --force")
    if target.is_relative_to(data):
        raise Refused(f"{target} lies inside the data directory: write it elsewhere")
    with _stopped(data, "back it up"):
        count, size, skipped = _write(data, target, mode, chosen.with_root_key)
    for path in skipped:
        print(f"left out (a device, socket or link to outside): {path}")
    print(f"Wrote {target}: {count} files, {size / 1e6:.1f} MB before packing.")
    if not chosen.with_root_key:
        print(f"It does not hold {' or '.join(ROOT_KEYS)}: keep those safe elsewhere,")
        print("its secrets cannot be opened without them. --with-root-key includes them.")
    return 0


def _mode(path: Path) -> str:
    if path.name.endswith(".tar"):
        return "w"
    if path.name.endswith((".tar.gz", ".tgz")):
        return "w:gz"
    raise Refused(f"{path.name}: a backup's name ends in .tar, .tar.gz or .tgz")


def _write(data: Path, target: Path, mode: str, with_root_key: bool) -> tuple[int, int, list[str]]:
    """Files, bytes, what was left out. The archive appears under its name once it is whole and on disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    sums: dict[str, str] = {}
    skipped: list[str] = []
    size = 0
    packing: dict[str, Any] = {"compresslevel": 3} if mode == "w:gz" else {}
    try:
        with os.fdopen(handle, "wb") as out:
            with tarfile.open(fileobj=out, mode=mode, format=tarfile.PAX_FORMAT, **packing) as tar:  # type: ignore[call-overload]
                for path in _contents(data, with_root_key):
                    name = path.relative_to(data).as_posix()
                    if (added := _add(tar, path, name, data, sums)) is None:
                        skipped.append(name)
                    else:
                        size += added
                _add_manifest(tar, sums, with_root_key)
            out.flush()
            os.fsync(out.fileno())
        Path(draft).replace(target)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return len(sums), size, skipped


def _contents(data: Path, with_root_key: bool) -> Iterator[Path]:
    """Everything below `data` in a steady order, parents before children, links not followed."""
    left_out = PASSING if with_root_key else PASSING | {TLS, *ROOT_KEYS}
    for entry in sorted(data.iterdir()):
        if entry.name in left_out:
            continue
        yield entry
        for folder, folders, files in os.walk(entry) if not entry.is_symlink() else ():
            folders.sort()
            yield from (Path(folder) / name for name in sorted([*folders, *files]))


def _add(tar: tarfile.TarFile, path: Path, name: str, data: Path, sums: dict[str, str]) -> int | None:
    """Puts one entry in; its size in bytes, or None when its kind is not kept."""
    if path.is_symlink():
        inside = (path.parent / path.readlink()).resolve().is_relative_to(data.resolve())
        if path.readlink().is_absolute() or not inside:
            return None
        tar.add(path, name, recursive=False)
        return 0
    if path.is_dir():
        tar.add(path, name, recursive=False)
        return 0
    if not path.is_file():
        return None
    with path.open("rb") as file:
        entry = tar.gettarinfo(arcname=name, fileobj=file)
        entry.type, entry.linkname = tarfile.REGTYPE, ""  # a hard link is kept as a file of its own
        entry.size = os.fstat(file.fileno()).st_size
        reading = _Hashing(file)
        tar.addfile(entry, reading)
    sums[name] = reading.hexdigest()
    return entry.size


def _add_manifest(tar: tarfile.TarFile, sums: dict[str, str], with_root_key: bool) -> None:
    told = {"format": FORMAT, "version": __version__, "created": time.time(), "files": sums}
    text = json.dumps(told | {"with_root_key": with_root_key}).encode()
    entry = tarfile.TarInfo(MANIFEST)
    entry.size, entry.mtime, entry.mode = len(text), int(time.time()), 0o600
    tar.addfile(entry, io.BytesIO(text))


def restore(chosen: argparse.Namespace) -> int:
    """Reads the archive through once before anything is written, and puts it in place by renaming."""
    data, source = chosen.data, chosen.file.expanduser().absolute()
    filled = data.is_dir() and any(entry.name != running.LOCK for entry in data.iterdir())
    if running.find(data) is not None:
        raise Refused("the cloud is running: stop it with `gureum down`, then restore")
    if filled and not chosen.replace:
        raise Refused(
            f"{data} is not empty: choose another --data, or add --replace (it is moved, not removed)"
        )
    manifest, size = _judged(source)
    data.parent.mkdir(parents=True, exist_ok=True)
    if size > (free := shutil.disk_usage(data.parent).free):
        raise Refused(f"it needs {size / 1e6:.0f} MB, and {data.parent} has {free / 1e6:.0f} MB free")
    with _stopped(data, "restore"):
        draft = Path(tempfile.mkdtemp(dir=data.parent, prefix=f".{data.name}.restoring-"))
        try:
            _unpack(source, draft, manifest)
            kept = _keep_root_keys(data, draft)
            moved = _put_in_place(data, draft, filled)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    print(f"Restored {len(manifest['files'])} files into {data}.")
    if moved is not None:
        print(f"What was there is at {moved}: remove it when you are content.")
    for name in kept:
        print(f"Kept {name} of the directory that was there.")
    for name in (name for name in ROOT_KEYS if not (data / name).exists()):
        print(f"The archive holds no {name}: put yours at {data / name} before you start.")
    return 0


def _judged(source: Path) -> tuple[dict[str, Any], int]:
    """The manifest and the size in bytes of an archive whose every entry may be unpacked. Raises Refused."""
    seen: dict[str, tarfile.TarInfo] = {}
    manifest: Any = None
    size = 0
    try:
        with tarfile.open(source) as tar:
            for entry in tar:
                if wrong := objection(entry, seen):
                    raise Refused(f"{source.name} is refused: {entry.name!r} {wrong}")
                seen[entry.name] = entry
                size += entry.size
                if entry.name == MANIFEST and (file := tar.extractfile(entry)):
                    manifest = json.load(file)
    except FileNotFoundError:
        raise Refused(f"{source} is not there") from None
    except (tarfile.TarError, OSError, EOFError, ValueError) as wrong:
        raise Refused(f"{source.name} is not a whole backup: {wrong}") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise Refused(f"{source.name} is not a whole backup: it has no {MANIFEST}")
    if manifest.get("format") != FORMAT:
        raise Refused(
            f"{source.name} has format {manifest.get('format')}; this version reads format {FORMAT}"
        )
    files = {name for name, entry in seen.items() if entry.isreg() and name != MANIFEST}
    if files != set(manifest["files"]):
        raise Refused(f"{source.name} is not a whole backup: its files are not those that it lists")
    return manifest, size


def objection(entry: tarfile.TarInfo, seen: dict[str, tarfile.TarInfo]) -> str | None:
    """Why this entry may not be unpacked, or None. Nothing may reach outside the directory, by any way."""
    path = PurePosixPath(entry.name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in entry.name:
        return "leads outside the data directory"
    if entry.name in seen:
        return "is there twice"
    if any((above := seen.get(str(parent))) and above.issym() for parent in path.parents):
        return "lies behind a link"
    if not (entry.isreg() or entry.isdir() or entry.issym()):
        return "is neither a file, a directory nor a symbolic link"
    if entry.issym():
        target = PurePosixPath(os.path.normpath(path.parent / entry.linkname))
        if PurePosixPath(entry.linkname).is_absolute() or ".." in target.parts:
            return "links outside the data directory"
    return None


def _unpack(source: Path, target: Path, manifest: dict[str, Any]) -> None:
    """Writes the entries and compares every file's sum. Raises Refused."""
    with tarfile.open(source) as tar:
        for entry in tar:
            if entry.name == MANIFEST:
                continue
            if entry.isreg() and (file := tar.extractfile(entry)):
                where = target / entry.name
                where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                if _copied(file, where, entry.mode & 0o777) != manifest["files"][entry.name]:
                    raise Refused(f"{source.name} is damaged: {entry.name} is not what was backed up")
            elif entry.issym():
                (target / entry.name).symlink_to(entry.linkname)
            else:
                (target / entry.name).mkdir(mode=entry.mode & 0o777 | 0o700, parents=True, exist_ok=True)


def _copied(file: IO[bytes], where: Path, mode: int) -> str:
    """Writes a new file to disk; the SHA-256 of what was written."""
    sum_ = hashlib.sha256()
    with os.fdopen(os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        while part := file.read(1 << 20):
            sum_.update(part)
            out.write(part)
        out.flush()
        os.fsync(out.fileno())
    return sum_.hexdigest()


def _keep_root_keys(data: Path, draft: Path) -> list[str]:
    """An archive without keys, restored where it was made: the keys that are there open it."""
    kept = [name for name in ROOT_KEYS if (data / name).is_file() and not (draft / name).exists()]
    for name in kept:
        shutil.copy2(data / name, draft / name)
    return kept


def _put_in_place(data: Path, draft: Path, filled: bool) -> Path | None:
    """Renames the finished directory to its name; where the old one went, if it held anything."""
    moved = data.with_name(f"{data.name}.replaced-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}")
    data.rename(moved)
    try:
        draft.rename(data)
    except OSError:
        moved.rename(data)
        raise
    if filled:
        return moved
    shutil.rmtree(moved)
    return None
