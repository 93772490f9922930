"""The lock: exactly which packages an environment is made of, with their hashes.

A lock is a function of what was asked; its text is the same byte for byte for the same
content. Its `content` hash names the generation that is built from it: it covers what ends up
on disk and not how that was found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from provision.agent.condaset import plain_source, set_digest
from provision.errors import EnvironmentFileError, Mark

__all__ = [
    "FORMAT",
    "VERSION",
    "CondaPackage",
    "Lock",
    "PipPackage",
    "load_lock",
    "loaded",
    "lock_of",
]

FORMAT = "provision-lock"
VERSION = 1


@dataclass(frozen=True, slots=True)
class CondaPackage:
    """`channel` and `url` are canonical: no mirror, no credentials. `size` in bytes, 0 unknown."""

    name: str
    version: str
    build: str
    channel: str
    subdir: str
    url: str
    sha256: str = ""
    md5: str = ""
    size: int = 0
    depends: tuple[str, ...] = ()

    @property
    def is_python(self) -> bool:
        """Whether it puts a Python distribution into site-packages, as far as one can tell."""
        needs = {spec.split()[0] for spec in self.depends if spec}
        return self.name != "python" and "python" in needs


@dataclass(frozen=True, slots=True)
class PipPackage:
    """`hashes` are those of the files that fit the platform, each "sha256:…".

    file, url, size, sha256  the file that pip will most likely take
    direct  the URL that was asked for instead of an index; "" for most
    """

    name: str
    version: str
    hashes: tuple[str, ...]
    file: str = ""
    url: str = ""
    size: int = 0
    direct: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Lock:
    """`asked` is the hash of what was asked for: file, platform, channels, index.

    requested, requested_pip  the specs and pip requirements themselves, without credentials
    pip_consistent  False for an export whose pip packages contradict each other: taken as
    they were, since such an environment exists
    """

    asked: str
    platform: str
    virtual_packages: tuple[str, ...]
    channels: tuple[str, ...]
    conda: tuple[CondaPackage, ...]
    pip: tuple[PipPackage, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    channel_priority: str = "flexible"
    indexes: tuple[str, ...] = ()
    pip_consistent: bool = True
    requested: tuple[str, ...] = ()
    requested_pip: tuple[str, ...] = ()

    @property
    def content(self) -> str:
        """SHA-256 of what will be on disk."""
        lines = [f"platform {self.platform}"]
        lines += [f"conda {p.url} {p.sha256 or p.md5}" for p in self.conda]
        lines += [
            f"pip {p.name} {p.version} {p.direct} {' '.join(sorted(p.hashes))}" for p in self.pip
        ]
        lines += [f"variable {key}={value}" for key, value in self.variables.items()]
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()

    def generation(self, name: str) -> str:
        """The directory name of the environment `name` built from this lock."""
        return f"{name}-{self.content[:12]}"

    @property
    def python(self) -> str:
        """The version of python in it, "" when there is none."""
        return next((p.version for p in self.conda if p.name == "python"), "")

    def packages(self) -> dict[str, list[str]]:
        """The package set that a finished environment shows (`provision.agent.condaset`)."""
        found = {
            f"conda:{p.name}": [p.version, p.build, plain_source(p.url), p.sha256]
            for p in self.conda
        }
        found |= {f"pip:{p.name}": [p.version, "", p.direct, ""] for p in self.pip}
        return found

    def packages_digest(self) -> str:
        return set_digest(self.packages())

    def data(self) -> dict[str, Any]:
        """Plain values in a fixed order, as `schema.lock_schema` describes them."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "content": self.content,
            "asked": self.asked,
            "platform": self.platform,
            "virtual_packages": list(self.virtual_packages),
            "channels": list(self.channels),
            "channel_priority": self.channel_priority,
            "indexes": list(self.indexes),
            "pip_consistent": self.pip_consistent,
            "variables": dict(sorted(self.variables.items())),
            "requested": list(self.requested),
            "requested_pip": list(self.requested_pip),
            "conda": [_plain(package) for package in self.conda],
            "pip": [_plain(package) for package in self.pip],
        }

    def to_json(self) -> str:
        return json.dumps(self.data(), separators=(",", ":"), ensure_ascii=False)

    def to_yaml(self) -> str:
        import yaml

        head = "# Written by provision; change the environment file instead and lock it again.\n"
        body: str = yaml.safe_dump(
            self.data(), sort_keys=False, allow_unicode=True, default_flow_style=False, width=4096
        )
        return head + body


def _plain(package: CondaPackage | PipPackage) -> dict[str, Any]:
    values = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(package).items()
    }
    return {key: value for key, value in values.items() if value not in ("", 0, [])}


def lock_of(data: object, file: str = "") -> Lock:
    """A lock from its plain values. Raises EnvironmentFileError when they are none."""
    mark = Mark(file) if file else None
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        raise EnvironmentFileError("not a lock", mark=mark)
    if data.get("version") != VERSION:
        raise EnvironmentFileError(
            f"a lock of version {data.get('version')}, but this release reads {VERSION}", mark=mark
        )
    try:
        lock = Lock(
            asked=str(data["asked"]),
            platform=str(data["platform"]),
            virtual_packages=tuple(data["virtual_packages"]),
            channels=tuple(data["channels"]),
            channel_priority=str(data["channel_priority"]),
            indexes=tuple(data.get("indexes") or ()),
            variables=dict(data.get("variables") or {}),
            pip_consistent=bool(data.get("pip_consistent", True)),
            requested=tuple(data.get("requested") or ()),
            requested_pip=tuple(data.get("requested_pip") or ()),
            conda=tuple(_conda(item) for item in data["conda"]),
            pip=tuple(_pip(item) for item in data["pip"]),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise EnvironmentFileError("a damaged lock", mark=mark, why=f"{exc!r}") from exc
    if lock.content != data.get("content"):
        raise EnvironmentFileError(
            "the lock was changed by hand: its content hash does not fit",
            mark=mark,
            hint="change the environment file and lock it again",
        )
    return lock


def _conda(item: Mapping[str, Any]) -> CondaPackage:
    values = dict(item)
    values["depends"] = tuple(values.get("depends", ()))
    return CondaPackage(**values)


def _pip(item: Mapping[str, Any]) -> PipPackage:
    values = dict(item)
    values["hashes"] = tuple(values.get("hashes", ()))
    return PipPackage(**values)


def loaded(text: str, file: str) -> Any:
    """Plain values of JSON or YAML. Raises EnvironmentFileError."""
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError as exc:
            raise EnvironmentFileError("not a lock", mark=Mark(file), why=str(exc)) from exc
    import yaml

    try:
        # locks are long, and nobody needs the place of each value
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.YAMLError as exc:
        place = getattr(exc, "problem_mark", None)
        mark = Mark(file, place.line + 1, place.column + 1) if place else Mark(file)
        why = getattr(exc, "problem", None) or str(exc)
        raise EnvironmentFileError("not valid YAML", mark=mark, why=why) from exc


def load_lock(text: str, file: str) -> Lock:
    """A lock from YAML or JSON text. Raises EnvironmentFileError."""
    return lock_of(loaded(text, file), file)
