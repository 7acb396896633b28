"""Whether a caller may do what a request asks: every policy that applies, gathered and evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gureum import policy
from gureum.gateway.facts import Facts
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.home import Home
from gureum.kernel.identity import Document, Identities, Membership, Organizations
from gureum.kernel.message import Request
from gureum.kernel.operations import Handler, Target
from gureum.kernel.principal import Principal
from gureum.kernel.records import Record
from gureum.kernel.refusals import encode as encode_refusal
from gureum.kernel.seal import Seal

_KINDS: dict[str, policy.principals.Kind] = {
    "root": "root",
    "user": "user",
    "role": "session",
    "federated": "federated-user",
    "service": "service",
    "anonymous": "anonymous",
}
_CALLERS_KEPT = 5_000
_DECISIONS_KEPT = 5_000
_IDENTITY_SERVICES = ("iam", "organizations")


class _Caller:
    """A principal with its policies parsed, and decisions that hang on nothing else."""

    __slots__ = ("boundary", "decisions", "identity", "membership", "principal", "scps", "session", "who")

    def __init__(self, principal: Principal, identities: Identities, membership: Membership | None) -> None:
        granted = identities.policies(principal)
        self.principal = principal
        self.membership = membership
        self.who = policy.Principal(
            _KINDS[principal.kind],
            arn=principal.arn if principal.kind != "anonymous" else "",
            account=principal.account if principal.kind not in {"service", "anonymous"} else "",
            user_id=principal.user_id,
            issuer=principal.role_arn,
            tags={**granted.tags, **principal.tags},
        )
        self.identity = _parsed(granted.identity, "identity")
        self.boundary = _parsed((granted.boundary,), "boundary")[0] if granted.boundary else None
        self.session = None if granted.session is None else _parsed(granted.session, "session")
        guarded = granted.guarded and membership is not None and membership.management != principal.account
        levels = membership.scps if guarded and membership is not None else ()
        self.scps = tuple(_parsed(level, "scp") for level in levels)
        self.decisions: dict[tuple[str, str, str, str | None], policy.Decision] = {}


class Authoriser:
    """Decides requests. What it keeps is dropped whenever an identity, a role or an organization changes."""

    def __init__(self, home: Home, identities: Identities, organizations: Organizations | None) -> None:
        self._home = home
        self._identities = identities
        self._organizations = organizations
        self._callers: dict[Principal | int, _Caller] = {}
        self._rcps: dict[str, tuple[tuple[policy.Policy, ...], ...]] = {}
        self._generation: tuple[int, ...] = ()

    def check(
        self,
        principal: Principal,
        handler: Handler,
        targets: Sequence[Target],
        request: Request | None,
        params: Mapping[str, Any],
        region: str,
        extra: Mapping[str, Any] | tuple[Mapping[str, Any], ...],
    ) -> str:
        """Let the request through, or raise the denial in AWS's words. The account that owns the resource."""
        caller = self._caller(principal)
        facts: Facts | None = None
        owner = principal.account
        for at, target in enumerate(targets):
            account, text, rules = self._resource(target, principal.account)
            if at == 0:
                owner = account
            key = (target.action, target.arn, account, text)
            decision = caller.decisions.get(key)
            if decision is None:
                if facts is None or isinstance(extra, tuple):
                    now = self._home.clock.now()
                    keys = extra[at] if isinstance(extra, tuple) else extra
                    facts = Facts(
                        request,
                        principal,
                        region,
                        params,
                        now,
                        self._home.store,
                        caller.membership,
                        keys,
                        self._membership,
                    )
                facts.resource = (target.arn, account)
                decision = self._decide(caller, target, account, text, rules, facts)
                if decision.cacheable:
                    if len(caller.decisions) >= _DECISIONS_KEPT:
                        caller.decisions.clear()
                    caller.decisions[key] = decision
            if not decision.allowed:
                raise Denied(decision, principal, target.action, self._home.seal)
        return owner

    def require(self, ctx: Context, action: str, resource: str, extra: Mapping[str, str]) -> None:
        """See `Context.require`."""
        caller = self._caller(ctx.principal)
        parts = resource.split(":", 5)
        account = parts[4] if len(parts) > 5 and parts[4] else ctx.account
        facts = Facts(
            None,
            ctx.principal,
            ctx.region,
            {},
            ctx.now,
            self._home.store,
            caller.membership,
            {k.lower(): v for k, v in extra.items()},
            self._membership,
        )
        facts.resource = (resource, account)
        target = Target(action, resource, account, ctx.region, None, "")
        decision = self._decide(caller, target, account, None, "union", facts)
        if not decision.allowed:
            raise Denied(decision, ctx.principal, action, self._home.seal)

    def may(self, ctx: Context, target: Target, keys: Mapping[str, Any]) -> bool:
        """See `Context.may`."""
        caller = self._caller(ctx.principal)
        account, text, rules = self._resource(target, ctx.principal.account)
        facts = Facts(
            ctx.request,
            ctx.principal,
            ctx.region,
            {},
            ctx.now,
            self._home.store,
            caller.membership,
            keys,
            self._membership,
        )
        facts.resource = (target.arn, account)
        return self._decide(caller, target, account, text, rules, facts).allowed

    def _decide(
        self, caller: _Caller, target: Target, account: str, text: str | None, rules: str, facts: Facts
    ) -> policy.Decision:
        asked = policy.Request(caller.who, target.action, (target.arn,), account, facts)
        kind: policy.Kind = "trust" if rules == "trust" else "resource"
        resource = policy.parse(text, kind, target.arn) if text else None
        return policy.evaluate(
            asked,
            identity=caller.identity,
            boundary=caller.boundary,
            session=caller.session,
            resource=resource,
            scps=caller.scps,
            rcps=self._resource_guards(account) if caller.who.kind != "service" else (),
            resource_rules="union" if rules == "union" else "required",
        )

    def _caller(self, principal: Principal) -> _Caller:
        store = self._home.store
        generation = tuple([store.generation(service) for service in _IDENTITY_SERVICES])
        if generation != self._generation:
            self._callers.clear()
            self._rcps.clear()
            self._generation = generation
        # By identity first: the authenticator hands out the same object for the same key.
        caller = self._callers.get(id(principal))
        if caller is not None and caller.principal is principal:
            return caller
        membership = self._membership(principal.account)
        caller = _Caller(principal, self._identities, membership)
        if len(self._callers) >= _CALLERS_KEPT:
            self._callers.clear()
        self._callers[id(principal)] = caller
        return caller

    def _membership(self, account: str) -> Membership | None:
        return self._organizations.membership(account) if self._organizations and account else None

    def _resource_guards(self, account: str) -> tuple[tuple[policy.Policy, ...], ...]:
        found = self._rcps.get(account)
        if found is None:
            place = self._membership(account)
            levels = place.rcps if place is not None and place.management != account else ()
            found = self._rcps[account] = tuple(_parsed(level, "rcp") for level in levels)
        return found

    def _resource(self, target: Target, caller: str) -> tuple[str, str | None, str]:
        """The account that a target belongs to, its resource policy and how that counts."""
        kind = target.kind
        if kind is None or (kind.policy is None and kind.owner is None):
            return target.account or caller, None, "union"
        if kind.policy_rules == "trust" and not target.action.startswith("sts:"):
            return target.account or caller, None, "union"  # a trust policy says who may be the role, no more
        row = self._home.store.read(kind, (kind.name, target.account, target.region, target.key))
        if row is None:
            return target.account or caller, None, "union"
        record: Record = row.record
        owner = kind.owner(record) if kind.owner is not None else target.account
        return owner, kind.policy(record) if kind.policy is not None else None, kind.policy_rules


class Denied(Fault):
    """Access denied: the decision, in AWS's words. The door gives it the code of the protocol."""

    def __init__(self, decision: policy.Decision, principal: Principal, action: str, seal: Seal) -> None:
        super().__init__("AccessDeniedException", decision.message(principal.arn, action), status=403)
        self.decision, self.principal, self.action = decision, principal, action
        self._seal = seal

    def encoded(self) -> str:
        """The whole decision, sealed for STS's DecodeAuthorizationMessage: what EC2 adds to its refusals."""
        return encode_refusal(self._seal, self.decision, self.principal, self.action)


def _parsed(documents: Sequence[Document], kind: policy.Kind) -> tuple[policy.Policy, ...]:
    # Some of AWS's own policies have resources that IAM would not store of others.
    return tuple(policy.parse(text, kind, name, arn_grammar=False) for name, text in documents)
