"""Who may do what with a bucket: its policy, ACL, ownership and public access block.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-iam.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gureum import policy
from gureum.kernel import documents
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.s3 import acl_rules, versions
from gureum.services.s3.buckets.settings import change, drop_setting, intact, need_setting, put_setting
from gureum.services.s3.door_policy import is_public
from gureum.services.s3.drafts import refuse_acl, refuse_public
from gureum.services.s3.facts import facts
from gureum.services.s3.faults import malformed
from gureum.services.s3.operations import on_bucket, ops
from gureum.services.s3.records import (
    Bucket,
    bucket_arn,
)

if TYPE_CHECKING:
    from gureum.api import s3 as api

_LONGEST_POLICY_BYTES = 20 * 1024
_NO_POLICY = "The bucket policy does not exist"
_NO_BLOCK = "The public access block configuration was not found"
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@ops.on(targets=on_bucket("PutBucketPolicy"), keys=facts)
def put_bucket_policy(ctx: Context, req: api.PutBucketPolicyRequest) -> dict[str, Any]:
    """Keep a policy. Faults: MalformedPolicy; AccessDenied where public policies are blocked."""
    bucket = versions.bucket_of(ctx, req)
    intact(ctx, req)
    text = req["Policy"]
    _check_policy(bucket, text)
    block = bucket.settings.get("PublicAccessBlock", {})
    if block.get("BlockPublicPolicy") and is_public(text):
        raise Fault(
            "AccessDenied",
            f"User: {ctx.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "
            f'"arn:aws:s3:::{bucket.name}" because public policies are prevented by the BlockPublicPolicy setting '
            "in S3 Block Public Access.",
            status=403,
        )
    if req.get("ConfirmRemoveSelfBucketAccess") is not True and _shuts_out(text, ctx.principal.arn):
        raise Fault(
            "AccessDenied",
            "The policy would remove the caller's own access to it; confirm that with "
            "ConfirmRemoveSelfBucketAccess.",
            status=403,
        )
    change(ctx, bucket, policy=text)
    return {}


def _check_policy(bucket: Bucket, text: str) -> None:
    if len(text.encode()) > _LONGEST_POLICY_BYTES:
        raise malformed_policy("Normalized policy document exceeds the maximum allowed size of 20480 bytes.")
    try:
        policy.parse(text, "resource")
    except policy.Malformed as problem:
        raise malformed_policy(str(problem)) from None
    arn = bucket_arn(bucket.name)
    document = documents.read(text)
    statements = document["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        actions = _listed(statement.get("Action", statement.get("NotAction")))
        if any(action != "*" and not action.lower().startswith("s3:") for action in actions):
            raise malformed_policy("Policy has invalid action")
        resources = _listed(statement.get("Resource", statement.get("NotResource")))
        if not resources:
            raise malformed_policy("Missing required field Resource")
        if any(one != arn and not one.startswith((f"{arn}/", f"{arn}*")) for one in resources):
            raise malformed_policy("Policy has invalid resource")


def malformed_policy(text: str) -> Fault:
    return Fault("MalformedPolicy", text, status=400)


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _shuts_out(text: str, arn: str) -> bool:
    document = documents.read(text)
    statements = document["Statement"]
    return any(
        one["Effect"] == "Deny"
        and "Condition" not in one
        and one.get("Principal") in ("*", {"AWS": "*"}, {"AWS": arn})
        and {"s3:*", "s3:PutBucketPolicy", "*"} & set(_listed(one.get("Action")))
        for one in (statements if isinstance(statements, list) else [statements])
    )


@ops.on(targets=on_bucket("GetBucketPolicy"), keys=facts)
def get_bucket_policy(ctx: Context, req: api.GetBucketPolicyRequest) -> dict[str, Any]:
    """The policy, letter for letter."""
    return {"Policy": _need_policy(ctx, req).policy}


def _need_policy(ctx: Context, req: Any) -> Bucket:
    bucket = versions.bucket_of(ctx, req)
    if not bucket.policy:
        raise Fault("NoSuchBucketPolicy", _NO_POLICY, status=404, BucketName=bucket.name)
    return bucket


@ops.on(targets=on_bucket("DeleteBucketPolicy"), keys=facts)
def delete_bucket_policy(ctx: Context, req: api.DeleteBucketPolicyRequest) -> dict[str, Any]:
    """Forget the policy."""
    change(ctx, versions.bucket_of(ctx, req), policy="")
    return {}


@ops.on(targets=on_bucket("GetBucketPolicyStatus"), keys=facts)
def get_bucket_policy_status(ctx: Context, req: api.GetBucketPolicyStatusRequest) -> dict[str, Any]:
    """Whether the policy makes the bucket public."""
    return {"PolicyStatus": {"IsPublic": is_public(_need_policy(ctx, req).policy)}}


@ops.on(targets=on_bucket("GetBucketAcl"), keys=facts)
def get_bucket_acl(ctx: Context, req: api.GetBucketAclRequest) -> dict[str, Any]:
    """The bucket's access control list."""
    bucket = versions.bucket_of(ctx, req)
    return {"Owner": {"ID": acl_rules.canonical_id(bucket.owner)}, "Grants": acl_rules.show(bucket.grants)}


