"""IAM as the front door sees it: what an access key stands for, and which policies apply to its owner."""

from __future__ import annotations

from gureum.kernel.home import Home
from gureum.kernel.identity import Credential, Granted, UnknownKey
from gureum.kernel.principal import Principal, root_of
from gureum.kernel.records import Record, kind_of, resource
from gureum.kernel.store import Work


@resource("iam", arn="arn:aws:iam::{account}:access-key/{id}", scope="partition", missing="NoSuchEntity", tagged=False)
class AccessKey(Record):
    """A long-lived access key of a user, or (user "") of an account's root. The secret is sealed."""

    id: str
    owner_account: str
    user: str
    secret: bytes
    active: bool = True


class IamIdentities:
    def __init__(self, home: Home) -> None:
        self._home = home

    def credential(self, access_key: str, token: str) -> Credential:
        kind = kind_of(AccessKey)
        row = self._home.store.read(kind, (kind.name, "", "", access_key))
        if row is None:
            raise UnknownKey
        key = row.record
        assert isinstance(key, AccessKey)
        secret = self._home.seal.open(key.secret, "iam", key.id).decode()
        return Credential(secret, root_of(key.owner_account))

    def policies(self, principal: Principal) -> Granted:
        return Granted()


def ensure_root_key(home: Home, account: str, access_key: str, secret: str) -> None:
    kind = kind_of(AccessKey)
    at = (kind.name, "", "", access_key)
    if home.store.read(kind, at) is None:
        work = Work("first start")
        sealed = home.seal.seal(secret.encode(), "iam", access_key)
        work.writes[at] = (kind, AccessKey(id=access_key, owner_account=account, user="", secret=sealed))
        home.store.commit(work)
