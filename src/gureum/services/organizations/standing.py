"""Who calls: the organization that the caller's account is in, and what that account may do there."""

from __future__ import annotations

from gureum.kernel.context import Context
from gureum.kernel.operations import Target
from gureum.kernel.records import kind_of
from gureum.kernel.tags import Tags
from gureum.services.organizations.faults import denied, not_in_use
from gureum.services.organizations.records import Account, Delegation, Organization, ResourcePolicy


def membership(ctx: Context) -> tuple[Organization, Account]:
    """The caller's organization and its place there. Fault: AWSOrganizationsNotInUseException."""
    account = ctx.table(Account).get(ctx.account)
    if account is None or not account.organization:
        raise not_in_use()
    return ctx.table(Organization).need(account.organization), account


def management(ctx: Context) -> Organization:
    """The organization, for what its management account alone may do. Faults: not in use, access denied."""
    organization, _ = membership(ctx)
    if organization.management != ctx.account:
        raise denied()
    return organization


def administration(ctx: Context) -> Organization:
    """The organization, for what the management account may do and a member by the organization's own policy.

    Delegated administrators of a service may look (Describe and List operations).
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_delegate_policies.html
    Faults: AWSOrganizationsNotInUseException, AccessDeniedException.
    """
    organization, _ = membership(ctx)
    if organization.management == ctx.account:
        return organization
    reading = ctx.operation.startswith(("Describe", "List"))
    if reading and next(ctx.table(Delegation).find("account", ctx.account), None) is not None:
        return organization
    if not _delegated(ctx, organization):
        raise denied()
    return organization


def _delegated(ctx: Context, organization: Organization) -> bool:
    """Whether the organization's resource policy lets the caller do this to all that the request names."""
    kind = kind_of(ResourcePolicy)
    if ctx.table(ResourcePolicy).get(organization.id) is None:
        return False
    return all(
        ctx.may(Target(target.action, target.arn, "", "", kind, organization.id), {})
        for target in ctx.targets
    )


def tags_of(ctx: Context, organization: Organization) -> Tags:
    """The tags of the organization's entities: they lie under the management account, in no region."""
    return Tags(ctx.home.store, ctx.work, organization.management, "")
