"""KMS keys: made, shown, listed, described, switched on and off, deleted after a waiting period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import ids, tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.kms import finding, policies, specs, states
from gureum.services.kms.crypto.specs import ALGORITHMS_MEMBER, SPECS
from gureum.services.kms.facts import Facts
from gureum.services.kms.keyring import Keyring, current
from gureum.services.kms.operations import ops
from gureum.services.kms.records import Key, Material

if TYPE_CHECKING:
    from gureum.api import kms as api

DAY = 86_400.0
_WINDOW = (7, 30)


def metadata(ctx: Context, key: Key, region: str = "") -> dict[str, Any]:
    """KeyMetadata."""
    kind = kind_of(Key)
    region = region or ctx.region
    shown: dict[str, Any] = {
        "AWSAccountId": ctx.account,
        "KeyId": key.id,
        "Arn": kind.arn(ctx.account, region, key),
        "CreationDate": key.created,
        "Enabled": key.state == "Enabled",
        "Description": key.description,
        "KeyUsage": key.usage,
        "KeyState": key.state,
        "Origin": key.origin,
        "KeyManager": key.manager,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        ALGORITHMS_MEMBER[key.usage]: list(SPECS[key.spec].algorithms[key.usage]),
        "MultiRegion": bool(key.primary),
    }
    if key.state == "PendingDeletion":
        shown["DeletionDate"] = key.deletes_at
    if key.state == "PendingReplicaDeletion":
        shown["PendingDeletionWindowInDays"] = key.window_days
    if key.primary:
        shown["MultiRegionConfiguration"] = {
            "MultiRegionKeyType": "PRIMARY" if key.primary == region else "REPLICA",
            "PrimaryKey": {"Arn": kind.arn(ctx.account, key.primary, key), "Region": key.primary},
            "ReplicaKeys": [
                {"Arn": kind.arn(ctx.account, at, key), "Region": at}
                for at in key.regions
                if at != key.primary
            ],
        }
    held = [m for m in key.materials if m.sealed and not m.pending]
    if key.origin == "EXTERNAL" and held and key.state != "PendingImport":
        expires = held[-1].expires
        shown["ExpirationModel"] = "KEY_MATERIAL_EXPIRES" if expires else "KEY_MATERIAL_DOES_NOT_EXPIRE"
        if expires:
            shown["ValidTo"] = expires
    if key.spec == "SYMMETRIC_DEFAULT" and held and key.state != "PendingImport":
        shown["CurrentKeyMaterialId"] = current(key).id
    return shown


@ops.on(keys=Facts)
def create_key(ctx: Context, req: api.CreateKeyRequest) -> api.CreateKeyResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html"""
    spec, usage, origin = specs.asked(req)
    multi = bool(req.get("MultiRegion"))
    key_id = f"mrk-{ids.hexadecimal(32)}" if multi else ids.uuid()
    arn = kind_of(Key).arn(ctx.account, ctx.region, {"id": key_id})
    bypass = bool(req.get("BypassPolicyLockoutSafetyCheck"))
    given = req.get("Policy")
    text = policies.checked(ctx, given, arn, bypass=bypass) if given else policies.default(ctx.account)
    materials: tuple[Material, ...] = ()
    if origin == "AWS_KMS":
        materials = (ctx.part(Keyring).seal(arn, specs.generate(spec)),)
    key = Key(
        id=key_id,
        created=ctx.now,
        policy=text,
        spec=spec.name,
        usage=usage,
        description=req.get("Description") or "",
        origin=origin,
        state="Enabled" if materials else "PendingImport",
        materials=materials,
        primary=ctx.region if multi else "",
        regions=(ctx.region,) if multi else (),
    )
    put_tags(ctx, arn, req.get("Tags"))
    ctx.table(Key).add(key)
    if req.get("Tags"):
        ctx.require("kms:TagResource", arn)
    return {"KeyMetadata": metadata(ctx, key)}  # type: ignore[typeddict-item]


def put_tags(ctx: Context, arn: str, given: Any) -> None:
    """TagException for tags that KMS refuses, LimitExceededException for too many."""
    wanted = tags.read(given)
    if given and len(wanted) != len(given):
        raise Fault("TagException", "Duplicate tag keys")
    tags.check(wanted, "TagException")
    ctx.tags.put(arn, wanted, too_many="LimitExceededException")


