"""Decide a request by all the policies that apply to it.

Sources: IAM User Guide, "Policy evaluation logic", "Policy evaluation for requests within a single account",
"Cross-account policy evaluation logic", "How AWS enforcement code logic evaluates requests to allow or deny
access", "Permissions boundaries"; Organizations User Guide, "SCP evaluation"; KMS Developer Guide, "Default key
policy".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gureum.policy.applicable import Applicable, Group, applicable
from gureum.policy.decision import Decision
from gureum.policy.document import Policy, Statement
from gureum.policy.principals import Grant, Principal
from gureum.policy.variables import Value

ResourceRules = Literal["union", "required"]

_NO_CONTEXT: Mapping[str, Value] = {}
_EVERYTHING = ("*",)
_GUESTS = frozenset(("service", "identity-provider", "anonymous"))
"""Principals that only a resource's policy lets in."""
_WITHOUT_POLICIES = _GUESTS | {"root"}


@dataclass(slots=True, eq=False)
class Request:
    """What is asked: who, which action ("sqs:SendMessage"), on which resources, in which context.

    `resources` are ARNs, all of which must be allowed; an action without a resource has `("*",)`.
    `resource_account` owns them; empty means the caller's own account. `context` maps lower-case condition keys
    to a string or a list of strings; it may compute them when asked, and only keys in `Policy.keys` are asked
    for. Keys that it lacks and that say who the principal is (`aws:PrincipalArn`, `aws:username`,
    `aws:PrincipalTag/...`, ...) come from the principal, and `aws:ResourceAccount` from `resource_account`.
    """

    principal: Principal
    action: str
    resources: Sequence[str] = _EVERYTHING
    resource_account: str = ""
    context: Mapping[str, Value] = field(default_factory=lambda: _NO_CONTEXT)

    def value(self, key: str) -> Value | None:
        """The value of a lower-case condition key, or None."""
        found = self.context.get(key)
        if found is not None:
            return found
        if key == "aws:resourceaccount":
            return self.resource_account or self.principal.account or None
        return self.principal.keys.get(key)


def evaluate(
    request: Request,
    *,
    identity: Sequence[Policy] = (),
    boundary: Policy | None = None,
    session: Sequence[Policy] | None = None,
    resource: Policy | None = None,
    endpoint: Policy | None = None,
    scps: Sequence[tuple[Policy, ...]] = (),
    rcps: Sequence[tuple[Policy, ...]] = (),
    resource_rules: ResourceRules = "union",
) -> Decision:
    """Whether the request is allowed, and what decided.

    - `identity`: the policies of the user and its groups, or of the session's role, or of the user who federated.
    - `session`: the session policies (any of them may allow), None where none were passed. A federated user's
      session without any has no permissions but those that resource policies give it.
    - `resource`: the policy of the resource, or the role's trust policy for sts:AssumeRole*.
    - `endpoint`: the policy of the VPC endpoint that the request came through.
    - `scps` of the principal's account and `rcps` of the resource's account: one tuple for each level from
      the organization's root to the account. Every level must allow. Pass none where they do not apply
      (management account, service-linked roles, service principals).
    - `resource_rules`: "required" where nobody gets in but by the resource's policy (KMS keys, role trust);
      there a policy that names the account lets the account's identity-based policies decide.

    Warm, this takes a microsecond or two; what the policies say about the action is worked out once and kept
    for as long as the same Policy objects are given, so give the ones that `parse` returned.
    Raises ValueError where `resources` is empty.
    """
    rules = applicable(
        request.action,
        tuple(identity),
        boundary,
        session if session is None else tuple(session),
        resource,
        endpoint,
        tuple(scps),
        tuple(rcps),
    )
    required = resource_rules == "required"
    decision = None
    for arn in request.resources:
        decision = _decide(rules, request, arn, required)
        if not decision.allowed:
            return decision
    if decision is None:
        raise ValueError("a request is about at least one resource")
    return decision


def _decide(rules: Applicable, request: Request, arn: str, required: bool) -> Decision:
    """The outcome for one of the resources."""
    who = request.principal
    if rules.denying and (refused := _denied(rules, request, arn)):
        return refused
    if rules.guards and (refused := _held_back(rules.guards, rules, request, arn)):
        return refused
    owner = request.resource_account
    foreign = owner != who.account and bool(owner)
    if rules.granting or foreign or required or who.kind in _WITHOUT_POLICIES:
        return _through_the_door(rules, request, arn, foreign, required)
    return _by_identity(rules, request, arn)


