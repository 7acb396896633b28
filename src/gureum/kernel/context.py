"""What a handler, reconciler or listener is given: who calls, where, and the world it may reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from gureum.kernel import ids, pages
from gureum.kernel.events import Told
from gureum.kernel.home import Home
from gureum.kernel.message import Request
from gureum.kernel.operations import OPERATIONS, Operations, Target, camel
from gureum.kernel.principal import Principal, service_principal
from gureum.kernel.records import R, Record, kind_of
from gureum.kernel.store import Table, Work
from gureum.kernel.tags import Tags

P = TypeVar("P")


class Context:
    """One call's view of the cloud.

    `account` and `region` are where the work happens: the resource's account where a caller reaches into another's
    (`principal` then tells who calls). `targets` are what the request acts on, as its operation declares.
    """

    __slots__ = (
        "_now",
        "_work",
        "account",
        "endpoint",
        "home",
        "kept",
        "operation",
        "ops",
        "principal",
        "region",
        "request",
        "request_id",
        "response_headers",
        "response_status",
        "source_ip",
        "targets",
        "user_agent",
    )

    def __init__(
        self,
        home: Home,
        ops: Operations,
        operation: str,
        principal: Principal,
        account: str,
        region: str,
        *,
        request_id: str = "",
        targets: Sequence[Target] = (),
        endpoint: str = "",
        source_ip: str = "",
        user_agent: str = "",
        request: Request | None = None,
    ) -> None:
        self.home, self.ops, self.operation = home, ops, operation
        self.principal, self.account, self.region = principal, account, region
        self.request_id, self.targets, self.endpoint = request_id, targets, endpoint
        self.source_ip, self.user_agent = source_ip, user_agent
        self.request = request  # the HTTP request, for the few services whose oddities need it
        self.response_headers: list[tuple[str, str]] = []
        self.kept = False  # answer a reading call, too, only once what it stands on is kept
        self.response_status = 0  # the HTTP status where it is not the model's (206, 304)
        self._work: Work | None = None
        self._now = 0.0

    @property
    def now(self) -> float:
        """The time of this call, in seconds since the epoch; the same throughout it."""
        if not self._now:
            self._now = self.home.clock.now()
        return self._now

    @property
    def work(self) -> Work:
        """The unit of work that this call's reads and writes belong to."""
        if self._work is None:
            self._work = Work(cause=self.request_id)
        return self._work

    def restart(self) -> None:
        """Begin the unit of work anew: what the last one read and wrote is forgotten."""
        self._work = None

    def table(self, record: type[R], *, account: str | None = None, region: str | None = None) -> Table[R]:
        """This kind's records in this account and region, or in others that the caller has been let into."""
        return Table(
            self.home.store,
            self.work,
            kind_of(record),
            self.account if account is None else account,
            self.region if region is None else region,
        )

    def need(self, record: type[R], at: int = 0) -> R:
        """The record that the request names (its `at`-th target), or the kind's declared fault."""
        target = self.targets[at]
        return self._target_table(record, target).need(*target.key.split("\x1f"))

    def target_table(self, record: type[R], at: int = 0) -> Table[R]:
        """The table in which the request's `at`-th target lies."""
        return self._target_table(record, self.targets[at])

    @property
    def tags(self) -> Tags:
        """The tags of resources in this account and region."""
        return Tags(self.home.store, self.work, self.account, self.region)

    def arn(self, record: Record) -> str:
        """The ARN of a record of this account and region."""
        return kind_of(type(record)).arn(self.account, self.region, record)

    def name(self, record: type[Record], value: str) -> str:
        """The key in a member that takes a name or an ARN of this kind."""
        if value.startswith("arn:") and (place := kind_of(record).parse(value)):
            return place.key
        return value

    def new_id(self) -> str:
        """A random UUID."""
        return ids.uuid()

    def tell(self, detail_type: str, detail: dict[str, Any], resources: Sequence[str] = ()) -> None:
        """Tell the world, once this call's work is committed: an EventBridge event of this service."""
        self.work.told.append(
            Told(
                source=f"aws.{self.ops.service}",
                detail_type=detail_type,
                detail=detail,
                account=self.account,
                region=self.region,
                at=self.now,
                resources=tuple(resources),
                id=ids.uuid(),
            )
        )

    def page(
        self, req: Mapping[str, Any], size: int = 100, names: pages.Paginator | None = None
    ) -> pages.Pager:
        """The pager of this operation: at most `size` entries, by its model's paginator or by `names`."""
        if names is None:
            names = pages.paginator(self.ops.service, self.operation)
        return pages.Pager(names, req, size, self.ops.bad_token)

    def require(self, action: str, resource: str, **keys: str) -> None:
        """Let the caller go on only if it may also do this (`iam:PassRole` on a role). Fault: access denied.

        `keys` are further condition keys, `iam__passedtoservice` standing for `iam:PassedToService`.
        """
        self.home.require(self, action, resource, {k.replace("__", ":"): v for k, v in keys.items()})

    def may(self, target: Target, keys: Mapping[str, Any]) -> bool:
        """Whether the caller may do this too, the resource's own policy included (each key of DeleteObjects).

        `keys` are the service's condition keys for it.
        """
        return self.home.may(self, target, keys)

    def engine(self, port: type[P]) -> P:
        """The driver behind a port."""
        return self.home.engine(port)

    def part(self, kind: type[P]) -> P:
        """A part of this cloud that lives in memory (see `Part`)."""
        return self.home.part(kind)

    @property
    def aws(self) -> Services:
        """Other services, through the front door, as this service. Blocking: for handlers and steps in threads."""
        return Services(self, self.home.call)

    @property
    def aio(self) -> Services:
        """The same for async handlers: each call gives an awaitable."""
        return Services(self, self.home.call_async)

    def _target_table(self, record: type[R], target: Target) -> Table[R]:
        return Table(self.home.store, self.work, kind_of(record), target.account, target.region)


