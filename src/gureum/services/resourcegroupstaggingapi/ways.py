"""How each service's own operations tag a resource, read from the services' models.

Most have `TagResource` with an ARN; others call it otherwise, want tags as a map or a list, or know their
resources by name. What the models do not tell stands here as data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from gureum.kernel.models import Model, Shape, load
from gureum.services.resourcegroupstaggingapi.arns import Arn

_PAIRS = (
    ("TagResource", "UntagResource"),
    ("AddTagsToResource", "RemoveTagsFromResource"),
    ("AddTagsToCertificate", "RemoveTagsFromCertificate"),
    ("AddTags", "RemoveTags"),
    ("AddTags", "DeleteTags"),
    ("CreateTags", "DeleteTags"),
    ("TagQueue", "UntagQueue"),
    ("TagDeliveryStream", "UntagDeliveryStream"),
)
_BY_ID = frozenset({"organizations", "ec2", "efs", "emr", "firehose"})
"""Services that name the resource by its id or name rather than by its ARN."""

_IAM = {
    "role": ("TagRole", "UntagRole", "RoleName"),
    "user": ("TagUser", "UntagUser", "UserName"),
    "policy": ("TagPolicy", "UntagPolicy", "PolicyArn"),
    "instance-profile": ("TagInstanceProfile", "UntagInstanceProfile", "InstanceProfileName"),
    "oidc-provider": (
        "TagOpenIDConnectProvider",
        "UntagOpenIDConnectProvider",
        "OpenIDConnectProviderArn",
    ),
    "saml-provider": ("TagSAMLProvider", "UntagSAMLProvider", "SAMLProviderArn"),
    "server-certificate": ("TagServerCertificate", "UntagServerCertificate", "ServerCertificateName"),
    "mfa": ("TagMFADevice", "UntagMFADevice", "SerialNumber"),
}
_SSM = {
    "parameter": "Parameter",
    "document": "Document",
    "maintenancewindow": "MaintenanceWindow",
    "patchbaseline": "PatchBaseline",
    "automation-execution": "Automation",
    "association": "Association",
    "opsitem": "OpsItem",
    "managed-instance": "ManagedInstance",
}


class Way(NamedTuple):
    """A service's two operations, and how their inputs are made: from (ARN, its name, tags or keys)."""

    tag: str
    untag: str
    tagging: Callable[[str, str, Mapping[str, str]], dict[str, Any]]
    untagging: Callable[[str, str, Sequence[str]], dict[str, Any]]


def find(arn: Arn) -> Way | None:
    """How to tag a resource; None where its service has no way that is known."""
    return _find(arn.api, arn.type)


@lru_cache(maxsize=512)
def _find(service: str, kind: str) -> Way | None:
    try:
        model = load(service)
    except Exception:  # the loader's own fault for a name that no service has
        return None
    if service == "ssm":
        return _ssm(_SSM[kind]) if kind in _SSM else None
    if service == "iam":
        return _way(model, *_IAM[kind]) if kind in _IAM else None
    for tag, untag in _PAIRS:
        if tag in model.operations and untag in model.operations:
            return _way(model, tag, untag, "")
    return None


def _way(model: Model, tag: str, untag: str, member: str) -> Way | None:
    given, taken = _members(model, tag), _members(model, untag)
    resource = member or _resource_member(given)
    tags = next(
        (name for name, shape in given.items() if shape.type in ("list", "map") and name != resource), ""
    )
    keys = next((name for name, shape in taken.items() if shape.type == "list" and name != resource), "")
    if not (resource and tags and keys):
        return None
    named, write, forget = (
        _namer(model, given[resource]),
        _writer(model, given[tags]),
        _keys(model, taken[keys]),
    )
    return Way(
        tag,
        untag,
        lambda arn, name, pairs: {resource: named(arn, name), tags: write(pairs)},
        lambda arn, name, names: {resource: named(arn, name), keys: forget(names)},
    )


def _ssm(kind: str) -> Way:
    """Systems Manager wants the type of the resource beside its name."""

    def named(arn: str) -> dict[str, Any]:
        name = arn.split(":", 5)[5].partition("/")[2]
        slash = "/" if kind == "Parameter" and "/" in name else ""  # names in a hierarchy begin with one
        return {"ResourceType": kind, "ResourceId": slash + name}

    return Way(
        "AddTagsToResource",
        "RemoveTagsFromResource",
        lambda arn, _, pairs: {**named(arn), "Tags": [{"Key": k, "Value": v} for k, v in pairs.items()]},
        lambda arn, _, names: {**named(arn), "TagKeys": list(names)},
    )


def _members(model: Model, operation: str) -> dict[str, Shape]:
    shape = model.input(model.operations[operation])
    return model.members_of(shape) if shape is not None else {}


def _resource_member(members: Mapping[str, Shape]) -> str:
    """The member that names the resource: one string, or a list of them."""
    named = [name for name, shape in members.items() if shape.type in ("string", "list")]
    return next((name for name in named if "tag" not in name.lower()), "")


def _namer(model: Model, shape: Shape) -> Callable[[str, str], Any]:
    by_id = model.service in _BY_ID or shape.name.endswith("NameType")
    many = shape.type == "list"

    def named(arn: str, name: str) -> Any:
        value = name if by_id else arn
        return [value] if many else value

    return named


def _writer(model: Model, shape: Shape) -> Callable[[Mapping[str, str]], Any]:
    if shape.type == "map":
        return dict
    key, value = _pair(model, shape)
    return lambda tags: [{key: k, value: v} for k, v in tags.items()]


def _keys(model: Model, shape: Shape) -> Callable[[Sequence[str]], Any]:
    assert shape.member is not None
    if model.resolve(shape.member).type == "string":
        return list
    key, _ = _pair(model, shape)
    return lambda names: [{key: name} for name in names]


def _pair(model: Model, shape: Shape) -> tuple[str, str]:
    assert shape.member is not None
    members = list(model.members_of(model.resolve(shape.member)))
    key = next((name for name in members if name.lower().endswith("key")), "Key")
    value = next((name for name in members if name.lower().endswith("value")), "Value")
    return key, value
