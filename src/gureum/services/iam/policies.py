"""Managed policies and their versions. https://docs.aws.amazon.com/IAM/latest/APIReference/API_Policy.html"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from gureum.kernel import ids, tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.operations import Find, Target
from gureum.kernel.records import kind_of
from gureum.services.iam import aws_policies, checking, managed, rules
from gureum.services.iam.aws_policies import AwsPolicy
from gureum.services.iam.operations import made, ops
from gureum.services.iam.paging import page
from gureum.services.iam.records import Group, Policy, Role, User, Version

if TYPE_CHECKING:
    from gureum.api import iam as api

_KIND = kind_of(Policy)


def by_arn(action: str) -> Find:
    """The target of an operation on a managed policy: its ARN, which need not be the account's."""

    def find(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
        arn = str(req["PolicyArn"])
        place = _KIND.parse(arn)
        if place is None:
            return (Target(f"iam:{action}", arn, account, "", None, ""),)
        return (Target(f"iam:{action}", arn, place.account, "", _KIND, place.key),)

    return find


class Uses(NamedTuple):
    """How often each policy is attached, and how often it is a boundary, by ARN."""

    attached: Counter[str]
    boundary: Counter[str]


def uses(ctx: Context) -> Uses:
    attached: Counter[str] = Counter()
    boundary: Counter[str] = Counter()
    for entity in entities(ctx):
        attached.update(entity.attached)
        if not isinstance(entity, Group) and entity.boundary:
            boundary[entity.boundary] += 1
    return Uses(attached, boundary)


def entities(ctx: Context) -> Iterator[User | Group | Role]:
    """Everybody to whom a policy can be attached."""
    yield from ctx.table(User).scan()
    yield from ctx.table(Group).scan()
    yield from ctx.table(Role).scan()


def show(ctx: Context, policy: Policy | AwsPolicy, used: Uses, *, whole: bool = False) -> dict[str, Any]:
    """A policy; `whole` with its description and tags, which lists leave out."""
    arn = ctx.arn(policy) if isinstance(policy, Policy) else policy.arn
    shown: dict[str, Any] = {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.default if isinstance(policy, Policy) else policy.version}",
        "AttachmentCount": used.attached[arn],
        "PermissionsBoundaryUsageCount": used.boundary[arn],
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }
    if whole and isinstance(policy, Policy):
        if policy.description:
            shown["Description"] = policy.description
        shown["Tags"] = tags.show(ctx.tags.of(arn))
    return shown


def show_version(policy: Policy | AwsPolicy, number: int, *, whole: bool) -> dict[str, Any]:
    """A version; `whole` with its document. KeyError where the policy has none of this number."""
    if isinstance(policy, AwsPolicy):
        found = {policy.version: Version(policy.version, policy.document, policy.updated)}[number]
        default = policy.version
    else:
        found = {version.number: version for version in policy.versions}[number]
        default = policy.default
    shown: dict[str, Any] = {
        "VersionId": f"v{found.number}",
        "IsDefaultVersion": found.number == default,
        "CreateDate": found.created,
    }
    if whole:
        shown["Document"] = checking.shown_document(found.document)
    return shown


def need(ctx: Context, arn: str) -> Policy | AwsPolicy:
    """The policy of an ARN. Faults: NoSuchEntity, InvalidInput for what is no ARN."""
    if not arn.startswith("arn:"):
        raise Fault("ValidationError", f"ARN {arn} is not valid.")
    found = aws_policies.find(arn) or managed.own(ctx, arn)
    if found is None:
        raise Fault("NoSuchEntity", f"Policy {arn} was not found.")
    return found


def need_own(ctx: Context, arn: str) -> Policy:
    """The account's own policy of an ARN. Faults: NoSuchEntity, AccessDenied for AWS's."""
    found = need(ctx, arn)
    if isinstance(found, AwsPolicy):
        raise Fault("AccessDenied", "Cannot modify an AWS managed policy.", status=403)
    return found


