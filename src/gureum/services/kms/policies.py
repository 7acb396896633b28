"""Key policies: the default one, reading and putting them, and the lockout safety check.

Sources: KMS Developer Guide, "Default key policy" and "Key policies in AWS KMS"; KMS API reference, PutKeyPolicy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import json
from msgspec.structs import replace

from gureum import policy
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.principal import Principal, root_of
from gureum.services.kms import finding, grant_rules
from gureum.services.kms.facts import Facts
from gureum.services.kms.operations import ops
from gureum.services.kms.records import Grant, Key
from gureum.services.kms.states import customer_managed

if TYPE_CHECKING:
    from gureum.api import kms as api

_MOST_BYTES = 32_768
_KINDS: dict[str, policy.principals.Kind] = {
    "root": "root",
    "user": "user",
    "role": "session",
    "federated": "federated-user",
    "service": "service",
    "anonymous": "anonymous",
}


def default(account: str) -> str:
    """The policy of a key that is made without one: the account decides by its IAM policies."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": root_of(account).arn},
        "Action": "kms:*",
        "Resource": "*",
    }
    document = {"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}
    return json.format(json.encode(document), indent=2).decode()


def checked(ctx: Context, text: str, arn: str, *, bypass: bool) -> str:
    """A key policy, if it is one and, unless `bypass`, lets the caller put another one later.

    MalformedPolicyDocumentException, LimitExceededException. The safety check looks at the policy alone, not at
    the identity-based policies to which it may leave the decision.
    """
    if len(text.encode()) > _MOST_BYTES:
        raise Fault("LimitExceededException", "The key policy exceeds the maximum size of 32768 bytes.")
    try:
        parsed = policy.parse(text, "resource", arn)
    except policy.Malformed as error:
        raise Fault("MalformedPolicyDocumentException", str(error)) from None
    if not bypass and not _lets(parsed, ctx, arn):
        raise Fault(
            "MalformedPolicyDocumentException",
            "The new key policy will not allow you to update the key policy in the future.",
        )
    return text


def _lets(parsed: policy.Policy, ctx: Context, arn: str) -> bool:
    asked = policy.Request(
        _who(ctx.principal), "kms:PutKeyPolicy", (arn,), ctx.account, Facts(ctx, {"KeyId": arn})
    )
    found = policy.matching(parsed, asked, arn)
    return bool(found) and all(statement.allow for statement in found)


def _who(principal: Principal) -> policy.Principal:
    return policy.Principal(
        _KINDS[principal.kind],
        arn=principal.arn,
        account=principal.account,
        user_id=principal.user_id,
        issuer=principal.role_arn,
        tags=principal.tags,
    )


def regranted(ctx: Context, key: Key, *, added: Grant | None = None, removed: str = "") -> Key:
    """The key with `access` worked out anew from its policy and grants, one of them coming or going."""
    grants = [g for g in ctx.table(Grant).find("key", key.id) if g.id != removed]
    if added is not None:
        grants = [g for g in grants if g.id != added.id] + [added]
    return replace(key, access=grant_rules.access(key.policy, grants))


def _named_default(name: str | None) -> None:
    if name not in (None, "default"):
        raise Fault("NotFoundException", "No such policy exists")


@ops.on(Key, "KeyId", look=finding.key("GetKeyPolicy"), keys=Facts)
def get_key_policy(ctx: Context, req: api.GetKeyPolicyRequest) -> api.GetKeyPolicyResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html"""
    _named_default(req.get("PolicyName"))
    return {"Policy": ctx.need(Key).policy, "PolicyName": "default"}


@ops.on(Key, "KeyId", look=finding.key("ListKeyPolicies"), keys=Facts)
def list_key_policies(ctx: Context, req: api.ListKeyPoliciesRequest) -> api.ListKeyPoliciesResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyPolicies.html"""
    ctx.need(Key)
    found = ctx.page(req).items(["default"], str, str)
    return found  # type: ignore[return-value]


@ops.on(Key, "KeyId", look=finding.key("PutKeyPolicy"), keys=Facts)
def put_key_policy(ctx: Context, req: api.PutKeyPolicyRequest) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html"""
    key, arn = ctx.need(Key), ctx.targets[0].arn
    _named_default(req.get("PolicyName"))
    customer_managed(key, arn)
    text = checked(ctx, req["Policy"], arn, bypass=bool(req.get("BypassPolicyLockoutSafetyCheck")))
    ctx.target_table(Key).put(regranted(ctx, replace(key, policy=text)))