class Services:
    """`ctx.aws.sqs.send_message(QueueUrl=...)`: every service as an attribute, every operation as a method.

    Calls go out as the service principal of the calling service, on behalf of the resource in `source_arn`, or,
    with `as_role`, as a session of that role.
    """

    __slots__ = ("_call", "_ctx", "_principal", "_region")

    def __init__(
        self,
        ctx: Context,
        call: Callable[..., Any],
        principal: Principal | None = None,
        region: str | None = None,
    ) -> None:
        self._ctx, self._call = ctx, call
        self._principal = principal or service_principal(ctx.ops.principal, source_account=ctx.account)
        self._region = region or ctx.region

    def as_(self, principal: Principal, region: str | None = None) -> Services:
        """The same, calling as another principal or in another region.

        As the caller of this operation, calls say through which service they come (`kms:ViaService`).
        """
        if principal is self._ctx.principal and principal.kind != "service":
            principal = replace(principal, invoked_by=self._ctx.ops.principal)
        return Services(self._ctx, self._call, principal, region or self._region)

    def for_(self, source_arn: str, region: str | None = None) -> Services:
        """The same, calling on behalf of a resource: what `aws:SourceArn` and `aws:SourceAccount` then say."""
        principal = service_principal(
            self._ctx.ops.principal, source_arn=source_arn, source_account=self._ctx.account
        )
        return Services(self._ctx, self._call, principal, region or self._region)

    def __getattr__(self, service: str) -> _Service:
        return _Service(self, service.rstrip("_").replace("_", "-"))


class _Service:
    __slots__ = ("_name", "_services")

    def __init__(self, services: Services, name: str) -> None:
        self._services, self._name = services, name

    def __getattr__(self, method: str) -> Callable[..., Any]:
        outer, service = self._services, self._name
        ctx = outer._ctx

        def call(**params: Any) -> Any:
            return outer._call(service, camel(method), params, outer._principal, ctx.account, outer._region)

        return call


def for_service(home: Home, service: str, account: str, region: str, cause: str = "") -> Context:
    """A context in which a service works by itself: reconcilers and listeners."""
    ops = OPERATIONS[service]
    principal = service_principal(ops.principal, source_account=account)
    return Context(home, ops, "", principal, account, region, request_id=cause, endpoint=home.endpoint)
