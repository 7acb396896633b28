"""The image of the container that holds a task's network namespace: a program that only sleeps.

It is made here, byte by byte, for no registry can be presumed: an ELF file whose code is "pause, again".
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import struct
import tarfile

REFERENCE = "localhost/gureum/pause:1"

_X86_64 = (62, "amd64", bytes.fromhex("b8220000000f05ebf7"))  # mov eax, 34 (pause); syscall; jmp back
_AARCH64 = (
    183,
    "arm64",
    struct.pack("<6I", 0xD2800000, 0xD2800001, 0xD2800002, 0xD2800003, 0xD2800928, 0xD4000001)
    + struct.pack("<I", 0x17FFFFFA),
)  # ppoll(0, 0, 0, 0); branch back
_MACHINES = {"x86_64": _X86_64, "aarch64": _AARCH64}


def supported() -> bool:
    """Whether the program is known for this machine's processor."""
    return platform.machine() in _MACHINES


def archive() -> bytes:
    """The image as a docker archive (tar), for `images/load`."""
    machine, architecture, code = _MACHINES[platform.machine()]
    layer = _tar({"pause": (_program(machine, code), 0o755)})
    configuration = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": ["/pause"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [REFERENCE], "Layers": ["layer.tar"]}]
    return _tar(
        {
            "layer.tar": (layer, 0o644),
            "config.json": (json.dumps(configuration).encode(), 0o644),
            "manifest.json": (json.dumps(manifest).encode(), 0o644),
        }
    )


def _program(machine: int, code: bytes) -> bytes:
    """A 64-bit static executable of one read-only, executable segment."""
    base, header_size = 0x400000, 64 + 56
    size = header_size + len(code)
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, base + header_size, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x10000)
    return identity + header + segment + code


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive_file:
        for name, (data, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            archive_file.addfile(entry, io.BytesIO(data))
    return out.getvalue()
