"""The port through which STS and IAM read SAML documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol


class Unacceptable(Exception):
    """A document that is no SAML, not signed by the one that it should be, or not whole; the text says which."""


class Metadata(NamedTuple):
    """An identity provider's metadata. `certificates` are DER; `valid_until` is epoch seconds, 0 for none."""

    entity: str
    certificates: tuple[bytes, ...]
    valid_until: float


class Assertion(NamedTuple):
    """What a verified assertion says. Times are epoch seconds, 0 for none; `recipients` are where it may be shown."""

    issuer: str
    subject: str
    subject_type: str
    name_qualifier: str
    audiences: tuple[str, ...]
    recipients: tuple[str, ...]
    not_before: float
    expires: float
    session_expires: float
    attributes: Mapping[str, tuple[str, ...]]


class Fingerprint(NamedTuple):
    """How the driver is: `reason` and `remedy` are for people."""

    driver: str
    state: Literal["healthy", "degraded", "absent"]
    version: str = ""
    reason: str = ""
    remedy: str = ""


class Saml(Protocol):
    """Reads SAML documents. Safe to call from several threads."""

    def metadata(self, document: str) -> Metadata:
        """An identity provider's metadata document. Raises Unacceptable."""

    def assertion(self, response: bytes, certificates: Sequence[bytes]) -> Assertion:
        """The one assertion of a response, signed (itself or the response) by one of these. Raises Unacceptable.

        Only what the signature covers is looked at. Audience, recipient and times are the caller's to judge.
        """

    def fingerprint(self) -> Fingerprint: ...

    def close(self) -> None: ...
