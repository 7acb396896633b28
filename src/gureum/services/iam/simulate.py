"""IAM's policy simulator, on the same evaluator as the front door.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gureum import policy
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.iam import managed, positions, sources
from gureum.services.iam.operations import ops
from gureum.services.iam.paging import page
from gureum.services.iam.records import User
from gureum.services.iam.sources import Source

if TYPE_CHECKING:
    from gureum.api import iam as api

_USER = kind_of(User)
_KINDS: dict[str, policy.principals.Kind] = {
    "user": "user",
    "assumed-role": "session",
    "federated-user": "federated-user",
    "root": "root",
}


class Scene(NamedTuple):
    """What a simulation evaluates: the parsed policies with where each comes from, and the caller."""

    identity: Sequence[tuple[policy.Policy, Source]]
    boundary: policy.Policy | None
    resource: tuple[policy.Policy, Source] | None
    scps: tuple[tuple[policy.Policy, ...], ...]
    caller: policy.Principal
    owner: str


def _parse(source: Source, kind: policy.Kind) -> policy.Policy:
    try:
        return policy.parse(source.text, kind, source.name, arn_grammar=False)
    except policy.Malformed as malformed:
        raise Fault("InvalidInput", f"{source.name}: {malformed.message}") from None


def _inputs(texts: Sequence[str], member: str, kind: str) -> list[Source]:
    return [Source(f"{member}.{at}", text, kind) for at, text in enumerate(texts, 1)]


def _caller(arn: str) -> policy.Principal:
    """The principal that an ARN names. Fault: InvalidInput."""
    parts = arn.split(":", 5)
    kind = _KINDS.get(parts[5].partition("/")[0]) if len(parts) == 6 else None
    if kind is None:
        raise Fault(
            "InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name."
        )
    return policy.Principal(kind, arn=arn, account=parts[4])


def _scene(ctx: Context, req: Mapping[str, Any], identity: list[Source], caller: policy.Principal) -> Scene:
    identity += _inputs(req.get("PolicyInputList", ()), "PolicyInputList", "IAM Policy")
    bounds = req.get("PermissionsBoundaryPolicyInputList", ())
    if len(bounds) > 1:
        raise Fault("InvalidInput", "Only one permissions boundary can be given.")
    resource = None
    if "ResourcePolicy" in req:
        source = Source("ResourcePolicy", req["ResourcePolicy"], "Resource Policy")
        resource = (_parse(source, "resource"), source)
    levels = [
        tuple(
            _parse(source, "scp")
            for source in _inputs(
                level.get("ServiceControlPolicyInputList", ()), "ServiceControlPolicyInputList", "SCP"
            )
        )
        for level in req.get("OrderedOrganizationPolicyInputList", ())
    ]
    return Scene(
        identity=[(_parse(source, "identity"), source) for source in identity],
        boundary=_parse(Source("PermissionsBoundaryPolicyInputList.1", bounds[0], ""), "boundary")
        if bounds
        else None,
        resource=resource,
        scps=tuple(levels),
        caller=caller,
        owner=_owner(req) or caller.account,
    )


def _owner(req: Mapping[str, Any]) -> str:
    given = str(req.get("ResourceOwner") or "")
    return given.split(":")[4] if given.startswith("arn:") and given.count(":") > 4 else given


def _context(req: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in req.get("ContextEntries", ()):
        values = entry.get("ContextKeyValues", [])
        is_list = entry.get("ContextKeyType", "string").endswith("List")
        if values and "ContextKeyName" in entry:
            found[entry["ContextKeyName"].lower()] = list(values) if is_list else values[0]
    return found


def _simulate(ctx: Context, req: Mapping[str, Any], scene: Scene) -> Any:
    context = _context(req)
    pairs = [(action, arn) for action in req["ActionNames"] for arn in req.get("ResourceArns") or ["*"]]
    for action, _ in pairs:
        if ":" not in action:
            raise Fault("InvalidInput", f"Invalid action name: {action}")
    numbered = [(f"{at:06d}", action, arn) for at, (action, arn) in enumerate(pairs)]
    return page(ctx, req, "EvaluationResults").items(
        numbered, lambda one: one[0], lambda one: _result(scene, context, one[1], one[2])
    )


def _result(scene: Scene, context: Mapping[str, Any], action: str, arn: str) -> dict[str, Any]:
    request = policy.Request(scene.caller, action, (arn,), scene.owner, context)
    identity = [parsed for parsed, _ in scene.identity]
    resource = scene.resource[0] if scene.resource else None
    decision = policy.evaluate(
        request, identity=identity, boundary=scene.boundary, resource=resource, scps=scene.scps
    )
    word = "allowed" if decision.allowed else "explicitDeny" if decision.explicit else "implicitDeny"
    sources_of = [*scene.identity, *([scene.resource] if scene.resource else [])]
    everyone = [*identity, *([scene.boundary] if scene.boundary else []), *([resource] if resource else [])]
    asked = frozenset[str]().union(*(one.for_action(action).keys for one in everyone))
    result: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": arn,
        "EvalDecision": word,
        "MatchedStatements": [
            _statement(source, statement.index)
            for parsed, source in sources_of
            for statement in policy.matching(parsed, request, arn)
            if statement.allow == decision.allowed or not statement.allow
        ],
        "MissingContextValues": sorted(key for key in asked if request.value(key) is None),
    }
    if scene.boundary is not None:
        alone = policy.evaluate(request, identity=[scene.boundary])
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": alone.allowed}
    if scene.scps:
        result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": decision.layer != "scp"}
    return result


def _statement(source: Source, index: int) -> dict[str, Any]:
    start, end = positions.statements(source.text)[index]
    return {
        "SourcePolicyId": source.name,
        "SourcePolicyType": source.kind,
        "StartPosition": positions.shown(source.text, start),
        "EndPosition": positions.shown(source.text, end),
    }


@ops.on()
def simulate_custom_policy(ctx: Context, req: api.SimulateCustomPolicyRequest) -> api.SimulatePolicyResponse:
    if "ResourcePolicy" in req and "CallerArn" not in req:
        raise Fault("InvalidInput", "CallerArn is required when a resource policy is given.")
    caller = _caller(req.get("CallerArn") or _USER.arn(ctx.account, "", {"path": "/", "name": "simulated"}))
    answer: api.SimulatePolicyResponse = _simulate(ctx, req, _scene(ctx, req, [], caller))
    return answer


def _is_excluded(source: Source, by: Mapping[str, Any]) -> bool:
    """Whether an entry of PolicyExclusionList means this policy."""
    if "PolicyArn" in by:
        return bool(source.arn == by["PolicyArn"])
    inline = by.get("InlinePolicyIdentifier", {})
    named = (inline.get("PolicyName", ""), inline.get("AttachmentType", ""), inline.get("AttachmentName", ""))
    return not source.arn and source.name == sources.inline_name(source.kind, *named)


@ops.on()
def simulate_principal_policy(
    ctx: Context, req: api.SimulatePrincipalPolicyRequest
) -> api.SimulatePolicyResponse:
    """All policies of a user (its groups' too), group or role; the boundary too, unless another is given."""
    entity = sources.entity(ctx, req["PolicySourceArn"])
    found = sources.of(ctx, entity)
    excluded = req.get("PolicyExclusionList", ())
    found = [one for one in found if not any(_is_excluded(one, by) for by in excluded)]
    caller = _caller(req["CallerArn"]) if "CallerArn" in req else sources.principal(ctx, entity)
    scene = _scene(ctx, req, found, caller)
    boundary = getattr(entity, "boundary", "")
    if boundary and "PermissionsBoundaryPolicyInputList" not in req:
        text = managed.document(ctx.home.store, boundary)
        assert text is not None
        scene = scene._replace(boundary=_parse(Source(boundary, text, ""), "boundary"))
    answer: api.SimulatePolicyResponse = _simulate(ctx, req, scene)
    return answer


def _keys(found: Sequence[Source]) -> list[str]:
    """The context keys that documents read, spelled as they spell them."""
    keys: dict[str, str] = {}
    for source in found:
        for key in _parse(source, "identity").keys:
            spelled = re.search(re.escape(key), source.text, re.IGNORECASE)
            keys.setdefault(key, spelled.group() if spelled else key)
    return sorted(keys.values())


@ops.on()
def get_context_keys_for_custom_policy(
    ctx: Context, req: api.GetContextKeysForCustomPolicyRequest
) -> api.GetContextKeysForPolicyResponse:
    return {"ContextKeyNames": _keys(_inputs(req["PolicyInputList"], "PolicyInputList", ""))}


@ops.on()
def get_context_keys_for_principal_policy(
    ctx: Context, req: api.GetContextKeysForPrincipalPolicyRequest
) -> api.GetContextKeysForPolicyResponse:
    found = sources.of(ctx, sources.entity(ctx, req["PolicySourceArn"]))
    return {"ContextKeyNames": _keys(found + _inputs(req.get("PolicyInputList", ()), "PolicyInputList", ""))}
