"""The cloud's one log, of three kinds of event, and those who listen to it.

`Called` is written by the front door for every request, `Changed` by the store with every commit, `Told` by a
service that has something to tell (its EventBridge events). Delivery to listeners is at least once, in order,
from durable cursors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec


class Called(msgspec.Struct, frozen=True, array_like=True):
    """One request at the front door, answered or refused. Times are seconds since the epoch.

    `identity` is the caller as CloudTrail's `userIdentity`; `request` and `response` hold the members without
    payloads and secrets; `resources` are ARNs; `error` is (code, message) or None.
    """

    id: str
    at: float
    service: str
    operation: str
    account: str
    region: str
    identity: dict[str, Any]
    source_ip: str
    user_agent: str
    request_id: str
    read_only: bool
    management: bool
    request: dict[str, Any] | None = None
    response: dict[str, Any] | None = None
    resources: tuple[str, ...] = ()
    error: tuple[str, str] | None = None
    tls: bool = False
    owner: str = ""  # the resource's account, where it is not the caller's


class Changed(msgspec.Struct, frozen=True, array_like=True, tag="changed"):
    """A record made (`before` None), changed, or dropped (`after` None). Bodies are the kind's encoding."""

    kind: str
    account: str
    region: str
    key: str
    before: bytes | None
    after: bytes | None
    version: int
    cause: str
    at: float


class Told(msgspec.Struct, frozen=True, array_like=True, tag="told"):
    """What a service tells the world: an EventBridge event before it has a bus."""

    source: str
    detail_type: str
    detail: dict[str, Any]
    account: str
    region: str
    at: float
    resources: tuple[str, ...] = ()
    id: str = ""


Topic = Literal["called", "changed", "told"]


class Listener:
    """A function that is given events of one topic, in batches, with a cursor that outlives the process."""

    __slots__ = ("call", "kinds", "name", "topic", "wanted")

    def __init__(
        self,
        name: str,
        topic: Topic,
        kinds: frozenset[str],
        call: Callable[..., None],
        wanted: Callable[[Any], bool] | None,
    ) -> None:
        self.name, self.topic, self.kinds, self.call, self.wanted = name, topic, kinds, call, wanted


LISTENERS: dict[str, Listener] = {}


def listener(
    topic: Topic, *kinds: str, wanted: Callable[[Any], bool] | None = None
) -> Callable[[Callable[[Any, Sequence[Any]], None]], Callable[[Any, Sequence[Any]], None]]:
    """Register `fn(ctx, events)` for a topic.

    `kinds` narrows it: kind names for `changed`, sources (`aws.ecs`) for `told`, services for `called`.
    Events come in batches of one account and region. `wanted(home)`, quick and on the event loop, may say that
    nobody cares just now: calls are then passed over unread.
    """

    def register(fn: Callable[[Any, Sequence[Any]], None]) -> Callable[[Any, Sequence[Any]], None]:
        name = f"{fn.__module__.removeprefix('gureum.services.')}.{fn.__name__}"
        LISTENERS[name] = Listener(name, topic, frozenset(kinds), fn, wanted)
        return fn

    return register
