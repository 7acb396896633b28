"""Crypto-shredding: each generation of material needs a random key that lies in a small file of its own.

What the store once held of a key (free pages, its log, the events of changes, a stolen copy) opens only with the
root key and with that file. When a key is deleted, or imported material is, the file goes, and all copies of the
sealed material with it.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gureum.kernel.home import Home

_SIZE = 32
_ONCE = b"\x00" * 12  # each shard encrypts one secret, once
_STRAY_SECONDS = 3600.0


class Lost(Exception):
    """A shard that is not there, or not the one that the material was sealed with."""


class Shards:
    """The files, one folder for each key ARN. Any thread may wrap and unwrap."""

    def __init__(self, home: Home) -> None:
        self._folder = home.files("kms")
        self._synced = home.syncer.waits
        self._known: set[str] = set()  # seen in a committed record

    def wrap(self, arn: str, secret: bytes) -> tuple[str, bytes]:
        """The name of a new shard, which is on the disk before this returns, and the secret under it."""
        name = secrets.token_hex(16)
        shard = secrets.token_bytes(_SIZE)
        folder = self._of(arn)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(fd, shard)
            if self._synced:
                os.fsync(fd)
        finally:
            os.close(fd)
        if self._synced:
            for directory in (folder, self._folder):
                _sync(directory)
        return name, AESGCM(shard).encrypt(_ONCE, secret, name.encode())

    def unwrap(self, arn: str, name: str, wrapped: bytes) -> bytes:
        """The secret. Raises Lost."""
        try:
            return AESGCM((self._of(arn) / name).read_bytes()).decrypt(_ONCE, wrapped, name.encode())
        except (OSError, ValueError, InvalidTag) as error:
            raise Lost(f"the shard {name} of {arn}") from error

    def keep(self, arn: str, names: Iterable[str]) -> None:
        """Destroy what a key's record once held and no longer does. OSError where that fails.

        Event loop only, with the names of the record as it is in the same turn. A file that no record was ever
        seen to hold may belong to a commit that is still to come: it is left until it is an hour old.
        """
        held, now = set(names), time.time()
        self._known |= held
        folder = self._of(arn)
        for file in _entries(folder):
            if file.name not in held and (file.name in self._known or _age(file, now) > _STRAY_SECONDS):
                _destroy(file)
                self._known.discard(file.name)
        if not held:
            with suppress(OSError):
                folder.rmdir()

    def arns(self) -> list[str]:
        """Every key ARN that has a folder."""
        return [file.name.replace("+", "/") for file in _entries(self._folder)]

    def stray(self, arn: str, names: Iterable[str]) -> None:
        """Destroy what a crash has left of a key: files an hour old that its record does not hold."""
        held, now = set(names), time.time()
        for file in _entries(self._of(arn)):
            if file.name not in held and _age(file, now) > _STRAY_SECONDS:
                _destroy(file)

    def _of(self, arn: str) -> Path:
        return self._folder / arn.replace("/", "+")


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _age(file: Path, now: float) -> float:
    try:
        return now - file.stat().st_mtime
    except OSError:
        return 0.0


def _destroy(file: Path) -> None:
    try:
        with file.open("r+b") as opened:
            opened.write(secrets.token_bytes(_SIZE))
            opened.flush()
            os.fsync(opened.fileno())
        file.unlink()
    except FileNotFoundError:
        return


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
