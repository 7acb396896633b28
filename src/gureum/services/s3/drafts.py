"""What a request to write says of the object: headers, metadata, tags, class, ACL, lock."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.s3 import acl_rules, checksums, encryption
from gureum.services.s3.content import Kept
from gureum.services.s3.faults import invalid_argument, invalid_request
from gureum.services.s3.records import Bucket, Entry, Grant, Sse

HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "WebsiteRedirectLocation",
)
STORAGE_CLASSES = frozenset(
    {
        "STANDARD",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER",
        "DEEP_ARCHIVE",
        "GLACIER_IR",
    }
)
MOST_OBJECT_TAGS = 10
_LONGEST_KEY = 1024
_MOST_METADATA = 2048
_DAY = 86400.0
_EVENT_HOLDS = ("ObjectLockEventHold", "ObjectLockEventHoldDurationDays", "ObjectLockEventHoldDurationYears")
NO_TYPE = "binary/octet-stream"


def check_key(key: str) -> None:
    """Refuse a key that S3 refuses."""
    if len(key.encode("utf-8", "surrogatepass")) > _LONGEST_KEY:
        raise Fault("KeyTooLongError", "Your key is too long", status=400, MaxSizeAllowed=_LONGEST_KEY)
    if "\x00" in key:
        raise Fault("InvalidURI", "Couldn't parse the specified URI.", status=400)


def draft(ctx: Context, bucket: Bucket, req: Mapping[str, Any], *, tags: bool = True) -> Entry:
    """The object that a request describes, without bytes."""
    check_key(req["Key"])
    owner, grants = ownership(ctx, bucket, req)
    mode, until, held = lock_of(ctx, bucket, req)
    return Entry(
        order="",
        modified=ctx.now,
        owner=owner,
        grants=grants,
        sse=encryption.asked(req, bucket),
        headers=headers_of(req),
        metadata=metadata_of(req),
        storage_class=storage_class(req),
        tags=parse_tags(req["Tagging"]) if tags and "Tagging" in req else {},
        lock_mode=mode,
        lock_until=until,
        legal_hold=held,
    )


def headers_of(req: Mapping[str, Any]) -> dict[str, Any]:
    """The system headers that an object keeps."""
    found = {name: req[name] for name in HEADERS if name in req}
    encoding = found.get("ContentEncoding")
    if encoding and "aws-chunked" in encoding:
        left = ",".join(part.strip() for part in encoding.split(",") if part.strip() != "aws-chunked")
        found["ContentEncoding"] = left
        if not left:
            del found["ContentEncoding"]
    found.setdefault("ContentType", NO_TYPE)
    target = found.get("WebsiteRedirectLocation")
    if target and not target.startswith(("/", "http://", "https://")):
        raise Fault(
            "InvalidRedirectLocation",
            "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
            status=400,
        )
    return found


def metadata_of(req: Mapping[str, Any]) -> dict[str, str]:
    """User metadata. Raises Fault MetadataTooLarge above 2 KB."""
    found: dict[str, str] = req.get("Metadata") or {}
    size = sum(len(name) + len(value) for name, value in found.items())
    if size > _MOST_METADATA:
        raise Fault(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
            status=400,
            Size=size,
            MaxSizeAllowed=_MOST_METADATA,
        )
    return found


def storage_class(req: Mapping[str, Any]) -> str:
    found: str = req.get("StorageClass") or "STANDARD"
    if found not in STORAGE_CLASSES:
        raise Fault(
            "InvalidStorageClass",
            "The storage class you specified is not valid",
            status=400,
            StorageClassRequested=found,
        )
    return found


def parse_tags(text: str) -> dict[str, str]:
    """Tags of the `x-amz-tagging` header. Raises Fault InvalidArgument, InvalidTag, BadRequest."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
    except ValueError:
        raise invalid_argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without "
            "tag name duplicates.",
            "x-amz-tagging",
            text,
        ) from None
    return checked_tags(pairs, MOST_OBJECT_TAGS)


def checked_tags(pairs: list[tuple[str, str]], most: int) -> dict[str, str]:
    """Tags as a dict, within S3's limits."""
    if len(pairs) > most:
        kind = "Object" if most == MOST_OBJECT_TAGS else "Bucket"
        raise Fault("BadRequest", f"{kind} tags cannot be greater than {most}", status=400)
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise Fault(
                "InvalidTag", "Cannot provide multiple Tags with the same key", status=400, TagKey=name
            )
        if not 1 <= len(name) <= 128:
            raise Fault("InvalidTag", "The TagKey you have provided is invalid", status=400, TagKey=name)
        if len(value) > 256:
            raise Fault("InvalidTag", "The TagValue you have provided is invalid", status=400, TagValue=value)
        if name.startswith("aws:"):
            raise Fault(
                "InvalidTag", "System tags cannot be added/updated by requester", status=400, TagKey=name
            )
        found[name] = value
    return found