@ops.on(targets=on_bucket("PutBucketAcl"), keys=facts)
def put_bucket_acl(ctx: Context, req: api.PutBucketAclRequest) -> dict[str, Any]:
    """Replace the ACL, unless ACLs are disabled or public ones blocked."""
    bucket = versions.bucket_of(ctx, req)
    intact(ctx, req)
    grants = acl_rules.asked(req, bucket.owner, bucket.owner)
    if grants is None:
        raise Fault(
            "MissingSecurityHeader", "Your request was missing a required header", status=400,
            MissingHeaderName="x-amz-acl",
        )  # fmt: skip
    if bucket.ownership == "BucketOwnerEnforced":
        refuse_acl(req, grants, bucket)
        return {}
    refuse_public(bucket, grants)
    change(ctx, bucket, grants=grants)
    return {}


@ops.on(targets=on_bucket("GetBucketPublicAccessBlock"), keys=facts)
def get_public_access_block(ctx: Context, req: api.GetPublicAccessBlockRequest) -> dict[str, Any]:
    """The four settings."""
    found = need_setting(ctx, req, "PublicAccessBlock", "NoSuchPublicAccessBlockConfiguration", _NO_BLOCK)
    return {"PublicAccessBlockConfiguration": found}


@ops.on(targets=on_bucket("PutBucketPublicAccessBlock"), keys=facts)
def put_public_access_block(ctx: Context, req: api.PutPublicAccessBlockRequest) -> dict[str, Any]:
    """Set the four settings; one that is left out is off."""
    given = req.get("PublicAccessBlockConfiguration") or {}
    value = {name: bool(given.get(name)) for name in _BLOCKS}
    put_setting(ctx, req, "PublicAccessBlock", value)
    return {}


@ops.on(targets=on_bucket("PutBucketPublicAccessBlock"), keys=facts)
def delete_public_access_block(ctx: Context, req: api.DeletePublicAccessBlockRequest) -> dict[str, Any]:
    """Let the public in again where policies and ACLs do."""
    return drop_setting(ctx, req, "PublicAccessBlock")


@ops.on(targets=on_bucket("GetBucketOwnershipControls"), keys=facts)
def get_bucket_ownership_controls(ctx: Context, req: api.GetBucketOwnershipControlsRequest) -> dict[str, Any]:
    """Who owns objects that others write."""
    bucket = versions.bucket_of(ctx, req)
    if not bucket.ownership:
        text = "The bucket ownership controls were not found"
        raise Fault("OwnershipControlsNotFoundError", text, status=404, BucketName=bucket.name)
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": bucket.ownership}]}}


@ops.on(targets=on_bucket("PutBucketOwnershipControls"), keys=facts)
def put_bucket_ownership_controls(ctx: Context, req: api.PutBucketOwnershipControlsRequest) -> dict[str, Any]:
    """Say who owns objects. ACLs that let others in must go before they can be disabled."""
    bucket = versions.bucket_of(ctx, req)
    intact(ctx, req)
    rules = (req.get("OwnershipControls") or {}).get("Rules") or []
    wanted = rules[0].get("ObjectOwnership") if len(rules) == 1 else None
    if wanted not in {"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"}:
        raise malformed()
    if wanted == "BucketOwnerEnforced" and not acl_rules.is_owners_alone(bucket.grants, bucket.owner):
        text = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        raise Fault("InvalidBucketAclWithObjectOwnership", text, status=400)
    change(ctx, bucket, ownership=wanted)
    return {}


@ops.on(targets=on_bucket("PutBucketOwnershipControls"), keys=facts)
def delete_bucket_ownership_controls(
    ctx: Context, req: api.DeleteBucketOwnershipControlsRequest
) -> dict[str, Any]:
    """Back to the oldest rule: who writes an object owns it."""
    change(ctx, versions.bucket_of(ctx, req), ownership="")
    return {}
