"""Organizational units, and what lies above and below anything in the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.organizations import names, roots, standing, tree
from gureum.services.organizations.faults import constraint
from gureum.services.organizations.operations import acting_on, ops
from gureum.services.organizations.records import Account, OrganizationalUnit, Root

if TYPE_CHECKING:
    from gureum.api import organizations as api

_DEEPEST = 5
_DUPLICATE = ("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")


@ops.on(targets=acting_on("CreateOrganizationalUnit", "ParentId"))
def create_organizational_unit(
    ctx: Context, req: api.CreateOrganizationalUnitRequest
) -> api.CreateOrganizationalUnitResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganizationalUnit.html"""
    organization = standing.administration(ctx)
    parent = tree.parent_of(ctx, organization, req["ParentId"])
    if len(tree.lineage(ctx, parent)) > _DEEPEST:
        raise constraint(
            "OU_DEPTH_LIMIT_EXCEEDED",
            "You cannot add an organizational unit to the specified parent because it would exceed the max "
            "depth allowed.",
        )
    _check_name(ctx, parent.id, req["Name"])
    unit = OrganizationalUnit(
        id=names.unit_id(organization.root),
        organization=organization.id,
        management=organization.management,
        name=req["Name"],
        parent=parent.id,
    )
    table = ctx.table(OrganizationalUnit)
    table.add(unit)
    tree.touch(ctx, parent)  # of two units of one name at once, one is run again
    roots.attach_defaults(ctx, organization, unit.id)
    standing.tags_of(ctx, organization).put(table.arn(unit), names.read_tags(req.get("Tags")))
    return {"OrganizationalUnit": show(ctx, unit)}


@ops.on(targets=acting_on("DescribeOrganizationalUnit", "OrganizationalUnitId"))
def describe_organizational_unit(
    ctx: Context, req: api.DescribeOrganizationalUnitRequest
) -> api.DescribeOrganizationalUnitResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganizationalUnit.html"""
    organization = standing.administration(ctx)
    return {"OrganizationalUnit": show(ctx, tree.unit(ctx, organization, req["OrganizationalUnitId"]))}


@ops.on(targets=acting_on("UpdateOrganizationalUnit", "OrganizationalUnitId"))
def update_organizational_unit(
    ctx: Context, req: api.UpdateOrganizationalUnitRequest
) -> api.UpdateOrganizationalUnitResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_UpdateOrganizationalUnit.html"""
    organization = standing.administration(ctx)
    unit = tree.unit(ctx, organization, req["OrganizationalUnitId"])
    name = req.get("Name")
    if name is not None and name != unit.name:
        _check_name(ctx, unit.parent, name)
        unit = ctx.table(OrganizationalUnit).put(replace(unit, name=name))
    return {"OrganizationalUnit": show(ctx, unit)}


@ops.on(targets=acting_on("DeleteOrganizationalUnit", "OrganizationalUnitId"))
def delete_organizational_unit(ctx: Context, req: api.DeleteOrganizationalUnitRequest) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeleteOrganizationalUnit.html"""
    organization = standing.administration(ctx)
    unit = tree.unit(ctx, organization, req["OrganizationalUnitId"])
    table = ctx.table(OrganizationalUnit)
    inside = next(table.find("parent", unit.id), None) or next(
        ctx.table(Account).find("parent", unit.id), None
    )
    if inside is not None:
        raise Fault(
            "OrganizationalUnitNotEmptyException",
            "The specified OU is not empty. Move all accounts to another root or to other OUs, remove all child "
            "OUs, and try the operation again.",
        )
    roots.detach_all(ctx, unit.id)
    standing.tags_of(ctx, organization).forget(table.arn(unit))
    table.drop(unit)


@ops.on(targets=acting_on("ListOrganizationalUnitsForParent", "ParentId"))
def list_organizational_units_for_parent(
    ctx: Context, req: api.ListOrganizationalUnitsForParentRequest
) -> api.ListOrganizationalUnitsForParentResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListOrganizationalUnitsForParent.html"""
    organization = standing.administration(ctx)
    parent = tree.parent_of(ctx, organization, req["ParentId"])
    found = ctx.page(req, 20).table(
        ctx.table(OrganizationalUnit), lambda unit: show(ctx, unit), index=("parent", parent.id)
    )
    return cast("api.ListOrganizationalUnitsForParentResponse", found)


@ops.on(targets=acting_on("ListParents", "ChildId"))
def list_parents(ctx: Context, req: api.ListParentsRequest) -> api.ListParentsResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListParents.html"""
    organization = standing.administration(ctx)
    child = tree.entity(ctx, organization, req["ChildId"], tree.CHILD_MISSING)
    above = tree.lineage(ctx, child)[-2:-1]
    found = ctx.page(req, 20).items(
        above,
        lambda one: one.id,
        lambda one: {"Id": one.id, "Type": "ROOT" if isinstance(one, Root) else "ORGANIZATIONAL_UNIT"},
    )
    return cast("api.ListParentsResponse", found)


@ops.on(targets=acting_on("ListChildren", "ParentId"))
def list_children(ctx: Context, req: api.ListChildrenRequest) -> api.ListChildrenResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListChildren.html"""
    organization = standing.administration(ctx)
    parent = tree.parent_of(ctx, organization, req["ParentId"])
    wanted = req["ChildType"]
    pager, index = ctx.page(req, 20), ("parent", parent.id)
    if wanted == "ACCOUNT":
        found = pager.table(ctx.table(Account), lambda one: {"Id": one.id, "Type": wanted}, index=index)
    else:
        found = pager.table(
            ctx.table(OrganizationalUnit), lambda one: {"Id": one.id, "Type": wanted}, index=index
        )
    return cast("api.ListChildrenResponse", found)


def _check_name(ctx: Context, parent: str, name: str) -> None:
    if any(unit.name == name for unit in ctx.table(OrganizationalUnit).find("parent", parent)):
        raise Fault(*_DUPLICATE)


def show(ctx: Context, unit: OrganizationalUnit) -> api.OrganizationalUnit:
    return {
        "Id": unit.id,
        "Arn": ctx.table(OrganizationalUnit).arn(unit),
        "Name": unit.name,
        "Path": tree.path(ctx, unit),
    }
