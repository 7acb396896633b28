"""Message bodies at rest: sealed under the queue's own key, or under a data key from KMS.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gureum.kernel.context import Context
from gureum.kernel.seal import Seal
from gureum.services.sqs.records import Queue

OWN = b"q"  # marks a body sealed under the queue's own key


class DataKey(NamedTuple):
    """A key that may seal, until `until` (epoch seconds). `name` is what the log says of it."""

    cipher: AESGCM
    name: bytes
    until: float


class Keys:
    """The keys of queues, unsealed and kept for as long as the queue's settings let them be used again."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self._own: dict[str, DataKey] = {}
        self._sealing: dict[str, DataKey] = {}  # queue id and KMS key → data key
        self._opening: dict[bytes, DataKey] = {}  # encrypted data key → data key

    def make(self, queue_id: str) -> bytes:
        """A new key for a queue, sealed for its record."""
        return self._seal.seal(secrets.token_bytes(32), "sqs", queue_id)

    def own(self, queue_id: str, sealed: bytes) -> DataKey:
        """A queue's own key."""
        found = self._own.get(queue_id)
        if found is None:
            raw = self._seal.open(sealed, "sqs", queue_id)
            found = self._own[queue_id] = DataKey(AESGCM(raw), OWN, float("inf"))
        return found

    def at_rest(self, queue: Queue) -> DataKey | None:
        """The key for a message that the service itself puts into a queue: no caller is there to ask KMS."""
        return self.own(queue.id, queue.data_key) if queue.managed_sse or queue.kms_key else None

    def sealing(self, ctx: Context, queue: Queue) -> DataKey | Awaitable[DataKey] | None:
        """The key under which a new message is kept: none, one at hand, or one that KMS must make first."""
        if queue.kms_key:
            found = self._sealing.get(queue.id + queue.kms_key)
            if found is not None and found.until > ctx.now:
                return found
            return self._generate(ctx, queue)
        return self.own(queue.id, queue.data_key) if queue.managed_sse else None

    async def opening(self, ctx: Context, queue: Queue, name: bytes) -> DataKey:
        """The data key that KMS encrypted as `name`. Raises KMS's faults."""
        found = self._opening.get(name)
        if found is None or found.until <= ctx.now:
            answer = await ctx.aio.as_(ctx.principal).kms.decrypt(CiphertextBlob=name)
            found = DataKey(AESGCM(answer["Plaintext"]), name, ctx.now + queue.kms_reuse)
            self._opening[name] = found
        return found

    async def _generate(self, ctx: Context, queue: Queue) -> DataKey:
        answer = await ctx.aio.as_(ctx.principal).kms.generate_data_key(
            KeyId=queue.kms_key, KeySpec="AES_256"
        )
        found = DataKey(AESGCM(answer["Plaintext"]), answer["CiphertextBlob"], ctx.now + queue.kms_reuse)
        self._sealing[queue.id + queue.kms_key] = found
        self._opening[found.name] = found
        return found

    def forget(self, queue_id: str) -> None:
        """The queue is gone, and its key with it."""
        self._own.pop(queue_id, None)


def seal(key: DataKey, message_id: str, seq: int, body: bytes) -> bytes:
    """Seal a body. The sequence number, never used twice under one key, is the nonce."""
    return key.cipher.encrypt(seq.to_bytes(12, "big"), body, message_id.encode())


def unseal(key: DataKey, message_id: str, seq: int, sealed: bytes) -> bytes:
    """Open what was sealed with these."""
    return key.cipher.decrypt(seq.to_bytes(12, "big"), sealed, message_id.encode())
