"""IAM as the front door sees it: what an access key stands for, and which policies apply to its owner."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from gureum.kernel import documents
from gureum.kernel.home import Home
from gureum.kernel.identity import BadToken, Credential, Document, Granted, UnknownKey
from gureum.kernel.principal import Principal, root_of
from gureum.kernel.records import R, kind_of
from gureum.kernel.store import Table, Work
from gureum.kernel.tags import Tags
from gureum.services.iam import managed, sessions
from gureum.services.iam.records import AccessKey, Group, Member, PasswordPolicy, Role, User

_USER, _ROLE, _KEY = kind_of(User), kind_of(Role), kind_of(AccessKey)
_ROOT_MAY: Document = (
    "root",
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
)
_NOTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'


class IamIdentities:
    """Answers the door (see `gureum.kernel.identity.Identities`)."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def credential(self, access_key: str, token: str) -> Credential:
        """What a key, and a session's token with it, stands for. Raises UnknownKey, BadToken."""
        if token:
            found, parent = sessions.read(self._home.seal, access_key, token)
            if not self._still_there(found.principal, parent):
                raise BadToken
            return found
        key = self._table(AccessKey, "").get(access_key)
        if key is None or not key.active:
            raise UnknownKey
        secret = self._home.seal.open(key.secret, "iam", key.id).decode()
        return Credential(secret, self._owner(key))

    def policies(self, principal: Principal) -> Granted:
        """The policies of a user, a role's session or a federated user; none for those who are gone."""
        if principal.kind == "user":
            return self._of_user(principal, principal.account, principal.name)
        if principal.kind == "role":
            return self._of_role(principal)
        if principal.kind == "federated":
            return self._of_federated(principal)
        return Granted()

    # --- keys
    def _owner(self, key: AccessKey) -> Principal:
        if not key.user:
            return replace(root_of(key.owner_account), access_key=key.id)
        user = self._table(User, key.owner_account).get(key.user)
        if user is None:
            raise UnknownKey
        return Principal(
            kind="user",
            account=key.owner_account,
            arn=_USER.arn(key.owner_account, "", user),
            user_id=user.id,
            name=user.name,
            access_key=key.id,
        )

    def _still_there(self, principal: Principal, parent: str) -> bool:
        """Whether the user behind a session, or the key that asked for it, is still there.

        A role's session lives on when the role is gone, but nothing is allowed to it any more.
        """
        if parent and self._table(AccessKey, "").get(parent) is None:
            return False
        if principal.kind == "user":
            user = self._table(User, principal.account).get(principal.name)
            return user is not None and user.id == principal.user_id
        return True

    # --- policies
    def _of_user(self, principal: Principal, account: str, name: str) -> Granted:
        user = self._table(User, account).get(name)
        if user is None or (principal.kind == "user" and user.id != principal.user_id):
            return Granted()
        found = list(self._of(user))
        for member in self._table(Member, account).find("user", name):
            if (group := self._table(Group, account).get(member.group)) is not None:
                found += self._of(group)
        arn = _USER.arn(account, "", user)
        rules = self._table(PasswordPolicy, account).get("account")
        if rules is not None and rules.users_may_change:
            found.append(("password policy", _own_password(arn)))
        return Granted(
            identity=tuple(found),
            boundary=self._boundary(user.boundary),
            tags=self._tags(arn, account),
        )

    def _of_role(self, principal: Principal) -> Granted:
        role = self._table(Role, principal.account).get(principal.name)
        if role is None or role.id != principal.user_id.partition(":")[0]:
            return Granted()
        return Granted(
            identity=tuple(self._of(role)),
            boundary=self._boundary(role.boundary),
            session=self._session(principal),
            guarded=not role.service,
            tags=self._tags(principal.role_arn, principal.account),
        )

    def _of_federated(self, principal: Principal) -> Granted:
        place = _USER.parse(principal.role_arn)
        session = self._session(principal)
        if place is None:  # root's
            return Granted(identity=(_ROOT_MAY,), session=session)
        return self._of_user(principal, principal.account, place.key)._replace(session=session)

    def _session(self, principal: Principal) -> tuple[Document, ...] | None:
        if not principal.session_policies and not principal.session_policy_arns:
            return None
        found: list[Document] = [("", text) for text in principal.session_policies]
        return (*found, *self._managed(principal.session_policy_arns))

    def _of(self, entity: User | Group | Role) -> Iterator[Document]:
        yield from entity.inline.items()
        yield from self._managed(entity.attached)

    def _managed(self, arns: tuple[str, ...]) -> Iterator[Document]:
        for arn in arns:
            if (text := managed.document(self._home.store, arn)) is not None:
                yield arn, text

    def _boundary(self, arn: str) -> Document | None:
        """A boundary whose policy is gone holds back everything: it can no longer allow anything."""
        if not arn:
            return None
        return arn, managed.document(self._home.store, arn) or _NOTHING

    def _tags(self, arn: str, account: str) -> dict[str, str]:
        return Tags(self._home.store, Work(), account, "").of(arn)

    def _table(self, record: type[R], account: str) -> Table[R]:
        return Table(self._home.store, Work(), kind_of(record), account, "")


def _own_password(arn: str) -> str:
    """What AllowUsersToChangePassword lets every user do.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_enable-user-change.html
    """
    change = {"Effect": "Allow", "Action": "iam:ChangePassword", "Resource": arn}
    look = {"Effect": "Allow", "Action": "iam:GetAccountPasswordPolicy", "Resource": "*"}
    return documents.write({"Version": "2012-10-17", "Statement": [change, look]})


def ensure_root_key(home: Home, account: str, access_key: str, secret: str) -> None:
    """Let this key be an access key of the account's root, unless it is there."""
    at = (_KEY.name, "", "", access_key)
    if home.store.read(_KEY, at) is None:
        work = Work("first start")
        sealed = home.seal.seal(secret.encode(), "iam", access_key)
        key = AccessKey(
            id=access_key, owner_account=account, user="", secret=sealed, created=home.clock.now()
        )
        work.writes[at] = (_KEY, key)
        home.store.commit(work)
