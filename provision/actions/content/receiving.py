"""Content on its way from a host to a file here."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from provision.actions.base import Outcome
from provision.errors import PlaybookError

__all__ = ["Receiver"]


def _write(fd: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(fd, view) :]


def _umask() -> int:
    """Read without setting it, which other threads would see."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
    return 0o022


def _complete(fd: int) -> None:
    os.fchmod(fd, 0o666 & ~_umask())
    os.fsync(fd)


class Receiver:
    """Receives one file for `path`: staged beside it, checked, then renamed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._temp: Path | None = None
        self._sha256 = ""
        self._sha1 = ""
        self._md5 = ""
        self._error = ""

    def have(self) -> str | None:
        """The SHA-256 of what is there; None for nothing. Raises PlaybookError."""
        try:
            with self.path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise PlaybookError(f"cannot read {self.path}", why=exc.strerror or str(exc)) from None

    def receive(self, _size: int, pieces: Iterator[bytes]) -> None:
        """Takes what the host sends. A local error is kept for `finish`: the rest of what the
        host sends must still be read."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fd, name = tempfile.mkstemp(prefix=".", suffix=".provision-tmp", dir=self.path.parent)
        except OSError as exc:
            self._error = exc.strerror or str(exc)
            return
        self._temp = Path(name)
        complete = False
        try:
            complete = self._take(fd, pieces)
        finally:
            os.close(fd)
            if not complete:
                self._drop()

    def _take(self, fd: int, pieces: Iterator[bytes]) -> bool:
        digests = [hashlib.new(name, usedforsecurity=False) for name in ("sha256", "sha1", "md5")]
        for piece in pieces:
            for digest in digests:
                digest.update(piece)
            if not self._locally(_write, fd, piece):
                return False
        self._sha256, self._sha1, self._md5 = (digest.hexdigest() for digest in digests)
        return self._locally(_complete, fd)

    def _locally(self, act: Callable[..., None], *args: Any) -> bool:
        try:
            act(*args)
        except OSError as exc:
            self._error = exc.strerror or str(exc)
            return False
        return True

    def _drop(self) -> None:
        if self._temp is not None:
            with contextlib.suppress(OSError):
                self._temp.unlink()
            self._temp = None

    def finish(self, outcome: Outcome) -> Outcome:
        """The action's outcome; puts the file in place."""
        if outcome.status == "failed" or self._error or self._temp is None:
            self._drop()
            if self._error:
                return self._failed(outcome, self._error)
            if outcome.status == "ok" and "sha256" in outcome.data:
                outcome.data["dest"] = str(self.path)
                self._digests_here(outcome)
            return outcome
        if self._sha256 != outcome.data.get("sha256"):
            self._drop()
            return self._failed(outcome, "what arrived is damaged: its SHA-256 differs")
        try:
            self._temp.replace(self.path)
        except OSError as exc:
            self._drop()
            return self._failed(outcome, exc.strerror or str(exc))
        outcome.data.update(
            dest=str(self.path),
            checksum=self._sha1,
            remote_checksum=self._sha1,
            md5sum=self._md5,
            remote_md5sum=None,
        )
        return outcome

    def _digests_here(self, outcome: Outcome) -> None:
        """What Ansible registers of a file that is as on the host."""
        with contextlib.suppress(OSError), self.path.open("rb") as stream:
            outcome.data["checksum"] = hashlib.file_digest(stream, "sha1").hexdigest()
            stream.seek(0)
            outcome.data["md5sum"] = hashlib.file_digest(stream, "md5").hexdigest()

    def _failed(self, outcome: Outcome, why: str) -> Outcome:
        data = {**outcome.data, "dest": str(self.path)}
        return Outcome("failed", f"cannot write {self.path}: {why}", data=data)
