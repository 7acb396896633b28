"""Grants as statements of a resource policy, so that one evaluator decides everything.

Source: KMS Developer Guide, "Grants in AWS KMS", "Grant constraints", "Using grant constraints": a constraint
holds for operations that take an encryption context and, for CreateGrant, for the constraint of the new grant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gureum.kernel import documents
from gureum.services.kms.records import Grant

# Condition keys' names are compared without regard to case, encryption contexts' with it: hence not
# kms:EncryptionContext:NAME but one of our own, with the name in hexadecimal digits.
CONTEXT_KEY = "gureum:context:"
GRANT_KEY = "gureum:grantid"
Literal = Callable[[str], str]
"""Puts a text so that the policy's version reads it as it stands."""
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
    document = documents.read(policy)
    literal = _escaped if document.get("Version") == "2012-10-17" else str
    added = [statement for grant in grants for statement in statements(grant, literal)]
    if not added:
        return ""
    own = document.get("Statement", [])
    document["Statement"] = [*(own if isinstance(own, list) else [own]), *added]
    return documents.write(document)


def statements(grant: Grant, literal: Literal) -> list[dict[str, Any]]:
    """What a grant allows its grantee and its retiring principal."""
    grantee = _principal(grant.grantee, service=grant.grantee_service)
    where = {"ArnLike": {"aws:SourceArn": literal(grant.source_arn)}} if grant.source_arn else {}
    plain = sorted(set(grant.operations) - {"CreateGrant", "RetireGrant"})
    made = []
    if not grant.constraint:
        made.append(_allow(grantee, plain, where))
    else:
        limit = _constraint(grant, literal)
        made.append(_allow(grantee, [o for o in plain if o in CONTEXTUAL], _merged(where, limit)))
        made.append(_allow(grantee, [o for o in plain if o not in CONTEXTUAL], where))
    if "CreateGrant" in grant.operations:
        made.append(_allow(grantee, ["CreateGrant"], _merged(where, _child(grant, literal))))
    own = {"StringEquals": {GRANT_KEY: grant.id}}
    if "RetireGrant" in grant.operations:
        made.append(_allow(grantee, ["RetireGrant"], own))
    if grant.retiring:
        retiring = _principal(grant.retiring, service=grant.retiring_service)
        made.append(_allow(retiring, ["RetireGrant"], own))
    return [one for one in made if one["Action"]]


def _constraint(grant: Grant, literal: Literal) -> dict[str, dict[str, Any]]:
    pairs = {CONTEXT_KEY + name.encode().hex(): literal(value) for name, value in grant.context.items()}
    found: dict[str, dict[str, Any]] = {"StringEquals": pairs}
    if grant.constraint == "EncryptionContextEquals":
        names = [literal(name) for name in grant.context]
        found["ForAllValues:StringEquals"] = {"kms:EncryptionContextKeys": names}
    return found


def _child(grant: Grant, literal: Literal) -> dict[str, dict[str, Any]]:
    """A grant made by a grantee gives no more than its own: fewer operations, at least as strict a constraint."""
    limit: dict[str, dict[str, Any]] = _constraint(grant, literal) if grant.constraint else {}
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


def _escaped(text: str) -> str:
    """The text with nothing in it that a policy of the newer version would take for a variable."""
    return text.replace("${", "${$}{")
