"""What the front door asks of those who keep identities and organizations; services answer it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from gureum.kernel.principal import Principal

Document = tuple[str, str]
"""A policy: its ARN (or an inline one's name) and its text."""


class UnknownKey(Exception):
    """No such access key, or it is not active."""


class BadToken(Exception):
    """A session token that is not one of ours, or not this key's."""


class ExpiredToken(Exception):
    """A session that is over."""


class Credential(NamedTuple):
    """What an access key stands for. `expires` is epoch seconds, 0 for never."""

    secret: str
    principal: Principal
    expires: float = 0.0


class Granted(NamedTuple):
    """The policies of a principal: of the user and its groups, or of a session's role.

    `session` are those that narrow a session, None where none were passed. `guarded` is False for those whom no
    service control policy limits (service-linked roles). `tags` are the user's or role's own.
    """

    identity: tuple[Document, ...] = ()
    boundary: Document | None = None
    session: tuple[Document, ...] | None = None
    guarded: bool = True
    tags: dict[str, str] = {}  # noqa: RUF012  (a NamedTuple's default, never changed)


class Membership(NamedTuple):
    """An account's place in an organization. `scps` and `rcps` are one group of policies a level, root first."""

    id: str
    management: str
    paths: tuple[str, ...]
    scps: tuple[tuple[Document, ...], ...]
    rcps: tuple[tuple[Document, ...], ...]


class Identities(Protocol):
    """IAM and STS, as the door sees them."""

    def credential(self, access_key: str, token: str) -> Credential:
        """What a key stands for. Raises UnknownKey, BadToken."""

    def policies(self, principal: Principal) -> Granted:
        """The policies that apply to a user, a role's session or a federated user."""


class Organizations(Protocol):
    """AWS Organizations, as the door sees it."""

    def membership(self, account: str) -> Membership | None:
        """An account's place, or None where it is in no organization."""
