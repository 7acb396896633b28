"""OpenID Connect providers whose tokens AssumeRoleWithWebIdentity takes.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.operations import Target, spell
from gureum.kernel.records import kind_of
from gureum.services.iam import checking
from gureum.services.iam.operations import ops
from gureum.services.iam.records import OidcProvider

if TYPE_CHECKING:
    from gureum.api import iam as api

spell(
    "AddClientIDToOpenIDConnectProvider",
    "CreateOpenIDConnectProvider",
    "DeleteOpenIDConnectProvider",
    "GetOpenIDConnectProvider",
    "ListOpenIDConnectProviders",
    "RemoveClientIDFromOpenIDConnectProvider",
    "UpdateOpenIDConnectProviderThumbprint",
)

_KIND = kind_of(OidcProvider)
_MOST_CLIENTS = 100
_MOST_THUMBPRINTS = 5
_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
_THUMBPRINT = re.compile(r"[0-9a-fA-F]{40}")


def _read_url(text: str) -> tuple[str, str]:
    """Scheme and the rest of an issuer. AWS takes https alone; here http does where it stays on this machine."""
    parts = urlsplit(text)
    is_here = parts.hostname in _LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and is_here):
        raise Fault("ValidationError", "Invalid Open ID Connect Provider URL")
    if not parts.netloc or parts.query or parts.fragment or "@" in parts.netloc:
        raise Fault("ValidationError", "Invalid Open ID Connect Provider URL")
    return parts.scheme, f"{parts.netloc}{parts.path}".rstrip("/")


def _created(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
    _, url = _read_url(str(req["Url"]))
    arn = _KIND.arn(account, "", {"url": url})
    return (Target("iam:CreateOpenIDConnectProvider", arn, account, "", _KIND, url),)


def _need(ctx: Context, arn: str) -> OidcProvider:
    place = _KIND.parse(arn)
    found = (
        ctx.table(OidcProvider).get(place.key) if place is not None and place.account == ctx.account else None
    )
    if found is None:
        raise Fault("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}")
    return found


def _thumbprints(given: Sequence[str]) -> tuple[str, ...]:
    if len(given) > _MOST_THUMBPRINTS:
        raise Fault("InvalidInput", "Thumbprint list must contain fewer than 5 entries.")
    for text in given:
        if _THUMBPRINT.fullmatch(text) is None:
            raise Fault("ValidationError", "Thumbprint must be 40 hexadecimal characters.")
    return tuple(given)


@ops.on(OidcProvider, targets=_created)
def create_open_id_connect_provider(
    ctx: Context, req: api.CreateOpenIDConnectProviderRequest
) -> api.CreateOpenIDConnectProviderResponse:
    scheme, url = _read_url(req["Url"])
    checking.room(ctx, OidcProvider, "OpenIDConnectProviders")
    clients = tuple(req.get("ClientIDList", ()))
    if len(clients) > _MOST_CLIENTS:
        raise checking.exceeded("ClientIdsPerOpenIdConnectProvider", _MOST_CLIENTS)
    provider = OidcProvider(
        url=url,
        scheme=scheme,
        created=ctx.now,
        clients=clients,
        thumbprints=_thumbprints(req.get("ThumbprintList", ())),
    )
    ctx.table(OidcProvider).add(provider)
    arn = ctx.arn(provider)
    checking.put_tags(ctx, arn, req.get("Tags"))
    return {"OpenIDConnectProviderArn": arn, "Tags": tags.show(ctx.tags.of(arn))}  # type: ignore[typeddict-item]


@ops.on(OidcProvider, "OpenIDConnectProviderArn")
def get_open_id_connect_provider(
    ctx: Context, req: api.GetOpenIDConnectProviderRequest
) -> api.GetOpenIDConnectProviderResponse:
    provider = _need(ctx, req["OpenIDConnectProviderArn"])
    return {
        "Url": provider.url,
        "ClientIDList": list(provider.clients),
        "ThumbprintList": list(provider.thumbprints),
        "CreateDate": provider.created,
        "Tags": tags.show(ctx.tags.of(ctx.arn(provider))),  # type: ignore[typeddict-item]
    }


@ops.on()
def list_open_id_connect_providers(
    ctx: Context, req: api.ListOpenIDConnectProvidersRequest
) -> api.ListOpenIDConnectProvidersResponse:
    found = [{"Arn": ctx.arn(provider)} for provider in ctx.table(OidcProvider).scan()]
    return {"OpenIDConnectProviderList": found}  # type: ignore[typeddict-item]


@ops.on(OidcProvider, "OpenIDConnectProviderArn")
def add_client_id_to_open_id_connect_provider(
    ctx: Context, req: api.AddClientIDToOpenIDConnectProviderRequest
) -> None:
    provider = _need(ctx, req["OpenIDConnectProviderArn"])
    if req["ClientID"] in provider.clients:
        return
    if len(provider.clients) >= _MOST_CLIENTS:
        raise checking.exceeded("ClientIdsPerOpenIdConnectProvider", _MOST_CLIENTS)
    ctx.table(OidcProvider).put(replace(provider, clients=(*provider.clients, req["ClientID"])))


@ops.on(OidcProvider, "OpenIDConnectProviderArn")
def remove_client_id_from_open_id_connect_provider(
    ctx: Context, req: api.RemoveClientIDFromOpenIDConnectProviderRequest
) -> None:
    """One that is not there is no fault."""
    provider = _need(ctx, req["OpenIDConnectProviderArn"])
    left = tuple(client for client in provider.clients if client != req["ClientID"])
    ctx.table(OidcProvider).put(replace(provider, clients=left))


@ops.on(OidcProvider, "OpenIDConnectProviderArn")
def update_open_id_connect_provider_thumbprint(
    ctx: Context, req: api.UpdateOpenIDConnectProviderThumbprintRequest
) -> None:
    provider = _need(ctx, req["OpenIDConnectProviderArn"])
    ctx.table(OidcProvider).put(replace(provider, thumbprints=_thumbprints(req["ThumbprintList"])))


@ops.on(OidcProvider, "OpenIDConnectProviderArn")
def delete_open_id_connect_provider(ctx: Context, req: api.DeleteOpenIDConnectProviderRequest) -> None:
    provider = _need(ctx, req["OpenIDConnectProviderArn"])
    ctx.table(OidcProvider).drop(provider)
    ctx.tags.forget(ctx.arn(provider))
