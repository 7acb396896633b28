"""Access keys of users and of root. https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import ids
from gureum.kernel.context import Context
from gureum.services.iam import checking, rules, usage
from gureum.services.iam.operations import ops
from gureum.services.iam.paging import page
from gureum.services.iam.records import AccessKey, User

if TYPE_CHECKING:
    from gureum.api import iam as api


def owner_of(ctx: Context, req: Mapping[str, Any]) -> str:
    """The user whose keys a request is about; "" for root's own. Faults: NoSuchEntity, ValidationError."""
    if "UserName" in req:
        return ctx.table(User).need(req["UserName"]).name
    if ctx.principal.kind == "root":
        return ""
    raise checking.whose()


def _need(ctx: Context, req: Mapping[str, Any]) -> AccessKey:
    """The key that a request names, if it is that user's. Fault: NoSuchEntity."""
    owner = owner_of(ctx, req)
    table = ctx.table(AccessKey)
    key = table.get(req["AccessKeyId"])
    if key is None or (key.owner_account, key.user) != (ctx.account, owner):
        raise table.missing(req["AccessKeyId"])
    return key


@ops.on(User, "UserName")
def create_access_key(ctx: Context, req: api.CreateAccessKeyRequest) -> api.CreateAccessKeyResponse:
    """The secret is told here and never again."""
    owner = owner_of(ctx, req)
    table = ctx.table(AccessKey)
    if len(list(table.find("owner", f"{ctx.account}/{owner}"))) >= rules.ACCESS_KEYS_PER_USER:
        raise checking.exceeded("AccessKeysPerUser", rules.ACCESS_KEYS_PER_USER)
    name, secret = rules.key_id("AKIA", ctx.account), ids.secret()
    sealed = ctx.home.seal.seal(secret.encode(), "iam", name)
    key = AccessKey(id=name, owner_account=ctx.account, user=owner, secret=sealed, created=ctx.now)
    table.add(key)
    return {
        "AccessKey": {
            "UserName": owner,
            "AccessKeyId": name,
            "Status": "Active",
            "SecretAccessKey": secret,
            "CreateDate": ctx.now,
        }
    }


@ops.on(User, "UserName")
def list_access_keys(ctx: Context, req: api.ListAccessKeysRequest) -> api.ListAccessKeysResponse:
    owner = owner_of(ctx, req)
    return page(ctx, req, "AccessKeyMetadata").table(  # type: ignore[return-value]
        ctx.table(AccessKey), _show, index=("owner", f"{ctx.account}/{owner}")
    )


def _show(key: AccessKey) -> dict[str, Any]:
    return {
        "UserName": key.user,
        "AccessKeyId": key.id,
        "Status": "Active" if key.active else "Inactive",
        "CreateDate": key.created,
    }


@ops.on(User, "UserName")
def update_access_key(ctx: Context, req: api.UpdateAccessKeyRequest) -> None:
    key = _need(ctx, req)
    ctx.table(AccessKey).put(replace(key, active=checking.status(req) == "Active"))


@ops.on(User, "UserName")
def delete_access_key(ctx: Context, req: api.DeleteAccessKeyRequest) -> None:
    ctx.table(AccessKey).drop(_need(ctx, req))


@ops.on()
def get_access_key_last_used(
    ctx: Context, req: api.GetAccessKeyLastUsedRequest
) -> api.GetAccessKeyLastUsedResponse:
    table = ctx.table(AccessKey)
    key = table.get(req["AccessKeyId"])
    if key is None or key.owner_account != ctx.account:
        raise table.missing(req["AccessKeyId"])
    usage.catch_up(ctx)
    used = usage.of(ctx, key.id)
    shown: dict[str, Any] = {"ServiceName": "N/A", "Region": "N/A"}
    if used is not None:
        shown = {"LastUsedDate": used.at, "ServiceName": used.service, "Region": used.region}
    return {"UserName": key.user, "AccessKeyLastUsed": shown}  # type: ignore[typeddict-item]
