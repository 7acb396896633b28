"""What the store keeps: frozen records, and per kind of record everything that follows from one declaration."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeVar, dataclass_transform

import msgspec

Scope = Literal["region", "account", "partition"]
PolicyRules = Literal["union", "required", "trust"]
Key = tuple[str, str, str, str]
"""Where a record lies: kind name, account, region ("" where the kind has none), key."""

_SEPARATOR = "\x1f"
_FIELD = re.compile(r"\{(\w+)\}")
_SPECIAL = ("account", "region")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class _RecordMeta(msgspec.StructMeta):
    """Tells type checkers that every record is frozen and keyword-only, as msgspec already has it."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, metaclass=_RecordMeta):
    """A fact that the store keeps. Frozen: `msgspec.structs.replace` makes the next state of it."""


R = TypeVar("R", bound=Record)


class Place(NamedTuple):
    """An ARN taken apart: which record it names."""

    kind: Kind
    account: str
    region: str
    key: str


class Kind:
    """One kind of record, and all that is derived from its declaration (see `resource`)."""

    def __init__(
        self,
        service: str,
        record: type[Record],
        *,
        arn: str,
        key: tuple[str, ...],
        scope: Scope,
        missing: tuple[str, str],
        exists: tuple[str, str],
        indexes: Mapping[str, Callable[[Any], str | None]],
        policy: Callable[[Any], str | None] | None,
        policy_rules: PolicyRules,
        owner: Callable[[Any], str] | None,
        tagged: bool,
        version: int,
        upgrades: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]],
    ) -> None:
        self.service, self.type, self.scope = service, record, scope
        self.name = f"{service}:{record.__name__}"
        self.template = _full_template(service, scope, arn)
        self.fields = tuple(f for f in _FIELD.findall(self.template) if f not in _SPECIAL)
        self.key_fields = key or self.fields
        self.partly_named = not set(self.fields) <= set(
            self.key_fields
        )  # the key does not tell the whole ARN
        self.missing, self.exists = missing, exists
        self.indexes, self.tagged, self.owner = indexes, tagged, owner
        self.policy, self.policy_rules = policy, policy_rules
        self.version, self.upgrades = version, upgrades
        self._pattern = _arn_pattern(self.template)
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(record).decode
        self.reconciled = False  # set by the reconciler's registration

    def key(self, record: Record) -> str:
        """The store key of a record."""
        if len(self.key_fields) == 1:
            value: str = getattr(record, self.key_fields[0])
            return value
        return _SEPARATOR.join([getattr(record, field) for field in self.key_fields])

    @staticmethod
    def join(*parts: str) -> str:
        """The store key made of these key fields, in the order of the declaration."""
        return parts[0] if len(parts) == 1 else _SEPARATOR.join(parts)

    def place(self, account: str, region: str) -> tuple[str, str]:
        """The account and region under which this kind lies for a caller in `account` and `region`."""
        if self.scope == "region":
            return account, region
        return (account, "") if self.scope == "account" else ("", "")

    def arn(self, account: str, region: str, source: Record | Mapping[str, str]) -> str:
        """The ARN of a record, or of what is named by the template's fields."""
        values = source if isinstance(source, Mapping) else {f: getattr(source, f) for f in self.fields}
        return self.template.format(account=account, region=region, **values)

    def parse(self, arn: str) -> Place | None:
        """The place that an ARN of this kind names, or None when it is not one."""
        match = self._pattern.fullmatch(arn)
        if match is None:
            return None
        found = match.groupdict()
        if any(field not in found for field in self.key_fields):
            return None
        account, region = self.place(found.get("account") or "", found.get("region") or "")
        return Place(self, account, region, self.join(*[found[field] for field in self.key_fields]))

    def encode(self, record: Record) -> bytes:
        return self._encode(record)

    def decode(self, body: bytes, version: int) -> Record:
        """The record in `body`, written by version `version` of this kind, brought up to date."""
        if version == self.version:
            record: Record = self._decode(body)
            return record
        raw: dict[str, Any] = msgspec.msgpack.decode(body)
        for step in range(version, self.version):
            raw = self.upgrades[step](raw)
        return msgspec.convert(raw, self.type)


KINDS: dict[str, Kind] = {}
_BY_TYPE: dict[type[Record], Kind] = {}


def resource(
    service: str,
    *,
    arn: str,
    missing: str | tuple[str, str],
    exists: str | tuple[str, str] = "ResourceAlreadyExistsException",
    key: tuple[str, ...] = (),
    scope: Scope = "region",
    indexes: tuple[str, ...] | Mapping[str, Callable[[Any], str | None]] = (),
    policy: Callable[[Any], str | None] | None = None,
    policy_rules: PolicyRules = "union",
    owner: Callable[[Any], str] | None = None,
    tagged: bool = True,
    version: int = 1,
    upgrades: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] | None = None,
) -> Callable[[type[R]], type[R]]:
    """Declare a record class as a kind of resource.

    `arn` is the resource part of its ARN with the record's fields in braces (or a whole ARN, from "arn:" on);
    those fields are also its store key unless `key` names others. `missing` and `exists` are the faults of
    `need` and `add`: a code, or a code and a message in which the template's fields and `{key}` may stand.
    `scope` says whether it lies in a region, an account, or is unique in the partition. `indexes` are fields, or
    names with functions giving the value (None: not indexed), by which `find` looks records up.
    `policy` gives the text of the record's resource policy, if it has one; `policy_rules` is "required" where
    nobody gets in but by it (KMS keys), "trust" for a role's trust policy. `owner` gives the account of a record
    that lies in no account (S3 buckets).
    `upgrades[n]` turns the raw dict written by version n into that of n + 1.
    """

    def declare(record: type[R]) -> type[R]:
        kind = Kind(
            service,
            record,
            arn=arn,
            key=key,
            scope=scope,
            missing=missing if isinstance(missing, tuple) else (missing, ""),
            exists=exists if isinstance(exists, tuple) else (exists, ""),
            indexes=indexes if isinstance(indexes, Mapping) else {name: _field(name) for name in indexes},
            policy=policy,
            policy_rules=policy_rules,
            owner=owner,
            tagged=tagged,
            version=version,
            upgrades=upgrades or {},
        )
        KINDS[kind.name] = kind
        _BY_TYPE[record] = kind
        return record

    return declare


def kind_of(record: type[Record]) -> Kind:
    """The kind that a record class was declared as."""
    return _BY_TYPE[record]


def find_place(arn: str) -> Place | None:
    """The place that an ARN of any kind names."""
    for kind in KINDS.values():
        if kind.tagged and (place := kind.parse(arn)):
            return place
    return None


def _field(name: str) -> Callable[[Any], str | None]:
    def value(record: Any) -> str | None:
        found: str | None = getattr(record, name)
        return found

    return value


def _full_template(service: str, scope: Scope, arn: str) -> str:
    if arn.startswith("arn:"):
        return arn
    region = "{region}" if scope == "region" else ""
    account = "{account}" if scope != "partition" else ""
    return f"arn:aws:{service}:{region}:{account}:{arn}"


def _arn_pattern(template: str) -> re.Pattern[str]:
    parts, end = [], 0
    for match in _FIELD.finditer(template):
        parts.append(re.escape(template[end : match.start()]))
        name, end = match.group(1), match.end()
        last = "{" not in template[end:]
        if name == "path":
            shape = r"/(?:.*/)?"
        elif name == "account":
            shape = r"\d{12}|"
        else:
            shape = r".+" if last else r"[^/:]+"
        parts.append(f"(?P<{name}>{shape})")
    return re.compile("".join(parts) + re.escape(template[end:]), re.DOTALL)
