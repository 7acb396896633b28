"""KMS keys, their material, aliases and grants."""

from __future__ import annotations

from typing import Literal

import msgspec

from gureum.kernel.records import Record, resource

State = Literal[
    "Enabled", "Disabled", "PendingDeletion", "PendingImport", "PendingReplicaDeletion", "Unavailable"
]
Origin = Literal["AWS_KMS", "EXTERNAL"]
Rotation = Literal["", "AUTOMATIC", "ON_DEMAND"]
Constraint = Literal["", "EncryptionContextEquals", "EncryptionContextSubset"]


class Material(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One generation of a key's material.

    `sealed` is empty where imported material has been deleted or has expired; `shard` names the file without
    which it does not open. `rotated` and `rotation` say when
    and how it became current; the first material has neither. `expires` is epoch seconds, 0 for never.
    `pending` marks imported material that no rotation has made current yet.
    """

    id: str
    sealed: bytes
    shard: str = ""
    rotated: float = 0.0
    rotation: Rotation = ""
    expires: float = 0.0
    pending: bool = False
    description: str = ""


@resource(
    "kms",
    arn="key/{id}",
    missing=("NotFoundException", "Key '{id}' does not exist"),
    policy=lambda key: key.access or key.policy,
    policy_rules="required",
)
class Key(Record):
    """A KMS key. Times are epoch seconds.

    `materials` are oldest first; the last that is not pending is current. `policy` is the key policy as it was
    put; `access` is that policy with the key's grants added as statements, which is what the door evaluates
    (empty where there are no grants). `primary` is the primary's Region of a multi-Region key, `regions` are
    the Regions of all keys related to it, this one's included. `rotate_days` is 0 where rotation is off, and
    `rotate_at` is when it is due.
    """

    id: str
    created: float
    policy: str
    spec: str = "SYMMETRIC_DEFAULT"
    usage: str = "ENCRYPT_DECRYPT"
    description: str = ""
    origin: Origin = "AWS_KMS"
    state: State = "Enabled"
    materials: tuple[Material, ...] = ()
    access: str = ""
    manager: Literal["CUSTOMER", "AWS"] = "CUSTOMER"
    deletes_at: float = 0.0
    window_days: int = 0
    rotate_days: int = 0
    rotate_at: float = 0.0
    on_demand: int = 0  # rotations on demand so far
    primary: str = ""
    regions: tuple[str, ...] = ()


@resource(
    "kms",
    arn="{name}",
    missing=("NotFoundException", "Alias {name} is not found."),
    exists="AlreadyExistsException",
    indexes=("key",),
    tagged=False,
)
class Alias(Record):
    """A name (`alias/...`) for a key of the same account and Region; `key` is its key id."""

    name: str
    key: str
    created: float
    updated: float


@resource(
    "kms",
    arn="grant/{key}/{id}",
    missing=("NotFoundException", "Grant ID {id} not found"),
    indexes=("key", "retiring"),
    tagged=False,
)
class Grant(Record):
    """Lets a principal use a key (by its id) for some operations. `constraint` limits the encryption context.

    `grantee_service` and `retiring_service` say that the principals are AWS services.
    """

    key: str
    id: str
    created: float
    issuer: str
    grantee: str
    operations: tuple[str, ...]
    name: str = ""
    retiring: str = ""
    grantee_service: bool = False
    retiring_service: bool = False
    constraint: Constraint = ""
    context: dict[str, str] = msgspec.field(default_factory=dict)
    source_arn: str = ""
