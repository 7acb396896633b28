"""Errors as AWS answers them.

A handler raises `Fault(code, message)` with a code from its service's model; the door turns it into the wire
format of the caller's protocol, with the HTTP status that the model gives the code.
"""

from __future__ import annotations

from typing import Any


class Fault(Exception):
    """A refusal in AWS's words.

    `code` is AWS's error code (the model's shape name or its wire code), `message` its text, `status` the HTTP
    status where the model has none to give (default: 400), `extra` further members of the modelled error shape.
    """

    def __init__(self, code: str, message: str = "", /, *, status: int | None = None, **extra: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.extra = code, message, status, extra


class Internal(Fault):
    """Something broke on our side; the message says no more than that, the log says all."""

    def __init__(self) -> None:
        super().__init__(
            "InternalFailure", "The request processing has failed because of an unknown error.", status=500
        )


class Conflict(Exception):
    """A unit of work read what another has since changed: the store runs it again. Never reaches a client."""
