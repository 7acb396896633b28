"""Ears and short memory of this process: what the engine says has changed, and the sessions that tasks hold."""

from __future__ import annotations

from typing import Any, NamedTuple

from gureum.engines.containers.port import Containers
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.home import Home
from gureum.kernel.principal import Principal, service_principal
from gureum.kernel.records import Key, kind_of
from gureum.kernel.store import Work
from gureum.services.ecs.records import Task

_TASKS = "ecs-tasks.amazonaws.com"
_RENEW_SECONDS = 1200.0  # SDKs ask anew a quarter of an hour before the end


def key_of(name: str) -> Key | None:
    """Where the record of an engine name (`ecs/account/region/cluster/id`) lies."""
    parts = name.split("/")
    if len(parts) != 5 or parts[0] != "ecs":
        return None
    kind = kind_of(Task)
    return kind.name, parts[1], parts[2], kind.join(parts[3], parts[4])


class Watching:
    """Makes tasks due whose containers have changed."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._changed: set[str] = set()
        self._open = True
        home.engine(Containers).watch(self._hear)

    def begin(self, name: str) -> None:
        """A look at a task begins: what was heard of it before is dealt with by it."""
        self._changed.discard(name)

    def changed(self, name: str) -> bool:
        """Whether the engine has spoken of the task since that look began."""
        return name in self._changed

    def _hear(self, name: str) -> None:
        if (key := key_of(name)) is None or not self._open:
            return
        self._changed.add(name)
        work = Work("the engine saw a change")
        work.due[key] = (self._home.clock.now(), 0)
        self._home.store.commit(work)

    def clear(self) -> None:
        """All records are gone: what still runs is ended."""
        self._home.pool.submit(self._end_all)

    def close(self) -> None:
        self._open = False

    def _end_all(self) -> None:
        engine = self._home.engine(Containers)
        for handle in engine.recover():
            if (key := key_of(handle.name)) and self._home.store.read(kind_of(Task), key) is None:
                engine.destroy(handle)


class Session(NamedTuple):
    """A role's session that a task holds: its credentials as STS gave them, and as a caller of services."""

    credentials: dict[str, Any]
    expires: float
    principal: Principal


class Sessions:
    """The sessions of running tasks, by task and role, renewed before they end."""

    def __init__(self, home: Home) -> None:
        self._clock = home.clock
        self._held: dict[tuple[str, str], Session] = {}

    def of(self, ctx: Context, task_arn: str, task_id: str, role: str) -> Session:
        """A session of `role` for a task. Faults: those of AssumeRole."""
        held = self._held.get((task_arn, role))
        if held is not None and held.expires - self._clock.now() > _RENEW_SECONDS:
            return held
        caller = service_principal(_TASKS, source_arn=task_arn, source_account=ctx.account)
        answer = ctx.aws.as_(caller).sts.assume_role(RoleArn=role, RoleSessionName=task_id)
        credentials, who = answer["Credentials"], answer["AssumedRoleUser"]
        session = Session(
            credentials, _seconds(credentials["Expiration"]), _principal(role, task_id, credentials, who)
        )
        self._held[task_arn, role] = session
        return session

    def forget(self, task_arn: str) -> None:
        """The task is over."""
        for key in [key for key in self._held if key[0] == task_arn]:
            del self._held[key]

    def clear(self) -> None:
        self._held.clear()

    def close(self) -> None: ...


def execution(ctx: Context, task_arn: str, task_id: str, role: str) -> Session:
    """A session, or a fault in the words in which a task's end tells that there is none."""
    try:
        return ctx.part(Sessions).of(ctx, task_arn, task_id, role)
    except Fault as fault:
        raise Fault(
            fault.code,
            f"ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the "
            "role being passed has the proper trust relationship and permissions and that your IAM user has "
            f"permissions to pass this role. ({fault.message})",
        ) from fault


def _principal(role: str, session: str, credentials: dict[str, Any], who: dict[str, Any]) -> Principal:
    return Principal(
        kind="role",
        account=role.split(":")[4],
        arn=who["Arn"],
        user_id=who["AssumedRoleId"],
        name=role.rpartition("/")[2],
        access_key=credentials["AccessKeyId"],
        role_arn=role,
        session_name=session,
        expires=_seconds(credentials["Expiration"]),
    )


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float(value.timestamp())
