"""What the front door evaluates for a bucket: its policy, and what ACLs and the public access block add to it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gureum.kernel import documents
from gureum.services.s3.records import (
    Bucket,
    bucket_arn,
    object_arn,
)

_BY_ACL = {
    ("object", "read"): ("GetObject", "GetObjectVersion"),
    ("object", "read_acp"): ("GetObjectAcl", "GetObjectVersionAcl"),
    ("object", "write_acp"): ("PutObjectAcl", "PutObjectVersionAcl"),
    ("bucket", "read"): ("ListBucket", "ListBucketVersions", "ListBucketMultipartUploads"),
    ("bucket", "write"): ("PutObject", "DeleteObject"),
    ("bucket", "read_acp"): ("GetBucketAcl",),
    ("bucket", "write_acp"): ("PutBucketAcl",),
}
# A statement that depends on one of these lets in only those whom it names.
_NARROWING = frozenset(
    {
        "aws:sourcearn",
        "aws:sourceaccount",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:sourceorgid",
        "aws:principalarn",
        "aws:principalaccount",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:userid",
        "aws:username",
        "s3:dataaccesspointarn",
        "s3:dataaccesspointaccount",
    }
)


def with_door_policy(bucket: Bucket) -> Bucket:
    """The bucket with what the front door evaluates brought up to date."""
    return msgspec.structs.replace(bucket, door_policy=_text(bucket))


def _text(bucket: Bucket) -> str:
    added: list[dict[str, Any]] = []
    if bucket.ownership != "BucketOwnerEnforced":
        added += _of_acls(bucket.name)
    block = bucket.settings.get("PublicAccessBlock", {})
    if bucket.policy and block.get("RestrictPublicBuckets") and is_public(bucket.policy):
        added.append(_restricted(bucket))
    if not added:
        return bucket.policy
    document: dict[str, Any] = (
        documents.read(bucket.policy) if bucket.policy else {"Version": "2012-10-17", "Statement": []}
    )
    statements = document["Statement"]
    document["Statement"] = [*(statements if isinstance(statements, list) else [statements]), *added]
    return documents.write(document)


def _of_acls(name: str) -> Iterator[dict[str, Any]]:
    """One statement for each permission of ACLs; whether it holds is asked of the ACL itself (see `facts`)."""
    for (level, permission), actions in _BY_ACL.items():
        of_bucket = level == "bucket" and actions[0] != "PutObject"
        yield {
            "Sid": f"Acl{level.title()}{permission.title().replace('_', '')}",
            "Effect": "Allow",
            "Principal": "*",
            "Action": [f"s3:{action}" for action in actions],
            "Resource": bucket_arn(name) if of_bucket else object_arn(name, "*"),
            "Condition": {"StringEquals": {f"gureum:acl/{name}/{level}/{permission}": "yes"}},
        }


def _restricted(bucket: Bucket) -> dict[str, Any]:
    return {
        "Sid": "RestrictPublicBuckets",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket_arn(bucket.name), object_arn(bucket.name, "*")],
        "Condition": {
            "StringNotEquals": {"aws:PrincipalAccount": bucket.owner},
            "Bool": {"aws:PrincipalIsAWSService": "false"},
        },
    }


def is_public(policy: str) -> bool:
    """Whether a policy lets in anybody but those whom it names, as AWS means "public"."""
    document = documents.read(policy)
    statements = document.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return any(_lets_anybody_in(statement) for statement in listed)


def _lets_anybody_in(statement: Mapping[str, Any]) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal")
    named = list(principal.values()) if isinstance(principal, dict) else [principal]
    flat = [name for item in named for name in (item if isinstance(item, list) else [item])]
    return "*" in flat and not _is_narrowed(statement.get("Condition") or {})


def _is_narrowed(conditions: Mapping[str, Any]) -> bool:
    for operator, keys in conditions.items():
        if "Not" in operator or "IfExists" in operator:
            continue
        for key, value in keys.items():
            values = value if isinstance(value, list) else [value]
            if key.lower() in _NARROWING and not any(_is_wild(str(one)) for one in values):
                return True
            if key.lower() == "aws:sourceip" and not any(_is_wide(str(one)) for one in values):
                return True
    return False


def _is_wild(value: str) -> bool:
    return value == "*" or value.startswith("arn:*") or ("*" in value and value.strip("*:") == "")


def _is_wide(value: str) -> bool:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return True
    return network.prefixlen < (8 if network.version == 4 else 32)
