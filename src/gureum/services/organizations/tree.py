"""The tree: roots, units and accounts by id, their parents and the path from the root."""

from __future__ import annotations

from collections.abc import Iterator

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.organizations.operations import kind_named
from gureum.services.organizations.records import Account, Organization, OrganizationalUnit, Root

Entity = Root | OrganizationalUnit | Account
PARENT_MISSING = ("ParentNotFoundException", "You specified parent that doesn't exist.")
CHILD_MISSING = ("ChildNotFoundException", "You specified a child that doesn't exist.")
TARGET_MISSING = ("TargetNotFoundException", "You specified a target that doesn't exist.")


def entity(ctx: Context, organization: Organization, identifier: str, missing: tuple[str, str]) -> Entity:
    """A root, unit or account of the organization. Raises the fault `missing` (code, text)."""
    kind = kind_named(identifier)
    found: Entity | None = None
    if kind is kind_of(Root):
        found = ctx.table(Root).get(identifier)
    elif kind is kind_of(OrganizationalUnit):
        found = ctx.table(OrganizationalUnit).get(identifier)
    elif kind is kind_of(Account):
        found = ctx.table(Account).get(identifier)
    if found is None or found.organization != organization.id:
        raise Fault(*missing)
    return found


def parent_of(ctx: Context, organization: Organization, identifier: str) -> Root | OrganizationalUnit:
    """What may hold others. Fault: ParentNotFoundException."""
    found = entity(ctx, organization, identifier, PARENT_MISSING)
    if isinstance(found, Account):
        raise Fault(*PARENT_MISSING)
    return found


def unit(ctx: Context, organization: Organization, identifier: str) -> OrganizationalUnit:
    """A unit of the organization. Fault: OrganizationalUnitNotFoundException."""
    found = ctx.table(OrganizationalUnit).get(identifier)
    if found is None or found.organization != organization.id:
        raise ctx.table(OrganizationalUnit).missing(identifier)
    return found


def member(ctx: Context, organization: Organization, identifier: str) -> Account:
    """An account of the organization. Fault: AccountNotFoundException."""
    found = ctx.table(Account).get(identifier)
    if found is None or found.organization != organization.id:
        raise ctx.table(Account).missing(identifier)
    return found


def root_of(ctx: Context, organization: Organization, identifier: str) -> Root:
    """The organization's root by its id. Fault: RootNotFoundException."""
    found = ctx.table(Root).get(identifier)
    if found is None or found.organization != organization.id:
        raise ctx.table(Root).missing(identifier)
    return found


def lineage(ctx: Context, start: Entity) -> list[Entity]:
    """An entity and all above it, root first."""
    chain: list[Entity] = [start]
    above: Entity = start
    while not isinstance(above, Root):
        units, parent = ctx.table(OrganizationalUnit), above.parent
        found = units.get(parent) if parent.startswith("ou-") else ctx.table(Root).get(parent)
        if found is None:
            raise Fault(*PARENT_MISSING)
        chain.append(found)
        above = found
    chain.reverse()
    return chain


def path(ctx: Context, start: Entity) -> str:
    """AWS's path of an entity: `o-…/r-…/ou-…/`."""
    return "/".join([start.organization, *[one.id for one in lineage(ctx, start)], ""])


def everything(ctx: Context, organization: Organization) -> Iterator[Entity]:
    """The root, every unit and every account."""
    yield ctx.table(Root).need(organization.root)
    yield from ctx.table(OrganizationalUnit).find("organization", organization.id)
    yield from ctx.table(Account).find("organization", organization.id)


def touch(ctx: Context, one: Entity) -> None:
    """Write an entity as it is, so that of two calls that change what hangs on it one is run again."""
    if isinstance(one, Root):
        ctx.table(Root).put(one)
    elif isinstance(one, OrganizationalUnit):
        ctx.table(OrganizationalUnit).put(one)
    else:
        ctx.table(Account).put(one)
