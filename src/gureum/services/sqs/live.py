"""One queue's messages in memory: who is ready, who is hidden until when, and in which order they go out.

Messages wait in lanes, one for each message group (messages without one share a lane), and lanes take turns: on
standard queues this is what keeps a noisy group from starving the others; on FIFO queues a lane is besides that
closed while one of its messages is out. Times are milliseconds.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
"""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any, Literal

from gureum.kernel.log import Position
from gureum.kernel.waiting import Bell
from gureum.services.sqs.entries import Sent

State = Literal["ready", "delayed", "out", "gone"]


class Message:
    """A message and where it stands. `body` is None while it lies in the log only."""

    __slots__ = (
        "attributes",
        "attributes_md5",
        "body",
        "dedup",
        "first",
        "group",
        "id",
        "md5",
        "nonce",
        "position",
        "receives",
        "sender",
        "sent",
        "seq",
        "source",
        "state",
        "trace",
        "visible",
    )

    def __init__(self, entry: Sent, body: str | None, position: Position) -> None:
        self.seq = entry.seq
        self.id = entry.id
        self.md5 = entry.md5
        self.attributes: dict[str, Any] = entry.attributes
        self.attributes_md5 = entry.attributes_md5
        self.sender = entry.sender
        self.sent = entry.sent
        self.visible = entry.visible
        self.group = entry.group
        self.dedup = entry.dedup
        self.trace = entry.trace
        self.source = entry.source
        self.receives = entry.receives
        self.first = entry.first
        self.nonce = entry.nonce
        self.body = body
        self.position = position
        self.state: State = "gone"


class LiveQueue:
    """The messages of one queue."""

    def __init__(self, queue_id: str, fifo: bool) -> None:
        self.id = queue_id
        self.fifo = fifo
        self.messages: dict[int, Message] = {}
        self.bell = Bell()
        self.delayed = 0
        self.out = 0
        self.dedup: OrderedDict[str, tuple[int, str, int]] = OrderedDict()  # key → when, message id, seq
        self.attempts: OrderedDict[str, tuple[int, list[int]]] = OrderedDict()  # receive attempt → when, seqs
        self.purged_at = 0
        self._lanes: dict[str, deque[Message]] = {}
        self._turns: deque[str] = deque()
        self._turning: set[str] = set()
        self._hidden: list[tuple[int, int, Message]] = []
        self._closed: dict[str, int] = {}  # FIFO: group → how many of its messages are out
        self._oldest: deque[Message] = deque()

    def add(self, message: Message, now: int) -> None:
        """Take a message in: ready, or hidden until its time."""
        self.messages[message.seq] = message
        self._oldest.append(message)
        if message.visible > now:
            self._hide(message, "delayed" if not message.receives else "out")
        else:
            self._ready(message)

    def take(self, most: int, now: int) -> list[Message]:
        """The next messages that may go out, at most so many; they stay ready until `hide`."""
        self.wake(now)
        taken: list[Message] = []
        for _ in range(len(self._turns)):
            if len(taken) == most:
                break
            group = self._turns.popleft()
            self._turning.discard(group)
            lane = self._lanes.get(group)
            if lane is None:
                continue
            if self.fifo and self._closed.get(group):
                continue  # comes back into the turns when its messages do
            limit = most - len(taken) if self.fifo or len(self._lanes) == 1 else 1
            while lane and limit:
                message = lane.popleft()
                if message.state == "ready":
                    taken.append(message)
                    limit -= 1
            if lane:
                self._turn(group)
            else:
                del self._lanes[group]
        if len(taken) < most and self._turns and not self.fifo:
            taken += self.take(most - len(taken), now)
        return taken

    def hide(self, message: Message, until: int) -> None:
        """A taken message is out until a time."""
        message.visible = until
        self._hide(message, "out")

    def change(self, message: Message, until: int, now: int) -> None:
        """Move the time at which an outgoing message is visible again."""
        message.visible = until
        if until <= now:
            self._show(message)
        else:
            heapq.heappush(self._hidden, (until, message.seq, message))

    def remove(self, message: Message) -> None:
        """A message is done."""
        if message.state in {"out", "delayed"}:
            self._unhide(message)
        message.state = "gone"
        self.messages.pop(message.seq, None)

    def wake(self, now: int) -> None:
        """Let those whose time has come be ready again."""
        hidden = self._hidden
        while hidden and hidden[0][0] <= now:
            until, _, message = heapq.heappop(hidden)
            if message.state in {"out", "delayed"} and message.visible == until:
                self._show(message)

    def expired(self, before: int) -> Iterator[Message]:
        """Messages sent before a time, oldest first."""
        oldest = self._oldest
        while oldest and (oldest[0].state == "gone" or oldest[0].sent < before):
            message = oldest.popleft()
            if message.state != "gone":
                yield message

    def next_visible(self) -> int | None:
        """When the next hidden message shows itself."""
        return self._hidden[0][0] if self._hidden else None

    @property
    def ready(self) -> int:
        return len(self.messages) - self.delayed - self.out

    def clear(self) -> list[int]:
        """Drop every message; their sequence numbers."""
        seqs = list(self.messages)
        for message in self.messages.values():
            message.state = "gone"
        self.messages.clear()
        self._lanes.clear()
        self._turns.clear()
        self._turning.clear()
        self._hidden.clear()
        self._closed.clear()
        self._oldest.clear()
        self.delayed = self.out = 0
        return seqs

    def _ready(self, message: Message) -> None:
        message.state = "ready"
        lane = self._lanes.get(message.group)
        if lane is None:
            lane = self._lanes[message.group] = deque()
            self._turn(message.group)
        if not lane or not self.fifo or message.seq > lane[-1].seq:
            lane.append(message)
        elif message.seq < lane[0].seq:
            lane.appendleft(message)
        else:
            lane.insert(next(i for i, other in enumerate(lane) if other.seq > message.seq), message)

    def _turn(self, group: str) -> None:
        if group not in self._turning:
            self._turning.add(group)
            self._turns.append(group)

    def _hide(self, message: Message, state: State) -> None:
        message.state = state
        if state == "out":
            self.out += 1
            if self.fifo:
                self._closed[message.group] = self._closed.get(message.group, 0) + 1
        else:
            self.delayed += 1
        heapq.heappush(self._hidden, (message.visible, message.seq, message))

    def _unhide(self, message: Message) -> None:
        if message.state == "delayed":
            self.delayed -= 1
            return
        self.out -= 1
        if not self.fifo:
            return
        left = self._closed.get(message.group, 0) - 1
        if left > 0:
            self._closed[message.group] = left
        else:
            self._closed.pop(message.group, None)
            if message.group in self._lanes:
                self._turn(message.group)

    def _show(self, message: Message) -> None:
        self._unhide(message)
        self._ready(message)
        self.bell.ring()
