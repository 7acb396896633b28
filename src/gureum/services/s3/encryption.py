"""Keys and ciphers: SSE-S3 under a key that the root key seals, SSE-KMS by KMS, SSE-C by the customer's own.

Bytes are encrypted by AES-256 in counter mode, each file and each small object under a nonce of its own, so that
any range can be read by itself. https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from gureum.kernel import documents
from gureum.kernel.context import Context
from gureum.kernel.faults import Conflict, Fault
from gureum.kernel.home import Home
from gureum.kernel.records import kind_of
from gureum.kernel.store import Work
from gureum.services.s3.faults import invalid_argument, invalid_request
from gureum.services.s3.records import Bucket, DataKey, Sse

NONCE_BYTES = 16
_BLOCK = 16
_KMS = frozenset({"aws:kms", "aws:kms:dsse"})
SSE_S3 = Sse()


def cipher(key: bytes, nonce: bytes, offset: int = 0) -> CipherContext:
    """What encrypts, and just so decrypts, from a byte offset on."""
    if offset:
        counter = (int.from_bytes(nonce, "big") + offset // _BLOCK) % (1 << 128)
        nonce = counter.to_bytes(NONCE_BYTES, "big")
    made = Cipher(AES(key), CTR(nonce)).encryptor()
    if offset % _BLOCK:
        made.update(bytes(offset % _BLOCK))
    return made


class ServiceKey:
    """The key of SSE-S3, made on the first use."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._key = b""

    @property
    def key(self) -> bytes:
        if not self._key:
            self._key = self._load()
        return self._key

    def _load(self) -> bytes:
        kind, store = kind_of(DataKey), self._home.store
        at = (kind.name, "", "", "sse-s3")
        row = store.read(kind, at)
        if row is None:
            work = Work("first object")
            work.reads[at] = 0
            sealed = self._home.seal.seal(os.urandom(32), "s3", "sse-s3")
            work.writes[at] = (kind, DataKey(id="sse-s3", sealed=sealed))
            with contextlib.suppress(Conflict):  # another thread was first
                store.commit(work)
            row = store.read(kind, at)
        assert row is not None and isinstance(row.record, DataKey)
        return self._home.seal.open(row.record.sealed, "s3", "sse-s3")

    def clear(self) -> None:
        self._key = b""

    def close(self) -> None: ...


def asked(req: Mapping[str, Any], bucket: Bucket) -> Sse:
    """What a request to write asks for, or else the bucket's default. Raises Fault InvalidArgument and others.

    The key is not yet there: `new_key` makes it.
    """
    if "SSECustomerAlgorithm" in req or "SSECustomerKey" in req:
        if "ServerSideEncryption" in req:
            raise invalid_argument(
                "Server Side Encryption with Customer provided key is incompatible with the encryption method "
                "specified",
                "x-amz-server-side-encryption",
                req["ServerSideEncryption"],
            )
        key = customer_key(req)
        return Sse(kind="customer", key=_proof(key), md5=req.get("SSECustomerKeyMD5", ""))
    kind = req.get("ServerSideEncryption")
    if kind is None:
        rule = default_rule(bucket)
        kind, kms_key = rule.get("SSEAlgorithm", "AES256"), rule.get("KMSMasterKeyID", "")
    else:
        kms_key = req.get("SSEKMSKeyId", "")
        if kms_key and kind not in _KMS:
            raise invalid_argument(
                "Server Side Encryption with AWS KMS managed key requires HTTP header "
                "x-amz-server-side-encryption : aws:kms",
                "x-amz-server-side-encryption",
                kind,
            )
    if kind == "AES256":
        return SSE_S3
    if kind not in _KMS:
        raise invalid_argument(
            "The encryption method specified is not supported", "x-amz-server-side-encryption", kind
        )
    whole = req.get("BucketKeyEnabled")
    if whole is None:
        whole = bool(bucket.settings.get("Encryption", {}).get("BucketKeyEnabled"))
    return Sse(
        kind=kind, kms_key=kms_key, context=req.get("SSEKMSEncryptionContext", ""), bucket_key=bool(whole)
    )


def default_rule(bucket: Bucket) -> Mapping[str, Any]:
    """The bucket's default encryption: its rule's `ApplyServerSideEncryptionByDefault`."""
    rules = bucket.settings.get("Encryption", {}).get("Rules") or [{}]
    found: Mapping[str, Any] = rules[0].get("ApplyServerSideEncryptionByDefault", {})
    return found


def slow(sse: Sse) -> bool:
    """Whether its key has to be asked for elsewhere."""
    return sse.kind in _KMS


