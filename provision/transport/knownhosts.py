"""known_hosts files: whose key is known, and adding new ones without harm."""

from __future__ import annotations

import base64
import fcntl
import fnmatch
import hashlib
import hmac
import os
import re
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Entry", "KnownHosts", "fingerprint"]

_REVOKED, _AUTHORITY = "@revoked", "@cert-authority"


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of one line. `marker` is "", "@revoked" or "@cert-authority"."""

    marker: str
    key_type: str
    key: str  # base64
    file: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(slots=True)
class _Index:
    """One file. `stamp` is its size and modification time when it was read."""

    stamp: tuple[int, int] = (-1, -1)
    plain: dict[str, list[Entry]] = field(default_factory=dict)
    hashed: list[tuple[bytes, bytes, Entry]] = field(default_factory=list)
    patterns: list[tuple[tuple[str, ...], Entry]] = field(default_factory=list)
    found: dict[str, list[Entry]] = field(default_factory=dict)  # hashed names cost 1 µs each


def fingerprint(key: bytes) -> str:
    """As `ssh-keygen -l` prints it."""
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode()
    return "SHA256:" + digest.rstrip("=")


class KnownHosts:
    """Reads each file once. Threads may share it."""

    def __init__(self) -> None:
        self._files: dict[str, _Index] = {}
        self._lock = threading.Lock()

    def lookup(self, name: str, files: Sequence[str]) -> list[Entry]:
        """Entries for `name` (`host` or `[host]:port`, lower case), in the files' order."""
        with self._lock:
            indexes = [self._index(path) for path in files]
            return [entry for index in indexes for entry in _find(index, name)]

    def add(self, name: str, key_type: str, key: str, path: str, *, hashed: bool) -> list[Entry]:
        """Appends a line unless the file knows `name` by now; returns what it then knows.

        Other processes may append at the same time. Raises OSError.
        """
        shown = _hash_name(name) if hashed else name
        line = f"{shown} {key_type} {key}\n".encode()
        with self._lock:
            Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                known = _find(self._index(path, fresh=True), name)
                if not any(entry.key_type == key_type for entry in known):
                    size = os.fstat(fd).st_size
                    torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
                    os.write(fd, b"\n" + line if torn else line)
                    os.fsync(fd)
            finally:
                os.close(fd)
            return _find(self._index(path, fresh=True), name)

    def _index(self, path: str, *, fresh: bool = False) -> _Index:
        """You hold the lock. `fresh`: look whether the file has changed."""
        index = self._files.get(path)
        if index is not None and not (fresh and index.stamp != _stamp(path)):
            return index
        index = self._files[path] = _read(path)
        return index


def _stamp(path: str) -> tuple[int, int]:
    try:
        found = Path(path).stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


def _read(path: str) -> _Index:
    index = _Index(stamp=_stamp(path))
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return index
    for number, line in enumerate(text.split("\n"), 1):
        fields = line.split()
        marker = ""
        if fields and fields[0].startswith("@"):
            marker = fields.pop(0)
        if len(fields) < 3 or fields[0].startswith("#"):
            continue
        entry = Entry(marker, fields[1], fields[2], path, number)
        _insert(index, fields[0].lower() if fields[0][0] != "|" else fields[0], entry)
    return index


def _insert(index: _Index, names: str, entry: Entry) -> None:
    if names.startswith("|1|"):
        salt, _, digest = names[3:].partition("|")
        try:
            found = base64.b64decode(salt), base64.b64decode(digest)
        except ValueError:
            return
        index.hashed.append((*found, entry))
        return
    listed = tuple(names.split(","))
    if any("*" in n or "?" in n or n.startswith("!") for n in listed):
        index.patterns.append((listed, entry))
        return
    for name in listed:
        index.plain.setdefault(name, []).append(entry)


def _find(index: _Index, name: str) -> list[Entry]:
    if name not in index.found:
        index.found[name] = _search(index, name)
    return index.found[name]


def _search(index: _Index, name: str) -> list[Entry]:
    found = list(index.plain.get(name, ()))
    data = name.encode()
    found += [e for salt, digest, e in index.hashed if hmac.digest(salt, data, "sha1") == digest]
    found += [entry for listed, entry in index.patterns if _listed(name, listed)]
    return sorted(found, key=lambda entry: entry.line)


def _listed(name: str, patterns: tuple[str, ...]) -> bool:
    if any(p.startswith("!") and _fits(name, p[1:]) for p in patterns):
        return False
    return any(_fits(name, p) for p in patterns if not p.startswith("!"))


def _fits(name: str, pattern: str) -> bool:
    literal = pattern.replace("[", "[[]")  # only * and ? mean something here
    return re.match(fnmatch.translate(literal), name) is not None


def _hash_name(name: str) -> str:
    salt = secrets.token_bytes(20)
    digest = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