def _by_identity(rules: Applicable, request: Request, arn: str) -> Decision:
    """The outcome on the principal's side: its identity-based policies, limited by boundary and session."""
    mine = _allowing(rules.own, request, arn)
    if mine is None:
        return Decision(False, "identity", False, rules.cacheable, resource=arn)
    return _limited(rules, request, arn) or mine.allowed[rules.cacheable]


def _through_the_door(
    rules: Applicable, request: Request, arn: str, foreign: bool, required: bool
) -> Decision:
    """The outcome where the resource's policy has a say, or the principal has no policies of its own."""
    who = request.principal
    by = _granting(rules.granting, request, arn)
    grant = by.grants(who) if by else Grant.NONE
    if who.kind in _GUESTS:
        return by.allowed[rules.cacheable] if by and grant is Grant.DIRECT else _shut(rules, arn)
    if who.kind == "root":
        if by is None:
            return _shut(rules, arn) if foreign or required else _ROOT[rules.cacheable]
        return by.allowed[rules.cacheable]
    if by is not None and not foreign:
        if grant is Grant.DIRECT:
            return by.allowed[rules.cacheable]
        if grant is Grant.ISSUER:
            return _limited(rules, request, arn) or by.allowed[rules.cacheable]
    own = _by_identity(rules, request, arn)
    return _shut(rules, arn) if own.allowed and by is None and (foreign or required) else own


def _shut(rules: Applicable, arn: str) -> Decision:
    return Decision(False, rules.door, False, rules.cacheable, resource=arn)


_ROOT = (Decision(True, "account-root", False, False), Decision(True, "account-root", False, True))


def _denied(rules: Applicable, request: Request, arn: str) -> Decision | None:
    """The refusal by the first Deny statement that is about this request, in any layer."""
    for layer, one in rules.denying:
        if one.resource is not None and not one.resource(arn):
            continue
        if one.named is not None and not one.named.denies(request.principal):
            continue
        if one.test is None or one.test(request, arn):
            by = (one.policy, one.index, one.sid)
            return Decision(False, layer, True, rules.cacheable, *by, arn)
    return None


def _held_back(groups: Iterable[Group], rules: Applicable, request: Request, arn: str) -> Decision | None:
    """The refusal by the first of these groups in which no statement allows."""
    for layer, statements in groups:
        if _allowing(statements, request, arn) is None:
            return Decision(False, layer, False, rules.cacheable, resource=arn)
    return None


def _limited(rules: Applicable, request: Request, arn: str) -> Decision | None:
    """The refusal by a permissions boundary or by session policies."""
    if rules.limits and (refused := _held_back(rules.limits, rules, request, arn)):
        return refused
    if request.principal.kind == "federated-user" and not rules.has_session:
        return Decision(False, "session", False, rules.cacheable, resource=arn)
    return None


def _allowing(statements: Iterable[Statement], request: Request, arn: str) -> Statement | None:
    """The first Allow statement that is about this request."""
    for one in statements:
        if one.resource is not None and not one.resource(arn):
            continue
        if one.named is not None and not one.named.allows(request.principal):
            continue
        if one.test is None or one.test(request, arn):
            return one
    return None


def _granting(statements: Iterable[Statement], request: Request, arn: str) -> Statement | None:
    """The statement of a resource's policy that grants to the principal most directly."""
    best, by = Grant.NONE, None
    for one in statements:
        grant = one.grants(request.principal)
        if grant > best and one.is_about(request, arn):
            best, by = grant, one
            if grant is Grant.DIRECT:
                break
    return by


def matching(policy: Policy, request: Request, arn: str) -> tuple[Statement, ...]:
    """The statements of one policy that are about this request and resource, in the order of the document.

    What IAM's simulator calls the matched statements; they decide nothing by themselves.
    """
    who = request.principal
    plan = policy.for_action(request.action)
    found = [one for one in plan.deny if one.named is None or one.named.denies(who)]
    found += [one for one in plan.allow if one.grants(who)]
    return tuple(sorted((one for one in found if one.is_about(request, arn)), key=lambda one: one.index))
