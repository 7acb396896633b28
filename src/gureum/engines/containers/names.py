"""Engine-side names: whatever a task is called, what an engine sees is short and plain."""

from __future__ import annotations

import hashlib
import re


def short(name: str, length: int = 16) -> str:
    """A name's fingerprint: `length` hexadecimal digits of its SHA-256."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def plain(name: str) -> str:
    """A name that engines, file systems and shells take, still readable: `web-5f2e…` for "ecs/…/web"."""
    tail = re.sub(r"[^a-z0-9]+", "-", name.lower()[-24:]).strip("-")
    return f"{tail}-{short(name)}" if tail else short(name)
