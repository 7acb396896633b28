"""IAM at the front door: its operations, and what it asks of each request before any policy is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gureum.kernel.faults import Fault
from gureum.kernel.operations import Find, Handler, Operations, Target
from gureum.kernel.principal import Principal
from gureum.kernel.records import Record, kind_of

# Names, paths and documents are checked by their handlers, in IAM's own words.
ops = Operations(
    "iam",
    invalid="ValidationError",
    checks=frozenset({"required", "length", "range", "enum"}),
    hidden=frozenset(
        {
            "SecretAccessKey",
            "Password",
            "OldPassword",
            "NewPassword",
            "ServicePassword",
            "ServiceCredentialSecret",
            "Base32StringSeed",
            "QRCodePNG",
            "PrivateKey",
            "AddPrivateKey",
            "AuthenticationCode1",
            "AuthenticationCode2",
        }
    ),
)

_OWN = frozenset(
    (
        "ChangePassword",
        "CreateAccessKey",
        "CreateLoginProfile",
        "DeleteAccessKey",
        "DeleteLoginProfile",
        "DeleteServiceSpecificCredential",
        "DeleteSigningCertificate",
        "GetLoginProfile",
        "GetUser",
        "ListAccessKeys",
        "ListMFADevices",
        "ListSSHPublicKeys",
        "ListServiceSpecificCredentials",
        "ListSigningCertificates",
        "ResetServiceSpecificCredential",
        "UpdateAccessKey",
        "UpdateServiceSpecificCredential",
        "UpdateSigningCertificate",
        "UploadSigningCertificate",
    )
)
_INVALID_TOKEN = "The security token included in the request is invalid"  # noqa: S105  (AWS's text)


def _meet(principal: Principal, handler: Handler, request: dict[str, Any]) -> None:
    """Fill in the caller's own name where none is given, and turn away sessions that may not use IAM.

    Sessions of GetSessionToken without MFA, and of GetFederationToken, cannot call IAM.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
    """
    if handler.operation in _OWN and "UserName" not in request and principal.kind == "user":
        request["UserName"] = principal.name
    plain_session = principal.kind in {"user", "root"} and principal.expires and not principal.mfa
    if plain_session or principal.kind == "federated":
        raise Fault("InvalidClientTokenId", _INVALID_TOKEN, status=403)


ops.meet = _meet


def made(record: type[Record], member: str, action: str) -> Find:
    """The target of an operation that makes a record: its ARN has the path that the request asks for."""
    kind = kind_of(record)
    full = f"iam:{action}"

    def find(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
        name = str(req.get(member) or "")
        arn = kind.arn(account, "", {"path": req.get("Path") or "/", kind.key_fields[0]: name})
        return (Target(full, arn, account, "", kind, name),)

    return find


def listed(record: type[Record], action: str) -> Find:
    """The target of a list: everything of a kind under the path that is asked for (`arn:...:user/`)."""
    kind = kind_of(record)
    full = f"iam:{action}"

    def find(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
        fields = {"path": req.get("PathPrefix") or "/", kind.key_fields[0]: ""}
        return (Target(full, kind.arn(account, "", fields), account, "", None, ""),)

    return find
