"""S3's own condition keys, worked out when a policy asks for them.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from gureum.kernel.context import Context
from gureum.services.s3 import acl_rules
from gureum.services.s3.faults import no_such_bucket
from gureum.services.s3.operations import copy_source
from gureum.services.s3.records import Bucket, Entry
from gureum.services.s3.versions import find_entry

_MEMBERS = {
    "prefix": "Prefix",
    "delimiter": "Delimiter",
    "max-keys": "MaxKeys",
    "versionid": "VersionId",
    "x-amz-acl": "ACL",
    "x-amz-grant-read": "GrantRead",
    "x-amz-grant-write": "GrantWrite",
    "x-amz-grant-read-acp": "GrantReadACP",
    "x-amz-grant-write-acp": "GrantWriteACP",
    "x-amz-grant-full-control": "GrantFullControl",
    "x-amz-copy-source": "CopySource",
    "x-amz-metadata-directive": "MetadataDirective",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "x-amz-storage-class": "StorageClass",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
    "x-amz-object-ownership": "ObjectOwnership",
    "object-lock-mode": "ObjectLockMode",
    "object-lock-legal-hold": "ObjectLockLegalHoldStatus",
    "if-match": "IfMatch",
    "if-none-match": "IfNoneMatch",
}


class Facts(Mapping[str, Any]):
    """Condition keys of one request, in lower case."""

    __slots__ = ("_ctx", "_req")

    def __init__(self, ctx: Context, req: Mapping[str, Any]) -> None:
        self._ctx, self._req = ctx, req

    def __getitem__(self, key: str) -> Any:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def get(self, key: str, default: Any = None) -> Any:
        service, _, name = key.partition(":")
        if service == "s3":
            found = self._own(name)
        elif service == "gureum" and name.startswith("acl/"):
            found = self._by_acl(name)
        else:
            found = None
        return default if found is None else found

    def __iter__(self) -> Iterator[str]:
        return iter([f"s3:{name}" for name in _MEMBERS if self._own(name) is not None])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _own(self, name: str) -> Any:
        member = _MEMBERS.get(name)
        if member is not None:
            value = self._req.get(member)
            return None if value is None else str(value)
        plain = _COMPUTED.get(name)
        if plain is not None:
            return plain(self)
        head, slash, tag = name.partition("/")
        if slash and head == "existingobjecttag":
            entry = self._entry()
            return _any_case(entry.tags, tag) if entry is not None else None
        if slash and head == "requestobjecttag":
            return _any_case(self._request_tags(), tag)
        return None

    def _request_tags(self) -> dict[str, str]:
        if "TagSet" in (tagging := self._req.get("Tagging") or {}):
            return {tag["Key"]: tag["Value"] for tag in tagging["TagSet"]}
        return dict(parse_qsl(tagging, keep_blank_values=True)) if isinstance(tagging, str) else {}

    def _entry(self) -> Entry | None:
        if "Key" not in self._req:
            return None
        return find_entry(self._ctx, self._req["Bucket"], self._req["Key"], self._req.get("VersionId", ""))

    def _by_acl(self, name: str) -> str | None:
        """Whether an ACL lets the caller do this: `acl/<bucket>/<object|bucket>/<permission>`."""
        _, bucket_name, level, permission = name.split("/")
        ctx, req = self._ctx, self._req
        bucket = ctx.table(Bucket).get(bucket_name)
        if bucket is None:
            return None
        grants = bucket.grants
        if level == "object":
            key, version = req.get("Key", ""), req.get("VersionId", "")
            source = copy_source(req["CopySource"]) if "CopySource" in req else ("", "", "")
            if source[0] == bucket_name and permission == "read":
                key, version = source[1], source[2]
            entry = find_entry(ctx, bucket_name, key, version)
            grants = entry.grants if entry is not None else ()
        allowed = acl_rules.allows(grants, permission, ctx.principal, bucket)
        return "yes" if allowed else None

    def auth_type(self) -> str | None:
        request = self._ctx.request
        if request is None or self._ctx.principal.kind == "anonymous":
            return None
        if "authorization" in request.headers:
            return "REST-HEADER"
        return "REST-QUERY-STRING" if "X-Amz-Signature=" in request.query else "POST"

    def signature_version(self) -> str | None:
        return "AWS4-HMAC-SHA256" if self.auth_type() is not None else None

    def signature_age(self) -> str | None:
        request = self._ctx.request
        if request is None:
            return None
        query = dict(parse_qsl(request.query))
        stamp = request.headers.get("x-amz-date") or query.get("X-Amz-Date", "")
        try:
            at = calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
        except ValueError:
            return None
        return str(int((self._ctx.now - at) * 1000))

    def location(self) -> str | None:
        found: str | None = (self._req.get("CreateBucketConfiguration") or {}).get("LocationConstraint")
        return found

    def payload_hash(self) -> str | None:
        return self._ctx.request.headers.get("x-amz-content-sha256") if self._ctx.request else None

    def tag_keys(self) -> list[str] | None:
        return list(self._request_tags()) or None

    def owner(self) -> str | None:
        bucket = self._ctx.table(Bucket).get(self._req.get("Bucket", ""))
        return bucket.owner if bucket is not None else None

    def retention_days(self) -> str | None:
        until = self._req.get("ObjectLockRetainUntilDate") or (self._req.get("Retention") or {}).get(
            "RetainUntilDate"
        )
        return str(int((until - self._ctx.now) / 86400)) if until else None


_COMPUTED = {
    "authtype": Facts.auth_type,
    "signatureversion": Facts.signature_version,
    "signatureage": Facts.signature_age,
    "locationconstraint": Facts.location,
    "x-amz-content-sha256": Facts.payload_hash,
    "requestobjecttagkeys": Facts.tag_keys,
    "resourceaccount": Facts.owner,
    "object-lock-remaining-retention-days": Facts.retention_days,
}


def facts(ctx: Context, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """The condition keys of a request. Those who proved nothing are told of a missing bucket before a refusal."""
    if ctx.principal.kind == "anonymous" and "Bucket" in req and ctx.table(Bucket).get(req["Bucket"]) is None:
        raise no_such_bucket(req["Bucket"])
    return Facts(ctx, req)


def _any_case(tags: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in tags.items() if key.lower() == name), None)
