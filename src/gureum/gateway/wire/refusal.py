"""A fault against the model: which modelled error it is, and what that means on the wire."""

from __future__ import annotations

from typing import Any, NamedTuple

from gureum.kernel.faults import Fault
from gureum.kernel.models import ErrorModel, Model, Shape


class Refusal(NamedTuple):
    """A fault made ready for writing. `shape` is None where the model does not know the code; `members` are
    the error shape's own (the message among them, under the name that the shape gives it)."""

    error: ErrorModel | None
    shape: Shape | None
    code: str
    query_code: str
    status: int
    sender: bool
    message: str
    members: dict[str, Any]


def refusal(model: Model, fault: Fault) -> Refusal:
    """Look a fault up in the model. The fault's own status wins over the model's."""
    error = model.errors.get(fault.code)
    if error is None:
        status = fault.status or 400
        members = {"message": fault.message, **fault.extra}
        return Refusal(None, None, fault.code, fault.code, status, status < 500, fault.message, members)
    shape = model.shapes[error.shape]
    members = dict(fault.extra)
    name = next((name for name in shape.members or () if name.lower() == "message"), None)
    if name is not None:
        members.setdefault(name, fault.message)
    status = fault.status or error.status
    return Refusal(
        error, shape, error.code, error.query_code, status, not error.fault, fault.message, members
    )
