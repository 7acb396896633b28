"""Which key a request is about: by key id, key ARN, alias name or alias ARN, or by what a ciphertext says.

Sources: KMS Developer Guide, "Key identifiers (KeyId)" and "Using aliases in your applications"; KMS API
reference, Decrypt. The texts of refusals are those that AWS answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from gureum.kernel.faults import Fault
from gureum.kernel.home import Home
from gureum.kernel.operations import Look, Target
from gureum.kernel.principal import Principal
from gureum.kernel.records import kind_of
from gureum.kernel.store import Row
from gureum.services.kms import managed
from gureum.services.kms.crypto.errors import CryptoError, InvalidCiphertext
from gureum.services.kms.crypto.symmetric import read_header
from gureum.services.kms.crypto.tokens import GrantToken
from gureum.services.kms.keyring import refusal
from gureum.services.kms.records import Alias, Key

KEY, ALIAS = kind_of(Key), kind_of(Alias)
_KEY_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|mrk-[0-9a-f]{32}")


def key(action: str, member: str = "KeyId") -> Look:
    """The key in a member that takes a key id or a key ARN."""
    full = f"kms:{action}"

    def look(home: Home, principal: Principal, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
        value: str = req[member]
        if value.startswith("alias/") or ":alias/" in value:
            raise invalid(value)
        _check_tokens(home, req)
        return (named(home, principal, region, value, full),)

    return look


def any_key(action: str, member: str = "KeyId") -> Look:
    """The key in a member that also takes an alias name or an alias ARN."""
    full = f"kms:{action}"

    def look(home: Home, principal: Principal, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
        found = named(home, principal, region, req[member], full)
        _check_tokens(home, req)
        return (found,)

    return look


def ciphertext(action: str, member: str = "KeyId") -> Look:
    """The key in `member`, or the one that CiphertextBlob names."""
    full = f"kms:{action}"

    def look(home: Home, principal: Principal, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
        return (opening(home, principal, region, req, full, member),)

    return look


def opening(
    home: Home, principal: Principal, region: str, req: Mapping[str, Any], action: str, member: str
) -> Target:
    """The key that is to open a request's CiphertextBlob."""
    _check_tokens(home, req)
    if value := req.get(member):
        return named(home, principal, region, value, action)
    blob = req.get("CiphertextBlob")
    if not blob:
        raise Fault("ValidationException", f"{member} is required when no ciphertext is given.")
    try:
        arn = read_header(blob).key_arn
    except CryptoError as error:
        raise refusal(error) from None
    place = KEY.parse(arn)
    if place is None:
        raise refusal(InvalidCiphertext())
    # A multi-Region key's ciphertext is opened by the related key of this Region.
    at = region if place.key.startswith("mrk-") else place.region
    if at != region or _row(home, place.account, at, place.key) is None:
        raise Fault(
            "AccessDeniedException",
            "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
            "or you are not allowed to access.",
            status=400,
        )
    return by_id(action, place.account, at, place.key)


def named(home: Home, principal: Principal, region: str, value: str, action: str) -> Target:
    """The key that an identifier of any form names. NotFoundException where it names none of this account."""
    account = principal.account
    if value.startswith("arn:"):
        account, at, value = _taken_apart(value)
        if at != region:
            raise Fault("NotFoundException", f"Invalid arn {at}")
    if value.startswith("alias/"):
        return _aliased(home, principal, account, region, value, action)
    found = by_id(action, account, region, value)
    # A foreign key that is not there is refused like one that is closed to the caller.
    if account == principal.account and _row(home, account, region, value) is None:
        raise missing(found.arn)
    return found


@lru_cache(maxsize=4096)
def by_id(action: str, account: str, region: str, key_id: str) -> Target:
    """The key of an id, whether it is there or not."""
    if _KEY_ID.fullmatch(key_id) is None:
        raise invalid(key_id)
    return Target(action, KEY.arn(account, region, {"id": key_id}), account, region, KEY, key_id)


def _aliased(home: Home, principal: Principal, account: str, region: str, name: str, action: str) -> Target:
    row = home.store.read(ALIAS, (ALIAS.name, account, region, name))
    if row is None and account == principal.account and managed.may_make(principal, action):
        managed.make(home, account, region, name)
        row = home.store.read(ALIAS, (ALIAS.name, account, region, name))
    if row is None and account != principal.account:  # as for keys: no word on what is there
        return Target(action, ALIAS.arn(account, region, {"name": name}), account, region, None, "")
    if row is None or not isinstance(row.record, Alias):
        raise no_alias(ALIAS.arn(account, region, {"name": name}))
    key_id = row.record.key
    return by_id(action, account, region, key_id)


def _row(home: Home, account: str, region: str, key_id: str) -> Row | None:
    return home.store.read(KEY, (KEY.name, account, region, key_id))


def _taken_apart(arn: str) -> tuple[str, str, str]:
    """Account, Region, and key id or alias name."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[2] != "kms":
        raise Fault("InvalidArnException", f"Invalid arn {arn}")
    name = parts[5]
    if name.startswith("key/"):
        return parts[4], parts[3], name[4:]
    if name.startswith("alias/"):
        return parts[4], parts[3], name
    raise Fault("InvalidArnException", f"Invalid arn {arn}")


def _check_tokens(home: Home, req: Mapping[str, Any]) -> None:
    """Grants hold at once here, so a grant token adds nothing; but one that we did not give is refused."""
    for token in req.get("GrantTokens") or ():
        try:
            GrantToken.decode(home.seal, token)
        except CryptoError as error:
            raise refusal(error) from None


def missing(arn: str) -> Fault:
    return Fault("NotFoundException", f"Key '{arn}' does not exist")


def no_alias(arn: str) -> Fault:
    return Fault("NotFoundException", f"Alias {arn} is not found.")


def invalid(value: str) -> Fault:
    return Fault("NotFoundException", f"Invalid keyId '{value}'")
