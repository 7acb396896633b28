"""SAML providers whose assertions AssumeRoleWithSAML takes.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.engines.saml.port import Metadata, Saml, Unacceptable
from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.operations import Target, spell
from gureum.kernel.records import kind_of
from gureum.services.iam import checking
from gureum.services.iam.operations import ops
from gureum.services.iam.records import SamlProvider

if TYPE_CHECKING:
    from gureum.api import iam as api

spell(
    "CreateSAMLProvider", "DeleteSAMLProvider", "GetSAMLProvider", "ListSAMLProviders", "UpdateSAMLProvider"
)

_KIND = kind_of(SamlProvider)
_YEARS_100 = 100 * 365 * 86_400.0  # what AWS shows where the metadata names no end


def _created(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
    arn = _KIND.arn(account, "", {"name": str(req["Name"])})
    return (Target("iam:CreateSAMLProvider", arn, account, "", _KIND, str(req["Name"])),)


def _read(ctx: Context, document: str) -> Metadata:
    """Fault: InvalidInput."""
    try:
        return ctx.engine(Saml).metadata(document)
    except Unacceptable as why:
        raise Fault("InvalidInput", f"Could not parse metadata: {why}") from None


def _refuse_encryption(req: Mapping[str, Any]) -> None:
    wants = req.get("AssertionEncryptionMode") == "Required"
    if wants or "AddPrivateKey" in req or "RemovePrivateKey" in req:
        raise Fault("InvalidInput", "Encrypted assertions are not taken here.")


def _need(ctx: Context, arn: str) -> SamlProvider:
    place = _KIND.parse(arn)
    found = (
        ctx.table(SamlProvider).get(place.key) if place is not None and place.account == ctx.account else None
    )
    if found is None:
        raise Fault("NoSuchEntity", f"Manifest not found for arn {arn}")
    return found


@ops.on(SamlProvider, targets=_created)
def create_saml_provider(ctx: Context, req: api.CreateSAMLProviderRequest) -> api.CreateSAMLProviderResponse:
    _refuse_encryption(req)
    checking.room(ctx, SamlProvider, "SAMLProviders")
    found = _read(ctx, req["SAMLMetadataDocument"])
    provider = SamlProvider(
        name=checking.name(req["Name"], "name"),
        id=ctx.new_id(),
        created=ctx.now,
        metadata=req["SAMLMetadataDocument"],
        entity=found.entity,
        valid_until=found.valid_until or ctx.now + _YEARS_100,
        certificates=found.certificates,
    )
    ctx.table(SamlProvider).add(provider)
    arn = ctx.arn(provider)
    checking.put_tags(ctx, arn, req.get("Tags"))
    return {"SAMLProviderArn": arn, "Tags": tags.show(ctx.tags.of(arn))}  # type: ignore[typeddict-item]


@ops.on(SamlProvider, "SAMLProviderArn")
def get_saml_provider(ctx: Context, req: api.GetSAMLProviderRequest) -> api.GetSAMLProviderResponse:
    provider = _need(ctx, req["SAMLProviderArn"])
    return {
        "SAMLProviderUUID": provider.id,
        "SAMLMetadataDocument": provider.metadata,
        "CreateDate": provider.created,
        "ValidUntil": provider.valid_until,
        "Tags": tags.show(ctx.tags.of(ctx.arn(provider))),  # type: ignore[typeddict-item]
    }


@ops.on()
def list_saml_providers(ctx: Context, req: api.ListSAMLProvidersRequest) -> api.ListSAMLProvidersResponse:
    found = [
        {"Arn": ctx.arn(provider), "ValidUntil": provider.valid_until, "CreateDate": provider.created}
        for provider in ctx.table(SamlProvider).scan()
    ]
    return {"SAMLProviderList": found}  # type: ignore[typeddict-item]


@ops.on(SamlProvider, "SAMLProviderArn")
def update_saml_provider(ctx: Context, req: api.UpdateSAMLProviderRequest) -> api.UpdateSAMLProviderResponse:
    _refuse_encryption(req)
    provider = _need(ctx, req["SAMLProviderArn"])
    if "SAMLMetadataDocument" in req:
        found = _read(ctx, req["SAMLMetadataDocument"])
        provider = replace(
            provider,
            metadata=req["SAMLMetadataDocument"],
            entity=found.entity,
            valid_until=found.valid_until or ctx.now + _YEARS_100,
            certificates=found.certificates,
        )
        ctx.table(SamlProvider).put(provider)
    return {"SAMLProviderArn": ctx.arn(provider)}


@ops.on(SamlProvider, "SAMLProviderArn")
def delete_saml_provider(ctx: Context, req: api.DeleteSAMLProviderRequest) -> None:
    provider = _need(ctx, req["SAMLProviderArn"])
    ctx.table(SamlProvider).drop(provider)
    ctx.tags.forget(ctx.arn(provider))
