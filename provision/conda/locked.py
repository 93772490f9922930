"""Which lock of several a host gets, and whether the host can run what it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from provision.conda.channels import Channel, ChannelMap
from provision.conda.envfile import EnvironmentFile
from provision.conda.lock import Lock
from provision.conda.lockfile import LockFile, asked_of
from provision.conda.platforms import Platform
from provision.conda.vendor import CHANNEL_ALIAS, TERMS_BASE
from provision.errors import EnvironmentFileError, Mark

__all__ = ["channels_of", "check_fresh", "choose_lock", "unmet"]

_CLAUSE = re.compile(r"(>=|<=|==|!=|~=|>|<|=)?\s*([0-9][0-9.]*)(\.\*|\*|a0)?")
_MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_|manylinux(1|2010|2014)_")
_LEGACY = {"1": 5, "2010": 12, "2014": 17}  # glibc 2.x that these names mean


def check_fresh(whole: LockFile, file: EnvironmentFile) -> None:
    """Raises EnvironmentFileError when the file has changed since it was locked."""
    changes = whole.asked.changes(asked_of(file)) if whole.asked.digest else []
    if changes:
        raise EnvironmentFileError(
            f"the lock {Path(whole.path).name} is stale: the file has changed",
            mark=Mark(file.path),
            why="\n".join(changes),
            hint=f"provision env lock {file.path}",
        )


def choose_lock(whole: LockFile, platform: Platform) -> Lock:
    """The lock for a host: of its platform, and of those whose packages run there the one that
    asks most of it. Raises EnvironmentFileError that says what is missing."""
    mine = [lock for lock in whole.locks if lock.platform == platform.subdir]
    reasons = [unmet(lock, platform) for lock in mine]
    fitting = [lock for lock, missing in zip(mine, reasons, strict=True) if not missing]
    if fitting:
        return max(fitting, key=_demand)
    mark = Mark(whole.path) if whole.path else None
    if not mine:
        has = ", ".join(dict.fromkeys(lock.platform for lock in whole.locks))
        raise EnvironmentFileError(
            f"the lock has nothing for {platform.subdir}", mark=mark,
            hint=f"it is for {has}; lock again with --platform {platform.subdir}",
        )  # fmt: skip
    raise EnvironmentFileError(
        "the host cannot run what the lock names", mark=mark, why="\n".join(reasons[-1]),
        hint="lock again with --glibc and --cuda as the oldest hosts have them, or say `cuda:` "
        "for a node that gets its driver later",
    )  # fmt: skip


def _demand(lock: Lock) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """CUDA before glibc: a node with a driver gets GPU builds where there are any."""
    versions = dict(text.split("=")[:2] for text in lock.virtual_packages if "=" in text)
    return _numbers(versions.get("__cuda", "")), _numbers(versions.get("__glibc", ""))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def unmet(lock: Lock, platform: Platform) -> list[str]:
    """What the packages ask of the host that it does not have, in words."""
    have = {name: version for name, version, _ in platform.virtual_packages()}
    found: dict[str, None] = {}
    for package in lock.conda:
        for name, spec in _virtual(package.depends):
            if name == "__archspec" or _met(have.get(name), spec):
                continue
            says = f"the host has {have[name]}" if name in have else "the host has none"
            found[f"{package.name} {package.version} needs {name} {spec}".strip() + f"; {says}"] = (
                None
            )
    for pip in lock.pip:
        needs = _manylinux(pip.file)
        if needs and platform.glibc and needs > _numbers(platform.glibc):
            words = ".".join(map(str, needs))
            found[f"{pip.file} needs glibc {words}; the host has {platform.glibc}"] = None
    return list(found)


def _virtual(depends: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in depends:
        if text.startswith("__"):
            name, _, rest = text.partition(" ")
            yield name, rest.partition(" ")[0]  # a build behind it matters to solvers alone


def _met(have: str | None, spec: str) -> bool:
    if have is None:
        return False
    if not spec or spec == "*":
        return True
    return any(
        all(_clause(have, clause.strip()) for clause in choice.split(",")) for choice in
        spec.split("|")
    )  # fmt: skip


def _clause(have: str, clause: str) -> bool:
    found = _CLAUSE.fullmatch(clause)
    if found is None:
        return True  # nothing that can be judged here
    sign, version, tail = found[1] or "=", _numbers(found[2]), found[3]
    mine = _numbers(have)
    width = max(len(mine), len(version))
    one, other = (part + (0,) * (width - len(part)) for part in (mine, version))
    starts = mine[: len(version)] == version
    if sign in ("=", "==") and (sign == "=" or tail):
        return starts
    if sign == "~=":
        return one >= other and mine[: len(version) - 1] == version[:-1]
    return {
        ">=": one >= other, "<=": one <= other, ">": one > other, "<": one < other,
        "==": one == other, "!=": one != other,
    }[sign]  # fmt: skip


def _manylinux(file: str) -> tuple[int, ...]:
    """The oldest glibc that a wheel runs with; () when it does not say."""
    found = []
    for major, minor, legacy in _MANYLINUX.findall(file):
        found.append((2, _LEGACY[legacy]) if legacy else (int(major), int(minor)))
    return min(found, default=())


def channels_of(lock: Lock, channels: ChannelMap, *, accept_terms: bool = False) -> list[Channel]:
    """Where each package of a lock is fetched. The vendor's alias in it means the alias that
    is set here. Raises EnvironmentFileError for terms that nobody has accepted."""
    mirrors = dict(channels.mirrors)
    if channels.alias.rstrip("/") != CHANNEL_ALIAS:
        mirrors.setdefault(CHANNEL_ALIAS, channels.alias)
    here = ChannelMap(channels.alias, mirrors)
    urls = dict.fromkeys([*lock.channels, *(package.channel for package in lock.conda)])
    used = {package.channel for package in lock.conda}
    found = here.resolve_all((url, None) for url in urls if url in used)
    for channel in found:
        if channel.url.startswith(TERMS_BASE) and not accept_terms:
            raise EnvironmentFileError(
                f"the channel {channel.url} has terms of service that must be accepted",
                hint="say `accept_defaults_terms: true`",
            )
    return found
