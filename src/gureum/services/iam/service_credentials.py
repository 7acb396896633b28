"""Credentials for one service alone: git over HTTPS, Keyspaces, and API keys for Bedrock and CloudWatch Logs.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import ids
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.iam import checking, keys, rules
from gureum.services.iam.operations import ops
from gureum.services.iam.paging import page
from gureum.services.iam.records import ServiceCredential, User

if TYPE_CHECKING:
    from gureum.api import iam as api

_WITH_PASSWORD = frozenset(("codecommit.amazonaws.com", "cassandra.amazonaws.com"))
_API_KEYS = frozenset(("bedrock.amazonaws.com", "logs.amazonaws.com"))
_DAY = 86_400


def _seal(ctx: Context, name: str, secret: str) -> bytes:
    return ctx.home.seal.seal(secret.encode(), "iam service credential", ctx.account, name)


def _show(credential: ServiceCredential, secret: str = "") -> dict[str, Any]:
    """A credential; with its secret when it is new."""
    is_api_key = credential.service in _API_KEYS
    shown: dict[str, Any] = {
        "CreateDate": credential.created,
        "ServiceName": credential.service,
        "ServiceSpecificCredentialId": credential.id,
        "UserName": credential.user,
        "Status": credential.status,
        "ServiceCredentialAlias" if is_api_key else "ServiceUserName": credential.login,
    }
    if credential.expires:
        shown["ExpirationDate"] = credential.expires
    if secret:
        shown["ServiceCredentialSecret" if is_api_key else "ServicePassword"] = secret
    return shown


def _secret() -> str:
    return secrets.token_urlsafe(33)


@ops.on(User, "UserName")
def create_service_specific_credential(
    ctx: Context, req: api.CreateServiceSpecificCredentialRequest
) -> api.CreateServiceSpecificCredentialResponse:
    """The password or API key is told here and never again."""
    user, service = ctx.need(User), req["ServiceName"]
    if service not in _WITH_PASSWORD | _API_KEYS:
        raise Fault(
            "NotSupportedService", f"No such service {service} is supported for Service Specific Credentials"
        )
    days = req.get("CredentialAgeDays", 0)
    if days and service not in _API_KEYS:
        raise Fault("ValidationError", f"CredentialAgeDays cannot be set for {service}.")
    table = ctx.table(ServiceCredential)
    of_service = [one for one in table.find("user", user.name) if one.service == service]
    if len(of_service) >= rules.SERVICE_CREDENTIALS_PER_USER:
        raise checking.exceeded("ServiceSpecificCredentialsPerUser", rules.SERVICE_CREDENTIALS_PER_USER)
    name, secret = ids.unique("ACCA"), _secret()
    again = f"+{len(of_service)}" if of_service else ""
    credential = ServiceCredential(
        user=user.name,
        id=name,
        service=service,
        login=f"{user.name}{again}-at-{ctx.account}",
        secret=_seal(ctx, name, secret),
        created=ctx.now,
        expires=ctx.now + days * _DAY if days else 0.0,
    )
    table.put(credential)
    return {"ServiceSpecificCredential": _show(credential, secret)}  # type: ignore[typeddict-item]


def _need(ctx: Context, req: Mapping[str, Any]) -> ServiceCredential:
    user = keys.owner_of(ctx, req)
    return ctx.table(ServiceCredential).need(user, req["ServiceSpecificCredentialId"])


@ops.on(User, "UserName")
def list_service_specific_credentials(
    ctx: Context, req: api.ListServiceSpecificCredentialsRequest
) -> api.ListServiceSpecificCredentialsResponse:
    service, table = req.get("ServiceName"), ctx.table(ServiceCredential)
    owned = None if req.get("AllUsers") else ("user", keys.owner_of(ctx, req))
    return page(ctx, req, "ServiceSpecificCredentials").table(  # type: ignore[return-value]
        table, _show, index=owned, where=lambda one: service in {None, one.service}
    )


@ops.on(User, "UserName")
def reset_service_specific_credential(
    ctx: Context, req: api.ResetServiceSpecificCredentialRequest
) -> api.ResetServiceSpecificCredentialResponse:
    credential, secret = _need(ctx, req), _secret()
    changed = replace(credential, secret=_seal(ctx, credential.id, secret))
    ctx.table(ServiceCredential).put(changed)
    return {"ServiceSpecificCredential": _show(changed, secret)}  # type: ignore[typeddict-item]


@ops.on(User, "UserName")
def update_service_specific_credential(ctx: Context, req: api.UpdateServiceSpecificCredentialRequest) -> None:
    credential = _need(ctx, req)
    ctx.table(ServiceCredential).put(replace(credential, status=checking.status(req)))


@ops.on(User, "UserName")
def delete_service_specific_credential(ctx: Context, req: api.DeleteServiceSpecificCredentialRequest) -> None:
    ctx.table(ServiceCredential).drop(_need(ctx, req))
