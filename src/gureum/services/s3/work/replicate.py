"""Replication: new versions, and delete markers where a rule says so, go to other buckets as the rule's role.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gureum.kernel import ids
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.principal import Principal
from gureum.kernel.reconcile import reconciler
from gureum.services.s3 import encryption, versions
from gureum.services.s3.content import INLINE_BYTES, keep, keep_stream, link, read
from gureum.services.s3.facts import Facts
from gureum.services.s3.lifecycle import matches
from gureum.services.s3.operations import target
from gureum.services.s3.records import (
    Bucket,
    Entry,
    Object,
    Replica,
    Sse,
    Version,
    object_arn,
)
from gureum.services.s3.work.notify import announce

_replace = msgspec.structs.replace
_MOST_ATTEMPTS = 12


def rules_for(bucket: Bucket, key: str, entry: Entry) -> list[Mapping[str, Any]]:
    """The rule for each destination that a version goes to: of several, the one of highest priority."""
    config = bucket.settings.get("Replication")
    if not config or bucket.versioning != "Enabled" or entry.replication == "REPLICA":
        return []
    chosen: dict[str, Mapping[str, Any]] = {}
    for rule in sorted(config["Rules"], key=lambda rule: -rule.get("Priority", 0)):
        if matches(rule, key, entry.tags, entry.size) and _takes(rule, entry.sse):
            chosen.setdefault(rule["Destination"]["Bucket"], rule)
    return list(chosen.values())


def _takes(rule: Mapping[str, Any], sse: Sse) -> bool:
    if sse.kind == "customer":
        return False
    if sse.kind == "AES256":
        return True
    criteria = rule.get("SourceSelectionCriteria") or {}
    return (criteria.get("SseKmsEncryptedObjects") or {}).get("Status") == "Enabled"


def mark(ctx: Context, bucket: Bucket, key: str, entry: Entry) -> Entry:
    """Say of a version that goes elsewhere that it is on its way."""
    if "Replication" not in bucket.settings or not rules_for(bucket, key, entry):
        return entry
    return _replace(entry, replication="PENDING")


def send(ctx: Context, bucket: Bucket, key: str, entry: Entry) -> None:
    """Write down where a version has to go."""
    if entry.replication == "PENDING":
        for rule in rules_for(bucket, key, entry):
            _put_replica(ctx, bucket, key, entry, rule)


def send_marker(ctx: Context, bucket: Bucket, key: str, marker: Entry) -> None:
    """The same for a delete marker, which goes only where a rule says so."""
    if "Replication" not in bucket.settings:
        return
    for rule in rules_for(bucket, key, marker):
        wanted = (rule.get("DeleteMarkerReplication") or {}).get("Status") == "Enabled"
        if wanted or "Filter" not in rule:
            _put_replica(ctx, bucket, key, marker, rule)


def _put_replica(ctx: Context, bucket: Bucket, key: str, entry: Entry, rule: Mapping[str, Any]) -> None:
    replica = Replica(
        id=ids.uuid(),
        bucket=bucket.name,
        key=key,
        order=entry.order,
        rule=dict(rule),
        role=bucket.settings["Replication"]["Role"],
        since=ctx.now,
    )
    ctx.table(Replica, account=bucket.owner, region=bucket.region).put(replica)


@reconciler(Replica)
def replicate(ctx: Context, replica: Replica) -> Replica | None:
    """Copy one version to its destination. What cannot be done for good ends as FAILED."""
    bucket = ctx.table(Bucket).get(replica.bucket)
    entry = _source(ctx, replica)
    if bucket is None or entry is None:
        return None
    try:
        _copy(ctx, bucket, replica, entry)
    except Fault as fault:
        if replica.attempts + 1 < _MOST_ATTEMPTS and fault.code not in {"AccessDenied", "NoSuchBucket"}:
            raise
        _settle(ctx, replica, entry, "FAILED")
        announce(ctx, bucket, "Replication:OperationFailedReplication", replica.key, entry)
        return None
    _settle(ctx, replica, entry, "COMPLETED")
    return None


def _source(ctx: Context, replica: Replica) -> Entry | None:
    current = ctx.table(Object).get(replica.bucket, replica.key)
    if current is not None and current.entry.order == replica.order:
        return current.entry
    found = ctx.table(Version).get(f"{replica.bucket}\x00{replica.key}\x00{replica.order}")
    return found.entry if found is not None else None


def _settle(ctx: Context, replica: Replica, entry: Entry, status: str) -> None:
    if not entry.marker:
        versions.change_entry(ctx, replica.bucket, replica.key, _replace(entry, replication=status))


def _copy(ctx: Context, bucket: Bucket, replica: Replica, entry: Entry) -> None:
    rule, key = replica.rule, replica.key
    name = rule["Destination"]["Bucket"].rpartition(":")[2]
    there = ctx.table(Bucket).get(name)
    if there is None:
        raise Fault("NoSuchBucket", "The specified bucket does not exist", status=404)
    role = as_role(ctx, replica.role)
    may = _allowed(role, bucket.name, name, key, entry)
    if not may or there.versioning != "Enabled":
        raise Fault("AccessDenied", "Access Denied", status=403)
    if _arrived(ctx, name, key, entry.order):
        return
    copy = entry if entry.marker else _with_bytes(role, bucket.name, there, rule, key, entry)
    destination = rule["Destination"]
    owner = there.owner if destination.get("AccessControlTranslation") else entry.owner
    copy = _replace(
        copy,
        replication="REPLICA",
        owner=owner,
        storage_class=destination.get("StorageClass") or entry.storage_class,
    )
    copy = versions.put_entry(ctx, there, key, copy, keep_order=True)
    announce(
        ctx,
        there,
        "ObjectCreated:Put" if not entry.marker else "ObjectRemoved:DeleteMarkerCreated",
        key,
        copy,
    )


def _allowed(role: Context, source: str, destination: str, key: str, entry: Entry) -> bool:
    action = "s3:ReplicateDelete" if entry.marker else "s3:ReplicateObject"
    wanted = [target(action, destination, key)]
    if not entry.marker:
        wanted.append(target("s3:GetObjectVersionForReplication", source, key))
    return all(role.may(one, Facts(role, {"Bucket": destination, "Key": key})) for one in wanted)


def _arrived(ctx: Context, bucket: str, key: str, order: str) -> bool:
    return versions.find_entry(ctx, bucket, key, order) is not None


def _with_bytes(
    role: Context, source: str, there: Bucket, rule: Mapping[str, Any], key: str, entry: Entry
) -> Entry:
    """The entry with bytes of its own: linked under the same key, else encrypted anew."""
    kms_key = (rule["Destination"].get("EncryptionConfiguration") or {}).get("ReplicaKmsKeyID", "")
    wanted = (
        Sse(kind="aws:kms", kms_key=kms_key) if entry.sse.kind != "AES256" else encryption.asked({}, there)
    )
    if wanted.kind == "AES256" == entry.sse.kind:
        return _replace(entry, pieces=link(role.home, entry.pieces))
    opened = encryption.key_of(role, entry.sse, {}, object_arn(source, key))
    key_there, sse = encryption.new_key(role, wanted, {}, object_arn(there.name, key))
    chunks = read(role.home, entry, opened)
    small = entry.size <= INLINE_BYTES
    kept = (
        keep(role.home, b"".join(chunks), key_there, "CRC32")
        if small
        else keep_stream(role.home, chunks, key_there, "CRC32")
    )
    return _replace(entry, data=kept.data, nonce=kept.nonce, pieces=kept.pieces, sse=sse)


def as_role(ctx: Context, role_arn: str) -> Context:
    """A context that works as a session of a role which trusts S3. Raises STS's fault."""
    made = ctx.aws.sts.assume_role(RoleArn=role_arn, RoleSessionName="s3-replication")
    who = made["AssumedRoleUser"]
    principal = Principal(
        kind="role",
        account=role_arn.split(":")[4],
        arn=who["Arn"],
        user_id=who["AssumedRoleId"],
        name=role_arn.rpartition("/")[2],
        role_arn=role_arn,
        session_name="s3-replication",
        invoked_by="s3.amazonaws.com",
    )
    return Context(ctx.home, ctx.ops, "", principal, ctx.account, ctx.region, endpoint=ctx.endpoint)
