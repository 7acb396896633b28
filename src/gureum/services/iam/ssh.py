"""SSH public keys of users, for git over SSH.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSSHPublicKey.html
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec.structs import replace

from gureum.kernel import ids
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.operations import spell
from gureum.services.iam import checking, keys, rules
from gureum.services.iam.operations import ops
from gureum.services.iam.paging import page
from gureum.services.iam.records import SshKey, User

if TYPE_CHECKING:
    from gureum.api import iam as api

spell(
    "DeleteSSHPublicKey", "GetSSHPublicKey", "ListSSHPublicKeys", "UpdateSSHPublicKey", "UploadSSHPublicKey"
)

_LEAST_BITS = 2048


def _read(text: str) -> RSAPublicKey:
    """An RSA key in OpenSSH's or PEM's form. Faults: InvalidPublicKey, UnrecognizedPublicKeyEncoding."""
    raw = text.strip().encode()
    try:
        if raw.startswith(b"ssh-"):
            key = serialization.load_ssh_public_key(raw)
        else:
            key = serialization.load_pem_public_key(raw)  # type: ignore[assignment]
    except (ValueError, UnsupportedAlgorithm):
        raise Fault("InvalidPublicKey", "The public key is malformed or otherwise invalid.") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_BITS:
        raise Fault("InvalidPublicKey", f"The public key must be RSA with at least {_LEAST_BITS} bits.")
    return key


def _open_ssh(key: RSAPublicKey) -> str:
    form = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return key.public_bytes(*form).decode()


def _show(key: SshKey, *, body: str = "") -> dict[str, Any]:
    """A key; with its body where one is asked for."""
    shown: dict[str, Any] = {
        "UserName": key.user,
        "SSHPublicKeyId": key.id,
        "Status": key.status,
        "UploadDate": key.uploaded,
    }
    return {**shown, "Fingerprint": key.fingerprint, "SSHPublicKeyBody": body} if body else shown


@ops.on(User, "UserName")
def upload_ssh_public_key(ctx: Context, req: api.UploadSSHPublicKeyRequest) -> api.UploadSSHPublicKeyResponse:
    user, table = ctx.need(User).name, ctx.table(SshKey)
    key = _read(req["SSHPublicKeyBody"])
    there, body = list(table.find("user", user)), _open_ssh(key)
    if any(one.body == body for one in there):
        raise Fault(
            "DuplicateSSHPublicKey", "The SSH public key is already associated with the specified IAM user."
        )
    if len(there) >= rules.SSH_KEYS_PER_USER:
        raise checking.exceeded("SSHPublicKeysPerUser", rules.SSH_KEYS_PER_USER)
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    print_of = hashlib.md5(der, usedforsecurity=False).hexdigest()
    found = SshKey(
        user=user,
        id=ids.unique("APKA"),
        body=body,
        fingerprint=":".join(print_of[at : at + 2] for at in range(0, 32, 2)),
        uploaded=ctx.now,
    )
    table.put(found)
    return {"SSHPublicKey": _show(found, body=body)}  # type: ignore[typeddict-item]


@ops.on(User, "UserName")
def get_ssh_public_key(ctx: Context, req: api.GetSSHPublicKeyRequest) -> api.GetSSHPublicKeyResponse:
    key = ctx.table(SshKey).need(ctx.need(User).name, req["SSHPublicKeyId"])
    body = key.body
    if req["Encoding"] == "PEM":
        form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        body = _read(body).public_bytes(*form).decode()
    return {"SSHPublicKey": _show(key, body=body)}  # type: ignore[typeddict-item]


@ops.on(User, "UserName")
def list_ssh_public_keys(ctx: Context, req: api.ListSSHPublicKeysRequest) -> api.ListSSHPublicKeysResponse:
    return page(ctx, req, "SSHPublicKeys").table(  # type: ignore[return-value]
        ctx.table(SshKey), _show, index=("user", keys.owner_of(ctx, req))
    )


@ops.on(User, "UserName")
def update_ssh_public_key(ctx: Context, req: api.UpdateSSHPublicKeyRequest) -> None:
    table = ctx.table(SshKey)
    table.put(replace(table.need(ctx.need(User).name, req["SSHPublicKeyId"]), status=checking.status(req)))


@ops.on(User, "UserName")
def delete_ssh_public_key(ctx: Context, req: api.DeleteSSHPublicKeyRequest) -> None:
    table = ctx.table(SshKey)
    table.drop(table.need(ctx.need(User).name, req["SSHPublicKeyId"]))
