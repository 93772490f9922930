"""From a channel's name to its address: alias, mirrors, tokens.

Two addresses of one channel are kept apart. The *canonical* one names the source in locks and
records; the *fetch* one is where it is read: a mirror, with whatever credentials it needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from provision.conda.vendor import CHANNEL_ALIAS, DEFAULT_CHANNELS
from provision.errors import EnvironmentFileError, Mark

__all__ = ["Channel", "ChannelMap", "has_credentials", "without_credentials"]

_TOKEN = re.compile(r"/t/[^/]+")


def without_credentials(url: str) -> str:
    """Drops `user:password@` and conda's `/t/TOKEN/`."""
    parts = urlsplit(url)
    if not parts.scheme or parts.scheme == "file":
        return url
    host = parts.netloc.rpartition("@")[2]
    path = _TOKEN.sub("", parts.path, count=1)
    return urlunsplit((parts.scheme, host, path, parts.query, ""))


def has_credentials(url: str) -> bool:
    return without_credentials(url) != urlunsplit((*urlsplit(url)[:4], "")) and "://" in url


@dataclass(frozen=True, slots=True)
class Channel:
    """`name` as asked for; URLs have no slash at their end."""

    name: str
    url: str
    fetch_url: str


@dataclass(frozen=True, slots=True)
class ChannelMap:
    """How names become addresses.

    alias    where plain names live; may hold credentials
    mirrors  channel name, or the start of a canonical URL, to the address that serves it
    """

    alias: str = CHANNEL_ALIAS
    mirrors: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, name: str, mark: Mark | None = None) -> list[Channel]:
        """The channels that one name means. Raises EnvironmentFileError."""
        name = name.rstrip("/")
        if name == "defaults":
            return [self._channel(name, url) for url in DEFAULT_CHANNELS]
        if "://" in name:
            if urlsplit(name).scheme not in ("http", "https", "file"):
                raise EnvironmentFileError(f"{name!r} is not a channel", mark=mark)
            return [self._channel(name, name)]
        if name.startswith(("/", "./", "../", "~")):
            raise EnvironmentFileError(
                f"the channel {name!r} is a path on one machine",
                mark=mark,
                hint="write its file:// URL if every host has it",
            )
        return [self._channel(name, f"{self.alias.rstrip('/')}/{name}")]

    def _channel(self, name: str, url: str) -> Channel:
        canonical = without_credentials(url)
        short = without_credentials(name)
        for start, mirror in sorted(self.mirrors.items(), key=lambda item: -len(item[0])):
            start, mirror = start.rstrip("/"), mirror.rstrip("/")
            if start in (name, canonical):
                return Channel(short, canonical, mirror)
            if "://" in start and canonical.startswith(start + "/"):
                return Channel(short, canonical, mirror + canonical[len(start) :])
        return Channel(short, canonical, url)

    def resolve_all(self, names: Iterable[tuple[str, Mark | None]]) -> list[Channel]:
        """In order, each address once."""
        found: dict[str, Channel] = {}
        for name, mark in names:
            for channel in self.resolve(name, mark):
                found.setdefault(channel.url, channel)
        return list(found.values())
