"""Secrets at rest: sealed by a root key that lies in a file of its own, never beside the records it seals.

Every sealed secret is bound to a context (service, account, region, id …): bytes copied onto another record
do not open there. Each seal derives a one-time AES-256-GCM key from the root key by the counter-mode KDF of
NIST SP 800-108 (HMAC-SHA-256, 128-bit random salt), so one root key can seal without a count to keep.

Sealed bytes, version 1: version (1) ‖ root key id (8) ‖ salt (16) ‖ nonce (12) ‖ ciphertext ‖ tag (16).
Root key file: a first line naming the format, then one line per key, `<id> <base64 key>`, the current one
last. A key's id is a digest of it, so a damaged line is seen.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import hashlib
import hmac
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_HEADER = "gureum root keys 1"
_ID_SIZE, _SALT_SIZE, _NONCE_SIZE, _TAG_SIZE = 8, 16, 12, 16
_SALT_AT = 1 + _ID_SIZE
_NONCE_AT = _SALT_AT + _SALT_SIZE
_BODY_AT = _NONCE_AT + _NONCE_SIZE
_LABEL = b"\x00\x00\x00\x01gureum seal\x00"  # SP 800-108: counter ‖ label ‖ 0x00 ‖ context ‖ length in bits
_BITS = struct.pack(">I", 256)


class SealError(Exception):
    """What this module raises."""


class RootKeyRefused(SealError):
    """The root key file is missing, already there, damaged, or open to others; the text says which."""


class SealBroken(SealError, ValueError):
    """Sealed bytes that do not open: altered, another context, or a root key that this file does not hold."""


class Seal:
    """Seals and opens secrets under the root keys of one file.

    The last key of the file seals; all of them open. Instances are immutable and safe to share.
    """

    __slots__ = ("_current", "_keys", "path")

    def __init__(self, path: Path, keys: dict[bytes, bytes]) -> None:
        self.path = path
        self._keys = keys
        self._current = next(reversed(keys))

    def __repr__(self) -> str:
        return f"Seal({str(self.path)!r}, current={self.current})"

    def __reduce__(self) -> str:
        raise TypeError("root keys are not pickled")

    @classmethod
    def create(cls, path: Path) -> Seal:
        """Make a root key in a new file, mode 0600, whole or not at all. RootKeyRefused if the file is there.

        Whoever calls this decides that no sealed record exists yet: a lost root key must stop the program,
        not be replaced in silence.
        """
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path.parent):
            if path.is_symlink() or path.exists():
                raise RootKeyRefused(f"{path}: a root key file is already there")
            keys = _fresh()
            _write(path, keys)
        return cls(path, keys)

    @classmethod
    def load(cls, path: Path) -> Seal:
        """Read the root keys. RootKeyRefused if the file is absent, damaged, not ours, or open to others."""
        return cls(path, _parse(path, _read(path)))

    @property
    def current(self) -> str:
        """The id (hex) of the root key that seals now."""
        return self._current.hex()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids (hex) of all root keys that open, oldest first."""
        return tuple(key.hex() for key in self._keys)

    def seal(self, secret: bytes, *context: str) -> bytes:
        """`secret` sealed for `context`; 53 bytes longer than it. The order of `context` counts."""
        fresh = os.urandom(_SALT_SIZE + _NONCE_SIZE)
        head = _VERSION + self._current
        key = _one_time(self._keys[self._current], fresh[:_SALT_SIZE])
        return head + fresh + AESGCM(key).encrypt(fresh[_SALT_SIZE:], secret, head + _bind(context))

    def open(self, sealed: bytes, *context: str) -> bytes:
        """The secret that `seal` was given with the same context. SealBroken otherwise."""
        root = self._keys.get(sealed[1:_SALT_AT])
        if len(sealed) < _BODY_AT + _TAG_SIZE or sealed[:1] != _VERSION or root is None:
            raise SealBroken("not sealed by a root key of this file")
        key = _one_time(root, sealed[_SALT_AT:_NONCE_AT])
        try:
            return AESGCM(key).decrypt(
                sealed[_NONCE_AT:_BODY_AT], sealed[_BODY_AT:], sealed[:_SALT_AT] + _bind(context)
            )
        except InvalidTag:
            raise SealBroken("altered, or sealed for another context") from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether the newest root key sealed these bytes; if not, `reseal` before retiring the old one."""
        return sealed[1:_SALT_AT] == self._current

    def reseal(self, sealed: bytes, *context: str) -> bytes:
        """The same secret under the newest root key. SealBroken as `open`."""
        return sealed if self.is_current(sealed) else self.seal(self.open(sealed, *context), *context)

    def rotate(self) -> Seal:
        """Add a new root key to the file and seal with it from now on; the old ones still open."""
        with _locked(self.path.parent):
            keys = _parse(self.path, _read(self.path)) | _fresh()
            _write(self.path, keys)
        return Seal(self.path, keys)

    def retire(self, key_id: str) -> Seal:
        """Remove an old root key once nothing is sealed by it. RootKeyRefused for the current one."""
        with _locked(self.path.parent):
            keys = _parse(self.path, _read(self.path))
            gone = bytes.fromhex(key_id)
            if gone not in keys or gone == next(reversed(keys)):
                raise RootKeyRefused(f"{self.path}: {key_id} is not an old root key of this file")
            del keys[gone]
            _write(self.path, keys)
        return Seal(self.path, keys)


def _one_time(root: bytes, salt: bytes) -> bytes:
    return hmac.digest(root, _LABEL + salt + _BITS, "sha256")


def _bind(context: tuple[str, ...]) -> bytes:
    """The context as bytes that no other context shares: each part preceded by its length."""
    parts = [part.encode() for part in context]
    return b"".join([struct.pack(">I", len(part)) + part for part in parts])


def _id(key: bytes) -> bytes:
    return hashlib.sha256(b"gureum root key id" + key).digest()[:_ID_SIZE]


def _fresh() -> dict[bytes, bytes]:
    key = os.urandom(32)
    return {_id(key): key}


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the directory, so that two processes never write the root key file at once and lose a key."""
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise RootKeyRefused(f"{directory}: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: Path, keys: dict[bytes, bytes]) -> None:
    """Put the file in place whole: written aside, flushed to disk, renamed, and the directory flushed."""
    lines = [_HEADER] + [f"{name.hex()} {base64.b64encode(key).decode()}" for name, key in keys.items()]
    aside = path.with_name(path.name + ".new")
    aside.unlink(missing_ok=True)  # left by a crash; we hold the lock
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _read(path: Path) -> str:
    """The file's text, after looking at the opened file itself, so that nothing can be swapped in between."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise RootKeyRefused(f"{path}: {error.strerror}") from None
    with os.fdopen(handle, "rb") as file:
        _check(path, os.fstat(file.fileno()))
        return file.read().decode("ascii", "replace")


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise RootKeyRefused(f"{path}: not a regular file")
    if found.st_uid != os.geteuid():
        raise RootKeyRefused(
            f"{path}: owned by user {found.st_uid}, not by {os.geteuid()} who runs this program"
        )
    if found.st_mode & 0o077:
        raise RootKeyRefused(f"{path}: mode {stat.S_IMODE(found.st_mode):04o} lets others in; chmod 600 it")
    parent = path.parent.stat()
    if parent.st_mode & 0o022 and not parent.st_mode & stat.S_ISVTX:
        raise RootKeyRefused(f"{path.parent}: others may replace files in this directory; chmod 700 it")


def _parse(path: Path, text: str) -> dict[bytes, bytes]:
    first, *lines = text.splitlines() or [""]
    keys: dict[bytes, bytes] = {}
    try:
        for line in lines:
            name, encoded = line.split(" ")
            key = base64.b64decode(encoded, validate=True)
            if len(key) != 32 or _id(key).hex() != name:
                raise ValueError
            keys[_id(key)] = key
    except (ValueError, binascii.Error):
        keys = {}
    if first != _HEADER or not keys:
        raise RootKeyRefused(f"{path}: not a root key file, or damaged")
    return keys
