"""KMS's condition keys, each worked out only when a policy asks for it.

Source: KMS Developer Guide, "AWS KMS condition keys"; Service Authorization Reference, "AWS Key Management
Service".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gureum.kernel.context import Context
from gureum.kernel.records import kind_of
from gureum.services.kms.grant_rules import CONTEXT_KEY, GRANT_KEY
from gureum.services.kms.records import Alias, Key

_CONTEXT = "kms:encryptioncontext:"
_HOST = ".amazonaws.com"


class Facts(Mapping[str, Any]):
    """The keys of one request on its `at`-th target. `context` is the encryption context that counts there."""

    __slots__ = ("_at", "_context", "_ctx", "_key", "_req", "_sought")

    def __init__(
        self, ctx: Context, req: Mapping[str, Any], context: Mapping[str, str] | None = None, at: int = 0
    ) -> None:
        self._ctx, self._req, self._at = ctx, req, at
        self._context = context
        self._key: Key | None = None
        self._sought = False

    def __getitem__(self, name: str) -> Any:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        known = _KNOWN.get(name)
        if known is not None:
            found = known(self)
            return default if found is None else found
        if name.startswith(_CONTEXT) and (pairs := self._pairs()):
            wanted = name[len(_CONTEXT) :]
            for key, value in pairs.items():
                if key.lower() == wanted:
                    return value
        if name.startswith(CONTEXT_KEY) and (pairs := self._pairs()):
            return pairs.get(bytes.fromhex(name[len(CONTEXT_KEY) :]).decode(), default)
        return default

    def __iter__(self) -> Iterator[str]:
        return (name for name in _KNOWN if self.get(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _pairs(self) -> Mapping[str, str] | None:
        if self._context is not None:
            return self._context
        if constraints := self._req.get("Constraints"):
            found = constraints.get("EncryptionContextEquals") or constraints.get("EncryptionContextSubset")
            return found or None
        return self._req.get("EncryptionContext")

    def context_keys(self) -> list[str] | None:
        pairs = self._pairs()
        return list(pairs) if pairs else None

    def key(self) -> Key | None:
        """The target's key, or none (CreateKey)."""
        if not self._sought:
            self._sought = True
            if self._ctx.targets and (target := self._ctx.targets[self._at]).kind is not None:
                kind = target.kind
                row = self._ctx.home.store.read(kind, (kind.name, target.account, target.region, target.key))
                self._key = row.record if row is not None and isinstance(row.record, Key) else None
        return self._key

    def of_key(self, member: str, value: Callable[[Key], str]) -> str | None:
        key = self.key()
        return value(key) if key is not None else self._req.get(member)

    def aliases(self) -> list[str] | None:
        key = self.key()
        if key is None:
            return None
        target = self._ctx.targets[self._at]
        rows = self._ctx.home.store.scan(
            kind_of(Alias), target.account, target.region, index=("key", key.id), limit=None
        )
        return [row.key[3] for row in rows] or None

    def request_alias(self) -> str | None:
        for member in ("KeyId", "SourceKeyId") if self._at == 0 else ("DestinationKeyId",):
            value = self._req.get(member) or ""
            if value.startswith("alias/"):
                return str(value)
            if ":alias/" in value:
                return "alias/" + str(value).partition(":alias/")[2]
        return None

    def via(self) -> str | None:
        host = self._ctx.principal.invoked_by
        return f"{host.removesuffix(_HOST)}.{self._ctx.region}{_HOST}" if host.endswith(_HOST) else None

    def member(self, *names: str) -> Any:
        for name in names:
            found = self._req.get(name)
            if found is not None:
                return str(found).lower() if isinstance(found, bool) else _plain(found)
        return None

    def constraint(self) -> str | None:
        return next(iter(self._req.get("Constraints") or ()), None)

    def multi_region_type(self) -> str | None:
        key = self.key()
        if key is None or not key.primary:
            return None
        return "PRIMARY" if self._ctx.targets[self._at].region == key.primary else "REPLICA"

    def same_key(self) -> str | None:
        targets = self._ctx.targets
        return str(targets[0].arn == targets[1].arn).lower() if len(targets) > 1 else None

    def for_service(self) -> str:
        return str(bool(self._ctx.principal.invoked_by)).lower()


def _plain(value: Any) -> Any:
    return value if isinstance(value, list) else str(value)


def _member(*names: str) -> Callable[[Facts], Any]:
    return lambda facts: facts.member(*names)


_KNOWN: dict[str, Callable[[Facts], Any]] = {
    "kms:bypasspolicylockoutsafetycheck": _member("BypassPolicyLockoutSafetyCheck"),
    "kms:calleraccount": lambda f: f._ctx.principal.account or None,
    "kms:customermasterkeyspec": lambda f: f.of_key("KeySpec", lambda k: k.spec),
    "kms:customermasterkeyusage": lambda f: f.of_key("KeyUsage", lambda k: k.usage),
    "kms:datakeypairspec": _member("KeyPairSpec"),
    "kms:encryptionalgorithm": lambda f: (
        f.member(
            "EncryptionAlgorithm",
            "SourceEncryptionAlgorithm" if f._at == 0 else "DestinationEncryptionAlgorithm",
        )
        or ("SYMMETRIC_DEFAULT" if (k := f.key()) is not None and k.spec == "SYMMETRIC_DEFAULT" else None)
    ),
    "kms:encryptioncontextkeys": Facts.context_keys,
    "kms:expirationmodel": _member("ExpirationModel"),
    "kms:grantconstrainttype": Facts.constraint,
    "kms:granteeprincipal": _member("GranteePrincipal", "GranteeServicePrincipal"),
    "kms:grantisforawsresource": Facts.for_service,
    "kms:grantoperations": _member("Operations"),
    "kms:keyagreementalgorithm": _member("KeyAgreementAlgorithm"),
    "kms:keyorigin": lambda f: f.of_key("Origin", lambda k: k.origin),
    "kms:keyspec": lambda f: f.of_key("KeySpec", lambda k: k.spec),
    "kms:keyusage": lambda f: f.of_key("KeyUsage", lambda k: k.usage),
    "kms:macalgorithm": _member("MacAlgorithm"),
    "kms:messagetype": _member("MessageType"),
    "kms:multiregion": lambda f: (
        str(bool(k.primary)).lower() if (k := f.key()) is not None else f.member("MultiRegion")
    ),
    "kms:multiregionkeytype": Facts.multi_region_type,
    "kms:primaryregion": _member("PrimaryRegion"),
    "kms:reencryptonsamekey": Facts.same_key,
    "kms:replicaregion": _member("ReplicaRegion"),
    "kms:requestalias": Facts.request_alias,
    "kms:resourcealiases": Facts.aliases,
    "kms:retiringprincipal": _member("RetiringPrincipal", "RetiringServicePrincipal"),
    "kms:rotationperiodindays": _member("RotationPeriodInDays"),
    "kms:scheduledeletionpendingwindowindays": _member("PendingWindowInDays"),
    "kms:signingalgorithm": _member("SigningAlgorithm"),
    "kms:viaservice": Facts.via,
    "kms:wrappingalgorithm": _member("WrappingAlgorithm"),
    "kms:wrappingkeyspec": _member("WrappingKeySpec"),
    # Not AWS's: the statements that stand for grants let a retiring principal retire its own grant alone.
    GRANT_KEY: lambda f: f._req.get("GrantId") or None,
}
