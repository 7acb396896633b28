"""What an ARN tells of a resource: whose it is, where, of which service and type. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

_SPLIT = re.compile(r"[:/]")
_PLAIN = {"sqs": "queue", "sns": "topic", "s3": "bucket"}
"""Types of resources whose ARNs hold the name alone."""

_SERVICES = {
    "aoss": "opensearchserverless",
    "aps": "amp",
    "airflow": "mwaa",
    "elasticfilesystem": "efs",
    "elasticloadbalancing": "elbv2",
    "elasticmapreduce": "emr",
    "es": "opensearch",
    "geo": "location",
    "mobiletargeting": "pinpoint",
    "states": "stepfunctions",
}
"""Services whose name in ARNs is not the one that their API goes by."""


class Arn(NamedTuple):
    """An ARN taken apart. `type` is "" where the ARN does not tell it; `id` is its last part."""

    service: str
    region: str
    account: str
    type: str
    id: str

    @property
    def api(self) -> str:
        """The name of the service's API."""
        return _SERVICES.get(self.service, self.service)


def read(arn: str) -> Arn | None:
    """An ARN taken apart, or None for what is none."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
        return None
    _, _, service, region, account, resource = parts
    pieces = _SPLIT.split(resource)
    kind = pieces[0] if len(pieces) > 1 else _PLAIN.get(service, "")
    return Arn(service, region, account, kind, pieces[-1])


def is_of(arn: Arn, wanted: str) -> bool:
    """Whether a resource is of a service (`ec2`) or of a type (`ec2:instance`), as type filters name them."""
    service, _, kind = wanted.partition(":")
    return arn.service == service and (not kind or kind in (arn.type, "ALL_SUPPORTED"))
