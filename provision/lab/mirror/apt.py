"""The Debian archives' side of the mirror."""

from __future__ import annotations

import re
import time
from pathlib import Path

from provision.errors import LabError
from provision.lab.mirror.files import FileCache
from provision.lab.mirror.upstream import AptFetcher, NotFound, UpstreamError
from provision.lab.sources import debian_archives

__all__ = ["AptProxy"]

_SAFE = re.compile(r"^(dists|pool)/[A-Za-z0-9._+~:%/-]+$")
_INDEX_SECONDS = 300.0


class AptProxy:
    """Files of `debian` and `debian-security`; those under pool/ and by-hash/ never change."""

    def __init__(self, cache: FileCache, fetcher: AptFetcher | None = None) -> None:
        self._cache = cache
        self._fetcher = fetcher or AptFetcher()
        self._fetched: dict[str, float] = {}

    def file(self, archive: str, name: str) -> Path:
        """Raises NotFound or UpstreamError."""
        if not _SAFE.match(name) or ".." in name.split("/"):
            raise NotFound(f"no {name}")
        try:
            found = debian_archives()
        except LabError as error:
            raise UpstreamError(error.what, why=error.why) from error
        base = found.main if archive == "debian" else found.security
        if not base:
            raise NotFound(f"no archive {archive} is configured")
        key = f"apt/{archive}/{name}"
        fixed = name.startswith("pool/") or "/by-hash/" in name
        age = time.monotonic() - self._fetched.get(key, float("-inf"))
        path = self._cache.get(
            key,
            lambda target: self._fetcher.fetch(f"{base}/{name}", target),
            fresh=not fixed and age > _INDEX_SECONDS,
        )
        self._fetched.setdefault(key, time.monotonic())
        if age > _INDEX_SECONDS:
            self._fetched[key] = time.monotonic()
        return path
