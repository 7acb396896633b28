"""Grants as statements of a resource policy, so that one evaluator decides everything.

Source: KMS Developer Guide, "Grants in AWS KMS", "Grant constraints", "Using grant constraints": a constraint
holds for operations that take an encryption context and, for CreateGrant, for the constraint of the new grant.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from gureum.services.kms.records import Grant

CONTEXTUAL = frozenset(
    {
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "ReEncryptFrom",
        "ReEncryptTo",
    }
)


def access(policy: str, grants: Iterable[Grant]) -> str:
    """The key policy with a statement or more for each grant; empty where there is no grant."""
    added = [statement for grant in grants for statement in statements(grant)]
    if not added:
        return ""
    document = json.loads(policy)
    own = document.get("Statement", [])
    document["Statement"] = [*(own if isinstance(own, list) else [own]), *added]
    document["Version"] = "2012-10-17"  # constraints' values are escaped as that version reads them
    return json.dumps(document, separators=(",", ":"))


def statements(grant: Grant) -> list[dict[str, Any]]:
    """What a grant allows its grantee and its retiring principal."""
    grantee = _principal(grant.grantee, service=grant.grantee_service)
    where = {"ArnLike": {"aws:SourceArn": _literal(grant.source_arn)}} if grant.source_arn else {}
    plain = sorted(set(grant.operations) - {"CreateGrant", "RetireGrant"})
    made = []
    if not grant.constraint:
        made.append(_allow(grantee, plain, where))
    else:
        limit = _constraint(grant)
        made.append(_allow(grantee, [o for o in plain if o in CONTEXTUAL], _merged(where, limit)))
        made.append(_allow(grantee, [o for o in plain if o not in CONTEXTUAL], where))
    if "CreateGrant" in grant.operations:
        made.append(_allow(grantee, ["CreateGrant"], _merged(where, _child(grant))))
    own = {"StringEquals": {"gureum:grantid": grant.id}}
    if "RetireGrant" in grant.operations:
        made.append(_allow(grantee, ["RetireGrant"], own))
    if grant.retiring:
        retiring = _principal(grant.retiring, service=grant.retiring_service)
        made.append(_allow(retiring, ["RetireGrant"], own))
    return [one for one in made if one["Action"]]


def _constraint(grant: Grant) -> dict[str, dict[str, Any]]:
    pairs = {f"kms:EncryptionContext:{name}": _literal(value) for name, value in grant.context.items()}
    # The names once more, because a condition key's own name is compared without regard to case.
    names = [_literal(name) for name in grant.context]
    found: dict[str, dict[str, Any]] = {"StringEquals": pairs}
    for name in names:
        found.setdefault("ForAnyValue:StringEquals", {})["kms:EncryptionContextKeys"] = name
    if grant.constraint == "EncryptionContextEquals":
        found["ForAllValues:StringEquals"] = {"kms:EncryptionContextKeys": names}
    return found


def _child(grant: Grant) -> dict[str, dict[str, Any]]:
    """A grant made by a grantee gives no more than its own: fewer operations, at least as strict a constraint."""
    limit: dict[str, dict[str, Any]] = _constraint(grant) if grant.constraint else {}
    if grant.constraint == "EncryptionContextEquals":
        limit["StringEquals"]["kms:GrantConstraintType"] = "EncryptionContextEquals"
    return _merged(limit, {"ForAllValues:StringEquals": {"kms:GrantOperations": sorted(grant.operations)}})


def _merged(one: dict[str, dict[str, Any]], other: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {operator: one.get(operator, {}) | other.get(operator, {}) for operator in {*one, *other}}


def _allow(
    principal: dict[str, str], operations: Iterable[str], conditions: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": [f"kms:{operation}" for operation in operations],
        "Resource": "*",
    }
    if conditions:
        made["Condition"] = conditions
    return made


def _principal(arn: str, *, service: bool) -> dict[str, str]:
    return {"Service" if service else "AWS": arn}


def _literal(text: str) -> str:
    """The text with nothing in it that a policy would take for a variable."""
    return text.replace("${", "${$}{")
