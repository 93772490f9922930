"""From an environment file to its lock, through a cache.

What was solved once is not solved again: locks lie in the user's cache under the hash of
everything that was asked. So an unchanged environment costs reading one file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from provision.conda.channels import Channel, ChannelMap, without_credentials
from provision.conda.envfile import EnvironmentFile
from provision.conda.files import write_whole
from provision.conda.indexes import Indexes
from provision.conda.lock import VERSION, Lock, load_lock
from provision.conda.pipspecs import plain_requirement
from provision.conda.platforms import Platform
from provision.conda.solve import Priority, SolveRequest, solve_conda
from provision.conda.specs import CondaSpec, parse_spec
from provision.conda.vendor import TERMS_BASE
from provision.errors import EnvironmentFileError, Mark

__all__ = ["Resolution", "cache_root", "resolve"]

_FALLBACK_CHANNEL = "conda-forge"
_REVISION = 2  # of what a lock in the cache is expected to hold


def cache_root() -> Path:
    """Where solves and repodata are kept on this machine."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "provision"


@dataclass(frozen=True, slots=True)
class Resolution:
    """Everything that decides the answer.

    channel_names  instead of the file's; indexes  already those of this file
    accept_terms   the operator's word for the vendor's default channels
    """

    file: EnvironmentFile
    platform: Platform
    channels: ChannelMap = field(default_factory=ChannelMap)
    channel_names: Sequence[str] = ()
    priority: Priority = "flexible"
    indexes: Indexes = field(default_factory=Indexes)
    pip: bool = True
    sdists: bool = False
    accept_terms: bool = False

    def resolved_channels(self) -> list[Channel]:
        """In order of priority; a channel that only a spec names comes behind the others.

        Raises EnvironmentFileError.
        """
        names: list[tuple[str, Mark | None]] = [(name, None) for name in self.channel_names]
        names = names or [(line.name, line.mark) for line in self.file.channels]
        kept = [(name, mark) for name, mark in names if name != "nodefaults"]
        kept = kept or [(_FALLBACK_CHANNEL, None)]
        known = {name for name, _ in kept}
        for spec in self.file.conda:
            plain = spec.channel if "://" in spec.channel else _without_subdir(spec.channel)
            if plain and plain not in known:
                known.add(plain)
                kept.append((plain, spec.mark))
        found = self.channels.resolve_all(kept)
        for channel in found:
            if channel.url.startswith(TERMS_BASE) and not self.accept_terms:
                raise EnvironmentFileError(
                    f"the channel {channel.name!r} has terms of service that must be accepted",
                    mark=next((mark for name, mark in kept if name == channel.name), None),
                    hint="say `accept_defaults_terms: true`, or other `channels:` for this task",
                )
        return found

    def key(self) -> str:
        """SHA-256 of what is asked."""
        asked = {
            "lock": [VERSION, _REVISION],
            "file": self.file.digest,
            "platform": asdict(self.platform),
            "channels": [
                (channel.url, without_credentials(channel.fetch_url))
                for channel in self.resolved_channels()
            ],
            "priority": self.priority,
            "indexes": self.indexes.public() if self.pip and self.file.pip_packages else (),
            "pre": self.indexes.pre,
            "pip": self.pip,
            "sdists": self.sdists,
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _without_subdir(channel: str) -> str:
    head, _, last = channel.rpartition("/")
    return head if head and (last == "noarch" or last.startswith("linux-")) else channel


def resolve(asked: Resolution, root: Path | None = None, *, refresh: bool = False) -> Lock:
    """The lock for what is asked, solved now if it never was or with `refresh`.

    Raises EnvironmentFileError, ProvisionError.
    """
    root = cache_root() if root is None else root
    key = asked.key()
    place = root / "locks" / f"{key}.json"
    if not refresh:
        with contextlib.suppress(OSError, EnvironmentFileError):
            lock = load_lock(place.read_text(encoding="utf-8"), str(place))
            if lock.asked == key:
                return lock
    # what the solvers keep there may name addresses with tokens
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _solve(asked, key, root)
    write_whole(place, lock.to_json(), mode=0o600)
    return lock


def _solve(asked: Resolution, key: str, root: Path) -> Lock:
    channels = asked.resolved_channels()
    file = asked.file
    lines = file.pip_packages if asked.pip else ()
    specs = list(file.conda)
    if lines and all(spec.name != "pip" for spec in specs):
        specs.append(parse_spec("pip", lines[0].mark))  # as conda does
    conda = solve_conda(
        SolveRequest(
            specs=specs,
            channels=channels,
            platform=asked.platform,
            cache_dir=root / "repodata",
            priority=asked.priority,
            file=file.path,
        )
    )
    lock = Lock(
        asked=key,
        platform=asked.platform.subdir,
        virtual_packages=tuple("=".join(item) for item in asked.platform.virtual_packages()),
        channels=tuple(channel.url for channel in channels),
        channel_priority=asked.priority,
        conda=conda,
        variables=dict(sorted(file.variables.items())),
        requested=tuple(_public(spec) for spec in file.conda),
        requested_pip=tuple(plain_requirement(line) for line in lines),
    )
    if not lines:
        return lock
    from provision.conda.pipsolve import PipRequest, solve_pip

    pip, consistent = solve_pip(
        PipRequest(
            lines=lines,
            python=lock.python,
            platform=asked.platform,
            conda=conda,
            indexes=asked.indexes,
            sdists=asked.sdists,
            export=file.is_export,
            file=file.path,
        )
    )
    public = tuple(url for url in asked.indexes.public() if url)
    return replace(lock, pip=pip, indexes=public, pip_consistent=consistent)


def _public(spec: CondaSpec) -> str:
    if not spec.channel:
        return spec.text
    return f"{without_credentials(spec.channel)}::{spec.bare}"
