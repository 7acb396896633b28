"""Imported key material: the customer's own, wrapped for the way, deleted or expiring at the customer's word.

Source: KMS Developer Guide, "Importing key material"; KMS API reference, GetParametersForImport,
ImportKeyMaterial, DeleteImportedKeyMaterial.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.kms import finding, related, states, using
from gureum.services.kms.crypto.errors import IncorrectKeyMaterial
from gureum.services.kms.crypto.imported import unwrap, wrapping_key
from gureum.services.kms.crypto.specs import SPECS
from gureum.services.kms.crypto.tokens import ImportToken
from gureum.services.kms.facts import Facts
from gureum.services.kms.keyring import Keyring, current, refusal
from gureum.services.kms.operations import ops
from gureum.services.kms.records import Key, Material

if TYPE_CHECKING:
    from gureum.api import kms as api

_MOST_SECONDS = 365 * 86_400.0


@ops.on(Key, "KeyId", look=finding.key("GetParametersForImport"), keys=Facts)
def get_parameters_for_import(
    ctx: Context, req: api.GetParametersForImportRequest
) -> api.GetParametersForImportResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetParametersForImport.html"""
    key, arn = _imported(ctx)
    token, public = using.attempt(
        wrapping_key, arn, SPECS[key.spec], req["WrappingAlgorithm"], req["WrappingKeySpec"], ctx.now
    )
    return {
        "KeyId": arn,
        "ImportToken": token.encode(ctx.home.seal),
        "PublicKey": public,
        "ParametersValidTo": token.expires,
    }


def _imported(ctx: Context) -> tuple[Key, str]:
    key, arn = ctx.need(Key), ctx.targets[0].arn
    states.origin(key, arn, "EXTERNAL")
    states.manageable(key, arn)
    return key, arn


@ops.on(Key, "KeyId", look=finding.key("ImportKeyMaterial"), keys=Facts)
def import_key_material(ctx: Context, req: api.ImportKeyMaterialRequest) -> api.ImportKeyMaterialResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ImportKeyMaterial.html

    The first import makes the key usable. Later ones put the same material back or, for symmetric keys with
    NEW_KEY_MATERIAL, add material that waits for RotateKeyOnDemand.
    """
    key, arn = _imported(ctx)
    expires = _expiry(ctx, req)
    token = using.attempt(ImportToken.decode, ctx.home.seal, req["ImportToken"], arn, ctx.now)
    secret = using.attempt(unwrap, token, SPECS[key.spec], req["EncryptedKeyMaterial"])
    material = replace(
        ctx.part(Keyring).seal(arn, secret),
        expires=expires,
        description=req.get("KeyMaterialDescription") or "",
    )
    if (wanted := req.get("KeyMaterialId")) and wanted != material.id:
        raise refusal(IncorrectKeyMaterial("The key material does not match the specified key material ID."))
    if req.get("ImportType") == "NEW_KEY_MATERIAL" and key.materials:
        changed = _added(ctx, key, arn, material)
    elif key.materials:
        changed = _put_back(key, material)
    else:
        changed = replace(key, materials=(material,))
    ctx.target_table(Key).put(settled(changed))
    answer: dict[str, Any] = {"KeyId": arn}
    if key.spec == "SYMMETRIC_DEFAULT":
        answer["KeyMaterialId"] = material.id
    return answer  # type: ignore[return-value]


def _expiry(ctx: Context, req: Mapping[str, Any]) -> float:
    """When imported material expires, in epoch seconds; 0 for never. ValidationException."""
    at = req.get("ValidTo")
    if (req.get("ExpirationModel") or "KEY_MATERIAL_EXPIRES") == "KEY_MATERIAL_DOES_NOT_EXPIRE":
        if at is not None:
            raise Fault(
                "ValidationException",
                "A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE",
            )
        return 0.0
    if at is None:
        raise Fault(
            "ValidationException", "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"
        )
    expires = float(at.timestamp()) if hasattr(at, "timestamp") else float(at)
    if not ctx.now < expires <= ctx.now + _MOST_SECONDS:
        raise Fault("ValidationException", "The validTo date must be in the future and within 365 days.")
    return expires


def _added(ctx: Context, key: Key, arn: str, material: Material) -> Key:
    """New material beside the old, waiting for rotation; its relatives wait to be given it too."""
    if key.spec != "SYMMETRIC_DEFAULT":
        raise Fault(
            "UnsupportedOperationException",
            f"{arn} key spec is {key.spec} which does not support new key material.",
        )
    if key.primary and key.primary != ctx.region:
        raise Fault(
            "UnsupportedOperationException", "New key material is imported into the primary key first."
        )
    if any(m.id == material.id and not m.pending for m in key.materials):
        raise refusal(IncorrectKeyMaterial("The key material is already associated with the KMS key."))

    def beside(one: Key, fresh: Material) -> Key:
        return replace(one, materials=(*(m for m in one.materials if not m.pending), fresh))

    empty = replace(material, sealed=b"", shard="", expires=0.0, pending=True)
    related.change(ctx, key, lambda one: beside(one, empty))
    return beside(key, replace(material, pending=True))


def _put_back(key: Key, material: Material) -> Key:
    """The same material again. IncorrectKeyMaterialException for any other."""
    for at, known in enumerate(key.materials):
        if known.id == material.id:
            back = replace(
                known,
                sealed=material.sealed,
                shard=material.shard,
                expires=material.expires,
                description=material.description or known.description,
            )
            return replace(key, materials=(*key.materials[:at], back, *key.materials[at + 1 :]))
    raise refusal(IncorrectKeyMaterial("The key material does not match the one imported before."))


def settled(key: Key) -> Key:
    """The key in the state that its material says: usable with all of it, pending import without."""
    whole = bool(key.materials) and all(m.sealed or m.pending for m in key.materials)
    if key.state == "PendingImport" and whole:
        return replace(key, state="Enabled")
    if key.state in {"Enabled", "Disabled"} and not whole:
        return replace(key, state="PendingImport")
    return key


@ops.on(Key, "KeyId", look=finding.key("DeleteImportedKeyMaterial"), keys=Facts)
def delete_imported_key_material(
    ctx: Context, req: api.DeleteImportedKeyMaterialRequest
) -> api.DeleteImportedKeyMaterialResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteImportedKeyMaterial.html"""
    key, arn = _imported(ctx)
    name = req.get("KeyMaterialId") or (current(key).id if key.materials else "")
    if req.get("KeyMaterialId") and name not in {m.id for m in key.materials}:
        raise Fault("NotFoundException", f"Key material {name} is not associated with {arn}.")
    ctx.target_table(Key).put(settled(without(key, name)))
    answer: dict[str, Any] = {"KeyId": arn}
    if name and key.spec == "SYMMETRIC_DEFAULT":
        answer["KeyMaterialId"] = name
    return answer  # type: ignore[return-value]


def without(key: Key, name: str) -> Key:
    """The key without that material's bytes; material that never became current goes altogether."""
    kept = [m for m in key.materials if m.id != name or not m.pending]
    emptied = [replace(m, sealed=b"", shard="", expires=0.0) if m.id == name else m for m in kept]
    return replace(key, materials=tuple(emptied))
