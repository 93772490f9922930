"""What dpkg has installed, read from its database; versions compared as it compares them."""

from __future__ import annotations

from provision.agent import fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Tuple

STATUS = "/var/lib/dpkg/status"
_INSTALLED = (b"install ok installed", b"hold ok installed")


class Database:
    """The packages dpkg knows, by name. Raises OSError when it has no database."""

    def __init__(self, path: str = STATUS) -> None:
        self.data = b"\n\n" + fs.read_bytes(path)
        self.by_name: Dict[bytes, List[bytes]] = {}
        for chunk in self.data.split(b"\n\nPackage: ")[1:]:
            end = chunk.find(b"\n")
            self.by_name.setdefault(chunk[:end] if end >= 0 else chunk, []).append(chunk)

    def installed(self) -> Dict[str, str]:
        """name:arch (without the arch where one only is there) → version."""
        found = {}
        for name, chunks in self.by_name.items():
            here = [c for c in chunks if _field(c, b"Status") in _INSTALLED]
            for chunk in here:
                label = name.decode()
                if len(here) > 1:
                    label += ":" + _field(chunk, b"Architecture").decode()
                found[label] = _field(chunk, b"Version").decode("utf-8", "replace")
        return found

    def details(self) -> Dict[str, List[Dict[str, str]]]:
        """Every installed package: name → version, arch, category for each architecture."""
        found: Dict[str, List[Dict[str, str]]] = {}
        for name, chunks in self.by_name.items():
            for chunk in chunks:
                if _field(chunk, b"Status") in _INSTALLED:
                    entry = {
                        "version": _field(chunk, b"Version").decode("utf-8", "replace"),
                        "arch": _field(chunk, b"Architecture").decode(),
                        "category": _field(chunk, b"Section").decode(),
                    }
                    found.setdefault(name.decode(), []).append(entry)
        return found

    def version(self, name: str, arch: str = "") -> Optional[str]:
        """The installed version of a package, None when it is not installed."""
        for chunk in self._chunks(name, arch):
            if _field(chunk, b"Status") in _INSTALLED:
                return _field(chunk, b"Version").decode("utf-8", "replace")
        return None

    def leftovers(self, name: str, arch: str = "") -> bool:
        """Whether configuration files of a removed package are there."""
        return any(
            _field(chunk, b"Status").endswith(b" config-files")
            for chunk in self._chunks(name, arch)
        )

    def _chunks(self, name: str, arch: str) -> List[bytes]:
        chunks = self.by_name.get(name.encode(), [])
        if not arch or arch == "any":
            return chunks
        fits = (arch.encode(), b"all")
        return [c for c in chunks if _field(c, b"Architecture") in fits]

    def providers(self, name: str) -> List[str]:
        """Installed packages that provide the virtual package `name`."""
        wanted = name.encode()
        if wanted not in self.data:
            return []
        found = []
        for package, chunks in self.by_name.items():
            for chunk in chunks:
                provides = _field(chunk, b"Provides")
                if wanted not in provides or _field(chunk, b"Status") not in _INSTALLED:
                    continue
                if wanted in [part.split(b" ")[0].strip() for part in provides.split(b",")]:
                    found.append(package.decode())
        return found


def _field(chunk: bytes, name: bytes) -> bytes:
    start = chunk.find(b"\n" + name + b": ")
    if start < 0:
        return b""
    start += len(name) + 3
    end = chunk.find(b"\n", start)
    return chunk[start:end] if end >= 0 else chunk[start:]


def _order(letter: str) -> int:
    if letter == "~":
        return -1
    if letter.isdigit() or not letter:
        return 0
    return ord(letter) if letter.isalpha() else ord(letter) + 256


def _compare_part(one: str, two: str) -> int:
    """Debian Policy 5.6.12: letters before other signs, `~` before everything, then numbers."""
    i = j = 0
    while i < len(one) or j < len(two):
        while (i < len(one) and not one[i].isdigit()) or (j < len(two) and not two[j].isdigit()):
            a = _order(one[i : i + 1])
            b = _order(two[j : j + 1])
            if a != b:
                return -1 if a < b else 1
            i += 1
            j += 1
        first, i = _number(one, i)
        second, j = _number(two, j)
        if first != second:
            return -1 if first < second else 1
    return 0


def _number(text: str, at: int) -> Tuple[int, int]:
    end = at
    while end < len(text) and text[end].isdigit():
        end += 1
    return int(text[at:end] or "0"), end


def compare(one: str, two: str) -> int:
    """-1, 0 or 1: whether version `one` is before, the same as or after `two`."""
    parts = []
    for version in (one, two):
        epoch, colon, rest = version.partition(":")
        if not colon:
            epoch, rest = "0", version
        upstream, dash, revision = rest.rpartition("-")
        parts.append((int(epoch or 0), upstream if dash else rest, revision if dash else "0"))
    (epoch1, upstream1, revision1), (epoch2, upstream2, revision2) = parts
    if epoch1 != epoch2:
        return -1 if epoch1 < epoch2 else 1
    return _compare_part(upstream1, upstream2) or _compare_part(revision1, revision2)


def fits(installed: str, relation: str, wanted: str) -> bool:
    """Whether an installed version is what `=1.2`, `=1.*` or `>=1.2` asks for."""
    if relation == "=":
        if any(c in wanted for c in "*?["):
            import fnmatch

            return fnmatch.fnmatchcase(installed, wanted)
        return installed == wanted
    order = compare(installed, wanted)
    return {">=": order >= 0, "<=": order <= 0, ">": order > 0, "<": order < 0}[relation]
