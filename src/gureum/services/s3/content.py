"""The bytes of objects: small ones encrypted in their record, larger ones in files of random names.

A file is whole, and on the disk where the operator asks for that, before the record that names it commits. What
a crash leaves without a record is removed after the next start.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gureum.kernel import ids
from gureum.kernel.home import Home
from gureum.kernel.message import Body
from gureum.kernel.records import Kind, kind_of
from gureum.kernel.store import rows_everywhere
from gureum.services.s3 import checksums
from gureum.services.s3.encryption import NONCE_BYTES, cipher
from gureum.services.s3.records import Leftover, Object, Part, Piece, Version

INLINE_BYTES = 4096
_BLOCK = 128 * 1024
_SENT = 256 * 1024


class Kept(NamedTuple):
    """Bytes that were kept, and their digests: MD5 in hexadecimal, the checksum in base64."""

    size: int
    md5: str
    checksum: str
    data: bytes = b""
    nonce: bytes = b""
    pieces: tuple[Piece, ...] = ()


class Files:
    """The folder of content files, and who is reading which."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.root = home.files("s3")
        if home.syncer.waits:
            for folder in (self.root.parent, self.root):
                _sync_folder(folder)
        self._mine = ids.hexadecimal(8)  # ends the names of this run's files: the sweep leaves them alone
        self.reading: dict[str, int] = {}
        home.pool.submit(self._sweep)

    def path(self, name: str) -> Path:
        return self.root / name[:2] / name

    def new(self) -> tuple[str, Path]:
        """A name that nobody has, and its path."""
        name = ids.hexadecimal(24) + self._mine
        path = self.path(name)
        if not path.parent.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            if self._home.syncer.waits:
                _sync_folder(self.root)
        return name, path

    def settle(self, fd: int, path: Path) -> None:
        """Make sure that a file and its name are kept, where the operator asks for more than the kernel's word."""
        if not self._home.syncer.waits:
            return
        os.fsync(fd)
        _sync_folder(path.parent)

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            self.path(name).unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove files of earlier runs that no record names: their writers died before they committed."""
        old = [
            Path(found.path)
            for folder in os.scandir(self.root)
            for found in os.scandir(folder)
            if not found.name.endswith(self._mine)
        ]
        if not old:
            return
        named: set[str] = set()
        for _ in range(2):  # a version may move between the kinds while they are read
            for kind in (kind_of(Part), kind_of(Version), kind_of(Object), kind_of(Leftover)):
                named.update(_files_of(self._home, kind))
        for path in old:
            if path.name not in named:
                path.unlink(missing_ok=True)

    def clear(self) -> None:
        self.reading.clear()

    def close(self) -> None: ...


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _files_of(home: Home, kind: Kind) -> Iterator[str]:
    for row in rows_everywhere(home.store, kind):
        record: Any = row.record
        if isinstance(record, Leftover):
            yield from record.files
        else:
            holder = record if isinstance(record, Part) else record.entry
            yield from (piece.id for piece in holder.pieces)


def keep(home: Home, body: bytes | Body, key: bytes, algorithm: str) -> Kept:
    """Digest and encrypt a body, and keep it. A large one takes over the file in which it came."""
    if isinstance(body, bytes):
        if len(body) <= INLINE_BYTES:
            return keep_small(body, key, algorithm)
        return _keep_bytes(home, body, key, algorithm)
    return _keep_file(home, body, key, algorithm)


def keep_small(body: bytes, key: bytes, algorithm: str) -> Kept:
    """The same for a body that stays in its record."""
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    digest = checksums.start(algorithm)
    digest.update(body)
    checksum = base64.b64encode(digest.digest()).decode()
    if not body:
        return Kept(0, md5, checksum)
    nonce = os.urandom(NONCE_BYTES)
    return Kept(len(body), md5, checksum, cipher(key, nonce).update(body), nonce)


def _keep_bytes(home: Home, body: bytes, key: bytes, algorithm: str) -> Kept:
    plain = keep_small(body, key, algorithm)
    files = home.part(Files)
    name, path = files.new()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _write_all(fd, plain.data, 0)
        files.settle(fd, path)
    finally:
        os.close(fd)
    return Kept(plain.size, plain.md5, plain.checksum, pieces=(Piece(name, plain.size, plain.nonce),))


def _keep_file(home: Home, body: Body, key: bytes, algorithm: str) -> Kept:
    files = home.part(Files)
    name, path = files.new()
    nonce = os.urandom(NONCE_BYTES)
    encrypt = cipher(key, nonce)
    md5 = hashlib.md5(usedforsecurity=False)
    digest = checksums.start(algorithm)
    size = 0
    fd = os.open(body.path, os.O_RDWR)
    try:
        # In place: the plain bytes are needed no more, and the file may be gigabytes.
        plain, sealed = bytearray(_BLOCK), bytearray(_BLOCK + 16)
        while (got := os.preadv(fd, [plain], size)) > 0:
            block = memoryview(plain)[:got]
            md5.update(block)
            digest.update(block)
            encrypt.update_into(block, sealed)
            _write_all(fd, memoryview(sealed)[:got], size)
            size += got
        body.path.rename(path)
        files.settle(fd, path)
    finally:
        os.close(fd)
    checksum = base64.b64encode(digest.digest()).decode()
    return Kept(size, md5.hexdigest(), checksum, pieces=(Piece(name, size, nonce),))


def keep_stream(home: Home, chunks: Iterator[bytes], key: bytes, algorithm: str) -> Kept:
    """The same for bytes that come in chunks: they go to a file of their own."""
    files = home.part(Files)
    name, path = files.new()
    nonce = os.urandom(NONCE_BYTES)
    encrypt = cipher(key, nonce)
    md5 = hashlib.md5(usedforsecurity=False)
    digest = checksums.start(algorithm)
    size = 0
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        for chunk in chunks:
            md5.update(chunk)
            digest.update(chunk)
            _write_all(fd, encrypt.update(chunk), size)
            size += len(chunk)
        files.settle(fd, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    checksum = base64.b64encode(digest.digest()).decode()
    return Kept(size, md5.hexdigest(), checksum, pieces=(Piece(name, size, nonce),))


def link(home: Home, pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """The same bytes under names of their own, without copying them."""
    files = home.part(Files)
    linked = []
    for piece in pieces:
        name, path = files.new()
        os.link(files.path(piece.id), path)
        linked.append(Piece(name, piece.size, piece.nonce))
    if linked:
        fd = os.open(path, os.O_RDONLY)
        try:
            files.settle(fd, path)
        finally:
            os.close(fd)
    return tuple(linked)


Held = Any
"""What holds bytes: an `Entry` or a `Part` (size, data, nonce, pieces)."""


def read(home: Home, held: Held, key: bytes, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The bytes from `start` to before `end`, decrypted, in pieces. For threads."""
    end = held.size if end is None else end
    if held.data:
        yield cipher(key, held.nonce).update(held.data)[start:end]
        return
    files = home.part(Files)
    for piece, at, stop in _stretches(held.pieces, start, end):
        fd = os.open(files.path(piece.id), os.O_RDONLY)
        try:
            yield from _decrypted(fd, piece, key, at, stop)
        finally:
            os.close(fd)


