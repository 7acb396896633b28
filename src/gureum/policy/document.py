"""Policies: a document parsed once, and for each action the few statements that can decide it.

`parse(text, kind)` is cheap to call again with the same text. A Policy is immutable but for its plans, which it
fills in as actions are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from gureum.policy import match
from gureum.policy.conditions import Condition
from gureum.policy.decision import Decision, Layer
from gureum.policy.match import Matcher
from gureum.policy.principals import Grant, Named, Principal
from gureum.policy.syntax import Document, Kind, as_list, read
from gureum.policy.variables import Solid, Token, Values, Variable, keys, resolve, tokens

Test = Callable[[Values, str], object]
"""Whether a statement is about a request's context and one resource's ARN."""

_PLANS_KEPT = 4096


@dataclass(slots=True, frozen=True)
class Statement:
    """One compiled statement.

    `actions` are as written; `has_resource` is False where a resource policy leaves Resource out (some services
    allow that) and the statement is then about whatever resource the policy is attached to. `resource` tells
    its resources, `test` all that hangs on the context: policy variables in Resource, and Condition; None
    where that does not limit it. `keys` are the condition keys and variables that it reads.
    `allowed` is the decision to allow, made ready: not cacheable, cacheable.
    """

    policy: str
    index: int
    sid: str
    allow: bool
    actions: tuple[str, ...]
    not_action: bool
    named: Named | None
    has_resource: bool
    resource: Matcher | None
    test: Test | None
    keys: frozenset[str]
    matches_action: Matcher | None
    allowed: tuple[Decision, Decision]

    @property
    def is_unlimited(self) -> bool:
        """Whether it is about every principal, resource and context."""
        everyone = self.named is None or (self.named.everyone and not self.named.inverted)
        return self.resource is None and self.test is None and everyone

    def is_about(self, values: Values, arn: str) -> bool:
        """Whether Resource and Condition include this resource and context."""
        if self.resource is not None and not self.resource(arn):
            return False
        return self.test is None or bool(self.test(values, arn))

    def grants(self, who: Principal) -> Grant:
        """How directly an Allow statement names `who`; a statement without a Principal means everyone."""
        return Grant.DIRECT if self.named is None else self.named.allows(who)

    def covers(self, action: str) -> bool:
        """Whether Action or NotAction includes the action; `action` is lower case."""
        return (self.matches_action is None or bool(self.matches_action(action))) is not self.not_action


@dataclass(slots=True, frozen=True)
class Plan:
    """What one policy says about one action; `keys` are the condition keys and variables that have a say."""

    deny: tuple[Statement, ...]
    allow: tuple[Statement, ...]
    keys: frozenset[str]


class Policy:
    """A parsed policy.

    `name` is its ARN or, for an inline one, its name. `keys` are the condition keys that it reads, lower case,
    variables included: the only ones that a caller need provide.
    """

    __slots__ = ("_plans", "id", "keys", "kind", "name", "statements", "version")

    def __init__(self, kind: Kind, name: str, document: Document) -> None:
        self.kind: Kind = kind
        self.name = name
        self.version = document.version
        self.id = document.id
        self.statements = tuple(
            _statement(name, kind, document, index) for index in range(len(document.statements))
        )
        self.keys = frozenset[str]().union(*(statement.keys for statement in self.statements))
        self._plans: dict[str, Plan] = {}

    def for_action(self, action: str) -> Plan:
        """The statements that can decide `action` ("sqs:SendMessage", in any case)."""
        if (plan := self._plans.get(action)) is None:
            lower = action.lower()
            found = [statement for statement in self.statements if statement.covers(lower)]
            plan = Plan(
                deny=tuple(statement for statement in found if not statement.allow),
                allow=tuple(statement for statement in found if statement.allow),
                keys=frozenset[str]().union(*(statement.keys for statement in found)),
            )
            if len(self._plans) >= _PLANS_KEPT:
                self._plans.clear()
            self._plans[action] = plan
        return plan

    def __repr__(self) -> str:
        return f"Policy({self.kind!r}, {self.name!r}, {len(self.statements)} statements)"


@lru_cache(maxsize=2048)
def parse(text: str, kind: Kind, name: str = "", *, arn_grammar: bool = True) -> Policy:
    """The policy that `text` says, of this kind; `name` is its ARN or name, for the reasons of decisions.

    `arn_grammar=False` takes resource ARNs that IAM would not store, as its simulator does.
    Raises Malformed with IAM's words.
    """
    return Policy(kind, name, read(text, kind, arn_grammar=arn_grammar))


def _statement(policy: str, kind: Kind, document: Document, index: int) -> Statement:
    raw = document.statements[index]
    sid = raw.get("Sid", "")
    actions = tuple(as_list(raw.get("Action", raw.get("NotAction"))))
    variables = document.version == "2012-10-17"
    condition = document.conditions[index]
    inverted = "NotResource" in raw
    given = raw.get("NotResource" if inverted else "Resource")
    patterns = [
        match.by_segment(tokens(text, wildcards=True, variables=variables))
        for text in ([] if given is None else as_list(given))
    ]
    used = frozenset[str]().union(*map(keys, patterns))
    layer: Layer = kind if kind in ("resource", "trust") else "identity"
    return Statement(
        policy=policy,
        index=index,
        sid=sid,
        allow=raw["Effect"] == "Allow",
        actions=actions,
        not_action="NotAction" in raw,
        named=document.principals[index],
        has_resource=given is not None,
        resource=_fixed(patterns, inverted) if patterns and not used else None,
        test=_and(_varying(patterns, inverted) if used else None, condition),
        keys=used.union(condition.keys if condition else ()),
        matches_action=match.any_of(_action(text) for text in actions),
        allowed=(
            Decision(True, layer, True, False, policy, index, sid),
            Decision(True, layer, True, True, policy, index, sid),
        ),
    )


def _action(text: str) -> Matcher | None:
    return match.glob(_solid(tokens(text.lower(), wildcards=True, variables=False)))


def _solid(pattern: tuple[Token, ...]) -> tuple[Solid, ...]:
    return tuple(token for token in pattern if not isinstance(token, Variable))


def _fixed(patterns: list[tuple[Token, ...]], inverted: bool) -> Matcher | None:
    """A matcher for resources without policy variables."""
    matcher = match.any_of(match.glob(_solid(pattern)) for pattern in patterns)
    if not inverted:
        return matcher
    return match.never if matcher is None else lambda arn: not matcher(arn)


def _varying(patterns: list[tuple[Token, ...]], inverted: bool) -> Test:
    """A test for resources with policy variables; where one has no value, its pattern matches nothing.

    A NotResource with such a variable makes the statement void: its exceptions are not known.
    """

    def test_one(values: Values, arn: str) -> bool:
        filled = resolve(patterns[0], values)
        if filled is None:
            return False
        matcher = match.glob(filled)
        return matcher is None or bool(matcher(arn))

    def test(values: Values, arn: str) -> bool:
        filled = [resolve(pattern, values) for pattern in patterns]
        if inverted and None in filled:
            return False
        matchers = [match.glob(pattern) for pattern in filled if pattern is not None]
        return any(matcher is None or matcher(arn) for matcher in matchers) is not inverted

    return test_one if len(patterns) == 1 and not inverted else test


def _and(varying: Test | None, condition: Condition | None) -> Test | None:
    if condition is None:
        return varying
    holds = condition.test
    if varying is None:
        return lambda values, arn: holds(values)
    return lambda values, arn: varying(values, arn) and holds(values)
