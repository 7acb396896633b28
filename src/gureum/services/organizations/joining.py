"""Making an account: its role first, in the account itself, then its place in the tree."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.principal import root_of
from gureum.kernel.reconcile import reconciler
from gureum.services.organizations import accounts, roots, standing
from gureum.services.organizations.records import Account, AccountRequest, Organization

HOME_REGION = "us-east-1"
_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


@reconciler(AccountRequest)
def make(ctx: Context, request: AccountRequest) -> AccountRequest:
    """Make the account that was asked for. Repeated after a crash, it goes on with the same account."""
    if request.state != "IN_PROGRESS":
        return request
    # Requests lie in the partition; what is told of them belongs to the management account.
    ctx.account, ctx.region = request.management, HOME_REGION
    organization = ctx.table(Organization).need(request.organization)
    if next(ctx.table(Account).find("email", request.email.lower()), None) is not None:
        done = replace(request, state="FAILED", failure="EMAIL_ALREADY_EXISTS", completed=ctx.now)
    else:
        _make_role(ctx, request)
        join(
            ctx,
            organization,
            Account(id=request.account, email=request.email, name=request.name, joined_method="CREATED"),
            request.tags,
        )
        done = replace(request, state="SUCCEEDED", completed=ctx.now)
    _tell(ctx, done)
    return done


def join(ctx: Context, organization: Organization, account: Account, tags: dict[str, str]) -> None:
    """Give an account its place under the root, with what everything has attached by default."""
    table = ctx.table(Account)
    joined = table.put(
        replace(
            account,
            organization=organization.id,
            management=organization.management,
            parent=organization.root,
            joined=ctx.now,
        )
    )
    ctx.table(Organization).put(organization)  # joins are one after another: no address is taken twice
    roots.attach_defaults(ctx, organization, joined.id)
    standing.tags_of(ctx, organization).put(table.arn(joined), tags)


def _make_role(ctx: Context, request: AccountRequest) -> None:
    """The role by which the management account administers the new one.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html
    """
    # Before the account is a member, so that no policy of the organization stands against it.
    principal = replace(root_of(request.account), invoked_by=ctx.ops.principal)
    iam = ctx.aws.as_(principal, HOME_REGION).iam
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": root_of(request.management).arn},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    try:
        iam.create_role(RoleName=request.role, AssumeRolePolicyDocument=msgspec.json.encode(trust).decode())
    except Fault as fault:
        if fault.code not in {"EntityAlreadyExists", "EntityAlreadyExistsException"}:
            raise
    iam.attach_role_policy(RoleName=request.role, PolicyArn=_ADMINISTRATOR)


def _tell(ctx: Context, request: AccountRequest) -> None:
    """https://docs.aws.amazon.com/organizations/latest/userguide/orgs_cloudtrail-integration.html"""
    status = dict(accounts.show_request(request))
    ctx.tell(
        "AWS Service Event via CloudTrail",
        {
            "eventSource": "organizations.amazonaws.com",
            "eventName": "CreateAccountResult",
            "serviceEventDetails": {
                "createAccountStatus": {name[0].lower() + name[1:]: value for name, value in status.items()}
            },
        },
    )
