"""The kernel's own record of whom it has killed for want of memory.

Under version 1 control groups Podman's monitor misses kills: the event that it waits for comes before the counter
that it then reads. The kernel's log names the victim's control group, and that has the container's id in it.
"""

from __future__ import annotations

import os
from functools import lru_cache


def killed_for_memory(id: str) -> bool:
    """Whether the kernel's log has an OOM kill in this container's control group. False where it cannot be read."""
    wanted = id.encode()
    return any(b"task_memcg=" in line and wanted in line for line in _kernel_log())


def _kernel_log() -> list[bytes]:
    """The kernel's ring buffer, oldest first."""
    try:
        log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return []
    lines = []
    try:
        while True:
            try:
                lines.append(os.read(log, 8192))
            except BrokenPipeError:  # overwritten while we read: go on with what is there
                continue
    except OSError:  # EAGAIN: the end
        return lines
    finally:
        os.close(log)


remembered = lru_cache(maxsize=4096)(killed_for_memory)
"""For containers that have ended: it does not change any more."""