@ops.on(Policy, "PolicyName", targets=made(Policy, "PolicyName", "CreatePolicy"))
def create_policy(ctx: Context, req: api.CreatePolicyRequest) -> api.CreatePolicyResponse:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html"""
    name = checking.name(req["PolicyName"], "policyName")
    checking.unique(ctx, Policy, name)
    checking.room(ctx, Policy, "Policies")
    policy = Policy(
        name=name,
        id=ids.unique("ANPA"),
        created=ctx.now,
        updated=ctx.now,
        versions=(Version(1, checking.managed(req["PolicyDocument"]), ctx.now),),
        path=checking.path(req.get("Path")),
        description=req.get("Description", ""),
    )
    ctx.table(Policy).add(policy)
    checking.put_tags(ctx, ctx.arn(policy), req.get("Tags"))
    return {"Policy": show(ctx, policy, Uses(Counter(), Counter()), whole=True)}  # type: ignore[typeddict-item]


@ops.on(targets=by_arn("GetPolicy"))
def get_policy(ctx: Context, req: api.GetPolicyRequest) -> api.GetPolicyResponse:
    policy = need(ctx, req["PolicyArn"])
    return {"Policy": show(ctx, policy, uses(ctx), whole=True)}  # type: ignore[typeddict-item]


def _every_policy(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
    # IAM names no ARN here but this text, which only "*" matches.
    path = f"policy path {req.get('PathPrefix') or '/'}"
    return (Target("iam:ListPolicies", path, account, "", None, ""),)


@ops.on(targets=_every_policy)
def list_policies(ctx: Context, req: api.ListPoliciesRequest) -> api.ListPoliciesResponse:
    """The account's and AWS's, by name."""
    scope, prefix, used = req.get("Scope", "All"), req.get("PathPrefix", "/"), uses(ctx)
    found: list[tuple[str, Policy | AwsPolicy]] = []
    if scope != "AWS":
        found += [(ctx.arn(policy), policy) for policy in ctx.table(Policy).scan()]
    if scope != "Local":
        found += aws_policies.everything().items()
    as_boundary = req.get("PolicyUsageFilter") == "PermissionsBoundary"
    counts = used.boundary if as_boundary else used.attached
    if req.get("OnlyAttached") or "PolicyUsageFilter" in req:
        found = [(arn, policy) for arn, policy in found if counts[arn]]
    return page(ctx, req, "Policies").items(  # type: ignore[return-value]
        [(arn, policy) for arn, policy in found if policy.path.startswith(prefix)],
        lambda pair: f"{pair[1].name}\0{pair[0]}",
        lambda pair: show(ctx, pair[1], used),
    )


@ops.on(targets=by_arn("DeletePolicy"))
def delete_policy(ctx: Context, req: api.DeletePolicyRequest) -> None:
    """Fault: DeleteConflict while it is attached, a boundary, or has further versions."""
    policy = need_own(ctx, req["PolicyArn"])
    arn, used = ctx.arn(policy), uses(ctx)
    if used.attached[arn] or used.boundary[arn]:
        raise Fault("DeleteConflict", "Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise Fault(
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete the policy's "
            "versions. The default version is deleted with the policy.",
        )
    ctx.table(Policy).drop(policy)
    ctx.tags.forget(arn)


@ops.on(targets=by_arn("CreatePolicyVersion"))
def create_policy_version(
    ctx: Context, req: api.CreatePolicyVersionRequest
) -> api.CreatePolicyVersionResponse:
    policy = need_own(ctx, req["PolicyArn"])
    document = checking.managed(req["PolicyDocument"])
    if len(policy.versions) >= rules.POLICY_VERSIONS:
        raise Fault(
            "LimitExceeded",
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an "
            "existing version.",
        )
    number = policy.last + 1
    changed = replace(
        policy,
        versions=(*policy.versions, Version(number, document, ctx.now)),
        last=number,
        updated=ctx.now,
        default=number if req.get("SetAsDefault") else policy.default,
    )
    ctx.table(Policy).put(changed)
    return {"PolicyVersion": show_version(changed, number, whole=False)}  # type: ignore[typeddict-item]


def _number(policy: Policy | AwsPolicy, req: Mapping[str, Any]) -> int:
    """The version that a request names. Fault: NoSuchEntity, ValidationError."""
    text = str(req["VersionId"])
    number = int(text[1:]) if text[:1] == "v" and text[1:].isdigit() else 0
    if not number:
        raise Fault(
            "ValidationError", f"Value '{text}' at 'versionId' failed to satisfy constraint: v[1-9][0-9]*"
        )
    try:
        show_version(policy, number, whole=False)
    except KeyError:
        arn = req["PolicyArn"]
        raise Fault(
            "NoSuchEntity", f"Policy {arn} version {text} does not exist or is not attachable."
        ) from None
    return number


@ops.on(targets=by_arn("GetPolicyVersion"))
def get_policy_version(ctx: Context, req: api.GetPolicyVersionRequest) -> api.GetPolicyVersionResponse:
    policy = need(ctx, req["PolicyArn"])
    return {"PolicyVersion": show_version(policy, _number(policy, req), whole=True)}  # type: ignore[typeddict-item]


@ops.on(targets=by_arn("ListPolicyVersions"))
def list_policy_versions(ctx: Context, req: api.ListPolicyVersionsRequest) -> api.ListPolicyVersionsResponse:
    """Newest first."""
    policy = need(ctx, req["PolicyArn"])
    numbers = [policy.version] if isinstance(policy, AwsPolicy) else [v.number for v in policy.versions]
    return page(ctx, req, "Versions").items(  # type: ignore[return-value]
        numbers,
        lambda number: f"{10**9 - number:010d}",
        lambda number: show_version(policy, number, whole=False),
    )


@ops.on(targets=by_arn("DeletePolicyVersion"))
def delete_policy_version(ctx: Context, req: api.DeletePolicyVersionRequest) -> None:
    policy = need_own(ctx, req["PolicyArn"])
    number = _number(policy, req)
    if number == policy.default:
        raise Fault("DeleteConflict", "Cannot delete the default version of a policy.")
    left = tuple(version for version in policy.versions if version.number != number)
    ctx.table(Policy).put(replace(policy, versions=left))


@ops.on(targets=by_arn("SetDefaultPolicyVersion"))
def set_default_policy_version(ctx: Context, req: api.SetDefaultPolicyVersionRequest) -> None:
    policy = need_own(ctx, req["PolicyArn"])
    ctx.table(Policy).put(replace(policy, default=_number(policy, req), updated=ctx.now))


@ops.on(targets=by_arn("ListEntitiesForPolicy"))
def list_entities_for_policy(
    ctx: Context, req: api.ListEntitiesForPolicyRequest
) -> api.ListEntitiesForPolicyResponse:
    """Who has it, as a policy, as a boundary, or either."""
    policy = need(ctx, req["PolicyArn"])
    arn = ctx.arn(policy) if isinstance(policy, Policy) else policy.arn
    usage, prefix, wanted = req.get("PolicyUsageFilter"), req.get("PathPrefix", "/"), req.get("EntityFilter")

    def has(entity: User | Group | Role) -> bool:
        bound = not isinstance(entity, Group) and entity.boundary == arn
        permits = arn in entity.attached
        by_use = {"PermissionsPolicy": permits, "PermissionsBoundary": bound}.get(
            usage or "", permits or bound
        )
        return by_use and entity.path.startswith(prefix) and wanted in {None, type(entity).__name__}

    found = [entity for entity in entities(ctx) if has(entity)]
    answer = page(ctx, req, "Entities").items(
        found, lambda entity: f"{type(entity).__name__}/{entity.name}", lambda entity: entity
    )
    shown = answer.pop("Entities")
    for kind, member in ((Group, "PolicyGroups"), (User, "PolicyUsers"), (Role, "PolicyRoles")):
        word = kind.__name__
        answer[member] = [{f"{word}Name": e.name, f"{word}Id": e.id} for e in shown if isinstance(e, kind)]
    return answer  # type: ignore[return-value]
