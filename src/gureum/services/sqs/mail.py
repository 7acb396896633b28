"""All queues' messages: in memory for speed, in one append-only log for truth.

Every act is appended to the log before anybody is answered. At start the log is read once. Where most of an old
segment is dead, what lives in it is appended anew and the segment dropped.
"""

from __future__ import annotations

import secrets
from typing import Any

from msgspec.structs import replace

from gureum.kernel import ids
from gureum.kernel.home import Home
from gureum.kernel.log import Position
from gureum.kernel.records import kind_of
from gureum.kernel.store import rows_everywhere
from gureum.services.sqs.entries import Deleted, Entry, Hidden, Purged, Received, Sent, decode, encode
from gureum.services.sqs.keys import OWN, DataKey, Keys, seal, unseal
from gureum.services.sqs.live import LiveQueue, Message
from gureum.services.sqs.records import Queue
from gureum.services.sqs.rules import DEDUP_SECONDS

_IN_MEMORY_BYTES = 256 * 1024 * 1024
_WORTH_COMPACTING = 0.5
_DEDUP_MS = DEDUP_SECONDS * 1000


class Mail:
    """The messages of every queue. Event loop only."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._log = home.log("sqs/messages")
        self.keys = Keys(home.seal)
        self._queues: dict[str, LiveQueue] = {}
        self._seq = 0
        self._bytes = 0  # of bodies in memory
        self._living: dict[int, int] = {}  # segment → bytes of messages that live in it
        self._log.on_loss = self._reload
        self._recover()

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return int(self._home.clock.now() * 1000)

    def queue(self, queue_id: str, *, fifo: bool) -> LiveQueue:
        """A queue's messages."""
        found = self._queues.get(queue_id)
        if found is None:
            found = self._queues[queue_id] = LiveQueue(queue_id, fifo)
        return found

    def send(
        self,
        queue: LiveQueue,
        body: str,
        key: DataKey | None,
        *,
        md5: str,
        attributes: dict[str, Any],
        attributes_md5: str,
        sender: str,
        delay: int,
        group: str = "",
        dedup: str = "",
        trace: str = "",
    ) -> Message:
        """Put a message into a queue; `delay` is milliseconds."""
        now = self.now()
        seq = self._next()
        name = ids.uuid()
        raw = body.encode()
        if key is not None:
            raw = seal(key, name, seq, raw)
        entry = Sent(
            queue.id,
            seq,
            name,
            raw,
            key.name if key is not None else b"",
            md5,
            attributes,
            attributes_md5,
            sender,
            now,
            now + delay,
            group,
            dedup,
            trace,
        )
        return self._enter(queue, entry, body, now)

    def move(
        self,
        source: LiveQueue,
        message: Message,
        own: DataKey,
        key: DataKey | None,
        target: LiveQueue,
        arn: str,
    ) -> None:
        """Put a message of one queue into another.

        `own` opens what the source sealed itself, `key` seals for the target; what KMS guards goes over as it is.
        `arn` names the queue it leaves ("" forgets where it was).
        """
        now = self.now()
        seq = self._next()
        body, name, sealed_as = "", b"", 0
        stored = self.stored(message) if message.body is None else None
        if stored is not None and stored.key not in {b"", OWN}:
            raw, name, sealed_as = stored.body, stored.key, stored.sealed_as or stored.seq
        else:
            body = message.body if stored is None else self.open(stored, own)  # type: ignore[assignment]
            raw = body.encode() if key is None else seal(key, message.id, seq, body.encode())
            name = key.name if key is not None else b""
        entry = Sent(
            target.id,
            seq,
            message.id,
            raw,
            name,
            message.md5,
            message.attributes,
            message.attributes_md5,
            message.sender,
            message.sent if not target.fifo else now,
            now,
            message.group,
            message.dedup,
            message.trace,
            arn,
            message.receives if arn else 0,
            message.first if arn else 0,
            0,
            sealed_as,
        )
        self._enter(target, entry, body, now)
        self.delete(source, [message])

    def hand_out(self, queue: LiveQueue, messages: list[Message], visible: int) -> None:
        """Messages go out to a receiver, hidden from others until a time."""
        now = self.now()
        told = []
        for message in messages:
            message.receives += 1
            message.first = message.first or now
            message.nonce = secrets.randbits(63)
            queue.hide(message, visible)
            if visible <= now:
                queue.change(message, visible, now)
            told.append((message.seq, visible, message.receives, message.first, message.nonce))
        self._write(Received(queue.id, told))

    def delete(self, queue: LiveQueue, messages: list[Message]) -> None:
        """Messages are done."""
        for message in messages:
            queue.remove(message)
            self._leave(message)
        self._write(Deleted(queue.id, [message.seq for message in messages]))
        self._compact()

    def hide(self, queue: LiveQueue, message: Message, visible: int) -> None:
        """Change when an outgoing message is visible again."""
        queue.change(message, visible, self.now())
        self._write(Hidden(queue.id, [(message.seq, visible)]))

    def purge(self, queue: LiveQueue) -> None:
        """Drop all messages of a queue."""
        for message in queue.messages.values():
            self._leave(message)
        queue.clear()
        self._write(Purged(queue.id, self._seq))
        self._compact()

    def drop(self, queue: LiveQueue) -> None:
        """The queue is gone."""
        self.purge(queue)
        queue.bell.ring_all()
        self._queues.pop(queue.id, None)
        self.keys.forget(queue.id)

    def expire(self, queue: LiveQueue, retention_ms: int) -> None:
        """Drop messages that are older than the queue keeps them."""
        old = list(queue.expired(self.now() - retention_ms))
        if old:
            self.delete(queue, old)

    def stored(self, message: Message) -> Sent:
        """A message as it lies in the log."""
        entry = decode(self._log.read(message.position))
        assert isinstance(entry, Sent)
        return entry

    @staticmethod
    def open(entry: Sent, key: DataKey | None) -> str:
        """A stored body as text, opened with its key."""
        if not entry.key or key is None:
            return entry.body.decode()
        return unseal(key, entry.id, entry.sealed_as or entry.seq, entry.body).decode()

    def clear(self) -> None:
        for queue in self._queues.values():
            queue.clear()
            queue.bell.ring_all()
        self._queues.clear()
        self._living.clear()
        self.keys = Keys(self._home.seal)
        self._bytes = 0

    def close(self) -> None: ...

    def _reload(self) -> None:
        """What was appended could not be written: memory is ahead of the truth, so it is read again."""
        self.clear()
        self._recover()

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _write(self, entry: Entry) -> Position:
        return self._log.append(encode(entry))

    def _enter(self, queue: LiveQueue, entry: Sent, body: str, now: int) -> Message:
        position = self._write(entry)
        # What KMS guards is opened anew for every receiver, who must be let in by the key.
        keep = self._bytes < _IN_MEMORY_BYTES and entry.key in {b"", OWN}
        message = Message(entry, body if keep else None, position)
        if keep:
            self._bytes += len(body)
        self._living[position[0]] = self._living.get(position[0], 0) + position[2]
        if entry.dedup:
            _remember(queue, entry)
        queue.add(message, now)
        if message.visible <= now:
            queue.bell.ring()
        return message

    def _leave(self, message: Message) -> None:
        if message.body is not None:
            self._bytes -= len(message.body)
        segment, _, length = message.position
        self._living[segment] = self._living.get(segment, 0) - length

    # --- duplicates
    def duplicate(self, queue: LiveQueue, key: str) -> tuple[str, int] | None:
        """(message id, seq) of the message that was sent with this key within five minutes."""
        now = self.now()
        while queue.dedup:
            oldest = next(iter(queue.dedup))
            if queue.dedup[oldest][0] > now - _DEDUP_MS:
                break
            del queue.dedup[oldest]
        found = queue.dedup.get(key)
        return (found[1], found[2]) if found is not None else None

    # --- the log
    def _recover(self) -> None:
        """Read the log: what was sent and not deleted lives."""
        known = {row.record.id for row in rows_everywhere(self._home.store, kind_of(Queue))}  # type: ignore[attr-defined]
        living: dict[str, dict[int, Message]] = {}
        recent: list[Sent] = []
        since = self.now() - _DEDUP_MS
        for position, raw in self._log.entries():
            entry = decode(raw)
            if isinstance(entry, Sent):
                self._seq = max(self._seq, entry.seq)
                if entry.queue not in known:
                    continue  # its queue was deleted
                message = Message(entry, None if entry.key else self._keep(entry.body), position)
                living.setdefault(entry.queue, {})[entry.seq] = message
                if entry.dedup and entry.sent > since:
                    recent.append(entry)
            elif entry.queue in living:
                _replay(living[entry.queue], entry)
        now = self.now()
        for queue_id, messages in living.items():
            if messages:
                queue = self.queue(queue_id, fifo=any(m.dedup for m in messages.values()))
                for seq in sorted(messages):
                    queue.add(messages[seq], now)
                    segment, _, length = messages[seq].position
                    self._living[segment] = self._living.get(segment, 0) + length
        for entry in recent:
            _remember(self.queue(entry.queue, fifo=True), entry)

    def _keep(self, body: bytes) -> str | None:
        if self._bytes >= _IN_MEMORY_BYTES:
            return None
        self._bytes += len(body)
        return body.decode()

    def _compact(self) -> None:
        """Where most of the oldest segment is dead, append what lives anew and drop the segment."""
        segments = self._log.segments
        while len(segments) > 1:
            oldest = min(segments)
            living = self._living.get(oldest, 0)
            if living > segments[oldest] * _WORTH_COMPACTING:
                return
            for queue in self._queues.values() if living > 0 else ():
                for message in [m for m in queue.messages.values() if m.position[0] == oldest]:
                    self._rewrite(queue, message)
            self._log.forget_before(oldest + 1)
            self._living.pop(oldest, None)

    def _rewrite(self, queue: LiveQueue, message: Message) -> None:
        stored = self.stored(message)
        message.position = self._write(
            replace(
                stored,
                visible=message.visible,
                receives=message.receives,
                first=message.first,
                nonce=message.nonce,
            )
        )
        segment, _, length = message.position
        self._living[segment] = self._living.get(segment, 0) + length


def dedup_key(dedup: str, group: str, *, by_group: bool) -> str:
    """Under which key a deduplication id counts: in the whole queue, or in its message group."""
    return f"{group}\x1f{dedup}" if by_group else dedup


def _remember(queue: LiveQueue, entry: Sent) -> None:
    for by_group in (False, True):
        key = dedup_key(entry.dedup, entry.group, by_group=by_group)
        queue.dedup[key] = (entry.sent, entry.id, entry.seq)


def _replay(messages: dict[int, Message], entry: Entry) -> None:
    if isinstance(entry, Received):
        for seq, visible, receives, first, nonce in entry.messages:
            if (message := messages.get(seq)) is not None:
                message.visible, message.receives = visible, receives
                message.first, message.nonce = first, nonce
    elif isinstance(entry, Deleted):
        for seq in entry.seqs:
            messages.pop(seq, None)
    elif isinstance(entry, Hidden):
        for seq, visible in entry.messages:
            if (message := messages.get(seq)) is not None:
                message.visible = visible
    elif isinstance(entry, Purged):
        for seq in [seq for seq in messages if seq <= entry.through]:
            del messages[seq]
