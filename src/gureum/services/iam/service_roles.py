"""Service-linked roles: made for one service, trusted by it alone, changed by nobody.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gureum.kernel import documents, ids
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.operations import Target
from gureum.kernel.records import kind_of
from gureum.services.iam import aws_policies, checking, roles
from gureum.services.iam.linked import LINKED
from gureum.services.iam.operations import ops
from gureum.services.iam.records import Deletion, Role

if TYPE_CHECKING:
    from gureum.api import iam as api


def _target(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
    service = str(req["AWSServiceName"])
    fields = {"path": f"/aws-service-role/{service}/", "name": _name(service, req) or "*"}
    arn = kind_of(Role).arn(account, "", fields)
    return (Target("iam:CreateServiceLinkedRole", arn, account, "", None, ""),)


def _name(service: str, req: Mapping[str, Any]) -> str:
    if service not in LINKED:
        return ""
    suffix = req.get("CustomSuffix")
    return f"AWSServiceRoleFor{LINKED[service].name}{f'_{suffix}' if suffix else ''}"


def _keys(ctx: Context, req: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"iam:awsservicename": req["AWSServiceName"]}


@ops.on(targets=_target, keys=_keys)
def create_service_linked_role(
    ctx: Context, req: api.CreateServiceLinkedRoleRequest
) -> api.CreateServiceLinkedRoleResponse:
    service = req["AWSServiceName"]
    linked = LINKED.get(service)
    if linked is None:
        raise Fault("InvalidInput", f"Service {service} does not have a service-linked role.")
    if "CustomSuffix" in req and not linked.suffix:
        raise Fault("InvalidInput", "Custom suffix is not allowed for this service")
    name = checking.name(_name(service, req), "customSuffix")
    if ctx.table(Role).get(name) is not None:
        text = f"Service role name {name} has been taken in this account, please try a different suffix."
        raise Fault("InvalidInput", text)
    role = Role(
        name=name,
        id=ids.unique("AROA"),
        created=ctx.now,
        trust=_trust_of(service),
        path=f"/aws-service-role/{service}/",
        description=req.get("Description", ""),
        attached=tuple(arn for arn in (_policy_arn(linked.policy),) if arn),
        service=service,
    )
    roles.add(ctx, role)
    return {"Role": roles.show(ctx, role, whole=True)}  # type: ignore[typeddict-item]


def _policy_arn(name: str) -> str:
    for arn, policy in aws_policies.everything().items():
        if policy.name == name:
            return arn
    return ""


def _trust_of(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return documents.write({"Version": "2012-10-17", "Statement": [statement]})


@ops.on(Role, "RoleName")
def delete_service_linked_role(
    ctx: Context, req: api.DeleteServiceLinkedRoleRequest
) -> api.DeleteServiceLinkedRoleResponse:
    """The role is gone with this call; the task tells so."""
    role = ctx.need(Role)
    if not role.service:
        raise Fault("InvalidInput", f"Role {role.name} is not a service-linked role.")
    task = f"task{role.path}{role.name}/{ids.uuid()}"
    ctx.table(Deletion).put(Deletion(id=task, role=role.name, role_id=role.id))
    ctx.table(Role).drop(role)
    ctx.tags.forget(ctx.arn(role))
    return {"DeletionTaskId": task}


@ops.on()
def get_service_linked_role_deletion_status(
    ctx: Context, req: api.GetServiceLinkedRoleDeletionStatusRequest
) -> api.GetServiceLinkedRoleDeletionStatusResponse:
    """A recorded deletion has succeeded: it was made in one step."""
    if ctx.table(Deletion).get(req["DeletionTaskId"]) is None:
        raise Fault("NoSuchEntity", f"Deletion task {req['DeletionTaskId']} cannot be found.")
    return {"Status": "SUCCEEDED"}
