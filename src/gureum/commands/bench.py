"""How fast the running cloud answers: real signed requests over kept connections, timed one by one.

Requests are signed before the clock starts, so that this process measures the server more than itself.
Each is read back and must be a 200; anything else ends the measurement.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from gureum import running
from gureum.commands import Refused
from gureum.commands.serving import found
from gureum.options import REGION


@dataclass(frozen=True, kw_only=True)
class Result:
    """`each`: seconds from sending to the whole answer. `spent`: the server's CPU seconds, if known."""

    each: list[float]
    seconds: float
    spent: float | None

    def line(self, name: str) -> str:
        ordered = sorted(self.each)
        middle, late = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
        text = f"{name:<24}{len(ordered) / self.seconds:>9,.0f}/s   p50 {middle * 1e3:6.2f} ms   "
        text += f"p99 {late * 1e3:6.2f} ms"
        if self.spent is not None:
            text += f"   server CPU {self.spent / len(ordered) * 1e6:5.0f} µs each"
        return text


def bench(chosen: argparse.Namespace) -> int:
    if chosen.seconds <= 0 or chosen.connections < 1:
        raise Refused("--seconds and --connections are above zero")
    server = found(chosen.data)
    key = running.credentials(chosen.data)
    if key is None:
        raise Refused(f"the server has written no root key into {chosen.data}")
    print(f"{server.endpoint}, {chosen.connections} connections, {chosen.seconds:g} s each, signed requests")
    signer = Signer(server, key)
    queue = json.loads(asyncio.run(_once(server, signer.sqs("CreateQueue", {"QueueName": _name()}))))[
        "QueueUrl"
    ]
    try:
        for name, request in (
            ("sts GetCallerIdentity", signer.sts("GetCallerIdentity")),
            ("sqs GetQueueAttributes", signer.sqs("GetQueueAttributes", {"QueueUrl": queue})),
            ("sqs SendMessage", signer.sqs("SendMessage", {"QueueUrl": queue, "MessageBody": "x" * 100})),
        ):
            print(asyncio.run(_measured(server, request, chosen)).line(name), flush=True)
    finally:
        asyncio.run(_once(server, signer.sqs("DeleteQueue", {"QueueUrl": queue})))
    return 0


def _name() -> str:
    return f"bench-{uuid.uuid4().hex[:12]}"


class Signer:
    """Whole HTTP requests as bytes, signed as root."""

    def __init__(self, server: running.Server, key: running.Credentials) -> None:
        self._server, self._key = server, key

    def sqs(self, operation: str, body: dict[str, str]) -> bytes:
        kind = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"}
        return self._signed("sqs", json.dumps(body).encode(), kind)

    def sts(self, operation: str) -> bytes:
        kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return self._signed("sts", f"Action={operation}&Version=2011-06-15".encode(), kind)

    def _signed(self, service: str, body: bytes, headers: dict[str, str]) -> bytes:
        from gureum.gateway import sigv4

        signed = sigv4.sign(
            "POST",
            "/",
            "",
            headers | {"Host": self._server.endpoint.removeprefix("http://")},
            body,
            access_key=self._key.access_key_id,
            secret=self._key.secret_access_key,
            region=REGION,
            service=service,
        )
        lines = [f"{name}: {value}" for name, value in signed.items()]
        head = "\r\n".join(["POST / HTTP/1.1", *lines, f"Content-Length: {len(body)}", "", ""])
        return head.encode() + body


async def _once(server: running.Server, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(server.reachable_host, server.port)
    try:
        return await _asked(reader, writer, request)
    finally:
        writer.close()


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """The answer's body. Raises Refused when it is not a 200."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = head.lower().split("\r\n")
    length = next((line.partition(":")[2] for line in lines if line.startswith("content-length:")), None)
    if length is None:
        raise Refused("the server answered without a Content-Length")
    body = await reader.readexactly(int(length))
    if lines[0].split()[1] != "200":
        raise Refused(f"the server answered {lines[0]}: {body.decode(errors='replace')[:300]}")
    return body


async def _measured(server: running.Server, request: bytes, chosen: argparse.Namespace) -> Result:
    each: list[float] = []
    before, began = _cpu(server.pid), time.perf_counter()
    until = began + chosen.seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection(server.reachable_host, server.port)
        try:
            while (sent := time.perf_counter()) < until:
                await _asked(reader, writer, request)
                each.append(time.perf_counter() - sent)
        finally:
            writer.close()

    await asyncio.gather(*(client() for _ in range(chosen.connections)))
    after = _cpu(server.pid)
    spent = None if before is None or after is None else after - before
    return Result(each=each, seconds=time.perf_counter() - began, spent=spent)


def _cpu(pid: int) -> float | None:
    """CPU seconds that a process has used, all threads; None where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
