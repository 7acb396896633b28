"""Request bodies as they arrive: small ones in memory, larger ones in a file, hashed on the way.

AWS's own chunking (`aws-chunked`, with a signature a chunk and trailers) is taken apart here, so that what lies in
memory or in the file is the payload; what the signatures covered is kept for the check.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from gureum.kernel.faults import Fault

IN_MEMORY_BYTES = 64 * 1024
_LONGEST_CHUNK_HEAD = 4096
_LARGEST_CHUNK_BYTES = 1 << 31
_LONGEST_TRAILER = 16 * 1024


class Chunk(NamedTuple):
    """One chunk of an aws-chunked body: its signature (or "") and the SHA-256 of its data."""

    signature: str
    sha256: str


class FileBody:
    """A body in a file. Whoever keeps the bytes renames `path` away; `close` removes what is left."""

    __slots__ = ("path", "sha256", "size")

    def __init__(self, path: Path, size: int, sha256: str) -> None:
        self.path, self.size, self.sha256 = path, size, sha256

    def read(self) -> bytes:
        return self.path.read_bytes()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


class Spool:
    """Gathers one request's body. `aws_chunked` takes the framing of streaming signatures off."""

    __slots__ = ("_fd", "_folder", "_framing", "_hash", "_parts", "_path", "_payload", "size")

    def __init__(self, folder: Path, *, aws_chunked: bool = False) -> None:
        self._folder = folder
        self._framing = _Framing(self._keep) if aws_chunked else None
        self._parts: list[bytes] = []
        self._hash = hashlib.sha256()
        self._fd = -1
        self._path: Path | None = None
        self._payload = b""
        self.size = 0

    def feed(self, data: bytes) -> None:
        """Take bytes as they came over the wire. Raises Fault for broken framing, OSError for a full disc."""
        if self._framing is not None:
            self._framing.feed(data)
        else:
            self._keep(data)

    def finish(self) -> bytes | FileBody:
        """The whole payload."""
        if self._framing is not None and not self._framing.complete:
            raise Fault("IncompleteBody", "The request body terminated unexpectedly")
        if self._path is None:
            self._payload = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            return self._payload
        os.close(self._fd)
        self._fd = -1
        return FileBody(self._path, self.size, self._hash.hexdigest())

    @property
    def chunks(self) -> list[Chunk]:
        return self._framing.chunks if self._framing is not None else []

    @property
    def trailers(self) -> dict[str, str]:
        return self._framing.trailers if self._framing is not None else {}

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the payload."""
        if self._path is None:
            return hashlib.sha256(self._payload).hexdigest()
        return self._hash.hexdigest()

    def abandon(self) -> None:
        """The request will not be answered: let go of what came."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _keep(self, data: bytes) -> None:
        self.size += len(data)
        if self._path is None:
            self._parts.append(data)
            if self.size > IN_MEMORY_BYTES:
                self._spill()
            return
        self._hash.update(data)
        _write_all(self._fd, data)

    def _spill(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._fd, name = tempfile.mkstemp(dir=self._folder)
        self._path = Path(name)
        for part in self._parts:
            self._hash.update(part)
            _write_all(self._fd, part)
        self._parts.clear()


class _Framing:
    """aws-chunked: `<hex size>;chunk-signature=<hex>\\r\\n<data>\\r\\n` ... a chunk of none, then trailers.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
    """

    __slots__ = (
        "_buffer",
        "_hash",
        "_keep",
        "_left",
        "_signature",
        "_state",
        "chunks",
        "complete",
        "trailers",
    )

    def __init__(self, keep: object) -> None:
        self._keep = keep
        self._buffer = b""
        self._state = "head"
        self._left = 0
        self._signature = ""
        self._hash = hashlib.sha256()
        self.chunks: list[Chunk] = []
        self.trailers: dict[str, str] = {}
        self.complete = False

    def feed(self, data: bytes) -> None:
        data = self._buffer + data if self._buffer else data
        at = 0
        while at < len(data) and not self.complete:
            if self._state == "data":
                piece = data[at : at + self._left]
                self._hash.update(piece)
                self._keep(piece)  # type: ignore[operator]
                at += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._state = "after"
                continue
            end = data.find(b"\r\n", at)
            if end < 0:
                if len(data) - at > _LONGEST_CHUNK_HEAD:
                    raise _malformed()
                break
            line, at = data[at:end], end + 2
            self._line(line)
        self._buffer = data[at:]

    def _line(self, line: bytes) -> None:
        if self._state == "after":
            if line:
                raise _malformed()
            self._end_chunk()
            self._state = "head"
        elif self._state == "head":
            self._head(line)
        else:
            self._trailer(line)

    def _head(self, line: bytes) -> None:
        size, _, extension = line.partition(b";")
        try:
            self._left = int(size, 16)
            text = extension.decode("ascii").strip()
        except ValueError:
            raise _malformed() from None
        if not 0 <= self._left <= _LARGEST_CHUNK_BYTES:
            raise _malformed()
        self._signature = text.partition("=")[2] if text.startswith("chunk-signature=") else ""
        self._hash = hashlib.sha256()
        if self._left:
            self._state = "data"
        else:
            self._end_chunk()
            self._state = "trailer"

    def _trailer(self, line: bytes) -> None:
        if not line:
            self.complete = True
            return
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or sum(len(k) + len(v) for k, v in self.trailers.items()) > _LONGEST_TRAILER:
            raise _malformed()
        self.trailers[name.strip().lower()] = value.strip()

    def _end_chunk(self) -> None:
        self.chunks.append(Chunk(self._signature, self._hash.hexdigest()))


def _malformed() -> Fault:
    return Fault("MalformedTrailerError", "The request contained trailing data that was not well-formed")


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
