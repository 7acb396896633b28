"""Uploads from HTML forms, under a signed policy.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import binascii
import re
from email.utils import parsedate_to_datetime
from html import escape, unescape
from typing import Any
from urllib.parse import quote, urlencode

from gureum.kernel.faults import Fault
from gureum.kernel.message import Response
from gureum.kernel.principal import ANONYMOUS
from gureum.kernel.visit import SignedText, Visit
from gureum.services.s3.faults import invalid_argument, invalid_request
from gureum.services.s3.web.form_body import Form, read_form
from gureum.services.s3.web.form_policy import check_policy
from gureum.services.s3.web.hosts import bucket_of_path

_MEMBERS = {
    "acl": "ACL",
    "cache-control": "CacheControl",
    "content-type": "ContentType",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "x-amz-storage-class": "StorageClass",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-server-side-encryption-context": "SSEKMSEncryptionContext",
    "x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "x-amz-server-side-encryption-customer-key": "SSECustomerKey",
    "x-amz-server-side-encryption-customer-key-md5": "SSECustomerKeyMD5",
    "x-amz-checksum-crc32": "ChecksumCRC32",
    "x-amz-checksum-crc32c": "ChecksumCRC32C",
    "x-amz-checksum-crc64nvme": "ChecksumCRC64NVME",
    "x-amz-checksum-sha1": "ChecksumSHA1",
    "x-amz-checksum-sha256": "ChecksumSHA256",
}
_TAG = re.compile(r"<Tag>\s*<Key>(.*?)</Key>\s*<Value>(.*?)</Value>\s*</Tag>", re.DOTALL)
_META = "x-amz-meta-"
_PIECES = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature")


async def upload(visit: Visit) -> Response:
    """Take a form's file as an object."""
    home = visit.home
    form = await home.loop.run_in_executor(home.pool, read_form, visit.request, home.folder / "spool")
    try:
        return await _store(visit, form)
    finally:
        form.close()


async def _store(visit: Visit, form: Form) -> Response:
    bucket = bucket_of_path(visit.request)
    fields = form.fields
    if not fields.get("key"):
        raise invalid_argument(
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the "
            "order of the fields.",
            "key",
            "",
        )
    key = fields["key"].replace("${filename}", form.filename)
    principal = ANONYMOUS
    if "policy" in fields:
        principal = visit.prove(_signed(fields))
        document = _decoded(fields["policy"])
        check_policy(document, {**fields, "bucket": bucket}, form.size, visit.home.clock.now())
    answer = await visit.call(
        "PutObject", {**_params(fields), "Bucket": bucket, "Key": key, "Body": form.body}, principal
    )
    return _answer(visit, fields, bucket, key, answer)


def _signed(fields: dict[str, str]) -> SignedText:
    missing = next((name for name in _PIECES if name not in fields), None)
    if missing is not None:
        if "awsaccesskeyid" in fields:
            raise invalid_request(
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
            )
        raise invalid_argument(
            f"Bucket POST must contain a field named '{missing}'.  If it is specified, please check the order of the "
            "fields.",
            missing,
            "",
        )
    return SignedText(
        fields["x-amz-credential"],
        fields["policy"].encode(),
        fields["x-amz-signature"],
        fields.get("x-amz-security-token", ""),
    )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Fault("InvalidPolicyDocument", "Invalid Policy: Invalid JSON.", status=400) from None


def _params(fields: dict[str, str]) -> dict[str, Any]:
    """PutObject's members out of the form's fields."""
    found: dict[str, Any] = {_MEMBERS[name]: value for name, value in fields.items() if name in _MEMBERS}
    meta = {name[len(_META) :]: value for name, value in fields.items() if name.startswith(_META)}
    for value in (*found.values(), *meta.values()):
        if not value.isprintable():  # it becomes a header of every answer
            raise invalid_argument("A field holds control characters.", "form", value)
    if meta:
        found["Metadata"] = meta
    if "expires" in fields:
        try:
            found["Expires"] = parsedate_to_datetime(fields["expires"]).timestamp()
        except ValueError:
            raise invalid_argument("Invalid Expires", "Expires", fields["expires"]) from None
    if "tagging" in fields:
        pairs = [(unescape(name), unescape(value)) for name, value in _TAG.findall(fields["tagging"])]
        found["Tagging"] = urlencode(pairs)
    return found


def _answer(visit: Visit, fields: dict[str, str], bucket: str, key: str, answer: dict[str, Any]) -> Response:
    scheme = "https" if visit.request.secure else "http"
    location = f"{scheme}://{visit.request.headers.get('host', 'localhost')}/{bucket}/{quote(key)}"
    headers = [("ETag", answer["ETag"]), ("Location", location), ("x-amz-request-id", visit.id)]
    if "VersionId" in answer:
        headers.append(("x-amz-version-id", answer["VersionId"]))
    target = fields.get("success_action_redirect") or fields.get("redirect")
    if target and target.startswith(("http://", "https://")) and target.isprintable():
        more = urlencode({"bucket": bucket, "key": key, "etag": answer["ETag"]})
        join = "&" if "?" in target else "?"
        return Response(303, [*headers[:1], ("Location", f"{target}{join}{more}"), headers[2]])
    status = fields.get("success_action_status", "204")
    if status != "201":
        return Response(200 if status == "200" else 204, headers)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>'
        f"<Location>{escape(location)}</Location><Bucket>{bucket}</Bucket><Key>{escape(key)}</Key>"
        f"<ETag>{escape(answer['ETag'])}</ETag></PostResponse>"
    )
    return Response(201, [*headers, ("Content-Type", "application/xml")], text.encode())
