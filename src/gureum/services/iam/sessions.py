"""Temporary credentials that nothing keeps: the session token itself holds who it is, sealed.

The token is base64 of a sealed text, bound to the access key id beside it. So sessions outlive a restart, end when
they say, and cannot be altered or paired with another key.
"""

from __future__ import annotations

import base64
import zlib
from typing import NamedTuple

import msgspec

from gureum.kernel import ids
from gureum.kernel.identity import BadToken, Credential
from gureum.kernel.principal import Principal
from gureum.kernel.seal import Seal, SealBroken
from gureum.services.iam import rules

_CONTEXT = "sts session"
_OVERHEAD = 50  # bytes that sealing adds, a little less


class _Sealed(msgspec.Struct, array_like=True, frozen=True):
    secret: str
    principal: Principal
    parent: str  # the access key that asked for it, where the session is its user's own


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Sealed).decode


class Issued(NamedTuple):
    """A new session's credentials. `expires` is in epoch seconds."""

    access_key: str
    secret: str
    token: str
    expires: float


def issue(seal: Seal, principal: Principal, parent: str = "", least: int = 0) -> Issued:
    """Credentials for a session, which end at its `expires`. The token has at least `least` characters."""
    access_key, secret = rules.key_id("ASIA", principal.account), ids.secret()
    named = msgspec.structs.replace(principal, access_key=access_key)
    packed = zlib.compress(_encode(_Sealed(secret, named, parent)))
    lacking = least * 3 // 4 - len(packed) - _OVERHEAD
    packed += bytes(max(lacking, 0))  # after the end of the compressed stream, where nobody looks
    token = base64.b64encode(seal.seal(packed, _CONTEXT, access_key)).decode()
    return Issued(access_key, secret, token, principal.expires)


def read(seal: Seal, access_key: str, token: str) -> tuple[Credential, str]:
    """What a session's key and token stand for, and the key that asked for it. Raises BadToken."""
    try:
        sealed = base64.b64decode(token, validate=True)
        found = _decode(zlib.decompressobj().decompress(seal.open(sealed, _CONTEXT, access_key)))
    except (ValueError, SealBroken, zlib.error, msgspec.DecodeError):
        raise BadToken from None
    return Credential(found.secret, found.principal, found.principal.expires), found.parent
