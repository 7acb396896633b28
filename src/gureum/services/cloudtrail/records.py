"""Trails, and how far each has delivered."""

from __future__ import annotations

from typing import Any

from gureum.kernel.records import Record, resource


@resource("cloudtrail", arn="trail/{name}", missing=("TrailNotFoundException", "Unknown trail: {name}"))
class Trail(Record):
    """What a trail is asked to record, and where to. `created` is epoch seconds.

    `selectors` and `advanced` hold event selectors as the request had them; at most one is not empty, and where
    both are, every management event is recorded.
    """

    name: str
    created: float
    bucket: str
    prefix: str = ""
    multi_region: bool = False
    global_events: bool = True
    validated: bool = False  # write signed digests
    recursive: bool = True  # record the calls by which files are delivered
    selectors: tuple[dict[str, Any], ...] = ()
    advanced: tuple[dict[str, Any], ...] = ()


@resource("cloudtrail", arn="delivery/{name}", missing="TrailNotFoundException", tagged=False)
class Delivery(Record):
    """How far the trail of this name is delivered. Times are epoch seconds, 0 for never.

    `management` and `data` are positions in the two logs of calls. Calls made while the trail was stopped (from
    `stopped` to `started`) are not delivered.
    """

    name: str
    logging: bool = False
    started: float = 0.0
    stopped: float = 0.0
    drained: bool = True  # nothing from before `stopped` is left to deliver
    management: int = 0
    data: int = 0
    delivered: float = 0.0
    attempted: float = 0.0
    error: str = ""  # of the last attempt, as S3 names it


@resource("cloudtrail", arn="digest/{name}/{source}", missing="TrailNotFoundException", tagged=False)
class Digest(Record):
    """The files of one trail from one region that the next digest is to list. Times are epoch seconds."""

    name: str
    source: str
    start: float
    files: tuple[dict[str, Any], ...] = ()
    previous_bucket: str = ""
    previous_object: str = ""
    previous_hash: str = ""
    previous_signature: str = ""
    delivered: float = 0.0
    error: str = ""


@resource("cloudtrail", arn="signing-key/{fingerprint}", missing="InvalidParameterException", tagged=False)
class SigningKey(Record):
    """The RSA key that signs a region's digests: the public half as PKCS #1 DER, the private one sealed."""

    fingerprint: str
    created: float
    public: bytes
    sealed: bytes