async def stream(
    home: Home, pieces: Sequence[Piece], key: bytes, start: int, end: int
) -> AsyncIterator[bytes]:
    """The same for an answer: the files stay until it is sent."""
    files = home.part(Files)
    for piece in pieces:
        files.reading[piece.id] = files.reading.get(piece.id, 0) + 1
    try:
        for piece, at, stop in _stretches(pieces, start, end):
            fd = os.open(files.path(piece.id), os.O_RDONLY)
            try:
                for chunk in _decrypted(fd, piece, key, at, stop):
                    yield chunk
            finally:
                os.close(fd)
    finally:
        for piece in pieces:
            left = files.reading.get(piece.id, 1) - 1
            if left:
                files.reading[piece.id] = left
            else:
                files.reading.pop(piece.id, None)


def small(held: Held, key: bytes, start: int, end: int) -> bytes:
    """The bytes of what lies in its record."""
    if not held.data:
        return b""
    plain: bytes = cipher(key, held.nonce).update(held.data)
    return plain if start == 0 and end == held.size else plain[start:end]


def _decrypted(fd: int, piece: Piece, key: bytes, at: int, stop: int) -> Iterator[bytes]:
    decrypt = cipher(key, piece.nonce, at)
    while at < stop:
        chunk = os.pread(fd, min(_SENT, stop - at), at)
        if not chunk:
            raise OSError(f"content file {piece.id} ends before its object does")
        yield decrypt.update(chunk)
        at += len(chunk)


def _stretches(pieces: Sequence[Piece], start: int, end: int) -> Iterator[tuple[Piece, int, int]]:
    """(piece, from, to) of each piece that a range touches."""
    base = 0
    for piece in pieces:
        if base + piece.size > start and base < end:
            yield piece, max(start - base, 0), min(end - base, piece.size)
        base += piece.size


def _write_all(fd: int, data: bytes | memoryview, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        offset += written
        view = view[written:]
