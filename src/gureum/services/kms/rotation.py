"""Rotation: new material for the same key; what older material encrypted, it still opens.

Source: KMS Developer Guide, "Rotate AWS KMS keys"; KMS API reference, RotateKeyOnDemand, ListKeyRotations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.kms import finding, related, specs, states
from gureum.services.kms.crypto.specs import SPECS
from gureum.services.kms.facts import Facts
from gureum.services.kms.keyring import Keyring, current
from gureum.services.kms.operations import ops
from gureum.services.kms.records import Key, Material, Rotation

if TYPE_CHECKING:
    from gureum.api import kms as api

DAY = 86_400.0
_USUAL_DAYS = 365
_MOST_ON_DEMAND = 25


def rotated(ctx: Context, key: Key, how: Rotation) -> Key:
    """The key with new current material, and its relatives likewise."""
    secret = specs.generate(SPECS[key.spec])
    due = ctx.now + key.rotate_days * DAY if key.rotate_days else 0.0

    def turned(one: Key, region: str) -> Key:
        fresh = ctx.part(Keyring).seal(related.arn(ctx, key, region), secret)
        fresh = replace(fresh, rotated=ctx.now, rotation=how)
        return replace(one, materials=(*one.materials, fresh), rotate_at=due)

    for region, other in related.others(ctx, key):
        ctx.table(Key, region=region).put(turned(other, region))
    return turned(key, ctx.region)


def _rotatable(key: Key, arn: str) -> None:
    """UnsupportedOperationException unless it is a symmetric encryption key."""
    if key.spec != "SYMMETRIC_DEFAULT":
        raise Fault(
            "UnsupportedOperationException",
            f"{arn} key spec is {key.spec} which is not valid for this operation.",
        )


def _primary(ctx: Context, key: Key, arn: str) -> None:
    if key.primary and key.primary != ctx.region:
        raise Fault(
            "UnsupportedOperationException",
            f"{arn} is a replica key; rotation is managed on its primary key.",
        )


@ops.on(Key, "KeyId", look=finding.key("EnableKeyRotation"), keys=Facts)
def enable_key_rotation(ctx: Context, req: api.EnableKeyRotationRequest) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html"""
    key = _changed(ctx)
    days = req.get("RotationPeriodInDays") or key.rotate_days or _USUAL_DAYS
    _set_period(ctx, key, days, ctx.now + days * DAY)


@ops.on(Key, "KeyId", look=finding.key("DisableKeyRotation"), keys=Facts)
def disable_key_rotation(ctx: Context, req: api.DisableKeyRotationRequest) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKeyRotation.html"""
    key = _changed(ctx)
    _set_period(ctx, key, 0, 0.0)


def _changed(ctx: Context) -> Key:
    key, arn = ctx.need(Key), ctx.targets[0].arn
    states.customer_managed(key, arn)
    _rotatable(key, arn)
    states.origin(key, arn, "AWS_KMS")
    states.usable(key, arn)
    _primary(ctx, key, arn)
    return key


def _set_period(ctx: Context, key: Key, days: int, at: float) -> None:
    related.change(ctx, key, lambda one: replace(one, rotate_days=days, rotate_at=at))
    ctx.target_table(Key).put(replace(key, rotate_days=days, rotate_at=at))


@ops.on(Key, "KeyId", look=finding.key("GetKeyRotationStatus"), keys=Facts)
def get_key_rotation_status(
    ctx: Context, req: api.GetKeyRotationStatusRequest
) -> api.GetKeyRotationStatusResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html

    On-demand rotation is done when it is answered, so none is ever seen under way.
    """
    key, arn = ctx.need(Key), ctx.targets[0].arn
    _rotatable(key, arn)
    states.manageable(key, arn)
    shown: dict[str, Any] = {"KeyId": key.id, "KeyRotationEnabled": bool(key.rotate_days)}
    if key.rotate_days:
        shown |= {"RotationPeriodInDays": key.rotate_days, "NextRotationDate": key.rotate_at}
    return shown  # type: ignore[return-value]


