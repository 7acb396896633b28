"""A network namespace's interface counters, as the kernel tells them of any process in it."""

from __future__ import annotations

from pathlib import Path

from .outcome import NetworkUsage


def network_usage(pid: int) -> NetworkUsage | None:
    """All interfaces but loopback that process `pid` has, added up; None when there are none or it is gone."""
    try:
        rows = Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]
    except OSError:
        return None
    cards = [row.partition(":")[2].split() for row in rows if row.partition(":")[0].strip() != "lo"]
    if not cards:
        return None
    return NetworkUsage(
        received_bytes=sum(int(card[0]) for card in cards),
        received_packets=sum(int(card[1]) for card in cards),
        sent_bytes=sum(int(card[8]) for card in cards),
        sent_packets=sum(int(card[9]) for card in cards),
    )
