"""Instance profiles: the role that an instance plays.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_InstanceProfile.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import ids, tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.iam import checking, roles
from gureum.services.iam.operations import listed, made, ops
from gureum.services.iam.paging import page
from gureum.services.iam.records import InstanceProfile, Role

if TYPE_CHECKING:
    from gureum.api import iam as api


def show(ctx: Context, profile: InstanceProfile, *, whole: bool = False) -> dict[str, Any]:
    """A profile with its role; `whole` with its tags, which lists leave out."""
    arn = ctx.arn(profile)
    held = ctx.table(Role).get(profile.role) if profile.role else None
    shown: dict[str, Any] = {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": arn,
        "CreateDate": profile.created,
        "Roles": [roles.show(ctx, held)] if held is not None else [],
    }
    if whole and (found := ctx.tags.of(arn)):
        shown["Tags"] = tags.show(found)
    return shown


@ops.on(InstanceProfile, targets=made(InstanceProfile, "InstanceProfileName", "CreateInstanceProfile"))
def create_instance_profile(
    ctx: Context, req: api.CreateInstanceProfileRequest
) -> api.CreateInstanceProfileResponse:
    name = checking.name(req["InstanceProfileName"], "instanceProfileName")
    checking.unique(ctx, InstanceProfile, name)
    checking.room(ctx, InstanceProfile, "InstanceProfiles")
    profile = InstanceProfile(
        name=name, id=ids.unique("AIPA"), created=ctx.now, path=checking.path(req.get("Path"))
    )
    ctx.table(InstanceProfile).add(profile)
    checking.put_tags(ctx, ctx.arn(profile), req.get("Tags"))
    return {"InstanceProfile": show(ctx, profile, whole=True)}  # type: ignore[typeddict-item]


@ops.on(InstanceProfile, "InstanceProfileName")
def get_instance_profile(ctx: Context, req: api.GetInstanceProfileRequest) -> api.GetInstanceProfileResponse:
    return {"InstanceProfile": show(ctx, ctx.need(InstanceProfile), whole=True)}  # type: ignore[typeddict-item]


@ops.on(InstanceProfile, targets=listed(InstanceProfile, "ListInstanceProfiles"))
def list_instance_profiles(
    ctx: Context, req: api.ListInstanceProfilesRequest
) -> api.ListInstanceProfilesResponse:
    prefix = req.get("PathPrefix", "/")
    return page(ctx, req, "InstanceProfiles").table(  # type: ignore[return-value]
        ctx.table(InstanceProfile),
        lambda profile: show(ctx, profile),
        where=lambda profile: profile.path.startswith(prefix),
    )


@ops.on(Role, "RoleName")
def list_instance_profiles_for_role(
    ctx: Context, req: api.ListInstanceProfilesForRoleRequest
) -> api.ListInstanceProfilesForRoleResponse:
    role = ctx.need(Role)
    return page(ctx, req, "InstanceProfiles").table(  # type: ignore[return-value]
        ctx.table(InstanceProfile), lambda profile: show(ctx, profile), index=("role", role.name)
    )


@ops.on(InstanceProfile, "InstanceProfileName")
def add_role_to_instance_profile(ctx: Context, req: api.AddRoleToInstanceProfileRequest) -> None:
    """The caller needs iam:PassRole on the role: whoever starts an instance with the profile gives it away."""
    profile = ctx.need(InstanceProfile)
    role = ctx.table(Role).need(req["RoleName"])
    if profile.role:
        raise checking.exceeded("InstanceSessionsPerInstanceProfile", 1)
    ctx.require("iam:PassRole", ctx.arn(role), iam__passedtoservice="ec2.amazonaws.com")
    ctx.table(InstanceProfile).put(replace(profile, role=role.name))


@ops.on(InstanceProfile, "InstanceProfileName")
def remove_role_from_instance_profile(ctx: Context, req: api.RemoveRoleFromInstanceProfileRequest) -> None:
    profile = ctx.need(InstanceProfile)
    role = ctx.table(Role).need(req["RoleName"])
    if profile.role != role.name:
        raise Fault("NoSuchEntity", f"Role {role.name} in Instance Profile {profile.name} cannot be found.")
    ctx.table(InstanceProfile).put(replace(profile, role=""))


@ops.on(InstanceProfile, "InstanceProfileName")
def delete_instance_profile(ctx: Context, req: api.DeleteInstanceProfileRequest) -> None:
    profile = ctx.need(InstanceProfile)
    if profile.role:
        raise Fault("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
    ctx.table(InstanceProfile).drop(profile)
    ctx.tags.forget(ctx.arn(profile))
