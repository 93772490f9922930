"""From anything that describes an environment to its locks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from provision.conda.channels import ChannelMap
from provision.conda.complete import complete
from provision.conda.envfile import EnvironmentFile
from provision.conda.indexes import Indexes, file_indexes, pip_settings
from provision.conda.lock import Lock, PipPackage
from provision.conda.lockfile import Asked, LockFile, asked_of
from provision.conda.pipspecs import PipLine, parse_pip_line
from provision.conda.platforms import Platform
from provision.conda.resolve import Resolution, cache_root, resolve
from provision.conda.solve import Priority
from provision.errors import EnvironmentFileError, Mark

__all__ = [
    "Locking",
    "asked_by",
    "find_pip",
    "finish_lock",
    "make_locks",
    "platform_of",
    "platform_words",
]


@dataclass(frozen=True, slots=True)
class Locking:
    """How to lock. `channel_names` instead of the file's; `index_url` instead of what the file,
    or pip's settings here, say. `notice` is told what goes on."""

    platforms: Sequence[Platform]
    channels: ChannelMap = field(default_factory=ChannelMap)
    channel_names: Sequence[str] = ()
    priority: Priority = "flexible"
    index_url: str = ""
    pip: bool = True
    sdists: bool = False
    accept_terms: bool = False
    refresh: bool = True
    cache: Path | None = None
    notice: Callable[[str], None] = lambda _: None


def platform_of(lock: Lock) -> Platform:
    """What a lock was made for, as far as it says."""
    versions = {}
    builds = {}
    for text in lock.virtual_packages:
        name, _, rest = text.partition("=")
        versions[name], _, builds[name] = rest.partition("=")
    archspec = builds.get("__archspec", "")
    plain = Platform(lock.platform)
    kernel = versions.get("__linux", "")
    return Platform(
        lock.platform,
        glibc=versions.get("__glibc", ""),
        kernel="" if kernel == "0" else kernel,
        cuda=versions.get("__cuda", ""),
        archspec="" if archspec == plain.machine else archspec,
    )


def platform_words(platform: Platform) -> str:
    """`linux-64 (glibc 2.28, CUDA 12.4)`."""
    parts = [f"glibc {platform.glibc}"] if platform.glibc else []
    parts += [f"CUDA {platform.cuda}"] if platform.cuda else []
    parts += [platform.archspec] if platform.archspec else []
    return platform.subdir + (f" ({', '.join(parts)})" if parts else "")


def asked_by(found: EnvironmentFile | LockFile, path: Path) -> Asked:
    """What a lock of this input answers."""
    if isinstance(found, EnvironmentFile):
        return asked_of(found)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return replace(found.asked, file=path.name, digest=digest)


def make_locks(found: EnvironmentFile | LockFile, path: Path, how: Locking) -> LockFile:
    """One lock for each platform, in the order of platforms.

    Raises EnvironmentFileError, ProvisionError.
    """
    asked = asked_by(found, path)
    if isinstance(found, LockFile):
        locks = _completed(found, path, how, asked)
    else:
        locks = tuple(_solved(found, platform, how) for platform in how.platforms)
    return LockFile(asked, locks, str(path))


def _solved(file: EnvironmentFile, platform: Platform, how: Locking) -> Lock:
    how.notice(f"solving for {platform_words(platform)}")
    indexes = Indexes()
    if how.pip and file.pip_packages:
        indexes = file_indexes(file, pip_settings(), how.index_url)
    asked = Resolution(
        file=file,
        platform=platform,
        channels=how.channels,
        channel_names=how.channel_names,
        priority=how.priority,
        indexes=indexes,
        pip=how.pip,
        sdists=how.sdists,
        accept_terms=how.accept_terms,
    )
    return resolve(asked, how.cache, refresh=how.refresh)


# -- exact inputs -----------------------------------------------------------------------


def _completed(found: LockFile, path: Path, how: Locking, asked: Asked) -> tuple[Lock, ...]:
    wanted = {platform.subdir: platform for platform in how.platforms}
    chosen = found.of(wanted)
    if not chosen:
        has = ", ".join(lock.platform for lock in found.locks)
        raise EnvironmentFileError(
            f"nothing in it is for {', '.join(wanted)}", mark=Mark(str(path)), hint=f"it has {has}"
        )
    locks = []
    for lock in chosen:
        whole = lock if how.pip else replace(lock, pip=())
        whole = finish_lock(whole, str(path), how)
        locks.append(whole if whole.asked else replace(whole, asked=asked.digest))
    return tuple(sorted(locks, key=lambda lock: lock.platform))


def finish_lock(lock: Lock, file: str, how: Locking) -> Lock:
    """With hashes for everything, where its form had none.

    Raises EnvironmentFileError, ProvisionError.
    """
    platform = next(
        (p for p in how.platforms if p.subdir == lock.platform), Platform(lock.platform)
    )
    if not all(package.sha256 for package in lock.conda):
        how.notice(f"looking up {len(lock.conda)} packages for {lock.platform}")
    cache = (cache_root() if how.cache is None else how.cache) / "repodata"
    done = complete(lock, how.channels, cache, file)
    for package in done.unlisted:
        how.notice(f"no channel lists {package.name} {package.version} {package.build}")
    return _with_pip_hashes(done.lock, platform, how, file)


def _with_pip_hashes(lock: Lock, platform: Platform, how: Locking, file: str) -> Lock:
    """pip packages whose form gave no hash, or no more than a version, from the index."""
    bare = [p for p in lock.pip if not p.hashes]
    if not bare:
        return lock
    how.notice(f"looking up {len(bare)} pip packages")
    found, indexes = find_pip(bare, lock, platform, how, file)
    pip = {package.name: package for package in lock.pip} | {p.name: p for p in found}
    public = lock.indexes or tuple(url for url in indexes.public() if url)
    return replace(lock, pip=tuple(sorted(pip.values(), key=lambda p: p.name)), indexes=public)


def find_pip(
    packages: Sequence[PipPackage], lock: Lock, platform: Platform, how: Locking, file: str
) -> tuple[tuple[PipPackage, ...], Indexes]:
    """These versions as the index has them, with hashes. Raises EnvironmentFileError when it
    has not, ProvisionError when it cannot be read."""
    from provision.conda.pipsolve import PipRequest, solve_pip

    lines = [_line(package, file) for package in packages]
    whole = EnvironmentFile(file, "", pip=tuple(lines))
    indexes = file_indexes(whole, pip_settings(), how.index_url)
    found, _ = solve_pip(
        PipRequest(
            lines=lines,
            python=lock.python,
            platform=platform,
            conda=(),
            indexes=indexes,
            sdists=how.sdists,
            export=True,
            exact=True,
            file=file,
        )
    )
    return found, indexes


def _line(package: PipPackage, file: str) -> PipLine:
    text = f"{package.name} @ {package.direct}" if package.direct else (
        f"{package.name}=={package.version}"
    )  # fmt: skip
    return parse_pip_line(text, Mark(file) if file else None)
