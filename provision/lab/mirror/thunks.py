"""Writes a small x86-64 shared object without a compiler.

Each function shifts its arguments by one, puts a system call's number first and jumps to libc's
`syscall`, which also sets `errno`. That is all that `stat`, `mknod` or `close_range` do in the
releases of glibc that export them; older ones lack the names. Strings can be exported as data:
the demo package with a binary prefix is such an object.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["SYSTEM_CALLS", "SystemCall", "shared_object"]


@dataclass(frozen=True, slots=True)
class SystemCall:
    """`flags` sets the third argument to 0, for callers that pass two."""

    number: int
    flags: bool = False


SYSTEM_CALLS: dict[str, SystemCall] = {
    "stat": SystemCall(4),
    "stat64": SystemCall(4),
    "fstat": SystemCall(5),
    "fstat64": SystemCall(5),
    "lstat": SystemCall(6),
    "lstat64": SystemCall(6),
    "fstatat64": SystemCall(262),
    "mknod": SystemCall(133),
    "mknodat": SystemCall(259),
    "close_range": SystemCall(436),
    "arc4random_buf": SystemCall(318, flags=True),
}

_PAGE = 0x1000


def _code(call: SystemCall, address: int, slot: int) -> bytes:
    code = b"\x49\x89\xc8" if not call.flags else b"\x45\x31\xc0"  # mov r8,rcx | xor r8d,r8d
    code += b"\x48\x89\xd1" if not call.flags else b"\x31\xc9"  # mov rcx,rdx | xor ecx,ecx
    code += b"\x48\x89\xf2\x48\x89\xfe"  # mov rdx,rsi; mov rsi,rdi
    code += b"\xbf" + struct.pack("<I", call.number)  # mov edi,number
    code += b"\x31\xc0"  # xor eax,eax
    end = address + len(code) + 6
    return code + b"\xff\x25" + struct.pack("<i", slot - end)  # jmp *syscall@GOT(rip)


def _align(data: bytearray, to: int) -> int:
    data.extend(b"\0" * (-len(data) % to))
    return len(data)


def shared_object(
    soname: str, calls: Mapping[str, SystemCall], strings: Mapping[str, bytes] | None = None
) -> bytes:
    """An ELF shared object that exports `calls` as functions and `strings` as data."""
    strings = strings or {}
    names = ["syscall", *calls, *strings]
    strtab = bytearray(b"\0")
    place = {}
    for name in [*names, soname, "libc.so.6"]:
        place[name] = len(strtab)
        strtab += name.encode() + b"\0"

    # One writable segment after one executable page range: got, dynamic section, strings.
    got = 8 * _PAGE
    dynamic_at = got + 16
    data_at = dynamic_at + 16 * 12
    image = bytearray(64 + 56 * 4)
    text = {}
    for name, call in calls.items():
        text[name] = _align(image, 16)
        image += _code(call, text[name], got)
    data, data_place = bytearray(), {}
    for name, value in strings.items():
        data_place[name] = (data_at + len(data), len(value) + 1)
        data += value + b"\0"

    symtab_at = _align(image, 8)
    image += b"\0" * 24
    for number, name in enumerate(names):
        if number == 0:
            image += struct.pack("<IBBHQQ", place[name], 0x12, 0, 0, 0, 0)
        elif name in text:
            image += struct.pack("<IBBHQQ", place[name], 0x12, 0, 1, text[name], 32)
        else:
            start, size = data_place[name]
            image += struct.pack("<IBBHQQ", place[name], 0x11, 0, 2, start, size)
    strtab_at = len(image)
    image += strtab
    rela_at = _align(image, 8)
    image += struct.pack("<QQq", got, (1 << 32) | 6, 0)  # R_X86_64_GLOB_DAT of `syscall`
    hash_at = _align(image, 8)
    image += _hash_table(names)

    dynamic = b"".join(
        struct.pack("<QQ", tag, value)
        for tag, value in (
            (1, place["libc.so.6"]),
            (14, place[soname]),
            (4, hash_at),
            (5, strtab_at),
            (6, symtab_at),
            (10, len(strtab)),
            (11, 24),
            (7, rela_at),
            (8, 24),
            (9, 24),
            (0, 0),
        )
    )
    if len(image) > got:
        raise ValueError("the code does not fit before the writable segment")
    writable = bytes(16) + dynamic.ljust(16 * 12, b"\0") + bytes(data)
    headers = _headers(len(image), got, len(writable), dynamic_at, len(dynamic))
    image[: len(headers)] = headers
    return bytes(image.ljust(got, b"\0")) + writable


def _hash_table(names: list[str]) -> bytes:
    count = len(names) + 1
    chain = [0] * count
    first = 0
    for number, _ in enumerate(names, 1):  # one bucket: every symbol in one chain
        chain[number], first = first, number
    return struct.pack(f"<III{count}I", 1, count, first, *chain)


def _headers(text: int, got: int, writable: int, dynamic: int, dynamic_size: int) -> bytes:
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = identity + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 4, 64, 0, 0)
    segments = (
        (1, 5, 0, text, _PAGE),
        (1, 6, got, writable, _PAGE),
        (2, 6, dynamic, dynamic_size, 8),
        (0x6474E551, 6, 0, 0, 16),  # PT_GNU_STACK: not executable
    )
    return header + b"".join(
        struct.pack("<IIQQQQQQ", kind, flags, start, start, start, size, size, align)
        for kind, flags, start, size, align in segments
    )
