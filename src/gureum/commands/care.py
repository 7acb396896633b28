"""Looking after a running cloud: what is ill and what mends it, and emptying it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from gureum import running
from gureum.commands import Refused
from gureum.commands.serving import found
from gureum.options import REGION

ORDER = {"absent": 0, "degraded": 1, "healthy": 2}
SIGNS = {"absent": "✗", "degraded": "!", "healthy": "✓"}


def doctor(chosen: argparse.Namespace) -> int:
    """Exit code 0 when every engine is healthy and nothing fails, 1 otherwise."""
    told = running.ask(found(chosen.data), "/_gureum/doctor", timeout=60.0)
    if chosen.json:
        print(json.dumps(told, indent=2))
    else:
        print("\n".join(report(told)))
    well = all(engine.get("state") == "healthy" for engine in told.get("engines", []))
    return 0 if well and not told.get("failing") else 1


def report(told: dict[str, Any]) -> list[str]:
    """The lines that `doctor` prints: the ill ones first, each with why and with what mends it."""
    engines = sorted(
        told.get("engines", []), key=lambda e: (ORDER.get(e.get("state", ""), 0), e.get("port", ""))
    )
    lines = []
    for engine in engines:
        state = engine.get("state", "unknown")
        lines.append(
            f"{SIGNS.get(state, '?')} {engine.get('port', '?')} ({engine.get('driver', '?')}): {state}"
        )
        if state != "healthy":
            lines.append(f"    why:  {engine.get('why') or 'it did not say'}")
            if engine.get("mend"):
                lines.append(f"    mend: {engine['mend']}")
    for ill in told.get("failing", []):
        name = ill.get("record") or f"listener {ill.get('listener')}"
        lines.append(f"! {name}: {ill.get('error')} (it is tried again by itself)")
    well = sum(engine.get("state") == "healthy" for engine in engines)
    return [*lines, f"{well} of {len(engines)} engines healthy."]


def reset(chosen: argparse.Namespace) -> int:
    server = found(chosen.data)
    if not chosen.yes:
        _confirm(f"Everything in the cloud at {server.endpoint} will be removed. Type reset to go on: ")
    key = running.credentials(chosen.data)
    if key is None:
        raise Refused(f"the server has written no root key into {chosen.data}")
    status, body = post_signed(server, "/_gureum/reset", key)
    if status != 200:
        raise Refused(f"the server refused: {status} {body.decode(errors='replace')[:500]}")
    print("Empty.")
    return 0


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise Refused("reset removes everything: add --yes to mean it")
    if input(question).strip() != "reset":
        raise Refused("left as it was")


def post_signed(server: running.Server, path: str, key: running.Credentials) -> tuple[int, bytes]:
    """POSTs an empty body signed as root, for the service name `gureum`; the status and the answer's body."""
    from http.client import HTTPConnection

    from gureum.gateway import sigv4

    host = server.endpoint.removeprefix("http://")
    headers = sigv4.sign(
        "POST",
        path,
        "",
        {"host": host},
        b"",
        access_key=key.access_key_id,
        secret=key.secret_access_key,
        region=REGION,
        service="gureum",
    )
    link = HTTPConnection(server.reachable_host, server.port, timeout=120)
    try:
        link.request("POST", path, body=b"", headers=headers)
        answer = link.getresponse()
        return answer.status, answer.read()
    except OSError as wrong:
        raise Refused(f"the server did not answer: {wrong}") from None
    finally:
        link.close()