@ops.on(Key, "KeyId", "GrantTokens", look=finding.any_key("DescribeKey"), keys=Facts)
def describe_key(ctx: Context, req: api.DescribeKeyRequest) -> api.DescribeKeyResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html"""
    return {"KeyMetadata": metadata(ctx, ctx.need(Key))}  # type: ignore[typeddict-item]


@ops.on()
def list_keys(ctx: Context, req: api.ListKeysRequest) -> api.ListKeysResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html

    No key is shared through RAM here, so OTHER_ACCOUNTS_VIA_RAM alone lists none.
    """
    table = ctx.table(Key)
    own = "SELF" in (req.get("ResourceOwners") or ["SELF"])
    found = ctx.page(req, 1000 if req.get("Limit") else 100).table(
        table, lambda key: {"KeyId": key.id, "KeyArn": table.arn(key)}, where=None if own else lambda _: False
    )
    return found  # type: ignore[return-value]


@ops.on(Key, "KeyId", look=finding.key("EnableKey"), keys=Facts)
def enable_key(ctx: Context, req: api.EnableKeyRequest) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKey.html"""
    key = _switchable(ctx)
    ctx.target_table(Key).put(replace(key, state="Enabled"))


@ops.on(Key, "KeyId", look=finding.key("DisableKey"), keys=Facts)
def disable_key(ctx: Context, req: api.DisableKeyRequest) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKey.html"""
    key = _switchable(ctx)
    ctx.target_table(Key).put(replace(key, state="Disabled"))


def _switchable(ctx: Context) -> Key:
    key, arn = ctx.need(Key), ctx.targets[0].arn
    states.customer_managed(key, arn)
    states.switchable(key, arn)
    return key


@ops.on(Key, "KeyId", look=finding.key("UpdateKeyDescription"), keys=Facts)
def update_key_description(ctx: Context, req: api.UpdateKeyDescriptionRequest) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateKeyDescription.html"""
    key, arn = ctx.need(Key), ctx.targets[0].arn
    states.customer_managed(key, arn)
    states.manageable(key, arn)
    ctx.target_table(Key).put(replace(key, description=req["Description"]))


@ops.on(Key, "KeyId", look=finding.key("ScheduleKeyDeletion"), keys=Facts)
def schedule_key_deletion(
    ctx: Context, req: api.ScheduleKeyDeletionRequest
) -> api.ScheduleKeyDeletionResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html

    A primary key with replicas waits until the last of them is gone; then its own waiting period begins.
    """
    key, arn = ctx.need(Key), ctx.targets[0].arn
    states.customer_managed(key, arn)
    states.manageable(key, arn)
    days = req.get("PendingWindowInDays") or _WINDOW[1]
    if not _WINDOW[0] <= days <= _WINDOW[1]:
        bound = f"greater than or equal to {_WINDOW[0]}"
        if days > _WINDOW[1]:
            bound = f"less than or equal to {_WINDOW[1]}"
        raise Fault(
            "ValidationException",
            f"1 validation error detected: Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint: "
            f"Member must have value {bound}",
        )
    answer: dict[str, Any] = {"KeyId": arn, "PendingWindowInDays": days}
    if key.primary == ctx.region and len(key.regions) > 1:
        answer["KeyState"] = "PendingReplicaDeletion"
        changed = replace(key, state="PendingReplicaDeletion", window_days=days)
    else:
        at = ctx.now + days * DAY
        answer |= {"KeyState": "PendingDeletion", "DeletionDate": at}
        changed = replace(key, state="PendingDeletion", window_days=days, deletes_at=at)
    ctx.target_table(Key).put(changed)
    return answer  # type: ignore[return-value]


@ops.on(Key, "KeyId", look=finding.key("CancelKeyDeletion"), keys=Facts)
def cancel_key_deletion(ctx: Context, req: api.CancelKeyDeletionRequest) -> api.CancelKeyDeletionResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CancelKeyDeletion.html

    Imported material that expired meanwhile leaves the key pending import.
    """
    key, arn = ctx.need(Key), ctx.targets[0].arn
    if key.state not in {"PendingDeletion", "PendingReplicaDeletion"}:
        raise Fault("KMSInvalidStateException", f"{arn} is not pending deletion.")
    whole = bool(key.materials) and all(m.sealed for m in key.materials)
    changed = replace(key, state="Disabled" if whole else "PendingImport", deletes_at=0.0, window_days=0)
    ctx.target_table(Key).put(changed)
    return {"KeyId": arn}