def ownership(ctx: Context, bucket: Bucket, req: Mapping[str, Any]) -> tuple[str, tuple[Grant, ...]]:
    """Who owns the object, and its ACL. Raises Fault AccessControlListNotSupported, AccessDenied."""
    writer = ctx.principal.account or bucket.owner
    grants = acl_rules.asked(req, writer, bucket.owner)
    if bucket.ownership == "BucketOwnerEnforced":
        refuse_acl(req, grants, bucket)
        return bucket.owner, ()
    full = req.get("ACL") == "bucket-owner-full-control"
    owner = bucket.owner if bucket.ownership == "BucketOwnerPreferred" and full else writer
    if grants is None:
        grants = acl_rules.canned_grants("private", owner, bucket.owner)
    refuse_public(bucket, grants)
    return owner, grants


def refuse_acl(req: Mapping[str, Any], grants: tuple[Grant, ...] | None, bucket: Bucket) -> None:
    """Where ACLs are disabled, only those that say what holds anyway are accepted."""
    if grants is None or req.get("ACL") == "bucket-owner-full-control":
        return
    if not acl_rules.is_owners_alone(grants, bucket.owner) or req.get("ACL"):
        raise Fault("AccessControlListNotSupported", "The bucket does not allow ACLs", status=400)


def refuse_public(bucket: Bucket, grants: tuple[Grant, ...]) -> None:
    if acl_rules.is_public(grants) and bucket.settings.get("PublicAccessBlock", {}).get("BlockPublicAcls"):
        raise Fault("AccessDenied", "Access Denied", status=403)


def lock_of(ctx: Context, bucket: Bucket, req: Mapping[str, Any]) -> tuple[str, float, bool]:
    """(mode, until, legal hold) of a new object, from the request or the bucket's default retention."""
    if any(name in req for name in _EVENT_HOLDS):
        text = "A header you provided implies functionality that is not implemented: event holds"
        raise Fault("NotImplemented", text, status=501)
    mode, until = req.get("ObjectLockMode", ""), req.get("ObjectLockRetainUntilDate", 0.0)
    hold = req.get("ObjectLockLegalHoldStatus")
    if not bucket.lock:
        if mode or until or hold:
            raise invalid_request("Bucket is missing Object Lock Configuration")
        return "", 0.0, False
    if bool(mode) != bool(until):
        raise invalid_argument(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
            "x-amz-object-lock-mode",
            mode,
        )
    if mode:
        check_retention(ctx, mode, until)
    else:
        rule = (bucket.settings.get("ObjectLock", {}).get("Rule") or {}).get("DefaultRetention")
        if rule:
            days = rule.get("Days") or rule.get("Years", 0) * 365
            mode, until = rule["Mode"], ctx.now + days * _DAY
    if hold not in {None, "ON", "OFF"}:
        raise invalid_argument(
            "Legal Hold must be either of 'ON' or 'OFF'", "x-amz-object-lock-legal-hold", hold
        )
    return mode, until, hold == "ON"


def check_retention(ctx: Context, mode: str, until: float) -> None:
    if mode not in {"GOVERNANCE", "COMPLIANCE"}:
        raise invalid_argument("Unknown wormMode directive.", "x-amz-object-lock-mode", mode)
    if until <= ctx.now:
        raise invalid_argument(
            "The retain until date must be in the future!", "x-amz-object-lock-retain-until-date", until
        )


def declared_checksum(ctx: Context, req: Mapping[str, Any]) -> tuple[str, str]:
    """(algorithm, value) that the request declares for its body, in headers, members or trailer."""
    request = ctx.request
    spool = request.spool if request is not None else None
    trailers = spool.trailers if spool is not None else {}
    return checksums.declared(req, request.headers if request is not None else {}, trailers)


def check_digests(req: Mapping[str, Any], kept: Kept, algorithm: str, declared: str) -> None:
    """What arrived must be what the client says it sent. Faults: BadDigest, InvalidDigest."""
    if "ContentMD5" in req:
        try:
            wanted = base64.b64decode(req["ContentMD5"], validate=True)
        except binascii.Error:
            wanted = b""
        if len(wanted) != 16:
            raise Fault("InvalidDigest", "The Content-MD5 you specified was invalid.", status=400)
        if wanted.hex() != kept.md5:
            raise Fault(
                "BadDigest",
                "The Content-MD5 you specified did not match what we received.",
                status=400,
                ExpectedDigest=req["ContentMD5"],
                CalculatedDigest=base64.b64encode(bytes.fromhex(kept.md5)).decode(),
            )
    if declared and declared != kept.checksum:
        raise Fault(
            "BadDigest", f"The {algorithm} you specified did not match the calculated checksum.", status=400
        )


def etag_of(sse: Sse, md5: str) -> str:
    """The entity tag: the MD5 of what anyone may know; under keys of KMS or a customer, one that tells nothing."""
    return md5 if sse.kind == "AES256" else os.urandom(16).hex()
