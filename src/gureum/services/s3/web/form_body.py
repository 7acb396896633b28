"""multipart/form-data as S3 takes it: small fields first, then one file, whatever its size.

https://www.rfc-editor.org/rfc/rfc7578
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path
from typing import BinaryIO

from gureum.kernel.faults import Fault
from gureum.kernel.message import Request
from gureum.services.s3.faults import invalid_argument

_MOST_FIELD_BYTES = 20 * 1024
_CHUNK = 1024 * 1024
_IN_MEMORY = 64 * 1024
_NAME = re.compile(r'[;\s]name="((?:[^"\\]|\\.)*)"')
_FILENAME = re.compile(r'[;\s]filename="((?:[^"\\]|\\.)*)"')


class FormFile:
    """The form's file as a request body: in a file of its own."""

    __slots__ = ("path", "size")

    def __init__(self, path: Path, size: int) -> None:
        self.path, self.size = path, size

    def read(self) -> bytes:
        return self.path.read_bytes()


class Form:
    """The fields, by lower-case name, and the file."""

    __slots__ = ("body", "fields", "filename", "size")

    def __init__(self, fields: dict[str, str], filename: str, body: bytes | FormFile) -> None:
        self.fields, self.filename, self.body = fields, filename, body
        self.size = len(body) if isinstance(body, bytes) else body.size

    def close(self) -> None:
        """Remove the file where nobody has kept it."""
        if isinstance(self.body, FormFile):
            with contextlib.suppress(OSError):
                self.body.path.unlink(missing_ok=True)


def read_form(request: Request, spool: Path) -> Form:
    """Take a form apart; a large file goes into a file in `spool`. Raises Fault MalformedPOSTRequest."""
    found = re.search(r'boundary="?([^";,\s]+)"?', request.headers.get("content-type", ""))
    if found is None:
        raise malformed()
    mark = b"--" + found.group(1).encode("latin-1")
    body = request.body
    if isinstance(body, bytes):
        fields, filename, start = _fields(body, mark)
        end = body.find(b"\r\n" + mark, start - 2)
        if end < 0:
            raise malformed()
        return Form(fields, filename, body[start:end] if end >= start else b"")
    with body.path.open("rb") as source:
        fields, filename, start = _fields(source.read(_MOST_FIELD_BYTES * 2), mark)
        source.seek(start)
        return Form(fields, filename, _copied(source, b"\r\n" + mark, spool))


def malformed() -> Fault:
    text = "The body of your POST request is not well-formed multipart/form-data."
    return Fault("MalformedPOSTRequest", text, status=400)


def _fields(head: bytes, mark: bytes) -> tuple[dict[str, str], str, int]:
    """The fields before the file, its name, and where its bytes begin."""
    fields: dict[str, str] = {}
    at = head.find(mark)
    while at >= 0:
        at += len(mark)
        if head[at : at + 2] == b"--":
            break
        stop = head.find(b"\r\n\r\n", at)
        if stop < 0:
            raise malformed()
        described = head[at:stop].decode("utf-8", "replace")
        named = _NAME.search(described)
        if named is None:
            raise malformed()
        name, start = named.group(1).lower(), stop + 4
        if name == "file":
            filename = _FILENAME.search(described)
            return fields, filename.group(1).rpartition("/")[2] if filename else "", start
        end = head.find(b"\r\n" + mark, start - 2)
        if end < 0 or start > _MOST_FIELD_BYTES:
            text = "Your POST request fields preceding the upload file were too large."
            raise Fault("MaxPostPreDataLengthExceededError", text, status=400)
        fields[name] = head[start : max(end, start)].decode("utf-8", "replace")
        at = end + 2
    raise invalid_argument("POST requires exactly one file upload per request.", "file", "0")


def _copied(source: BinaryIO, mark: bytes, spool: Path) -> bytes | FormFile:
    fd, name = tempfile.mkstemp(dir=spool)
    path, size, rest = Path(name), 0, b""
    with os.fdopen(fd, "wb") as into:
        while True:
            chunk = source.read(_CHUNK)
            block = rest + chunk
            at = block.find(mark)
            if at >= 0:
                into.write(block[:at])
                size += at
                break
            if not chunk:
                path.unlink()
                raise malformed()
            keep = len(mark) - 1
            into.write(block[:-keep])
            size += max(len(block) - keep, 0)
            rest = block[-keep:]
    if size <= _IN_MEMORY:
        small = path.read_bytes()
        path.unlink()
        return small
    return FormFile(path, size)
