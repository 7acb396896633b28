"""Organizations as the front door sees it: an account's place, and the control policies at each level above it."""

from __future__ import annotations

from gureum.kernel.home import Home
from gureum.kernel.identity import Document, Membership
from gureum.kernel.records import R, kind_of
from gureum.kernel.store import Table, Work
from gureum.services.organizations.policy_types import AWS_MANAGED, RCP, SCP
from gureum.services.organizations.records import (
    Account,
    Attachment,
    Organization,
    OrganizationalUnit,
    Policy,
    Root,
)

_KEPT = 10_000
_SHUT: tuple[Document, ...] = ()
"""A level at which nothing is allowed: a closed account's own."""


class OrganizationMemberships:
    """Answers the door (see `gureum.kernel.identity.Organizations`).

    What it found is kept until something of the organization's is committed.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._generation = -1
        self._known: dict[str, Membership | None] = {}

    def membership(self, account: str) -> Membership | None:
        """An account's place, or None where it is in no organization."""
        generation = self._home.store.generation("organizations")
        if generation != self._generation:
            self._known, self._generation = {}, generation
        known = self._known
        if account in known:
            return known[account]
        found = self._look_up(account)
        if len(known) >= _KEPT:
            known.clear()
        known[account] = found
        return found

    def _look_up(self, identifier: str) -> Membership | None:
        account = self._table(Account).get(identifier)
        if account is None or (not account.organization and account.status == "ACTIVE"):
            return None
        if not account.organization:
            return Membership("", "", (), (_SHUT,), (_SHUT,))  # closed, and has left
        organization = self._table(Organization).need(account.organization)
        above, root = self._above(account)
        targets = [*above, account.id]
        scps = self._levels(targets, SCP) if SCP in root.enabled else ()
        rcps = self._levels(targets, RCP) if RCP in root.enabled else ()
        if account.status != "ACTIVE":
            scps, rcps = (*scps, _SHUT), (*rcps, _SHUT)
        path = "/".join([organization.id, *above, ""])
        return Membership(organization.id, organization.management, (path,), scps, rcps)

    def _above(self, account: Account) -> tuple[list[str], Root]:
        """What is above an account, the root first."""
        units, above, parent = self._table(OrganizationalUnit), [], account.parent
        while (unit := units.get(parent)) is not None:
            above.append(unit.id)
            parent = unit.parent
        above.append(parent)
        above.reverse()
        return above, self._table(Root).need(parent)

    def _levels(self, targets: list[str], name: str) -> tuple[tuple[Document, ...], ...]:
        return tuple(self._attached(target, name) for target in targets)

    def _attached(self, target: str, name: str) -> tuple[Document, ...]:
        table = self._table(Policy)
        found: list[Document] = []
        for attachment in self._table(Attachment).find("target", target):
            if attachment.type != name:
                continue
            if (managed := AWS_MANAGED.get(attachment.policy)) is not None:
                found.append((managed.arn, managed.content))
            else:
                policy = table.need(attachment.policy)
                found.append((table.arn(policy), policy.content))
        return tuple(found)

    def _table(self, record: type[R]) -> Table[R]:
        return Table(self._home.store, Work(), kind_of(record), "", "")
