"""How a service says which operations it has, and what each acts on.

`ops = Operations("codedeploy")`, then above a handler `@ops.on(Application, "applicationName")`. From this one
line the door knows the IAM action and resource, the trail its resource, and the context its record.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from gureum.kernel.message import Request
from gureum.kernel.records import Kind, Place, Record, kind_of

if TYPE_CHECKING:
    from gureum.kernel.home import Home
    from gureum.kernel.principal import Principal
    from gureum.kernel.store import Store
    from gureum.kernel.visit import Dress, Outside

Mode = Literal["thread", "inline", "async"]
_READING = (
    "Get",
    "List",
    "Describe",
    "Head",
    "Lookup",
    "Search",
    "Select",
    "BatchGet",
    "Simulate",
    "Filter",
    "Test",
)
Fn = TypeVar("Fn", bound=Callable[..., Any])


class Target(NamedTuple):
    """One thing a request acts on: an IAM action on a resource, and where its record lies (kind None: nowhere)."""

    action: str
    arn: str
    account: str
    region: str
    kind: Kind | None
    key: str


Find = Callable[[str, str, Mapping[str, Any]], Sequence[Target]]
"""(account, region, request) → targets."""
Look = Callable[["Home", "Principal", str, Mapping[str, Any]], Sequence[Target]]
"""(home, principal, region, request) → targets, where the request alone does not tell them (KMS's aliases)."""
Keys = Callable[[Any, Mapping[str, Any]], "Mapping[str, Any] | tuple[Mapping[str, Any], ...]"]
"""(context, request) → the service's condition keys: for all targets, or a tuple with those of each."""
By = Callable[[str, str, str], Place]
"""(value, account, region) → place."""


class Handler:
    """One operation's function and what the door must know of it."""

    __slots__ = (
        "action",
        "condition_keys",
        "data_event",
        "fn",
        "live",
        "look",
        "mode",
        "operation",
        "ops",
        "public",
        "read_only",
        "targets",
    )

    def __init__(
        self, ops: Operations, fn: Callable[..., Any], operation: str, targets: Find, action: str
    ) -> None:
        self.ops, self.fn, self.operation, self.targets, self.action = ops, fn, operation, targets, action
        self.mode: Mode = "async" if inspect.iscoroutinefunction(fn) else "thread"
        self.live = False
        self.public = False
        self.data_event = False
        self.read_only = operation.startswith(_READING)
        self.condition_keys: Keys | None = None
        self.look: Look | None = None  # finds the targets instead, by looking them up


class Operations:
    """A service's operations. `iam` is its IAM prefix where that is not its name.

    `invalid` is the code for input that breaks the model's constraints, `bad_token` for a paging token that is
    not one of ours, `principal` the host name under which the service itself calls others. `checks` and `echo`
    say which of the model's constraints the service enforces and how it words them (see `shapes.Rules`).
    `hidden` are members, at any depth, that the trail must not show though the model does not call them sensitive.
    `rewrite` may turn a request into the form that the model knows before it is matched (S3's virtual hosts);
    `outside` answers requests that are no modelled operation (S3's forms and web pages), and `dress` adds to
    answers on their way out (CORS). `meet(principal, handler, request)` may complete a request by who sends it
    (IAM's own user where none is named), or refuse it, before anything else looks at it.
    """

    def __init__(
        self,
        service: str,
        *,
        iam: str | None = None,
        invalid: str = "ValidationException",
        bad_token: str = "",
        principal: str = "",
        checks: frozenset[str] = frozenset({"required", "length", "range", "enum", "pattern"}),
        echo: bool = True,
        hidden: frozenset[str] = frozenset(),
    ) -> None:
        self.service = service
        self.iam = iam or service
        self.invalid = invalid
        self.bad_token = bad_token or invalid
        self.principal = principal or f"{service}.amazonaws.com"
        self.checks = checks
        self.echo = echo
        self.hidden = hidden
        self.rewrite: Callable[[Request], None] | None = None
        self.outside: Outside | None = None
        self.dress: Dress | None = None
        self.meet: Callable[[Principal, Handler, dict[str, Any]], None] | None = None
        self.handlers: dict[str, Handler] = {}
        OPERATIONS[service] = self

    def on(
        self,
        kind: type[Record] | Literal["*"] = "*",
        *members: str,
        by: By | None = None,
        default: str | None = None,
        action: str | None = None,
        targets: Find | None = None,
        look: Look | None = None,
        keys: Keys | None = None,
        data_event: bool = False,
        read_only: bool | None = None,
    ) -> Callable[[Fn], Fn]:
        """Register the operation whose name the function has, in snake_case.

        `kind` and `members` name the resource: the members of the request that hold its key fields, in order, or
        one that holds its name or ARN. `"*"` is for operations that act on no resource of their own. `by` reads a
        place out of a member that is neither (a queue's URL); `default` stands where the member is absent.
        `action` is the IAM action where that is not the operation's name; `targets` decides all by itself;
        `look` does so too, where records must be read for it, and may raise the fault of what is not there.
        `keys(ctx, request)` gives the service's own condition keys, in lower case. `data_event` marks what
        CloudTrail counts as a data event; `read_only` overrides what the operation's name says.
        """

        def register(fn: Fn) -> Fn:
            operation = camel(fn.__name__)
            full = f"{self.iam}:{action or operation}"
            find = targets or _finder(full, kind, members, by, default)
            handler = Handler(self, fn, operation, find, full)
            handler.condition_keys, handler.look = keys, look
            handler.data_event = data_event
            if read_only is not None:
                handler.read_only = read_only
            self.handlers[operation] = handler
            return fn

        return register

    def inline(self, fn: Fn) -> Fn:
        """Run the handler on the event loop: memory only, never waiting. For hot operations."""
        self._handler(fn).mode = "inline"
        return fn

    def live(self, fn: Fn) -> Fn:
        """The handler calls an engine: it runs once and is never replayed."""
        self._handler(fn).live = True
        return fn

    def public(self, fn: Fn) -> Fn:
        """Anybody may call this, unsigned and unasked: sign-in operations such as AssumeRoleWithWebIdentity."""
        self._handler(fn).public = True
        return fn

    def _handler(self, fn: Callable[..., Any]) -> Handler:
        return self.handlers[camel(fn.__name__)]


OPERATIONS: dict[str, Operations] = {}

_ACRONYMS: dict[str, str] = {}


def camel(name: str) -> str:
    """The operation that a handler's name stands for: `create_queue` → `CreateQueue`.

    botocore's names keep acronyms whole (`CreateDBInstance`); `spell` declares those.
    """
    return _ACRONYMS.get(name) or "".join(part[:1].upper() + part[1:] for part in name.rstrip("_").split("_"))


def spell(*operations: str) -> None:
    """Declare operations whose snake_case does not lead back to their name (`ListMFADevices`)."""
    for operation in operations:
        _ACRONYMS[snake(operation)] = operation


def snake(operation: str) -> str:
    """A handler's name: AWS's operation in snake_case (`ListMFADevices` → `list_mfa_devices`)."""
    out: list[str] = []
    for i, char in enumerate(operation):
        upper = char.isupper()
        if upper and i:
            after_lower = not operation[i - 1].isupper()
            before_lower = (
                i + 1 < len(operation) and operation[i + 1].islower() and operation[i - 1].isupper()
            )
            if after_lower or before_lower:
                out.append("_")
        out.append(char.lower())
    return "".join(out)


def settled(store: Store, targets: Sequence[Target]) -> Sequence[Target]:
    """The targets with their records' own ARNs, where a request's names do not tell all of one (IAM's paths)."""
    for target in targets:
        if target.kind is not None and target.kind.partly_named:
            return [_settled(store, each) for each in targets]
    return targets


def _settled(store: Store, target: Target) -> Target:
    kind = target.kind
    if kind is None or not kind.partly_named:
        return target
    row = store.read(kind, (kind.name, target.account, target.region, target.key))
    if row is None:
        return target
    return target._replace(arn=kind.arn(target.account, target.region, row.record))


def _finder(
    action: str,
    record: type[Record] | Literal["*"],
    members: tuple[str, ...],
    by: By | None,
    default: str | None,
) -> Find:
    if record == "*":
        anything = "*"
        return lambda account, region, _req: (Target(action, anything, account, region, None, ""),)
    kind = kind_of(record)
    if len(members) == 1:
        return _one_member(action, kind, members[0], by, default)
    fields = kind.key_fields

    def several(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
        values = [str(req.get(member) or default or "") for member in members]
        place = kind.place(account, region)
        arn = kind.arn(account, region, _named(kind, dict(zip(fields, values, strict=False))))
        return (Target(action, arn, *place, kind, kind.join(*values)),)

    return several


def _one_member(action: str, kind: Kind, member: str, by: By | None, default: str | None) -> Find:
    field = kind.key_fields[0]
    if by is None:

        def by(value: str, account: str, region: str) -> Place:
            if value.startswith("arn:") and (place := kind.parse(value)):
                return place
            return Place(kind, *kind.place(account, region), value)

    read: By = by

    @lru_cache(maxsize=4096)
    def named(value: str, account: str, region: str) -> tuple[Target]:
        if value.startswith("arn:") and (found := kind.parse(value)):
            return (Target(action, value, found.account, found.region, kind, found.key),)
        _, owner, at, key = read(value, account, region)
        parts = key.split("\x1f")
        fields = {field: key} if len(parts) == 1 else dict(zip(kind.key_fields, parts, strict=False))
        arn = kind.arn(owner or account, at or region, _named(kind, fields))
        return (Target(action, arn, owner, at, kind, key),)

    def one(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
        value = req.get(member) or default
        if not isinstance(value, str):
            return (Target(action, "*", account, region, None, ""),)
        return named(value, account, region)

    return one


def _named(kind: Kind, values: Mapping[str, str]) -> Mapping[str, str]:
    # A template may hold more than the key (IAM's path): what a request cannot tell stands as a wildcard's least.
    return {f: values.get(f, "/" if f == "path" else "*") for f in kind.fields}
