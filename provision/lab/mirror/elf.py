"""Lets shared objects built for a newer glibc load on an older one.

A program built against glibc 2.36 records, for every function it imports, the version in which
that function last changed its address book entry, not its behaviour: since 2.34 `dlopen` or
`pthread_create` live in libc itself under a new version. `lower_requirements` removes the version
from such imports, so that each host's loader binds its own default, and says which libraries and
thunks (`thunks.py`) the object needs besides, so that 2.31 finds the functions too.

Only what `KNOWN` and `THUNKED` name is ever changed; an import that is neither fails the build.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from provision.errors import LabError

__all__ = ["Elf", "Requirements", "is_elf", "lower_requirements", "needed_glibc"]

# Imports whose meaning has not changed, and the library that holds them before glibc 2.34
# (`None`: libc itself).
KNOWN: dict[str, str | None] = {
    "__libc_start_main": None,
    "hypot": "libm.so.6",
    "pthread_sigmask": "libpthread.so.0",
}
_PREFIXES = {
    "pthread_": "libpthread.so.0",
    "__pthread_": "libpthread.so.0",
    "sem_": "libpthread.so.0",
    "dl": "libdl.so.2",
    "shm_": "librt.so.1",
    "openpty": "libutil.so.1",
    "forkpty": "libutil.so.1",
    "login_tty": "libutil.so.1",
}
THUNKED = frozenset(
    (
        *("stat", "stat64", "lstat", "lstat64", "fstat", "fstat64", "fstatat64"),
        *("mknod", "mknodat", "close_range", "arc4random_buf"),
    )
)

_DT_STRTAB, _DT_SYMTAB, _DT_HASH, _DT_GNU_HASH = 5, 6, 4, 0x6FFFFEF5
_DT_VERSYM, _DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFFF0, 0x6FFFFFFE, 0x6FFFFFFF


@dataclass(frozen=True, slots=True)
class Requirements:
    """`libraries`: sonames to add to DT_NEEDED; `thunks`: whether the thunk library is needed."""

    libraries: frozenset[str]
    thunks: bool


def is_elf(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _elf_hash(name: bytes) -> int:
    value = 0
    for byte in name:
        value = (value << 4) + byte
        high = value & 0xF0000000
        if high:
            value ^= high >> 24
        value &= ~high
    return value


@dataclass(frozen=True, slots=True)
class _Version:
    """One entry of .gnu.version_r: its place in the file, its index and its name."""

    offset: int
    index: int
    name: str

    @property
    def glibc(self) -> tuple[int, ...] | None:
        prefix, _, number = self.name.partition("_")
        if prefix != "GLIBC" or not number or not number[0].isdigit():
            return None
        return tuple(int(part) for part in number.split("."))


class Elf:
    """The dynamic part of a 64-bit little-endian object, editable in place."""

    def __init__(self, data: bytes, name: str = "?") -> None:
        if data[:6] != b"\x7fELF\x02\x01":
            raise LabError(f"{name} is not a 64-bit little-endian ELF object")
        self.data = bytearray(data)
        self.name = name
        self._segments: list[tuple[int, int, int]] = []
        dynamic = self._read_segments()
        self._dynamic: dict[int, int] = {}
        if dynamic is not None:
            for offset in range(dynamic[0], dynamic[0] + dynamic[1], 16):
                tag, value = struct.unpack_from("<QQ", self.data, offset)
                if tag == 0:
                    break
                self._dynamic.setdefault(tag, value)

    def _read_segments(self) -> tuple[int, int] | None:
        dynamic = None
        (start,) = struct.unpack_from("<Q", self.data, 32)
        size, count = struct.unpack_from("<HH", self.data, 54)
        for number in range(count):
            kind, _, offset, address, _, length = struct.unpack_from(
                "<IIQQQQ", self.data, start + number * size
            )
            if kind == 1:
                self._segments.append((address, offset, length))
            elif kind == 2:
                dynamic = (offset, length)
        return dynamic

    def _offset(self, address: int) -> int:
        for start, offset, length in self._segments:
            if start <= address < start + length:
                return offset + address - start
        raise LabError(f"{self.name}: address {address:#x} lies in no loaded segment")

    def _string(self, index: int) -> str:
        start = self._offset(self._dynamic[_DT_STRTAB]) + index
        return self.data[start : self.data.index(0, start)].decode()

    def versions(self) -> list[_Version]:
        """The needed versions, in file order."""
        found: list[_Version] = []
        if _DT_VERNEED not in self._dynamic:
            return found
        offset = self._offset(self._dynamic[_DT_VERNEED])
        for _ in range(self._dynamic[_DT_VERNEEDNUM]):
            _, count, _, aux, following = struct.unpack_from("<HHIII", self.data, offset)
            entry = offset + aux
            for _ in range(count):
                _, _, index, name, step = struct.unpack_from("<IHHII", self.data, entry)
                found.append(_Version(entry, index, self._string(name)))
                entry += step
            offset += following
        return found

    def undefined(self) -> list[tuple[str, int]]:
        """(name, place of its version index in the file) of every imported symbol."""
        if _DT_VERSYM not in self._dynamic:
            return []
        symbols = self._offset(self._dynamic[_DT_SYMTAB])
        versions = self._offset(self._dynamic[_DT_VERSYM])
        # Linkers lay .dynstr right after .dynsym; patchelf does not move .dynsym.
        found = []
        for number in range(self._symbol_count()):
            name, info, _, section = struct.unpack_from("<IBBH", self.data, symbols + 24 * number)
            if section == 0 and name and info >> 4 in (1, 2):
                found.append((self._string(name), versions + 2 * number))
        return found

    def _symbol_count(self) -> int:
        if _DT_HASH in self._dynamic:
            _, count = struct.unpack_from("<II", self.data, self._offset(self._dynamic[_DT_HASH]))
            return int(count)
        table = self._offset(self._dynamic[_DT_GNU_HASH])
        buckets, first, bloom, _ = struct.unpack_from("<IIII", self.data, table)
        chains = table + 16 + 8 * bloom
        starts = struct.unpack_from(f"<{buckets}I", self.data, chains)
        last = max(starts, default=0)
        if last < first:
            return int(first)
        place = chains + 4 * buckets + 4 * (last - first)
        while not self.data[place] & 1:
            place += 4
            last += 1
        return int(last) + 1

    def clear_version(self, place: int) -> None:
        struct.pack_into("<H", self.data, place, 1)

    def rename_version(self, version: _Version, to: _Version) -> None:
        (name,) = struct.unpack_from("<I", self.data, to.offset + 8)
        struct.pack_into("<I", self.data, version.offset, _elf_hash(to.name.encode()))
        struct.pack_into("<I", self.data, version.offset + 8, name)


def needed_glibc(data: bytes, name: str = "?") -> tuple[int, ...]:
    """The newest GLIBC_x.y version an object asks for; (0,) when it asks for none."""
    found = [version.glibc for version in Elf(data, name).versions()]
    return max((version for version in found if version), default=(0,))


def _library_of(symbol: str) -> str | None:
    if symbol in KNOWN:
        return KNOWN[symbol]
    for prefix, library in _PREFIXES.items():
        if symbol.startswith(prefix):
            return library
    raise KeyError(symbol)


def lower_requirements(path: Path, floor: tuple[int, ...] = (2, 31)) -> Requirements | None:
    """Rewrites `path` so that it loads on glibc `floor`. None: nothing had to change.

    Raises LabError when it imports something newer that has no stand-in.
    """
    elf = Elf(path.read_bytes(), path.name)
    new = {v.index: v for v in elf.versions() if v.glibc and v.glibc > floor}
    if not new:
        return None
    old = next((v for v in elf.versions() if v.name == "GLIBC_2.2.5"), None)
    if old is None:
        raise LabError(f"{path.name} names no old version of glibc to fall back to")
    libraries: set[str] = set()
    thunks = False
    for symbol, place in elf.undefined():
        (index,) = struct.unpack_from("<H", elf.data, place)
        if index & 0x7FFF not in new:
            continue
        if symbol in THUNKED:
            thunks = True
        else:
            try:
                library = _library_of(symbol)
            except KeyError:
                needs = new[index & 0x7FFF].name
                raise LabError(
                    f"{path.name} imports {symbol} of {needs}, which has no stand-in",
                    hint="add it to KNOWN or THUNKED if its meaning is unchanged",
                ) from None
            if library is not None:
                libraries.add(library)
        elf.clear_version(place)
    for version in new.values():
        elf.rename_version(version, old)
    path.write_bytes(elf.data)
    return Requirements(frozenset(libraries), thunks)
