"""How the mirror reaches the outside: through pip's own session, and through apt's own fetcher.

Both are configured as this machine's pip and apt are: indexes, find-links, certificates,
proxies, credentials, archives. The mirror knows no address of its own.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.errors import LabError

__all__ = ["AptFetcher", "NotFound", "PipClient", "UpstreamError"]

_APT_HELPER = "/usr/lib/apt/apt-helper"


class NotFound(LabError):
    """Upstream says that there is no such thing."""


class UpstreamError(LabError):
    """Upstream cannot be reached, or answers with an error."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer. `body` reads the rest in chunks."""

    content_type: str
    length: int | None
    response: Any

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        yield from self.response.iter_content(size)


class PipClient:
    """The indexes that `pip download` would use here, and its HTTP session."""

    def __init__(self) -> None:
        try:
            from pip._internal.commands import create_command
            from pip._internal.exceptions import PipError
            from pip._internal.models.index import PyPI

            command: Any = create_command("download")
            options, _ = command.parse_args([])
            options.cache_dir = None  # the mirror keeps its own
            self._session: Any = command._build_session(options)
            self._errors: tuple[type[Exception], ...] = (
                OSError,
                PipError,
            )  # requests' are OSErrors
        except (ImportError, AttributeError) as error:
            raise UpstreamError(
                "this Python's pip cannot be used as a client",
                why=str(error),
                hint="python -m ensurepip --upgrade",
            ) from error
        index = options.index_url or PyPI.simple_url
        self.indexes: list[str] = [] if options.no_index else [index, *options.extra_index_urls]
        self.find_links: list[str] = list(options.find_links)

    @contextmanager
    def get(self, url: str, accept: str = "*/*") -> Iterator[Reply]:
        """Raises NotFound or UpstreamError."""
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        try:
            with self._session.get(url, headers=headers, stream=True) as response:
                if response.status_code in (404, 410):
                    raise NotFound(f"no {url.rpartition('/')[2] or 'page'} upstream")
                if response.status_code >= 400:
                    raise UpstreamError(f"upstream answers {response.status_code}")
                length = response.headers.get("Content-Length")
                yield Reply(
                    response.headers.get("Content-Type", ""),
                    int(length) if length else None,
                    response,
                )
        except self._errors as error:
            raise UpstreamError("the package index cannot be reached", why=str(error)) from error


class AptFetcher:
    """Single files of the configured Debian archives."""

    def fetch(self, uri: str, target: Path) -> None:
        """Writes `uri` to `target`, or raises NotFound or UpstreamError."""
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            staged = Path(folder) / "file"
            reply = subprocess.run(
                [_APT_HELPER, "-o", "APT::Sandbox::User=root", "download-file", uri, str(staged)],
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            if reply.returncode == 0 and staged.is_file():
                staged.rename(target)
                return
        if "404" in reply.stderr:
            raise NotFound("no such file in the archive")
        raise UpstreamError("the Debian archive cannot be reached", why=reply.stderr.strip()[-300:])
