"""What IAM keeps of usage: apart from identity, because it changes without any identity changing.

A commit of these must not make the front door forget what it knows of who may do what.
"""

from __future__ import annotations

from gureum.kernel.records import Record, resource


@resource("iam-usage", arn="used/{what}", scope="account", missing="NoSuchEntity", tagged=False)
class Used(Record):
    """When `what` (an access key id; an entity's ARN, a separator and a service) was last used."""

    what: str
    at: float
    region: str
    service: str


@resource(
    "iam-usage", arn="arn:aws:iam::trail/{log}", scope="partition", missing="NoSuchEntity", tagged=False
)
class TrailRead(Record):
    """How far usage has been read from one of the trail's logs."""

    log: str
    position: int


@resource("iam-usage", arn="access-job/{id}", scope="account", missing="NoSuchEntity", tagged=False)
class AccessJob(Record):
    """A GenerateServiceLastAccessedDetails job: done at once, so it holds its answer."""

    id: str
    arn: str
    granularity: str
    made: float
    services: tuple[str, ...]
