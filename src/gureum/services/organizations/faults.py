"""Organizations' refusals that carry a reason, and those that several operations share."""

from __future__ import annotations

from gureum.kernel.faults import Fault

DENIED = "You don't have permissions to access this resource."
NOT_IN_USE = "Your account is not a member of an organization."


def denied() -> Fault:
    """The caller's account is not one that may do this, whatever its policies say."""
    return Fault("AccessDeniedException", DENIED)


def not_in_use() -> Fault:
    """The caller's account is in no organization."""
    return Fault("AWSOrganizationsNotInUseException", NOT_IN_USE)


def constraint(reason: str, message: str) -> Fault:
    """A limit or rule of the organization stands against it."""
    return Fault("ConstraintViolationException", message, Reason=reason)


def handshake_constraint(reason: str, message: str) -> Fault:
    """A rule of handshakes stands against it."""
    return Fault("HandshakeConstraintViolationException", message, Reason=reason)


def invalid(reason: str, message: str) -> Fault:
    """The input is not valid."""
    return Fault("InvalidInputException", message, Reason=reason)


def bad_pattern() -> Fault:
    """An identifier or address that has not the form of one."""
    return invalid("INVALID_PATTERN", "You provided a value that does not match the required pattern.")
