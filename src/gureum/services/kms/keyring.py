"""Unsealed key material, kept in memory for as long as its record holds it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.home import Home
from gureum.kernel.records import Record, kind_of
from gureum.kernel.store import Work
from gureum.services.kms.crypto.errors import CryptoError
from gureum.services.kms.crypto.material import Secret, material_id
from gureum.services.kms.crypto.pairs import KeyPair
from gureum.services.kms.crypto.specs import SPECS
from gureum.services.kms.crypto.symmetric import BackingKey
from gureum.services.kms.records import Key, Material
from gureum.services.kms.shards import Shards

log = logging.getLogger("gureum.kms")

T = TypeVar("T", BackingKey, KeyPair, Secret)


class Keyring:
    """Material that is ready for use, by the sealed bytes of its record. Safe to ask from any thread."""

    def __init__(self, home: Home) -> None:
        self._seal = home.seal
        self._store = home.store
        self._loop = home.loop
        self._shards = Shards(home)
        self._ready: dict[tuple[str, str], tuple[bytes, BackingKey | KeyPair | Secret]] = {}
        self._kind = kind_of(Key)
        self._syncer = home.syncer
        self.unkept: dict[str, object] = {}  # keys whose newest state the disk may not have yet
        home.store.on_commit(self._committed)
        self.swept = home.pool.submit(self._sweep)

    def __repr__(self) -> str:
        return f"Keyring({len(self._ready)} keys)"

    def seal(self, arn: str, secret: Secret) -> Material:
        """Material of a key, sealed for its record. Writes a file: see `Shards`."""
        name = material_id(arn.rpartition("/")[2], secret)
        shard, wrapped = self._shards.wrap(arn, secret.reveal())
        return Material(id=name, shard=shard, sealed=self._seal.seal(wrapped, "kms", arn, name))

    def copy(self, arn: str, material: Material, to: str) -> Material:
        """The same material for the related key of another Region."""
        made = self.seal(to, self._open(arn, material))
        return replace(material, sealed=made.sealed, shard=made.shard)

    def _open(self, arn: str, material: Material) -> Secret:
        wrapped = self._seal.open(material.sealed, "kms", arn, material.id)
        return Secret(self._shards.unwrap(arn, material.shard, wrapped))

    def _sweep(self) -> None:
        """Destroy what a crash between the file and its record, or between the record's end and the file's, left."""
        for arn in self._shards.arns():
            place = self._kind.parse(arn)
            if place is not None:
                row = self._store.read(self._kind, (self._kind.name, *place[1:]))
                self._shards.stray(arn, _held(row.record if row is not None else None))

    def backing(self, key: Key, arn: str, material: Material) -> BackingKey:
        """One generation of a symmetric key."""
        return self._of(BackingKey, arn, key, material)

    def pair(self, key: Key, arn: str, material: Material) -> KeyPair:
        """The pair of an asymmetric key."""
        return self._of(KeyPair, arn, key, material)

    def secret(self, key: Key, arn: str, material: Material) -> Secret:
        """The secret of an HMAC key."""
        return self._of(Secret, arn, key, material)

    def _of(self, form: type[T], arn: str, key: Key, material: Material) -> T:
        found = self._ready.get((arn, material.id))
        if found is not None and found[0] == material.sealed and isinstance(found[1], form):
            return found[1]
        secret = self._open(arn, material)
        made: BackingKey | KeyPair | Secret
        if form is BackingKey:
            made = BackingKey(secret, arn, material.id)
        elif form is KeyPair:
            made = KeyPair.load(SPECS[key.spec], secret)
        else:
            made = secret
        self._ready[(arn, material.id)] = (material.sealed, made)
        return made  # type: ignore[return-value]

    def _committed(self, work: Work) -> None:
        """A key has changed: what it no longer holds is forgotten here too."""
        for (_, account, region, key_id), (kind, record) in work.writes.items():
            if kind is not self._kind:
                continue
            arn = kind.arn(account, region, {"id": key_id})
            self._await_disk(arn)
            held = {m.id for m in record.materials if m.sealed} if isinstance(record, Key) else set()
            for name in [n for n in self._ready.copy() if n[0] == arn and n[1] not in held]:
                self._ready.pop(name, None)
            self._when_kept(partial(self._on_loop, self._shred, arn))

    def _await_disk(self, arn: str) -> None:
        if not self._syncer.waits:
            return
        mark = self.unkept[arn] = object()

        def kept() -> None:
            if self.unkept.get(arn) is mark:
                del self.unkept[arn]

        self._when_kept(kept)

    def _when_kept(self, act: Callable[[], None]) -> None:
        if self._syncer.waits:
            self._syncer.when_kept(lambda error: act() if error is None else None)
        else:
            act()

    def _on_loop(self, act: Callable[[str], None], arn: str) -> None:
        with suppress(RuntimeError):  # the cloud is stopping: the next start sweeps
            self._loop.call_soon_threadsafe(act, arn)

    def _shred(self, arn: str) -> None:
        """Destroy the shards that a key's record, as it now is, does not hold."""
        place = self._kind.parse(arn)
        assert place is not None

        row = self._store.read(self._kind, (self._kind.name, *place[1:]))
        try:
            self._shards.keep(arn, _held(row.record if row is not None else None))
        except OSError:
            log.exception("a shard of %s could not be destroyed; the next start tries again", arn)

    def clear(self) -> None:
        self._ready.clear()

    def close(self) -> None:
        self._ready.clear()


def _held(record: Record | None) -> list[str]:
    """The shards that a key's record needs."""
    return [m.shard for m in record.materials if m.sealed] if isinstance(record, Key) else []


def current(key: Key) -> Material:
    """The material that encrypts and signs."""
    for material in reversed(key.materials):
        if not material.pending:
            return material
    raise Fault("KMSInternalException", "The key has no material.", status=500)


def material_of(key: Key, name: str) -> Material | None:
    """The generation of that id, if the key holds it."""
    for material in key.materials:
        if material.id == name:
            return material if material.sealed else None
    return None


def backing(ctx: Context, key: Key, arn: str) -> BackingKey:
    """The current generation of a symmetric key."""
    ring = ctx.part(Keyring)
    if ring.unkept and arn in ring.unkept:
        ctx.kept = True  # what it encrypts is lost if a power loss takes the material
    return ring.backing(key, arn, current(key))


def pair(ctx: Context, key: Key, arn: str) -> KeyPair:
    """The pair of an asymmetric key."""
    return ctx.part(Keyring).pair(key, arn, current(key))


def refusal(error: CryptoError) -> Fault:
    """What the cryptography refuses, as KMS answers it."""
    return Fault(error.code, error.message)
