"""The condition context of a request: what `aws:...` and a service's own keys say, worked out only when asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gureum.kernel import tags
from gureum.kernel.identity import Membership
from gureum.kernel.message import Request
from gureum.kernel.principal import Principal
from gureum.kernel.store import Store
from gureum.kernel.tags import TAGGED, Tagged

Value = Any


class Facts(Mapping[str, Value]):
    """Lower-case condition keys of one request on one resource."""

    __slots__ = (
        "_extra",
        "_membership",
        "_now",
        "_params",
        "_place",
        "_principal",
        "_region",
        "_request",
        "_store",
        "resource",
    )

    def __init__(
        self,
        request: Request | None,
        principal: Principal,
        region: str,
        params: Mapping[str, Any],
        now: float,
        store: Store,
        membership: Membership | None,
        extra: Mapping[str, Value],
        place: Callable[[str], Membership | None] = lambda _account: None,
    ) -> None:
        self._request, self._principal, self._region, self._params = request, principal, region, params
        self._now, self._store, self._membership, self._extra = now, store, membership, extra
        self._place = place  # an account's place in an organization
        self.resource: tuple[str, str] = ("", "")  # ARN, account

    def __getitem__(self, key: str) -> Value:
        found = self._find(key)
        if found is None:
            raise KeyError(key)
        return found

    def get(self, key: str, default: Value = None) -> Value:
        found = self._find(key)
        return default if found is None else found

    def __iter__(self) -> Iterator[str]:
        yield from self._extra

    def __len__(self) -> int:
        return len(self._extra)

    def _find(self, key: str) -> Value:
        found = self._extra.get(key)
        if found is not None:
            return found
        plain = _PLAIN.get(key)
        if plain is not None:
            return plain(self)
        head, slash, name = key.partition("/")
        if not slash:
            return None
        if head == "aws:resourcetag" or head.endswith(":resourcetag"):
            return _one(self._resource_tags(), name)
        if head == "aws:requesttag":
            return _one(self.request_tags(), name)
        return None

    def request_tags(self) -> dict[str, str]:
        for name in ("Tags", "tags", "TagSet", "TagList", "tagList"):
            if value := self._params.get(name):
                try:
                    return tags.read(value)
                except (TypeError, AttributeError):
                    return {}
        return {}

    def _resource_tags(self) -> dict[str, str]:
        arn, account = self.resource
        parts = arn.split(":", 5)
        if len(parts) < 6:
            return {}
        row = self._store.read(TAGGED, (TAGGED.name, account, parts[3], arn))
        return row.record.tags if row is not None and isinstance(row.record, Tagged) else {}

    def resource_place(self) -> Membership | None:
        return self._place(self.resource[1])

    def source_place(self) -> Membership | None:
        return self._place(self._principal.source_account)

    def source_ip(self) -> str | None:
        return self._request.peer if self._request is not None else None

    def secure(self) -> str:
        return "true" if self._request is None or self._request.secure else "false"

    def header(self, name: str) -> str | None:
        return self._request.headers.get(name) if self._request is not None else None

    def tag_keys(self) -> list[str] | None:
        names = list(self.request_tags())
        for member in ("TagKeys", "tagKeys"):
            if isinstance(listed := self._params.get(member), list):
                names += [str(name) for name in listed]
        return names or None


def _one(found: Mapping[str, str], name: str) -> str | None:
    # Tag keys in policies are compared without regard to case.
    for key, value in found.items():
        if key.lower() == name:
            return value
    return None


def _iso(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


_PLAIN: dict[str, Callable[[Facts], Value]] = {
    "aws:sourceip": Facts.source_ip,
    "aws:securetransport": Facts.secure,
    "aws:currenttime": lambda f: _iso(f._now),
    "aws:epochtime": lambda f: str(int(f._now)),
    "aws:requestedregion": lambda f: f._region,
    "aws:useragent": lambda f: f.header("user-agent"),
    "aws:referer": lambda f: f.header("referer"),
    "aws:tagkeys": Facts.tag_keys,
    "aws:sourcearn": lambda f: f._principal.source_arn or None,
    "aws:sourceaccount": lambda f: f._principal.source_account or None,
    "aws:viaawsservice": lambda f: "true" if f._principal.invoked_by else "false",
    "aws:calledvia": lambda f: [f._principal.invoked_by] if f._principal.invoked_by else None,
    "aws:calledviafirst": lambda f: f._principal.invoked_by or None,
    "aws:calledvialast": lambda f: f._principal.invoked_by or None,
    "aws:multifactorauthpresent": lambda f: (
        ("true" if f._principal.mfa else "false") if f._principal.expires else None
    ),
    "aws:multifactorauthage": lambda f: str(int(f._now - f._principal.issued)) if f._principal.mfa else None,
    "aws:tokenissuetime": lambda f: _iso(f._principal.issued) if f._principal.issued else None,
    "aws:sourceidentity": lambda f: f._principal.source_identity or None,
    "aws:federatedprovider": lambda f: f._principal.federated_provider or None,
    "aws:rolesessionname": lambda f: f._principal.session_name or None,
    "aws:principalorgid": lambda f: f._membership.id if f._membership else None,
    "aws:principalorgpaths": lambda f: list(f._membership.paths) if f._membership else None,
    "aws:principalorgmasteraccountid": lambda f: f._membership.management if f._membership else None,
    "aws:resourceorgid": lambda f: place.id if (place := f.resource_place()) else None,
    "aws:resourceorgpaths": lambda f: list(place.paths) if (place := f.resource_place()) else None,
    "aws:sourceorgid": lambda f: place.id if (place := f.source_place()) else None,
    "aws:sourceorgpaths": lambda f: list(place.paths) if (place := f.source_place()) else None,
}
