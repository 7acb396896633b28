"""The policy of a type that is in effect for an account: all those above it and its own, merged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.organizations import inheritance, standing, tree
from gureum.services.organizations.operations import acting_on, ops
from gureum.services.organizations.policy_types import known
from gureum.services.organizations.records import Account, Attachment, Policy, Root

if TYPE_CHECKING:
    from gureum.api import organizations as api


@ops.on(targets=acting_on("DescribeEffectivePolicy", "TargetId"))
def describe_effective_policy(
    ctx: Context, req: api.DescribeEffectivePolicyRequest
) -> api.DescribeEffectivePolicyResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeEffectivePolicy.html

    Every account may ask about itself; about others those who administer the organization.
    """
    organization, mine = standing.membership(ctx)
    target = req.get("TargetId") or mine.id
    if target != mine.id:
        standing.administration(ctx)
    account = tree.entity(ctx, organization, target, tree.TARGET_MISSING)
    if not isinstance(account, Account):
        raise Fault(*tree.TARGET_MISSING)
    name = req["PolicyType"]
    known(name)
    merged, updated = _merged(ctx, account, name)
    if merged is None:
        raise Fault(
            "EffectivePolicyNotFoundException",
            "If you ran this action on the management account, this policy type is not enabled. If you ran the "
            "action on a member account, the account doesn't have an effective policy of this type.",
        )
    return {
        "EffectivePolicy": {
            "PolicyContent": msgspec.json.encode(merged).decode(),
            "LastUpdatedTimestamp": updated,
            "TargetId": account.id,
            "PolicyType": name,
        }
    }


def _merged(ctx: Context, account: Account, name: str) -> tuple[dict[str, object] | None, float]:
    """What the policies come to, None where there is none, and when that last changed."""
    chain = tree.lineage(ctx, account)
    root = chain[0]
    if not isinstance(root, Root) or name not in root.enabled:
        return None, 0.0
    levels, updated = [], 0.0
    for entity in chain:
        attached = [one for one in ctx.table(Attachment).find("target", entity.id) if one.type == name]
        attached.sort(key=lambda one: (one.at, one.policy))
        documents = []
        for one in attached:
            policy = ctx.table(Policy).need(one.policy)
            documents.append(msgspec.json.decode(policy.content))
            updated = max(updated, one.at, policy.updated)
        levels.append(documents)
    if not any(levels):
        return None, 0.0
    return inheritance.effective(levels), updated
