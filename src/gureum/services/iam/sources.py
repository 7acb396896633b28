"""The policies of a user, group or role, each with where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gureum import policy
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.principal import assumed_role_arn
from gureum.kernel.records import kind_of
from gureum.services.iam import managed
from gureum.services.iam.records import Group, Member, Role, User

Entity = User | Group | Role


class Source(NamedTuple):
    """A policy: what it is called, its text, what kind it is, and on whom it hangs ("" for the entity itself)."""

    name: str
    text: str
    kind: str
    owner: str = ""
    arn: str = ""


def entity(ctx: Context, arn: str) -> Entity:
    """The user, group or role of an ARN. Faults: NoSuchEntity, InvalidInput for another ARN."""
    kinds: tuple[type[User], type[Group], type[Role]] = (User, Group, Role)
    for record in kinds:
        place = kind_of(record).parse(arn)
        if place is not None:
            if place.account != ctx.account:
                break
            return ctx.table(record).need(place.key)
    raise Fault("InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")


def of(ctx: Context, found: Entity) -> list[Source]:
    """All its policies; a user's groups' too."""
    result = list(_own(ctx, found))
    if isinstance(found, User):
        for member in ctx.table(Member).find("user", found.name):
            result += _own(ctx, ctx.table(Group).need(member.group))
    return result


def _own(ctx: Context, found: Entity) -> Iterator[Source]:
    word = type(found).__name__
    for name, text in found.inline.items():
        yield Source(inline_name(word, name, word, found.name), text, word, found.name)
    for arn in found.attached:
        if (document := managed.document(ctx.home.store, arn)) is not None:
            yield Source(arn.rpartition("/")[2], document, word, found.name, arn)


def inline_name(kind: str, policy: str, attached_to: str, owner: str) -> str:
    """What the simulator calls an inline policy."""
    return f"{(attached_to or kind).lower()}_{owner}_{policy}"


def principal(ctx: Context, found: Entity) -> policy.Principal:
    """The entity as a caller; a role as a session of it. Groups call nobody, but may be simulated as a user."""
    arn = ctx.arn(found)
    if isinstance(found, Role):
        session = assumed_role_arn(ctx.account, found.name, "simulated")
        user_id = f"{found.id}:simulated"
        return policy.Principal(
            "session", arn=session, account=ctx.account, user_id=user_id, issuer=arn, tags=ctx.tags.of(arn)
        )
    if isinstance(found, Group):
        return policy.Principal("user", arn=arn, account=ctx.account)
    return policy.Principal("user", arn=arn, account=ctx.account, user_id=found.id, tags=ctx.tags.of(arn))
