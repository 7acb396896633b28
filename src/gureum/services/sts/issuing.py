"""Sessions: what they may be given, and the answer that hands them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gureum import policy
from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.principal import Principal
from gureum.services.iam import managed, sessions

_MOST_POLICY_ARNS = 10
_TOKEN_SPACE = 4096
"""Characters of a session token. AWS does not publish how its own is packed."""


def session_policies(ctx: Context, req: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The inline and the managed session policies of a request. Faults: MalformedPolicyDocument, ValidationError."""
    arns = tuple(one.get("arn", "") for one in req.get("PolicyArns", ()))
    if len(arns) > _MOST_POLICY_ARNS:
        raise Fault(
            "ValidationError",
            "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have "
            f"length less than or equal to {_MOST_POLICY_ARNS}",
        )
    for arn in arns:
        if managed.document(ctx.home.store, arn) is None:
            raise Fault("ValidationError", f"Policy {arn} does not exist or is not attachable.")
    text = req.get("Policy")
    if text is None:
        return (), arns
    try:
        policy.parse(text, "session")
    except policy.Malformed as malformed:
        raise Fault("MalformedPolicyDocument", malformed.message) from None
    return (text,), arns


def session_tags(caller: Principal, req: Mapping[str, Any]) -> tuple[dict[str, str], tuple[str, ...]]:
    """A role session's tags and which of them pass on: those of the request and those that the caller's pass on.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    given = read_tags(req)
    inherited = {key: caller.tags[key] for key in caller.transitive_tag_keys if key in caller.tags}
    taken = {key.lower() for key in inherited}
    if any(key.lower() in taken for key in given):
        raise Fault(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
            "from the calling session.",
        )
    transitive = tuple(req.get("TransitiveTagKeys", ()))
    if any(key not in given for key in transitive):
        raise Fault(
            "InvalidParameterValue",
            "The specified transitive tag key must be included in the requested tags.",
        )
    return {**inherited, **given}, (*inherited, *transitive)


def read_tags(req: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a request. Fault: InvalidParameterValue for a key given twice, in any case."""
    given = tags.read(req.get("Tags"))
    if len({key.lower() for key in given}) != len(req.get("Tags", ())):
        text = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        raise Fault("InvalidParameterValue", text)
    tags.check(given, "ValidationError")
    return given


def hand_out(ctx: Context, principal: Principal, req: Mapping[str, Any], parent: str = "") -> dict[str, Any]:
    """The members of an answer that carry credentials. Fault: PackedPolicyTooLarge."""
    issued = sessions.issue(ctx.home.seal, principal, parent, req.get("MinimumSessionTokenSize", 0))
    percent = -(-100 * len(issued.token) // _TOKEN_SPACE)
    if percent > 100:
        raise Fault(
            "PackedPolicyTooLarge",
            f"Packed policy consumes {percent}% of allotted space, please use smaller policy.",
        )
    answer: dict[str, Any] = {
        "Credentials": {
            "AccessKeyId": issued.access_key,
            "SecretAccessKey": issued.secret,
            "SessionToken": issued.token,
            "Expiration": issued.expires,
        },
        "SessionTokenSize": len(issued.token),
        "SessionTokenUtilization": percent,
    }
    if principal.session_policies or principal.session_policy_arns or principal.tags:
        answer["PackedPolicySize"] = percent
    return answer
