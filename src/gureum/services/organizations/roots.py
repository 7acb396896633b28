"""The root, and which types of policies are in force in its tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.organizations import standing, tree
from gureum.services.organizations.operations import acting_on, ops
from gureum.services.organizations.policy_types import DEFAULTS, known, unavailable
from gureum.services.organizations.records import Attachment, Organization, Root

if TYPE_CHECKING:
    from gureum.api import organizations as api


@ops.on()
def list_roots(ctx: Context, req: api.ListRootsRequest) -> api.ListRootsResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListRoots.html"""
    organization = standing.administration(ctx)
    root = ctx.table(Root).need(organization.root)
    found = ctx.page(req, 20).items([root], lambda one: one.id, lambda one: show(ctx, one))
    return cast("api.ListRootsResponse", found)


@ops.on(targets=acting_on("EnablePolicyType", "RootId"))
def enable_policy_type(ctx: Context, req: api.EnablePolicyTypeRequest) -> api.EnablePolicyTypeResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnablePolicyType.html

    Everything in the tree gets AWS's own policy of the type, where there is one, so that nothing is shut at once.
    """
    organization = standing.administration(ctx)
    root = tree.root_of(ctx, organization, req["RootId"])
    name = req["PolicyType"]
    known(name)
    if organization.feature_set != "ALL":
        raise unavailable()
    if name in root.enabled:
        raise Fault("PolicyTypeAlreadyEnabledException", "The specified policy type is already enabled.")
    if name in DEFAULTS:
        for entity in tree.everything(ctx, organization):
            attach_default(ctx, organization, entity.id, name)
    root = ctx.table(Root).put(replace(root, enabled=(*root.enabled, name)))
    return {"Root": show(ctx, root)}


@ops.on(targets=acting_on("DisablePolicyType", "RootId"))
def disable_policy_type(ctx: Context, req: api.DisablePolicyTypeRequest) -> api.DisablePolicyTypeResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DisablePolicyType.html

    All policies of the type are detached from everything; they stay in the organization.
    """
    organization = standing.administration(ctx)
    root = tree.root_of(ctx, organization, req["RootId"])
    name = req["PolicyType"]
    if name not in root.enabled:
        raise not_enabled()
    attachments = ctx.table(Attachment)
    for entity in tree.everything(ctx, organization):
        for attachment in list(attachments.find("target", entity.id)):
            if attachment.type == name:
                attachments.drop(attachment)
    root = ctx.table(Root).put(replace(root, enabled=tuple(one for one in root.enabled if one != name)))
    return {"Root": show(ctx, root)}


def not_enabled() -> Fault:
    """The type is not in force in this tree."""
    return Fault(
        "PolicyTypeNotEnabledException", "This operation can be performed only for enabled policy types."
    )


def attach_default(ctx: Context, organization: Organization, target: str, name: str) -> None:
    """Attach AWS's own policy of a type."""
    ctx.table(Attachment).put(
        Attachment(
            target=target,
            policy=DEFAULTS[name],
            organization=organization.id,
            management=organization.management,
            type=name,
            at=ctx.now,
        )
    )


def attach_defaults(ctx: Context, organization: Organization, target: str) -> None:
    """Attach to a new unit or account what everything has by default, of the types in force."""
    for name in ctx.table(Root).need(organization.root).enabled:
        if name in DEFAULTS:
            attach_default(ctx, organization, target, name)


def detach_all(ctx: Context, target: str) -> None:
    """Detach everything from what leaves the tree."""
    for attachment in list(ctx.table(Attachment).find("target", target)):
        ctx.table(Attachment).drop(attachment)


def show(ctx: Context, root: Root) -> api.Root:
    types = [{"Type": name, "Status": "ENABLED"} for name in root.enabled]
    return {
        "Id": root.id,
        "Arn": ctx.table(Root).arn(root),
        "Name": root.name,
        "PolicyTypes": cast("list[api.PolicyTypeSummary]", types),
    }
