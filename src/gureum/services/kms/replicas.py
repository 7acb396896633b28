"""Multi-Region keys: replicas that share a key's id and material, and which of them is the primary.

Source: KMS Developer Guide, "Multi-Region keys in AWS KMS"; KMS API reference, ReplicateKey, UpdatePrimaryRegion.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.kernel.tags import Tags, check, read, show
from gureum.services.kms import finding, policies, related, states
from gureum.services.kms.facts import Facts
from gureum.services.kms.keyring import Keyring
from gureum.services.kms.keys import metadata
from gureum.services.kms.operations import ops
from gureum.services.kms.records import Key

if TYPE_CHECKING:
    from gureum.api import kms as api

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


@ops.on(Key, "KeyId", look=finding.key("ReplicateKey"), keys=Facts)
def replicate_key(ctx: Context, req: api.ReplicateKeyRequest) -> api.ReplicateKeyResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ReplicateKey.html

    The replica has the material at once; of imported material it has the ids and waits for the bytes.
    """
    key, arn = ctx.need(Key), ctx.targets[0].arn
    states.usable(key, arn)
    region = req["ReplicaRegion"]
    if not key.primary:
        raise Fault("UnsupportedOperationException", f"{arn} is not a multi-region key.")
    if key.primary != ctx.region:
        raise Fault("UnsupportedOperationException", f"{arn} is not a multi-region primary key.")
    if _REGION.fullmatch(region) is None:
        raise Fault("ValidationException", f"{region} is not a supported Region.")
    if region in key.regions:
        there = kind_of(Key).arn(ctx.account, region, key)
        raise Fault("AlreadyExistsException", f"{there} already exists.")
    there = kind_of(Key).arn(ctx.account, region, key)
    bypass = bool(req.get("BypassPolicyLockoutSafetyCheck"))
    given = req.get("Policy")
    text = policies.checked(ctx, given, there, bypass=bypass) if given else policies.default(ctx.account)
    regions = (*key.regions, region)
    if key.origin == "EXTERNAL":
        materials = tuple(replace(m, sealed=b"", shard="", expires=0.0) for m in key.materials)
    else:
        materials = tuple(ctx.part(Keyring).copy(arn, m, there) for m in key.materials)
    replica = replace(
        key,
        created=ctx.now,
        policy=text,
        access="",
        description=req.get("Description") or "",
        state="PendingImport" if key.origin == "EXTERNAL" else "Enabled",
        materials=materials,
        regions=regions,
    )
    wanted = read(req.get("Tags"))
    check(wanted, "TagException")
    Tags(ctx.home.store, ctx.work, ctx.account, region).put(there, wanted, too_many="LimitExceededException")
    related.change(ctx, key, lambda one: replace(one, regions=regions))
    ctx.target_table(Key).put(replace(key, regions=regions))
    ctx.table(Key, region=region).add(replica)
    answer: dict[str, Any] = {
        "ReplicaKeyMetadata": metadata(ctx, replica, region),
        "ReplicaPolicy": text,
        "ReplicaTags": show(wanted, "TagKey", "TagValue"),
    }
    return answer  # type: ignore[return-value]


@ops.on(Key, "KeyId", look=finding.key("UpdatePrimaryRegion"), keys=Facts)
def update_primary_region(ctx: Context, req: api.UpdatePrimaryRegionRequest) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdatePrimaryRegion.html"""
    key, arn = ctx.need(Key), ctx.targets[0].arn
    states.usable(key, arn)
    region = req["PrimaryRegion"]
    if not key.primary or key.primary != ctx.region:
        raise Fault("UnsupportedOperationException", f"{arn} is not a multi-region primary key.")
    if region == ctx.region:
        return
    if region not in key.regions:
        there = kind_of(Key).arn(ctx.account, region, key)
        raise Fault("NotFoundException", f"Key '{there}' does not exist")
    new = ctx.table(Key, region=region).need(key.id)
    states.usable(new, kind_of(Key).arn(ctx.account, region, new))
    related.change(ctx, key, lambda one: replace(one, primary=region))
    ctx.target_table(Key).put(replace(key, primary=region))
