"""AssumeRole. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html

Whether the caller may is decided at the front door: the role's trust policy is the resource's policy there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.operations import Target
from gureum.kernel.principal import Principal, assumed_role_arn
from gureum.kernel.records import kind_of
from gureum.services.iam.records import Role
from gureum.services.sts import codes, issuing
from gureum.services.sts.operations import ops

if TYPE_CHECKING:
    from gureum.api import sts as api

_ROLE = kind_of(Role)
_HOUR = 3600


def targets_of(action: str, *further: str) -> Any:
    """The targets of an operation that assumes a role: the role, once for each action that the request takes."""
    members = {"sts:TagSession": "Tags", "sts:SetSourceIdentity": "SourceIdentity"}

    def find(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
        arn = str(req["RoleArn"])
        if (place := _ROLE.parse(arn)) is None:
            raise Fault("ValidationError", f"{arn} is invalid")
        actions = [action, *(one for one in further if req.get(members[one]))]
        return [Target(one, arn, place.account, "", _ROLE, place.key) for one in actions]

    return find


def _keys(ctx: Context, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """The condition keys of the request. Root is turned away before any policy is asked, and so is a wrong code."""
    if ctx.principal.kind == "root":
        raise Fault("AccessDenied", "Roles may not be assumed by root accounts.", status=403)
    found: dict[str, Any] = {"sts:rolesessionname": req["RoleSessionName"]}
    if "ExternalId" in req:
        found["sts:externalid"] = req["ExternalId"]
    if "SourceIdentity" in req:
        found["sts:sourceidentity"] = req["SourceIdentity"]
    if transitive := req.get("TransitiveTagKeys"):
        found["sts:transitivetagkeys"] = list(transitive)
    if codes.check(ctx, req) is not None:
        found |= {"aws:multifactorauthpresent": "true", "aws:multifactorauthage": "0"}
    return found


@ops.on(
    Role,
    targets=targets_of("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"),
    keys=_keys,
)
def assume_role(ctx: Context, req: api.AssumeRoleRequest) -> api.AssumeRoleResponse:
    role = need_role(ctx, req, "sts:AssumeRole")
    if "ProvidedContexts" in req:
        raise Fault("ValidationError", "No provider of context assertions is known here.")
    caller, identity = ctx.principal, req.get("SourceIdentity", "")
    if caller.source_identity and identity not in {"", caller.source_identity}:
        raise denied(caller, "sts:SetSourceIdentity", req["RoleArn"])
    is_chained = caller.kind in {"role", "federated"}
    seconds = duration(role, req, is_chained=is_chained)
    tags, transitive = issuing.session_tags(caller, req)
    session = role_session(
        ctx,
        role,
        req,
        seconds,
        tags=tags,
        transitive_tag_keys=transitive,
        source_identity=identity or caller.source_identity,
        mfa=codes.spend(ctx, req),
    )
    return answer(ctx, session, req)  # type: ignore[return-value]


def need_role(ctx: Context, req: Mapping[str, Any], action: str) -> Role:
    """The role of a request. Fault: AccessDenied, which is all that AWS tells of one that is not there."""
    target = ctx.targets[0]
    role = ctx.target_table(Role).get(target.key)
    if role is None or _ROLE.arn(target.account, "", role) != req["RoleArn"]:
        raise denied(ctx.principal, action, req["RoleArn"])
    return role


def denied(caller: Principal, action: str, arn: str) -> Fault:
    if caller.kind == "anonymous":
        return Fault("AccessDenied", f"Not authorized to perform {action}", status=403)
    text = f"User: {caller.arn} is not authorized to perform: {action} on resource: {arn}"
    return Fault("AccessDenied", text, status=403)


def duration(role: Role, req: Mapping[str, Any], *, is_chained: bool = False) -> int:
    """How long a session lasts, in seconds. Fault: ValidationError."""
    seconds: int = req.get("DurationSeconds", _HOUR)
    if is_chained and seconds > _HOUR:
        raise Fault(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        )
    if seconds > role.max_session:
        raise Fault(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    return seconds


def role_session(
    ctx: Context, role: Role, req: Mapping[str, Any], seconds: int, *, name: str = "", **more: Any
) -> Principal:
    """A session of a role, narrowed by the request's session policies."""
    account = ctx.targets[0].account
    policies, arns = issuing.session_policies(ctx, req)
    called = name or req["RoleSessionName"]
    return Principal(
        kind="role",
        account=account,
        arn=assumed_role_arn(account, role.name, called),
        user_id=f"{role.id}:{called}",
        name=role.name,
        role_arn=_ROLE.arn(account, "", role),
        session_name=called,
        session_policies=policies,
        session_policy_arns=arns,
        issued=ctx.now,
        expires=float(int(ctx.now) + seconds),
        **more,
    )


def answer(ctx: Context, session: Principal, req: Mapping[str, Any]) -> dict[str, Any]:
    """The members that all answers with a role's session have."""
    found = issuing.hand_out(ctx, session, req)
    found["AssumedRoleUser"] = {"AssumedRoleId": session.user_id, "Arn": session.arn}
    if session.source_identity:
        found["SourceIdentity"] = session.source_identity
    return found
