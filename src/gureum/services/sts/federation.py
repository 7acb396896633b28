"""What the two ways of federation share: asking the role's trust policy, and making the session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gureum import policy
from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.principal import Principal
from gureum.services.iam.records import Role
from gureum.services.sts.roles import duration, role_session


class Claim(NamedTuple):
    """What a provider vouches for. `context` are condition keys, in lower case."""

    action: str
    provider: str
    context: Mapping[str, Any]
    tags: Mapping[str, str]
    transitive: tuple[str, ...]
    source_identity: str = ""


def session(
    ctx: Context, role: Role, req: Mapping[str, Any], claim: Claim, *, name: str, seconds: int = 0
) -> Principal:
    """A session of a role for a provider's user. Faults: AccessDenied by the trust policy, ValidationError."""
    tags.check(claim.tags, "ValidationError")
    if any(key not in claim.tags for key in claim.transitive):
        text = "The specified transitive tag key must be included in the requested tags."
        raise Fault("InvalidParameterValue", text)
    _check(ctx, role, claim, name)
    return role_session(
        ctx,
        role,
        req,
        min(duration(role, req), seconds or role.max_session),
        name=name,
        tags=dict(claim.tags),
        transitive_tag_keys=claim.transitive,
        source_identity=claim.source_identity,
        federated_provider=claim.provider,
        federated_claims={key: value for key, value in claim.context.items() if isinstance(value, str)},
    )


def _check(ctx: Context, role: Role, claim: Claim, name: str) -> None:
    """Ask the trust policy, once for each action that the request takes."""
    target = ctx.targets[0]
    who = policy.Principal("identity-provider", arn=claim.provider)
    context = {
        **claim.context,
        "sts:rolesessionname": name,
        "aws:federatedprovider": claim.provider,
        "aws:sourceip": ctx.source_ip,
        **{f"aws:requesttag/{key.lower()}": value for key, value in claim.tags.items()},
    }
    if claim.tags:
        context["aws:tagkeys"] = list(claim.tags)
    if claim.transitive:
        context["sts:transitivetagkeys"] = list(claim.transitive)
    actions = [claim.action]
    if claim.tags:
        actions.append("sts:TagSession")
    if claim.source_identity:
        actions.append("sts:SetSourceIdentity")
        context["sts:sourceidentity"] = claim.source_identity
    trust = policy.parse(role.trust, "trust", target.arn)
    for action in actions:
        asked = policy.Request(who, action, (target.arn,), target.account, context)
        if not policy.evaluate(asked, resource=trust, resource_rules="required").allowed:
            raise Fault("AccessDenied", f"Not authorized to perform {action}", status=403)
