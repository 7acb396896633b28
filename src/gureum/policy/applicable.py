"""The statements of all given policies that can decide one action, gathered once and kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from gureum.policy.decision import Layer
from gureum.policy.document import Plan, Policy, Statement

Group = tuple[Layer, tuple[Statement, ...]]
"""Allow statements of which one must be about the request."""


@dataclass(slots=True, frozen=True)
class Applicable:
    """What the policies say about one action.

    - `denying`: every Deny statement, with its layer.
    - `guards`: for each level of RCPs and SCPs, and the endpoint policy, its Allow statements.
    - `granting`: the Allow statements of the resource's policy; `door` is that policy's layer.
    - `own`: those of the identity-based policies; `limits`: those of boundary and session policies.
    - `cacheable`: none of all these statements reads a condition key or variable.

    Groups in which a statement allows without any condition are left out, because they hold nobody back.
    """

    denying: tuple[tuple[Layer, Statement], ...]
    guards: tuple[Group, ...]
    granting: tuple[Statement, ...]
    door: Layer
    own: tuple[Statement, ...]
    limits: tuple[Group, ...]
    has_session: bool
    cacheable: bool


@lru_cache(maxsize=16384)
def applicable(
    action: str,
    identity: tuple[Policy, ...],
    boundary: Policy | None,
    session: tuple[Policy, ...] | None,
    resource: Policy | None,
    endpoint: Policy | None,
    scps: tuple[tuple[Policy, ...], ...],
    rcps: tuple[tuple[Policy, ...], ...],
) -> Applicable:
    """Gather what these policies say about `action`. The order of the layers is that of AWS's flow chart."""
    door: Layer = "trust" if resource is not None and resource.kind == "trust" else "resource"
    guards = [_layer("rcp", level, action) for level in rcps]
    guards += [_layer("scp", level, action) for level in scps]
    if endpoint is not None:
        guards.append(_layer("endpoint", (endpoint,), action))
    theirs = _layer(door, () if resource is None else (resource,), action)
    own = _layer("identity", identity, action)
    limits = [] if boundary is None else [_layer("boundary", (boundary,), action)]
    if session is not None:
        limits.append(_layer("session", session, action))
    layers = [*guards, theirs, own, *limits]
    return Applicable(
        denying=tuple((layer, one) for layer, plans in layers for plan in plans for one in plan.deny),
        guards=tuple(_holding(guards)),
        granting=_allows(theirs[1]),
        door=door,
        own=_allows(own[1]),
        limits=tuple(_holding(limits)),
        has_session=session is not None,
        cacheable=not any(plan.keys for _, plans in layers for plan in plans),
    )


def _layer(layer: Layer, policies: Iterable[Policy], action: str) -> tuple[Layer, list[Plan]]:
    return layer, [policy.for_action(action) for policy in policies]


def _allows(plans: Iterable[Plan]) -> tuple[Statement, ...]:
    return tuple(statement for plan in plans for statement in plan.allow)


def _holding(layers: Iterable[tuple[Layer, list[Plan]]]) -> Iterable[Group]:
    for layer, plans in layers:
        statements = _allows(plans)
        if not any(statement.is_unlimited for statement in statements):
            yield layer, statements
