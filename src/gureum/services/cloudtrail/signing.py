"""The keys that sign digest files.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.cloudtrail.operations import ops
from gureum.services.cloudtrail.records import SigningKey

if TYPE_CHECKING:
    from gureum.api import cloudtrail as api

_BITS = 2048


@ops.on()
def list_public_keys(ctx: Context, req: api.ListPublicKeysRequest) -> api.ListPublicKeysResponse:
    """Keys that signed within a time; a key has no end here, it stays until the cloud is emptied."""
    start, end = req.get("StartTime"), req.get("EndTime")
    if start is not None and end is not None and start > end:
        raise Fault("InvalidTimeRangeException", "End time cannot be before start time.")

    def show(key: SigningKey) -> api.PublicKey:
        return {"Value": key.public, "ValidityStartTime": key.created, "Fingerprint": key.fingerprint}

    keys = [key for key in ctx.table(SigningKey).scan() if end is None or key.created <= end + 1]
    return ctx.page(req).items(keys, lambda key: key.fingerprint, show)  # type: ignore[return-value]


def key_of(ctx: Context) -> SigningKey:
    """The region's key, made when it is first needed."""
    table = ctx.table(SigningKey)
    for found in table.scan():
        return found
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    public = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    secret = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fingerprint = hashlib.sha256(public).hexdigest()[:32]
    sealed = ctx.home.seal.seal(secret, "cloudtrail", fingerprint)
    return table.put(SigningKey(fingerprint=fingerprint, created=ctx.now, public=public, sealed=sealed))


def sign(ctx: Context, key: SigningKey, text: bytes) -> str:
    """The signature, SHA-256 with RSA (PKCS #1 v1.5), in hexadecimal."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    secret = ctx.home.seal.open(key.sealed, "cloudtrail", key.fingerprint)
    private = serialization.load_der_private_key(secret, None)
    assert isinstance(private, rsa.RSAPrivateKey)
    return private.sign(text, padding.PKCS1v15(), hashes.SHA256()).hex()
