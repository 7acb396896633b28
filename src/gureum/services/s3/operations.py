"""S3 at the front door: what each request acts on, and what conditions may ask of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from gureum.kernel.operations import Find, Operations, Target
from gureum.kernel.records import kind_of
from gureum.services.s3.records import Bucket, bucket_arn

ops = Operations(
    "s3",
    invalid="MalformedXML",
    bad_token="InvalidArgument",  # noqa: S106  (a fault's code)
    checks=frozenset({"required"}),
)
_BUCKET = kind_of(Bucket)
_ARN = bucket_arn("")
Request = Mapping[str, Any]


def target(action: str, bucket: str, key: str | None = None) -> Target:
    """An action on a bucket, or on an object in it; the bucket's policy decides in both cases."""
    arn = f"{_ARN}{bucket}" if key is None else f"{_ARN}{bucket}/{key}"
    return Target(action, arn, "", "", _BUCKET, bucket)


def on_bucket(action: str) -> Find:
    """Acts on the bucket that the request names."""
    full = f"s3:{action}"

    def find(_account: str, _region: str, req: Request) -> Sequence[Target]:
        return (target(full, req["Bucket"]),)

    return find


def on_object(action: str, version_action: str = "") -> Find:
    """Acts on the object that the request names; where it names a version, by another action."""
    full = f"s3:{action}"
    of_version = f"s3:{version_action}" if version_action else full

    def find(_account: str, _region: str, req: Request) -> Sequence[Target]:
        return (target(of_version if req.get("VersionId") else full, req["Bucket"], req["Key"]),)

    return find


def writes(*, source: bool = False) -> Find:
    """Writing an object: also its tags, its ACL, its lock, where the request gives them; also reading a source."""

    def find(_account: str, _region: str, req: Request) -> Sequence[Target]:
        bucket, key = req["Bucket"], req["Key"]
        found = [target("s3:PutObject", bucket, key)]
        if source:
            from_bucket, from_key, version = copy_source(req.get("CopySource", ""))
            action = "s3:GetObjectVersion" if version else "s3:GetObject"
            found.append(target(action, from_bucket, from_key))
        for member, action in _FURTHER:
            if member in req and req[member] != _HARMLESS_ACL and not any(t.action == action for t in found):
                found.append(target(action, bucket, key))
        return found

    return find


# It gives nothing away; services that deliver logs send it, and their policies name PutObject alone.
_HARMLESS_ACL = "bucket-owner-full-control"
_FURTHER = (
    ("Tagging", "s3:PutObjectTagging"),
    ("ACL", "s3:PutObjectAcl"),
    ("GrantRead", "s3:PutObjectAcl"),
    ("GrantReadACP", "s3:PutObjectAcl"),
    ("GrantWriteACP", "s3:PutObjectAcl"),
    ("GrantFullControl", "s3:PutObjectAcl"),
    ("ObjectLockMode", "s3:PutObjectRetention"),
    ("ObjectLockRetainUntilDate", "s3:PutObjectRetention"),
    ("ObjectLockLegalHoldStatus", "s3:PutObjectLegalHold"),
)


def copy_source(text: str) -> tuple[str, str, str]:
    """(bucket, key, version id) of a CopySource: `/bucket/key?versionId=v`, percent-encoded, or an ARN."""
    path, _, query = text.partition("?versionId=")
    path = unquote(path)
    if path.startswith(_ARN):
        path = path[len(_ARN) :]
    bucket, _, key = path.removeprefix("/").partition("/")
    return bucket, key, query
