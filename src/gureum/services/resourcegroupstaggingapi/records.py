"""The report of an organization's tags."""

from __future__ import annotations

from typing import Literal

from gureum.kernel.records import Record, resource


@resource(
    "resourcegroupstaggingapi",
    arn="arn:aws:tag::{account}:report/{id}",
    key=("id",),
    scope="account",
    missing="InvalidParameterException",
    tagged=False,
)
class Report(Record):
    """The last report that a management account asked for; `id` is always "report"."""

    bucket: str
    organization: str
    started: float
    id: str = "report"
    status: Literal["RUNNING", "SUCCEEDED", "FAILED"] = "RUNNING"
    location: str = ""
    error: str = ""
