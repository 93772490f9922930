"""Fetched files on disk: one download at a time each, a bounded total size."""

from __future__ import annotations

import os
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

__all__ = ["FileCache"]


class FileCache:
    """Files under `folder`; the least recently used are dropped above `limit_bytes`."""

    def __init__(self, folder: Path, limit_bytes: int = 8 << 30) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self._guard = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def path(self, key: str) -> Path:
        """`key` is a relative path without `..`; raises ValueError otherwise."""
        path = (self.folder / key).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise ValueError(key)
        return path

    def get(self, key: str, download: Callable[[Path], None], *, fresh: bool = False) -> Path:
        """The file called `key`; `download` writes it when it is missing, or when `fresh`."""
        path = self.path(key)
        with self._guard:
            lock = self._locks[key]
        with lock:
            if path.is_file() and not fresh:
                os.utime(path)
                return path
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".part-", dir=path.parent)
            os.close(handle)
            staged = Path(name)
            try:
                download(staged)
                staged.chmod(0o644)
                staged.rename(path)
            finally:
                staged.unlink(missing_ok=True)
        self._shrink(path)
        return path

    def _shrink(self, keep: Path) -> None:
        with self._guard:
            files = [
                (path.stat().st_mtime, path.stat().st_size, path)
                for path in self.folder.rglob("*")
                if path.is_file() and not path.name.startswith(".part-")
            ]
            total = sum(size for _, size, _ in files)
            for _, size, path in sorted(files):
                if total <= self.limit_bytes:
                    return
                if path != keep:
                    path.unlink(missing_ok=True)
                    total -= size
