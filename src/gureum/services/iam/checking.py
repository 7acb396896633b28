"""What IAM refuses of names, paths, documents, tags and counts, in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from gureum import policy
from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import Record, kind_of
from gureum.services.iam import rules
from gureum.services.iam.records import Active, Role, User


def name(text: str, member: str) -> str:
    """A name as it may be. Fault: ValidationError."""
    if not rules.is_name(text):
        raise Fault(
            "ValidationError",
            f"The specified value for {member} is invalid. It must contain only alphanumeric characters and/or "
            "the following: +=,.@_-",
        )
    return text


def path(text: str | None) -> str:
    """A path as it may be, "/" where none is given. Fault: ValidationError."""
    if text is not None and not rules.is_path(text):
        raise Fault(
            "ValidationError",
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
            "characters and/or / characters.",
        )
    return text or "/"


def document(text: str, kind: policy.Kind) -> str:
    """A policy document that holds. Fault: MalformedPolicyDocument with IAM's reason."""
    try:
        policy.parse(text, kind)
    except policy.Malformed as malformed:
        raise Fault("MalformedPolicyDocument", malformed.message) from None
    return text


def trust(ctx: Context, text: str) -> str:
    """A trust policy that holds, trusts nobody of this account who is not there, and is not too long.

    Faults: MalformedPolicyDocument, LimitExceeded.
    """
    if rules.size(document(text, "trust")) > rules.TRUST_SIZE:
        raise exceeded("ACLSizePerRole", rules.TRUST_SIZE)
    for statement in policy.parse(text, "trust").statements:
        for arn in sorted(statement.named.arns) if statement.named is not None else ():
            _check_there(ctx, arn)
    return text


def _check_there(ctx: Context, arn: str) -> None:
    """Fault: MalformedPolicyDocument for a user or role of this account that is not there."""
    for kind in (User, Role):
        place = kind_of(kind).parse(arn)
        if place is None or place.account != ctx.account:
            continue
        found = ctx.table(kind).get(place.key)
        if found is None or ctx.arn(found) != arn:
            raise Fault("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{arn}"')


def managed(text: str) -> str:
    """A managed policy that holds and is not too long. Faults: MalformedPolicyDocument, LimitExceeded."""
    if rules.size(document(text, "identity")) > rules.POLICY_SIZE:
        raise exceeded("PolicySize", rules.POLICY_SIZE)
    return text


def read_tags(given: Any) -> dict[str, str]:
    """Tags of a request, no key twice in any case. Faults: InvalidInput, LimitExceeded."""
    found = tags.read(given)
    if len({key.lower() for key in found}) != len(given or ()):
        raise Fault(
            "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    tags.check(found, "InvalidInput")
    return found


def put_tags(ctx: Context, arn: str, given: Any) -> None:
    """Add tags to a resource. A key that differs from one there only in case replaces it."""
    new = read_tags(given)
    folded = {key.lower() for key in new}
    ctx.tags.remove(arn, [key for key in ctx.tags.of(arn) if key.lower() in folded and key not in new])
    try:
        ctx.tags.put(arn, new, too_many="LimitExceeded")
    except Fault as fault:
        if fault.code != "LimitExceeded":
            raise
        text = "The number of tags has reached the maximum limit."
        raise Fault("LimitExceeded", text) from None


def exceeded(quota: str, most: int) -> Fault:
    return Fault("LimitExceeded", f"Cannot exceed quota for {quota}: {most}")


def room(ctx: Context, record: type[Record], quota: str) -> None:
    """Refuse one more record of a kind than the account may have. Fault: LimitExceeded."""
    most = rules.ACCOUNT_QUOTAS[quota]
    rows = ctx.home.store.scan(kind_of(record), ctx.account, "", limit=most)
    if len(rows) >= most:
        raise exceeded(f"{quota}PerAccount", most)


def unique(ctx: Context, record: type[Record], name: str) -> None:
    """Refuse a name that differs from one there only in case. Fault: the kind's EntityAlreadyExists."""
    for _ in ctx.table(record).find("folded", name.lower()):
        code, text = kind_of(record).exists
        raise Fault(code, text.format(name=name))


def shown_document(text: str) -> str:
    """A document as IAM answers it: percent-encoded (RFC 3986)."""
    return quote(text, safe="-._~")


def status(req: Mapping[str, Any]) -> Active:
    """Active or Inactive. Fault: ValidationError for the model's third state, which AWS alone sets."""
    given: Active = req["Status"]
    if given not in {"Active", "Inactive"}:
        raise Fault("ValidationError", f"Status {given} cannot be set.")
    return given


def whose() -> Fault:
    """Sessions of roles have no user of their own, so they must name one."""
    return Fault("ValidationError", "Must specify userName when calling with non-User credentials")
