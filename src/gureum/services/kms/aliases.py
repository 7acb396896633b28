"""Aliases: names for keys, which may be moved from key to key.

Source: KMS Developer Guide, "Aliases in AWS KMS"; KMS API reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.home import Home
from gureum.kernel.operations import Look, Target
from gureum.kernel.principal import Principal
from gureum.services.kms import finding, states
from gureum.services.kms.facts import Facts
from gureum.services.kms.finding import ALIAS
from gureum.services.kms.operations import ops
from gureum.services.kms.records import Alias, Key

if TYPE_CHECKING:
    from gureum.api import kms as api

_NAME = re.compile(r"alias/[a-zA-Z0-9/_-]+")
_MOST_PER_KEY = 50


def _and_key(action: str) -> Look:
    """Permission is needed on the key and on the alias (KMS Developer Guide, "Controlling access to aliases")."""

    def look(home: Home, principal: Principal, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
        on_key = finding.named(home, principal, region, req["TargetKeyId"], f"kms:{action}")
        if on_key.account != principal.account:
            raise Fault("NotFoundException", f"Key '{on_key.arn}' does not exist")
        on_alias = _target(principal, region, req, action)
        row = home.store.read(ALIAS, (ALIAS.name, principal.account, region, on_alias.key))
        if action != "UpdateAlias" or row is None or not isinstance(row.record, Alias):
            return (on_key, on_alias)
        # Moving an alias is also a change to the key that it leaves.
        return (on_key, on_alias, finding.by_id(f"kms:{action}", principal.account, region, row.record.key))

    return look


def _target(principal: Principal, region: str, req: Mapping[str, Any], action: str) -> Target:
    name = req["AliasName"]
    arn = ALIAS.arn(principal.account, region, {"name": name})
    return Target(f"kms:{action}", arn, principal.account, region, ALIAS, name)


def _and_its_key(home: Home, principal: Principal, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
    on_alias = _target(principal, region, req, "DeleteAlias")
    if home.store.read(ALIAS, (ALIAS.name, principal.account, region, on_alias.key)) is None:
        raise finding.no_alias(on_alias.arn)
    on_key = finding.named(home, principal, region, on_alias.key, "kms:DeleteAlias")
    return (on_key, on_alias)


def _facts(ctx: Context, req: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    return tuple(Facts(ctx, req, at=at) for at in range(len(ctx.targets)))


@ops.on(Key, "TargetKeyId", "AliasName", look=_and_key("CreateAlias"), keys=_facts)
def create_alias(ctx: Context, req: api.CreateAliasRequest) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html"""
    name = req["AliasName"]
    if not name.startswith("alias/"):
        raise Fault(
            "ValidationException",
            'Alias must start with the prefix "alias/". Please see '
            "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        )
    if name.startswith("alias/aws/"):
        raise Fault("NotAuthorizedException", "", status=400)
    if _NAME.fullmatch(name) is None:
        raise Fault("InvalidAliasNameException", "")
    key, arn = ctx.need(Key), ctx.targets[0].arn
    states.customer_managed(key, arn)
    states.manageable(key, arn)
    table = ctx.table(Alias)
    if table.get(name) is not None:
        raise Fault("AlreadyExistsException", f"An alias with the name {ctx.targets[1].arn} already exists")
    _check_room(ctx, key)
    table.put(Alias(name=name, key=key.id, created=ctx.now, updated=ctx.now))


def _check_room(ctx: Context, key: Key) -> None:
    if sum(1 for _ in ctx.table(Alias).find("key", key.id)) >= _MOST_PER_KEY:
        raise Fault("LimitExceededException", f"A KMS key has at most {_MOST_PER_KEY} aliases.")


@ops.on(Key, "TargetKeyId", "AliasName", look=_and_key("UpdateAlias"), keys=_facts)
def update_alias(ctx: Context, req: api.UpdateAliasRequest) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateAlias.html

    The old and the new key have the same usage and are both symmetric, both asymmetric or both HMAC keys.
    """
    name, table = req["AliasName"], ctx.table(Alias)
    alias = table.get(name)
    if alias is None:
        raise finding.no_alias(ctx.targets[1].arn)
    if name.startswith("alias/aws/"):
        raise Fault("NotAuthorizedException", "", status=400)
    key, arn = ctx.need(Key), ctx.targets[0].arn
    states.manageable(key, arn)
    old = ctx.table(Key).get(alias.key)
    if old is not None and (old.usage != key.usage or _family(old) != _family(key)):
        raise Fault(
            "ValidationException",
            f"Alias {ctx.targets[1].arn} cannot be changed from key usage {old.usage} and key spec {old.spec} to "
            f"key usage {key.usage} and key spec {key.spec}.",
        )
    if alias.key != key.id:
        _check_room(ctx, key)
    table.put(replace(alias, key=key.id, updated=ctx.now))


def _family(key: Key) -> str:
    return key.spec if key.spec == "SYMMETRIC_DEFAULT" else "HMAC" if key.spec.startswith("HMAC") else "pair"


@ops.on(Alias, "AliasName", look=_and_its_key, keys=_facts)
def delete_alias(ctx: Context, req: api.DeleteAliasRequest) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteAlias.html"""
    name = req["AliasName"]
    if name.startswith("alias/aws/"):
        raise Fault("NotAuthorizedException", "", status=400)
    ctx.table(Alias).drop(ctx.need(Alias, 1))


def _listing(home: Home, principal: Principal, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
    """ListAliases is permitted by IAM on `*`, whichever key it names."""
    return (Target("kms:ListAliases", "*", principal.account, region, None, ""),)


@ops.on(Key, "KeyId", look=_listing, keys=Facts)
def list_aliases(ctx: Context, req: api.ListAliasesRequest) -> api.ListAliasesResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListAliases.html"""
    table, index = ctx.table(Alias), None
    if value := req.get("KeyId"):
        target = finding.named(ctx.home, ctx.principal, ctx.region, value, "kms:ListAliases")
        index = ("key", target.key)

    def show(alias: Alias) -> dict[str, Any]:
        return {
            "AliasName": alias.name,
            "AliasArn": table.arn(alias),
            "TargetKeyId": alias.key,
            "CreationDate": alias.created,
            "LastUpdatedDate": alias.updated,
        }

    found = ctx.page(req, 100 if req.get("Limit") else 50).table(table, show, index=index)
    return found  # type: ignore[return-value]