@ops.on(Key, "KeyId", look=finding.key("RotateKeyOnDemand"), keys=Facts)
def rotate_key_on_demand(ctx: Context, req: api.RotateKeyOnDemandRequest) -> api.RotateKeyOnDemandResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_RotateKeyOnDemand.html

    Imported keys turn to the material that was imported for it, in every Region.
    """
    key, arn = ctx.need(Key), ctx.targets[0].arn
    states.customer_managed(key, arn)
    _rotatable(key, arn)
    states.usable(key, arn)
    _primary(ctx, key, arn)
    if key.on_demand >= _MOST_ON_DEMAND:
        raise Fault(
            "LimitExceededException", f"{arn} has reached the limit of {_MOST_ON_DEMAND} on-demand rotations."
        )
    before = key.rotate_at
    changed = _promoted(ctx, key, arn) if key.origin == "EXTERNAL" else rotated(ctx, key, "ON_DEMAND")
    # The automatic schedule goes on as it was.
    related.change(ctx, key, lambda one: replace(one, rotate_at=before, on_demand=key.on_demand + 1))
    ctx.target_table(Key).put(replace(changed, rotate_at=before, on_demand=key.on_demand + 1))
    ctx.tell("KMS CMK Rotation", {"key-id": key.id}, [arn])
    return {"KeyId": key.id}


def _promoted(ctx: Context, key: Key, arn: str) -> Key:
    waiting = [m for m in key.materials if m.pending]
    everywhere = [key, *(other for _, other in related.others(ctx, key))]
    if not waiting or any(m.pending and not m.sealed for one in everywhere for m in one.materials):
        raise Fault("KMSInvalidStateException", f"{arn} has no key material that is pending rotation.")

    def turned(one: Key) -> Key:
        materials = [
            replace(m, pending=False, rotated=ctx.now, rotation="ON_DEMAND") if m.pending else m
            for m in one.materials
        ]
        return replace(one, materials=tuple(materials))

    related.change(ctx, key, turned)
    return turned(key)


@ops.on(Key, "KeyId", look=finding.key("ListKeyRotations"), keys=Facts)
def list_key_rotations(ctx: Context, req: api.ListKeyRotationsRequest) -> api.ListKeyRotationsResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyRotations.html"""
    key, arn = ctx.need(Key), ctx.targets[0].arn
    _rotatable(key, arn)
    states.manageable(key, arn)
    everything = req.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL"
    chosen = [(at, m) for at, m in enumerate(key.materials) if everything or m.rotation]
    found = ctx.page(req, 1000 if req.get("Limit") else 100).items(
        chosen, lambda pair: f"{pair[0]:06d}", lambda pair: _show(key, pair[1])
    )
    return found  # type: ignore[return-value]


def _show(key: Key, material: Material) -> dict[str, Any]:
    shown: dict[str, Any] = {"KeyId": key.id, "KeyMaterialId": material.id, "KeyMaterialState": "NON_CURRENT"}
    if material.pending:
        shown["KeyMaterialState"] = "PENDING_ROTATION"
    elif material == current(key):
        shown["KeyMaterialState"] = "CURRENT"
    if material.rotation:
        shown |= {"RotationDate": material.rotated, "RotationType": material.rotation}
    if key.origin == "EXTERNAL":
        shown["ImportState"] = "IMPORTED" if material.sealed else "PENDING_IMPORT"
        if material.sealed:
            expires = material.expires
            shown["ExpirationModel"] = "KEY_MATERIAL_EXPIRES" if expires else "KEY_MATERIAL_DOES_NOT_EXPIRE"
            if expires:
                shown["ValidTo"] = expires
        if material.description:
            shown["KeyMaterialDescription"] = material.description
    return shown
