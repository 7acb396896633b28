"""The system calls that a sandbox may not make, as a program for the kernel's filter. Standard library only.

The sandbox's root is nobody on the host; this takes away what has been the way out of such sandboxes before:
mounting, new namespaces, kernel keys, BPF, modules, handles to files, other architectures' calls.
Numbers: the kernel's asm/unistd.h of x86_64, and its generic table for arm64.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

_LD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NR, _ARCH, _ARG0 = 0, 4, 16
_NEW_NAMESPACES = 0x7E020000  # the CLONE_NEW… flags of clone
_X32 = 0x40000000

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_COMMON_NEW = (428, 429, 430, 431, 432, 433, 442)  # open_tree … fspick, mount_setattr: the same everywhere
_MOUNTING = {  # what CAP_SYS_ADMIN, when it is given, is for
    "x86_64": (165, 166, 155, 161, 272, 308, *_COMMON_NEW),  # mount umount2 pivot_root chroot unshare setns
    "aarch64": (40, 39, 41, 51, 97, 268, *_COMMON_NEW),
}
_ALWAYS = {
    # kexec_load kexec_file_load init_module finit_module delete_module bpf perf_event_open userfaultfd add_key
    # request_key keyctl open_by_handle_at swapon swapoff reboot acct quotactl iopl ioperm lookup_dcookie
    "x86_64": (
        246,
        320,
        175,
        313,
        176,
        321,
        298,
        323,
        248,
        249,
        250,
        304,
        167,
        168,
        169,
        163,
        179,
        172,
        173,
        212,
    ),
    "aarch64": (104, 294, 105, 273, 106, 280, 241, 282, 217, 218, 219, 265, 224, 225, 142, 89, 60, 18),
}
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_CHROOT = {"x86_64": 161, "aarch64": 51}  # harmless without the rest, and Debian's tools want it

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2


def program(*, mounting: bool = False) -> bytes:
    """The filter, as an array of sock_filter; b"" on a processor whose table is not known here."""
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return b""
    refused = set(_ALWAYS[machine]) | (set() if mounting else set(_MOUNTING[machine]) - {_CHROOT[machine]})
    lines = [
        (_LD, 0, 0, _ARCH),
        (_JEQ, 1, 0, _ARCHITECTURES[machine]),
        (_RET, 0, 0, _KILL),
        (_LD, 0, 0, _NR),
    ]
    if machine == "x86_64":
        lines += [(_JGE, 0, 1, _X32), (_RET, 0, 0, _ERRNO | errno.ENOSYS)]
    for number in sorted(refused):
        lines += [(_JEQ, 0, 1, number), (_RET, 0, 0, _ERRNO | errno.EPERM)]
    if not mounting:
        # clone3 has its flags in memory, where a filter cannot look: libraries fall back to clone on ENOSYS.
        lines += [(_JEQ, 0, 1, _CLONE3), (_RET, 0, 0, _ERRNO | errno.ENOSYS)]
        lines += [(_JEQ, 0, 3, _CLONE[machine]), (_LD, 0, 0, _ARG0), (_JSET, 0, 1, _NEW_NAMESPACES)]
        lines += [(_RET, 0, 0, _ERRNO | errno.EPERM)]
    lines.append((_RET, 0, 0, _ALLOW))
    return b"".join(struct.pack("<HBBI", *line) for line in lines)


def apply(code: bytes) -> None:
    """Put this process under the filter, for good. It must have given up new privileges. Raises OSError."""
    if not code:
        return

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    buffer = ctypes.create_string_buffer(code, len(code))
    given = Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(given), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")