def new_key(ctx: Context, sse: Sse, req: Mapping[str, Any], arn: str) -> tuple[bytes, Sse]:
    """A data key to write an object with, and how it is found again. In a thread where `slow`."""
    if sse.kind == "AES256":
        return ctx.part(ServiceKey).key, sse
    if sse.kind == "customer":
        return customer_key(req), sse
    kms = ctx.aws.as_(ctx.principal).kms
    key_id = sse.kms_key or "alias/aws/s3"
    try:
        made = kms.generate_data_key(KeyId=key_id, KeySpec="AES_256", EncryptionContext=_context(sse, arn))
    except Fault as fault:
        raise _of_kms(fault) from fault
    ready = msgspec.structs.replace(sse, key=made["CiphertextBlob"], kms_key=made["KeyId"])
    return made["Plaintext"], ready


def key_of(ctx: Context, sse: Sse, req: Mapping[str, Any], arn: str, prefix: str = "") -> bytes:
    """The data key of what is there. `prefix` is `CopySource` where the request names it so.

    Raises Fault InvalidRequest or AccessDenied where the customer's key is not given, or not the same.
    """
    if sse.kind == "customer":
        if f"{prefix}SSECustomerKey" not in req:
            raise invalid_request(
                "The object was stored using a form of Server Side Encryption. The correct parameters must be "
                "provided to retrieve the object."
            )
        key = customer_key(req, prefix)
        if not hmac.compare_digest(_proof(key), sse.key):
            raise Fault(
                "AccessDenied",
                "Requests specifying Server Side Encryption with Customer provided keys must provide the correct "
                "secret key.",
                status=403,
            )
        return key
    if f"{prefix}SSECustomerKey" in req:
        raise invalid_request("The encryption parameters are not applicable to this object.")
    if sse.kind == "AES256":
        return ctx.part(ServiceKey).key
    try:
        opened = ctx.aws.as_(ctx.principal).kms.decrypt(
            CiphertextBlob=sse.key, KeyId=sse.kms_key, EncryptionContext=_context(sse, arn)
        )
    except Fault as fault:
        raise _of_kms(fault) from fault
    plain: bytes = opened["Plaintext"]
    return plain


def customer_key(req: Mapping[str, Any], prefix: str = "") -> bytes:
    """The key that the customer sends with a request. Raises Fault InvalidArgument."""
    name = f"{prefix}SSECustomer"
    algorithm, text = req.get(f"{name}Algorithm", ""), req.get(f"{name}Key", "")
    if not algorithm:
        raise invalid_argument(
            "Requests specifying Server Side Encryption with Customer provided keys must provide a valid "
            "encryption algorithm.",
            "x-amz-server-side-encryption",
            "null",
        )
    if algorithm != "AES256":
        raise Fault(
            "InvalidEncryptionAlgorithmError",
            "The encryption request that you specified is not valid. The valid value is AES256.",
            status=400,
        )
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise invalid_argument(
            "The secret key was invalid for the specified algorithm.", "x-amz-server-side-encryption", "null"
        )
    md5 = base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode()
    if md5 != req.get(f"{name}KeyMD5", ""):
        raise invalid_argument(
            "The calculated MD5 hash of the key did not match the hash that was provided.",
            "x-amz-server-side-encryption",
            "null",
        )
    return key


def show(sse: Sse) -> dict[str, Any]:
    """The members that tell of an object's encryption."""
    if sse.kind == "customer":
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": sse.md5}
    told: dict[str, Any] = {"ServerSideEncryption": sse.kind}
    if sse.kms_key:
        told["SSEKMSKeyId"] = sse.kms_key
        if sse.bucket_key:
            told["BucketKeyEnabled"] = True
    return told


def _proof(key: bytes) -> bytes:
    return hmac.digest(key, b"gureum s3 customer key", "sha256")


def _context(sse: Sse, arn: str) -> dict[str, str]:
    context = {"aws:s3:arn": arn.partition("/")[0] if sse.bucket_key else arn}
    if sse.context:
        try:
            further = documents.read(base64.b64decode(sse.context))
            context.update({str(name): str(value) for name, value in further.items()})
        except (documents.BadDocument, binascii.Error, AttributeError):
            raise invalid_argument(
                "The header x-amz-server-side-encryption-context shall be Base64-encoded UTF-8 string holding JSON "
                "which represents a string-string map",
                "x-amz-server-side-encryption-context",
                sse.context,
            ) from None
    return context


def _of_kms(fault: Fault) -> Fault:
    """A refusal of KMS as S3 passes it on."""
    code = fault.code.removesuffix("Exception")
    if code == "AccessDenied":
        return Fault("AccessDenied", fault.message, status=403)
    return Fault(f"KMS.{code}Exception", fault.message, status=fault.status or 400)
