"""Buckets, objects and their versions, uploads and their parts, and the work that they leave behind."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from gureum.kernel.records import Record, kind_of, resource

Versioning = Literal["", "Enabled", "Suspended"]
Encryption = Literal["", "AES256", "aws:kms", "aws:kms:dsse", "customer"]
NULL = "null"


class Grant(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of an ACL. `grantee` is a canonical user id or a group's URI."""

    grantee: str
    permission: str


class Piece(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file of encrypted bytes: its id (the file's name), size in bytes, and the nonce it was encrypted with."""

    id: str
    size: int
    nonce: bytes


class PartInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part of a completed upload: its number, size in bytes, and its checksum."""

    number: int
    size: int
    checksum: str = ""


class Sse(msgspec.Struct, frozen=True, omit_defaults=True):
    """How bytes are encrypted. `key` is what leads to the data key: KMS's ciphertext of it, or for a customer's
    key a keyed digest that tells whether it is the same one; empty for SSE-S3. `md5` is the customer key's.
    """

    kind: Encryption = "AES256"
    key: bytes = b""
    kms_key: str = ""
    context: str = ""
    bucket_key: bool = False
    md5: str = ""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One version of an object, or a delete marker. Times are epoch seconds, sizes bytes.

    `order` is the version id, which sorts newest first; `null` says that its id is "null". `data` are the
    encrypted bytes of a small object under `nonce`; larger ones lie in `pieces`. `headers` are the system
    headers by member name. `checksums` are base64 by algorithm.
    """

    order: str
    modified: float
    null: bool = False
    marker: bool = False
    owner: str = ""
    size: int = 0
    etag: str = ""
    data: bytes = b""
    nonce: bytes = b""
    pieces: tuple[Piece, ...] = ()
    sse: Sse = Sse()
    headers: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    storage_class: str = "STANDARD"
    checksums: dict[str, str] = {}
    checksum_type: str = "FULL_OBJECT"
    parts: tuple[PartInfo, ...] = ()
    tags: dict[str, str] = {}
    grants: tuple[Grant, ...] = ()
    lock_mode: str = ""
    lock_until: float = 0.0
    legal_hold: bool = False
    hold_set: bool = False
    replication: str = ""
    restored_until: float = 0.0
    annotated: bool = False
    restoring: bool = False

    @property
    def version_id(self) -> str:
        return NULL if self.null else self.order


def _bucket_policy(bucket: Bucket) -> str | None:
    return bucket.door_policy or None


@resource(
    "s3",
    arn="{name}",
    scope="partition",
    missing=("NoSuchBucket", "The specified bucket does not exist"),
    exists=("BucketAlreadyExists", "The requested bucket name is not available."),
    indexes=("owner",),
    policy=_bucket_policy,
    owner=lambda bucket: bucket.owner,
)
class Bucket(Record):
    """A bucket and its configuration.

    `settings` holds configuration documents in AWS's own words, by the name of their input member's operation
    (`Cors`, `Lifecycle`, ...). `policy` is what the owner wrote; `door_policy` what the front door evaluates:
    that, and what ACLs and the public access block add to it. `lock` says that object lock is enabled.
    """

    name: str
    owner: str
    region: str
    created: float
    versioning: Versioning = ""
    lock: bool = False
    ownership: str = "BucketOwnerEnforced"
    policy: str = ""
    door_policy: str = ""
    grants: tuple[Grant, ...] = ()
    settings: dict[str, Any] = {}  # noqa: RUF012  (copied by msgspec for each record)


@resource(
    "s3",
    arn="{bucket}/{key}",
    key=("bucket", "key"),
    scope="partition",
    missing=("NoSuchKey", "The specified key does not exist."),
    tagged=False,
)
class Object(Record):
    """The current version of a key, where that is not a delete marker."""

    bucket: str
    key: str
    entry: Entry


def _null_version(version: Version) -> str | None:
    return f"{version.bucket}\x00{version.key}" if version.entry.null else None


@resource(
    "s3",
    arn="{bucket}/{key}",
    key=("place",),
    scope="partition",
    missing=("NoSuchVersion", "The specified version does not exist."),
    indexes={"null": _null_version},
    tagged=False,
)
class Version(Record):
    """A noncurrent version, or a delete marker. Sorts by key, then newest first."""

    bucket: str
    key: str
    entry: Entry

    @property
    def place(self) -> str:
        return f"{self.bucket}\x00{self.key}\x00{self.entry.order}"


@resource(
    "s3",
    arn="{bucket}/{key}",
    key=("place",),
    scope="partition",
    missing=(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may "
        "have been aborted or completed.",
    ),
    tagged=False,
)
class Upload(Record):
    """A multipart upload in progress. `draft` is the object it will be, without bytes."""

    bucket: str
    key: str
    id: str
    started: float
    initiator: str
    draft: Entry
    algorithm: str = ""
    checksum_type: str = ""

    @property
    def place(self) -> str:
        return f"{self.bucket}\x00{self.key}\x00{self.id}"


@resource(
    "s3",
    arn="{bucket}/{upload}",
    key=("upload", "number"),
    scope="partition",
    missing="InvalidPart",
    tagged=False,
)
class Part(Record):
    """One uploaded part; `number` is written with five digits so that parts sort."""

    bucket: str
    upload: str
    number: str
    modified: float
    etag: str
    size: int
    data: bytes = b""
    nonce: bytes = b""
    pieces: tuple[Piece, ...] = ()
    checksums: dict[str, str] = {}  # noqa: RUF012  (copied by msgspec for each record)


@resource("s3", arn="leftover/{id}", scope="partition", missing="InternalError", tagged=False)
class Leftover(Record):
    """Files whose object is gone. They are removed once nobody can be reading them any more."""

    id: str
    since: float
    files: tuple[str, ...]


@resource("s3", arn="key/{id}", scope="partition", missing="InternalError", tagged=False)
class DataKey(Record):
    """The key of SSE-S3, sealed by the root key."""

    id: str
    sealed: bytes


@resource(
    "s3",
    arn="configuration/{place}",
    key=("place",),
    scope="partition",
    missing="NoSuchConfiguration",
    tagged=False,
)
class Configuration(Record):
    """One of a bucket's named configurations (analytics, metrics, inventory, intelligent tiering)."""

    bucket: str
    kind: str
    id: str
    body: dict[str, Any]
    ran: float = 0.0

    @property
    def place(self) -> str:
        return f"{self.bucket}\x00{self.kind}\x00{self.id}"


@resource("s3", arn="notice/{id}", missing="InternalError", tagged=False)
class Notice(Record):
    """An event on its way to one destination."""

    id: str
    bucket: str
    target: str
    kind: Literal["Queue", "Topic", "Lambda"]
    body: str
    since: float


@resource("s3", arn="replica/{id}", missing="InternalError", tagged=False)
class Replica(Record):
    """A version, or a delete marker, on its way to another bucket."""

    id: str
    bucket: str
    key: str
    order: str
    rule: dict[str, Any]
    role: str
    since: float
    attempts: int = 0


@resource(
    "s3",
    arn="annotation/{place}",
    key=("place",),
    scope="partition",
    missing="NoSuchAnnotation",
    tagged=False,
)
class Annotation(Record):
    """A named note on one version of an object."""

    bucket: str
    key: str
    order: str
    name: str
    modified: float
    etag: str
    data: bytes
    nonce: bytes
    size: int
    checksums: dict[str, str] = {}  # noqa: RUF012  (copied by msgspec for each record)

    @property
    def place(self) -> str:
        return f"{self.bucket}\x00{self.key}\x00{self.order}\x00{self.name}"


@resource("s3", arn="sweep/{bucket}", scope="partition", missing="InternalError", tagged=False)
class Sweep(Record):
    """A bucket that is looked over from time to time: lifecycle rules and inventories."""

    bucket: str
    at: str = ""


def bucket_arn(name: str) -> str:
    """The ARN of a bucket."""
    return kind_of(Bucket).arn("", "", {"name": name})


def object_arn(bucket: str, key: str) -> str:
    """The ARN of an object, or with `*` of all in a bucket."""
    return kind_of(Object).arn("", "", {"bucket": bucket, "key": key})
