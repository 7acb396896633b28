"""One call on its way through the door, and the context in which its handler runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gureum.gateway import wire
from gureum.kernel import ids
from gureum.kernel.context import Context
from gureum.kernel.home import Home
from gureum.kernel.message import Request, Response
from gureum.kernel.models import Model, Operation
from gureum.kernel.operations import Handler, Operations, Target
from gureum.kernel.principal import Principal

REGION = "us-east-1"

Answer = Callable[[Response], None]


class Call:
    """One call on its way through the door."""

    __slots__ = (
        "answer",
        "context",
        "handler",
        "id",
        "model",
        "operation",
        "ops",
        "owner",
        "params",
        "principal",
        "protocol",
        "region",
        "request",
        "started",
        "targets",
    )

    def __init__(self, request: Request | None, answer: Answer | None, started: float) -> None:
        self.request = request
        self.answer = answer
        self.started = started
        self.id = ids.uuid()
        self.protocol: wire.Protocol = "json"
        self.region = REGION
        self.owner = ""
        self.params: dict[str, Any] = {}
        self.targets: Sequence[Target] = ()
        self.principal: Principal
        self.model: Model | None = None
        self.operation: Operation | None = None
        self.ops: Operations
        self.handler: Handler
        self.context: Context | None = None

    @property
    def signed_as_s3(self) -> bool:
        """Whether the service signs, and refuses signatures, as S3 does."""
        return self.model is not None and self.model.metadata.signature_version == "s3"


def context(home: Home, call: Call, account: str) -> Context:
    """The context of a call's handler, in the account where it works."""
    request = call.request
    return Context(
        home,
        call.ops,
        call.handler.operation,
        call.principal,
        account or call.principal.account,
        call.region,
        request_id=call.id,
        targets=call.targets,
        endpoint=_endpoint(request) if request is not None else home.endpoint,
        source_ip=request.peer if request is not None else call.principal.name,
        user_agent=request.headers.get("user-agent", "") if request is not None else call.principal.name,
        request=request,
    )


def _endpoint(request: Request) -> str:
    host = request.headers.get("host", "localhost")
    return f"https://{host}" if request.secure else f"http://{host}"
