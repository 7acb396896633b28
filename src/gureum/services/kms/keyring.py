"""Unsealed key material, kept in memory for as long as its record holds it."""

from __future__ import annotations

from typing import TypeVar

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.home import Home
from gureum.kernel.records import kind_of
from gureum.kernel.store import Work
from gureum.services.kms.crypto.errors import CryptoError
from gureum.services.kms.crypto.material import Secret, material_id
from gureum.services.kms.crypto.pairs import KeyPair
from gureum.services.kms.crypto.specs import SPECS
from gureum.services.kms.crypto.symmetric import BackingKey
from gureum.services.kms.records import Key, Material

T = TypeVar("T", BackingKey, KeyPair, Secret)


class Keyring:
    """Material that is ready for use, by the sealed bytes of its record. Safe to ask from any thread."""

    def __init__(self, home: Home) -> None:
        self._seal = home.seal
        self._ready: dict[tuple[str, str], tuple[bytes, BackingKey | KeyPair | Secret]] = {}
        self._kind = kind_of(Key)
        home.store.on_commit(self._committed)

    def __repr__(self) -> str:
        return f"Keyring({len(self._ready)} keys)"

    def seal(self, key_id: str, secret: Secret) -> Material:
        """New material of a key, sealed for its record."""
        name = material_id(key_id, secret)
        return Material(id=name, sealed=self._seal.seal(secret.reveal(), "kms", key_id, name))

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
        secret = Secret(self._seal.open(material.sealed, "kms", key.id, material.id))
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
            held = {m.id for m in record.materials if m.sealed} if isinstance(record, Key) else set()
            for name in [n for n in self._ready.copy() if n[0] == arn and n[1] not in held]:
                self._ready.pop(name, None)

    def clear(self) -> None:
        self._ready.clear()

    def close(self) -> None:
        self._ready.clear()


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
    return ctx.part(Keyring).backing(key, arn, current(key))


def pair(ctx: Context, key: Key, arn: str) -> KeyPair:
    """The pair of an asymmetric key."""
    return ctx.part(Keyring).pair(key, arn, current(key))


def refusal(error: CryptoError) -> Fault:
    """What the cryptography refuses, as KMS answers it."""
    return Fault(error.code, error.message)
