"""Access control lists: canned ones, grants in headers and documents, and whom they let in.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from gureum.kernel.faults import Fault
from gureum.kernel.principal import Principal
from gureum.services.s3.faults import invalid_argument, invalid_request, malformed
from gureum.services.s3.records import Bucket, Grant

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
SIGNED_IN = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOGS = "http://acs.amazonaws.com/groups/s3/LogDelivery"
GROUPS = frozenset({ALL_USERS, SIGNED_IN, LOGS})
PUBLIC = frozenset({ALL_USERS, SIGNED_IN})
_PERMISSIONS = frozenset({"FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP"})
_MEMBERS = {
    "GrantFullControl": "FULL_CONTROL",
    "GrantRead": "READ",
    "GrantReadACP": "READ_ACP",
    "GrantWrite": "WRITE",
    "GrantWriteACP": "WRITE_ACP",
}
_GRANTEE = re.compile(r'\s*(id|uri|emailAddress)\s*=\s*"?([^",]+)"?\s*')
MOST_GRANTS = 100


def canonical_id(account: str) -> str:
    """The 64-digit id by which ACLs name an account."""
    return hashlib.sha256(f"gureum account {account}".encode()).hexdigest()


def allows(grants: Sequence[Grant], permission: str, who: Principal, bucket: Bucket) -> bool:
    """Whether an ACL lets a caller in. Accounts are let in as a whole, so only others' need it; groups, anybody."""
    wanted = {"FULL_CONTROL", permission.upper()}
    closed = bool(bucket.settings.get("PublicAccessBlock", {}).get("IgnorePublicAcls"))
    for grant in grants:
        if grant.permission not in wanted:
            continue
        if grant.grantee == LOGS:
            if who.name == "logging.s3.amazonaws.com":
                return True
        elif grant.grantee in PUBLIC:
            if not closed and (grant.grantee == ALL_USERS or who.kind != "anonymous"):
                return True
        elif (
            who.kind != "anonymous"
            and who.account != bucket.owner
            and grant.grantee == canonical_id(who.account)
        ):
            return True
    return False


def asked(req: Mapping[str, Any], owner: str, bucket_owner: str) -> tuple[Grant, ...] | None:
    """The ACL that a request asks for, by name, by headers or as a document; None where it asks for none."""
    named = [member for member in _MEMBERS if member in req]
    canned, document = req.get("ACL"), req.get("AccessControlPolicy")
    if canned and named:
        raise invalid_request("Specifying both Canned ACLs and Header Grants is not allowed")
    if (canned or named) and document:
        raise Fault("UnexpectedContent", "This request does not support content", status=400)
    if canned:
        return canned_grants(canned, owner, bucket_owner)
    if named:
        return tuple(
            Grant(grantee, _MEMBERS[member]) for member in named for grantee in _grantees(req[member])
        )
    if document:
        return _of_document(document)
    return None


def canned_grants(name: str, owner: str, bucket_owner: str) -> tuple[Grant, ...]:
    """The grants that a canned ACL stands for. Raises Fault InvalidArgument."""
    full = Grant(canonical_id(owner), "FULL_CONTROL")
    further: dict[str, tuple[Grant, ...]] = {
        "private": (),
        "public-read": (Grant(ALL_USERS, "READ"),),
        "public-read-write": (Grant(ALL_USERS, "READ"), Grant(ALL_USERS, "WRITE")),
        "authenticated-read": (Grant(SIGNED_IN, "READ"),),
        "aws-exec-read": (),
        "bucket-owner-read": (Grant(canonical_id(bucket_owner), "READ"),),
        "bucket-owner-full-control": (Grant(canonical_id(bucket_owner), "FULL_CONTROL"),),
        "log-delivery-write": (Grant(LOGS, "WRITE"), Grant(LOGS, "READ_ACP")),
    }
    if name not in further:
        raise invalid_argument("", "x-amz-acl", name)
    return tuple(dict.fromkeys((full, *further[name])))


def is_public(grants: Sequence[Grant]) -> bool:
    return any(grant.grantee in PUBLIC for grant in grants)


def is_owners_alone(grants: Sequence[Grant], owner: str) -> bool:
    """Whether an ACL says no more than that the owner has full control."""
    return set(grants) <= {Grant(canonical_id(owner), "FULL_CONTROL")}


def show(grants: Sequence[Grant]) -> list[dict[str, Any]]:
    """Grants as the wire has them."""
    return [{"Grantee": _grantee(grant.grantee), "Permission": grant.permission} for grant in grants]


def _grantee(name: str) -> dict[str, str]:
    if name in GROUPS:
        return {"URI": name, "Type": "Group"}
    return {"ID": name, "Type": "CanonicalUser"}


def _grantees(text: str) -> list[str]:
    found = []
    for part in text.split(","):
        match = _GRANTEE.fullmatch(part)
        if match is None:
            raise invalid_argument("Argument format not recognized", "x-amz-grant", text)
        found.append(_known(match.group(1), match.group(2)))
    return found


def _known(kind: str, value: str) -> str:
    if kind == "emailAddress":
        raise Fault(
            "UnresolvableGrantByEmailAddress",
            "The e-mail address you provided does not match any account on record.",
            status=400,
        )
    if kind == "uri" and value not in GROUPS:
        raise invalid_argument("Invalid group uri", "uri", value)
    if kind == "id" and not re.fullmatch("[0-9a-f]{64}", value):
        raise invalid_argument("Invalid id", "CanonicalUser/ID", value)
    return value


def _of_document(document: Mapping[str, Any]) -> tuple[Grant, ...]:
    listed = document.get("Grants") or []
    if len(listed) > MOST_GRANTS:
        raise invalid_request("The ACL has more than 100 grants.")
    if not (document.get("Owner") or {}).get("ID"):
        raise malformed()
    found = []
    for item in listed:
        grantee, permission = item.get("Grantee") or {}, item.get("Permission")
        if permission not in _PERMISSIONS:
            raise malformed()
        kind = {"Group": "uri", "CanonicalUser": "id", "AmazonCustomerByEmail": "emailAddress"}.get(
            grantee.get("Type", "")
        )
        value = grantee.get("URI") or grantee.get("ID") or grantee.get("EmailAddress")
        if kind is None or not value:
            raise malformed()
        found.append(Grant(_known(kind, value), permission))
    return tuple(dict.fromkeys(found))
