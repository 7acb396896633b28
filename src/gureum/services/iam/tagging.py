"""Tags of everything that IAM lets one tag.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.operations import spell
from gureum.services.iam import checking
from gureum.services.iam.operations import ops
from gureum.services.iam.paging import page
from gureum.services.iam.policies import by_arn, need_own
from gureum.services.iam.records import (
    InstanceProfile,
    OidcProvider,
    Role,
    SamlProvider,
    ServerCertificate,
    User,
    VirtualDevice,
)

if TYPE_CHECKING:
    from gureum.api import iam as api

spell(
    "TagOpenIDConnectProvider",
    "UntagOpenIDConnectProvider",
    "ListOpenIDConnectProviderTags",
    "TagSAMLProvider",
    "UntagSAMLProvider",
    "ListSAMLProviderTags",
    "TagMFADevice",
    "UntagMFADevice",
    "ListMFADeviceTags",
)


def _tag(ctx: Context, record: Any, req: Any) -> None:
    checking.put_tags(ctx, ctx.arn(record), req["Tags"])
    _touch(ctx, record)


def _untag(ctx: Context, record: Any, req: Any) -> None:
    ctx.tags.remove(ctx.arn(record), req["TagKeys"])
    _touch(ctx, record)


def _touch(ctx: Context, record: Any) -> None:
    """Users' and roles' tags take part in decisions, so the front door must look at them anew."""
    if isinstance(record, User | Role):
        ctx.table(type(record)).put(replace(record, touched=ctx.now))


def _list(ctx: Context, record: Any, req: Any) -> Any:
    found = tags.show(ctx.tags.of(ctx.arn(record)))
    return page(ctx, req, "Tags").items(found, lambda tag: tag["Key"], lambda tag: tag)


@ops.on(User, "UserName")
def tag_user(ctx: Context, req: api.TagUserRequest) -> None:
    _tag(ctx, ctx.need(User), req)


@ops.on(User, "UserName")
def untag_user(ctx: Context, req: api.UntagUserRequest) -> None:
    _untag(ctx, ctx.need(User), req)


@ops.on(User, "UserName")
def list_user_tags(ctx: Context, req: api.ListUserTagsRequest) -> api.ListUserTagsResponse:
    answer: api.ListUserTagsResponse = _list(ctx, ctx.need(User), req)
    return answer


@ops.on(Role, "RoleName")
def tag_role(ctx: Context, req: api.TagRoleRequest) -> None:
    _tag(ctx, ctx.need(Role), req)


@ops.on(Role, "RoleName")
def untag_role(ctx: Context, req: api.UntagRoleRequest) -> None:
    _untag(ctx, ctx.need(Role), req)


@ops.on(Role, "RoleName")
def list_role_tags(ctx: Context, req: api.ListRoleTagsRequest) -> api.ListRoleTagsResponse:
    answer: api.ListRoleTagsResponse = _list(ctx, ctx.need(Role), req)
    return answer


@ops.on(InstanceProfile, "InstanceProfileName")
def tag_instance_profile(ctx: Context, req: api.TagInstanceProfileRequest) -> None:
    _tag(ctx, ctx.need(InstanceProfile), req)


@ops.on(InstanceProfile, "InstanceProfileName")
def untag_instance_profile(ctx: Context, req: api.UntagInstanceProfileRequest) -> None:
    _untag(ctx, ctx.need(InstanceProfile), req)


@ops.on(InstanceProfile, "InstanceProfileName")
def list_instance_profile_tags(
    ctx: Context, req: api.ListInstanceProfileTagsRequest
) -> api.ListInstanceProfileTagsResponse:
    answer: api.ListInstanceProfileTagsResponse = _list(ctx, ctx.need(InstanceProfile), req)
    return answer


@ops.on(OidcProvider, "OpenIDConnectProviderArn")
def tag_open_id_connect_provider(ctx: Context, req: api.TagOpenIDConnectProviderRequest) -> None:
    _tag(ctx, ctx.need(OidcProvider), req)


@ops.on(OidcProvider, "OpenIDConnectProviderArn")
def untag_open_id_connect_provider(ctx: Context, req: api.UntagOpenIDConnectProviderRequest) -> None:
    _untag(ctx, ctx.need(OidcProvider), req)


@ops.on(OidcProvider, "OpenIDConnectProviderArn")
def list_open_id_connect_provider_tags(
    ctx: Context, req: api.ListOpenIDConnectProviderTagsRequest
) -> api.ListOpenIDConnectProviderTagsResponse:
    answer: api.ListOpenIDConnectProviderTagsResponse = _list(ctx, ctx.need(OidcProvider), req)
    return answer


@ops.on(SamlProvider, "SAMLProviderArn")
def tag_saml_provider(ctx: Context, req: api.TagSAMLProviderRequest) -> None:
    _tag(ctx, ctx.need(SamlProvider), req)


@ops.on(SamlProvider, "SAMLProviderArn")
def untag_saml_provider(ctx: Context, req: api.UntagSAMLProviderRequest) -> None:
    _untag(ctx, ctx.need(SamlProvider), req)


@ops.on(SamlProvider, "SAMLProviderArn")
def list_saml_provider_tags(
    ctx: Context, req: api.ListSAMLProviderTagsRequest
) -> api.ListSAMLProviderTagsResponse:
    answer: api.ListSAMLProviderTagsResponse = _list(ctx, ctx.need(SamlProvider), req)
    return answer


@ops.on(ServerCertificate, "ServerCertificateName")
def tag_server_certificate(ctx: Context, req: api.TagServerCertificateRequest) -> None:
    _tag(ctx, ctx.need(ServerCertificate), req)


@ops.on(ServerCertificate, "ServerCertificateName")
def untag_server_certificate(ctx: Context, req: api.UntagServerCertificateRequest) -> None:
    _untag(ctx, ctx.need(ServerCertificate), req)


@ops.on(ServerCertificate, "ServerCertificateName")
def list_server_certificate_tags(
    ctx: Context, req: api.ListServerCertificateTagsRequest
) -> api.ListServerCertificateTagsResponse:
    answer: api.ListServerCertificateTagsResponse = _list(ctx, ctx.need(ServerCertificate), req)
    return answer


@ops.on(VirtualDevice, "SerialNumber")
def tag_mfa_device(ctx: Context, req: api.TagMFADeviceRequest) -> None:
    _tag(ctx, ctx.need(VirtualDevice), req)


@ops.on(VirtualDevice, "SerialNumber")
def untag_mfa_device(ctx: Context, req: api.UntagMFADeviceRequest) -> None:
    _untag(ctx, ctx.need(VirtualDevice), req)


@ops.on(VirtualDevice, "SerialNumber")
def list_mfa_device_tags(ctx: Context, req: api.ListMFADeviceTagsRequest) -> api.ListMFADeviceTagsResponse:
    answer: api.ListMFADeviceTagsResponse = _list(ctx, ctx.need(VirtualDevice), req)
    return answer


@ops.on(targets=by_arn("TagPolicy"))
def tag_policy(ctx: Context, req: api.TagPolicyRequest) -> None:
    _tag(ctx, need_own(ctx, req["PolicyArn"]), req)


@ops.on(targets=by_arn("UntagPolicy"))
def untag_policy(ctx: Context, req: api.UntagPolicyRequest) -> None:
    _untag(ctx, need_own(ctx, req["PolicyArn"]), req)


@ops.on(targets=by_arn("ListPolicyTags"))
def list_policy_tags(ctx: Context, req: api.ListPolicyTagsRequest) -> api.ListPolicyTagsResponse:
    answer: api.ListPolicyTagsResponse = _list(ctx, need_own(ctx, req["PolicyArn"]), req)
    return answer
