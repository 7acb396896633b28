"""How a call ended: as a response, as a refusal in its protocol's words, and as one event of the trail."""

from __future__ import annotations

import logging
from typing import Any

from gureum.gateway import authenticate, trail, wire
from gureum.gateway.authorise import Denied
from gureum.gateway.call import Call
from gureum.gateway.sigv4 import Unproven
from gureum.kernel import ids
from gureum.kernel.events import Called
from gureum.kernel.faults import Fault, Internal
from gureum.kernel.message import Response

log = logging.getLogger("gureum.door")

_DENIED = {"query": "AccessDenied", "rest-xml": "AccessDenied", "ec2": "UnauthorizedOperation"}
_NO_ROOM = {28, 122}  # ENOSPC, EDQUOT


def response(call: Call, result: Any, problem: Fault | None) -> Response:
    """The response that carries a result or a fault."""
    if problem is None:
        assert call.model is not None and call.operation is not None
        try:
            found = wire.answer(call.protocol, call.model, call.operation, result or {}, call.id)
        except Exception as error:
            problem = as_fault(call, error)
        else:
            if call.context is not None:
                found.headers += call.context.response_headers
                found.status = call.context.response_status or found.status
            return found
    if call.model is None:
        text = f'{{"__type":"{problem.code}","message":"{problem.message}"}}'.encode()
        headers = [("Content-Type", "application/x-amz-json-1.0"), ("x-amzn-RequestId", call.id)]
        return Response(problem.status or 400, headers, text)
    found = wire.fault(call.protocol, call.model, call.operation, problem, call.id)
    if call.context is not None and call.context.response_headers:
        found.headers += call.context.response_headers
    return found


def event(call: Call, result: Any, problem: Fault | None, now: float) -> Called | None:
    """The call as an event of the trail. Calls that proved no identity are counted, not recorded."""
    principal = getattr(call, "principal", None)
    operation = call.operation
    if principal is None or operation is None or call.model is None:
        return None
    handler = call.handler
    hidden = call.ops.hidden
    request = (
        trail.scrubber(call.model, operation, hidden, output=False)(call.params) if call.params else None
    )
    response = None
    if problem is None and not handler.read_only and not handler.data_event and result:
        response = trail.scrubber(call.model, operation, hidden, output=True)(result)
    source = call.request
    return Called(
        ids.uuid(),
        now,
        call.ops.service,
        operation.name,
        principal.account,
        call.region,
        trail.identity(principal),
        source.peer if source is not None else principal.name,
        source.headers.get("user-agent", "") if source is not None else principal.name,
        call.id,
        handler.read_only,
        not handler.data_event,
        request,
        response,
        tuple([target.arn for target in call.targets if target.arn != "*"]),
        (problem.code, problem.message) if problem is not None else None,
        source is not None and source.secure,
        call.owner if call.owner != principal.account else "",
    )


def absent(text: str) -> Fault:
    """The fault of what is not built."""
    return Fault("NotImplemented", f"{text} docs/coverage.md lists what this cloud answers.", status=501)


def denial(denied: Denied, call: Call) -> Fault:
    """The denial with the protocol's own code; callers who proved nothing are told to sign."""
    if denied.principal.kind == "anonymous" and not call.signed_as_s3:
        return authenticate.fault(Unproven("missing", "Missing Authentication Token"), call.protocol)
    code = _DENIED.get(call.protocol, "AccessDeniedException")
    text = denied.message
    if call.protocol == "ec2":
        text = (
            f"You are not authorized to perform this operation. {text}. "
            f"Encoded authorization failure message: {denied.encoded()}"
        )
    return Fault(code, text, status=403)


def as_fault(call: Call, error: BaseException) -> Fault:
    """What a caller may be told of an error; what broke on our side goes into the log."""
    if isinstance(error, Denied):
        return denial(error, call)
    if isinstance(error, Fault):
        return error
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return Fault("ServiceUnavailable", "There is no room left to keep this.", status=503)
    name = f"{call.ops.service}:{call.operation.name}" if call.operation is not None else "a call"
    log.error("%s broke (request %s)", name, call.id, exc_info=error)
    return Internal()


def unkept(call: Call) -> Response:
    """The answer where a change could not be written down."""
    fault = Fault("ServiceUnavailable", "The change could not be kept.", status=503)
    assert call.model is not None
    return wire.fault(call.protocol, call.model, call.operation, fault, call.id)
