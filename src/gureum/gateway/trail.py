"""The trail: every call as one event, with CloudTrail's fields and without payloads or secrets.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

from gureum.kernel.models import Model, Operation, Shape
from gureum.kernel.principal import Principal

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_LONGEST_TEXT = 1024
_MOST_ITEMS = 100

Scrub = Callable[[Mapping[str, Any]], dict[str, Any]]


@cache
def scrubber(model: Model, operation: Operation, hidden: frozenset[str], *, output: bool) -> Scrub:
    """A function that copies an input or output without blobs, streams and secrets. Compiled once."""
    shape = model.output(operation) if output else model.input(operation)
    if shape is None:
        return lambda _params: {}
    return _Scrubbing(model, hidden).structure(shape)


class _Scrubbing:
    def __init__(self, model: Model, hidden: frozenset[str]) -> None:
        self._model = model
        self._hidden = hidden
        self._made: dict[str, Scrub] = {}

    def structure(self, shape: Shape) -> Scrub:
        name = shape.name if hasattr(shape, "name") else str(id(shape))
        found = self._made.get(name)
        if found is not None:
            return found
        rules: dict[str, Callable[[Any], Any] | None] = {}
        # Recursive shapes meet themselves here while they are being made.
        self._made[name] = lambda value: _by_rules(rules, value)
        for member, inner in self._model.members_of(shape).items():
            rules[member] = _hide if member in self._hidden else self._value(inner)
        return self._made[name]

    def _value(self, shape: Shape) -> Callable[[Any], Any] | None:
        """How a member is copied; None leaves it out."""
        if getattr(shape, "sensitive", False):
            return _hide
        kind = shape.type
        if kind == "blob" or getattr(shape, "eventstream", False):
            return None
        if kind == "string":
            return _text
        if kind == "structure":
            return self.structure(shape)
        if kind == "list" and shape.member is not None:
            each = self._value(self._model.resolve(shape.member))
            return None if each is None else lambda value: [each(item) for item in value[:_MOST_ITEMS]]
        if kind == "map" and shape.value is not None:
            value_of = self._value(self._model.resolve(shape.value))
            if value_of is None:
                return None
            return lambda value: {str(k): value_of(v) for k, v in list(value.items())[:_MOST_ITEMS]}
        return _same


def _by_rules(rules: Mapping[str, Callable[[Any], Any] | None], value: Mapping[str, Any]) -> dict[str, Any]:
    copied = {}
    for name, inner in value.items():
        rule = rules.get(name)
        if rule is not None and inner is not None:
            copied[name] = rule(inner)
    return copied


def _hide(_value: Any) -> Any:
    return HIDDEN


def _text(value: Any) -> Any:
    return value if len(value) <= _LONGEST_TEXT else value[:_LONGEST_TEXT]


def _same(value: Any) -> Any:
    return value


@lru_cache(maxsize=4096)
def _identity(kind: str, account: str, arn: str, user_id: str, access_key: str, name: str) -> dict[str, Any]:
    types = {"root": "Root", "user": "IAMUser", "federated": "FederatedUser", "service": "AWSService"}
    found: dict[str, Any] = {"type": types.get(kind, "AWSAccount")}
    if kind == "service":
        return {**found, "invokedBy": name}
    if kind == "anonymous":
        return {**found, "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}
    found |= {"principalId": user_id, "arn": arn, "accountId": account}
    if access_key:
        found["accessKeyId"] = access_key
    if kind == "user":
        found["userName"] = name
    return found


def identity(principal: Principal) -> dict[str, Any]:
    """A principal as CloudTrail's `userIdentity`."""
    p = principal
    if p.kind != "role":
        base = _identity(p.kind, p.account, p.arn, p.user_id, p.access_key, p.name)
        return {**base, "invokedBy": p.invoked_by} if p.invoked_by and p.kind != "service" else base
    issuer = {
        "type": "Role",
        "principalId": p.user_id.partition(":")[0],
        "arn": p.role_arn,
        "accountId": p.account,
        "userName": p.name,
    }
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(p.issued))
    attributes = {"creationDate": created, "mfaAuthenticated": "true" if p.mfa else "false"}
    found = {
        "type": "AssumedRole",
        "principalId": p.user_id,
        "arn": p.arn,
        "accountId": p.account,
        "accessKeyId": p.access_key,
        "sessionContext": {"sessionIssuer": issuer, "attributes": attributes},
    }
    if p.source_identity:
        found["sessionContext"]["sourceIdentity"] = p.source_identity  # type: ignore[index]
    if p.invoked_by:
        found["invokedBy"] = p.invoked_by
    return found
