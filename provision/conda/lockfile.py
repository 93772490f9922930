"""The file that stands beside an environment file: its locks, one for each platform.

    bert.yml  →  bert.lock.yml

It remembers what was asked for, so that it can tell when that has changed: channels, specs, pip
requirements, variables. Comments and the order of specs are no change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.conda.channels import without_credentials
from provision.conda.envfile import EnvironmentFile
from provision.conda.lock import FORMAT, Lock, lock_of
from provision.conda.pipspecs import plain_requirement
from provision.errors import EnvironmentFileError, Mark

__all__ = ["SET_FORMAT", "Asked", "LockFile", "asked_of", "lock_path", "lockfile_of"]

SET_FORMAT = "provision-locks"
SET_VERSION = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What an environment file asks for, in a form that can be compared.

    `digest` covers all of it and the variables; `file` is the file's name.
    """

    file: str = ""
    digest: str = ""
    channels: tuple[str, ...] = ()
    conda: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()

    def changes(self, now: Asked) -> list[str]:
        """What has changed since, in words; [] when nothing has."""
        if self.digest == now.digest:
            return []
        found = []
        for name, before, after in (
            ("", self.conda, now.conda),
            ("pip's ", self.pip, now.pip),
        ):
            gone, new = sorted(set(before) - set(after)), sorted(set(after) - set(before))
            found += [f"{name}{text} is new" for text in new]
            found += [f"{name}{text} is gone" for text in gone]
        if self.channels != now.channels:
            found.append(f"channels are {', '.join(now.channels) or 'not named'}")
        return found or ["variables have changed"]


def asked_of(file: EnvironmentFile) -> Asked:
    channels = tuple(without_credentials(line.name) for line in file.channels)
    conda = tuple(
        sorted(
            f"{without_credentials(s.channel)}::{s.bare}" if s.channel else s.text
            for s in file.conda
        )
    )
    pip = tuple(plain_requirement(line) for line in file.pip)
    whole = [channels, conda, pip, sorted(file.variables.items())]
    digest = hashlib.sha256(json.dumps(whole).encode()).hexdigest()
    return Asked(Path(file.path).name, digest, channels, conda, pip)


@dataclass(frozen=True, slots=True)
class LockFile:
    """`path` is where it was read from, for messages."""

    asked: Asked
    locks: tuple[Lock, ...]
    path: str = ""

    def of(self, platforms: Iterable[str]) -> tuple[Lock, ...]:
        wanted = frozenset(platforms)
        return tuple(lock for lock in self.locks if not wanted or lock.platform in wanted)

    def data(self) -> dict[str, Any]:
        """Plain values in a fixed order, as `schema.lock_file_schema` describes them."""
        return {
            "format": SET_FORMAT,
            "version": SET_VERSION,
            "asked": {
                "file": self.asked.file,
                "digest": self.asked.digest,
                "channels": list(self.asked.channels),
                "conda": list(self.asked.conda),
                "pip": list(self.asked.pip),
            },
            "locks": [lock.data() for lock in self.locks],
        }

    def to_yaml(self) -> str:
        import yaml

        dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        head = "# Written by provision; change the environment file instead and lock it again.\n"
        body: str = yaml.dump(
            self.data(), Dumper=dumper, sort_keys=False, allow_unicode=True,
            default_flow_style=False, width=4096,
        )  # fmt: skip
        return head + body


def lock_path(file: Path) -> Path:
    """Where the lock of an environment file stands."""
    return file.with_name(f"{file.stem}.lock.yml")


def lockfile_of(data: object, file: str) -> LockFile:
    """From plain values, of a set of locks or of one. Raises EnvironmentFileError."""
    if isinstance(data, Mapping) and data.get("format") == FORMAT:
        lock = lock_of(data, file)
        return LockFile(Asked(), (lock,), file)
    if not isinstance(data, Mapping) or data.get("format") != SET_FORMAT:
        raise EnvironmentFileError("not a lock", mark=Mark(file))
    if data.get("version") != SET_VERSION:
        raise EnvironmentFileError(
            f"locks of version {data.get('version')}, but this release reads {SET_VERSION}",
            mark=Mark(file),
        )
    said = data.get("asked")
    asked = said if isinstance(said, Mapping) else {}
    locks = data.get("locks")
    if not isinstance(locks, list) or not locks:
        raise EnvironmentFileError("a damaged lock", mark=Mark(file), why="it holds no locks")
    return LockFile(
        Asked(
            str(asked.get("file") or ""),
            str(asked.get("digest") or ""),
            *(tuple(map(str, asked.get(key) or ())) for key in ("channels", "conda", "pip")),
        ),
        tuple(lock_of(item, file) for item in locks),
        file,
    )
