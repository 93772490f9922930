"""Where `conda_env` has its list of packages from: a lock, or a solve for the host's platform.

Imports of `provision.conda` stay inside: a playbook without environments loads none of it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.actions.base import ActionContext
from provision.errors import EnvironmentFileError, PlaybookError

if TYPE_CHECKING:
    from provision.conda.channels import Channel, ChannelMap
    from provision.conda.forms.reading import Input
    from provision.conda.indexes import Indexes
    from provision.conda.lock import Lock
    from provision.conda.lockfile import LockFile
    from provision.conda.platforms import Platform
    from provision.conda.resolve import Resolution

__all__ = ["Sourced", "given_name", "lock_named", "sourced"]


@dataclass(frozen=True, slots=True)
class Sourced:
    """What one host installs, and from where. Hosts with equal keys get the same."""

    lock: Lock
    channels: list[Channel]
    indexes: Indexes
    key: Hashable


def sourced(args: Any, ctx: ActionContext) -> Sourced:
    """Raises EnvironmentFileError, PlaybookError, and what `ctx.facts` raises."""
    whole = _lock_file(args, ctx)
    return _solved(args, ctx) if whole is None else _from_lock(whole, args, ctx)


def lock_named(args: Any) -> str:
    """The lock that the task names, "" for none."""
    return "" if args.lock in (None, "none") else str(args.lock)


def given_name(args: Any, ctx: ActionContext) -> str:
    """The environment's name as the file says it; what has none in it is called after its
    file: `bert` for bert.lock.yml."""
    from provision.conda.envfile import EnvironmentFile

    found = _read(args, ctx) if args.file else None
    if isinstance(found, EnvironmentFile):
        return found.name
    return Path(lock_named(args) or args.file or "").name.partition(".")[0]


def _read(args: Any, ctx: ActionContext) -> Input:
    """An EnvironmentFile, or a LockFile where `file` is exact already."""
    return _input(ctx.find("envs", args.file), ctx)


def _input(path: Path, ctx: ActionContext) -> Input:
    from provision.conda.forms.reading import read_input

    def make() -> Input:
        return read_input(path)

    found: Input = ctx.shared(("conda_env file", str(path), _stamp(path)), make)
    return found


def _stamp(path: Path) -> tuple[int, int]:
    try:
        info = path.stat()
    except OSError as exc:
        raise EnvironmentFileError(f"cannot read {path}", why=exc.strerror or "") from exc
    return info.st_mtime_ns, info.st_size


# -- locks ------------------------------------------------------------------------------


def _lock_file(args: Any, ctx: ActionContext) -> LockFile | None:
    """The one that is asked for or stands beside the file; None where it must be solved.

    Raises EnvironmentFileError for one that is stale.
    """
    from provision.conda.envfile import EnvironmentFile
    from provision.conda.locked import check_fresh
    from provision.conda.lockfile import lock_path

    file = _read(args, ctx) if args.file else None
    named = lock_named(args)
    if named:
        path = ctx.find("envs", named)
    elif file is None or not isinstance(file, EnvironmentFile):
        return file
    else:
        path = lock_path(ctx.find("envs", args.file))
        if args.lock == "none" or not path.exists():
            return None
    whole = _input(path, ctx)
    if isinstance(whole, EnvironmentFile):
        raise EnvironmentFileError(
            f"{path} is no lock", hint=f"make one of it: provision env lock {path}"
        )
    if isinstance(file, EnvironmentFile):
        check_fresh(whole, file)
    return whole


def _from_lock(whole: LockFile, args: Any, ctx: ActionContext) -> Sourced:
    from provision.conda.locked import channels_of, choose_lock
    from provision.conda.locking import Locking, finish_lock

    platform = _platform(args, ctx)
    names = _channel_map(args, ctx)
    lock = choose_lock(whole, platform)
    if not args.pip:
        lock = replace(lock, pip=())
    channels = channels_of(lock, names, accept_terms=args.accept_defaults_terms)
    indexes = _indexes(args, ctx, lock)
    key = (lock.content, tuple(channels), indexes, args.sdists, args.accept_defaults_terms)

    def make() -> Lock:
        how = Locking([platform], names, index_url=indexes.url, sdists=args.sdists)
        return finish_lock(lock, whole.path, how)

    return Sourced(ctx.shared(("conda_env lock", key), make), channels, indexes, key)


# -- solving ----------------------------------------------------------------------------


def _solved(args: Any, ctx: ActionContext) -> Sourced:
    from provision.conda.resolve import resolve

    asked = _resolution(args, ctx)
    channels = asked.resolved_channels()
    key = (asked.key(), args.force)

    def make() -> Lock:
        ctx.progress("solve")
        return resolve(asked, refresh=args.force)

    return Sourced(ctx.shared(("conda_env solve", key), make), channels, asked.indexes, key)


def _resolution(args: Any, ctx: ActionContext) -> Resolution:
    """What is asked, for this host's platform. May raise what `ctx.facts` raises."""
    from provision.conda.envfile import EnvironmentFile
    from provision.conda.resolve import Resolution

    file = _read(args, ctx)
    assert isinstance(file, EnvironmentFile)
    return Resolution(
        file=file,
        platform=_platform(args, ctx),
        channels=_channel_map(args, ctx),
        channel_names=tuple(args.channels or ()),
        priority=args.channel_priority,
        indexes=_indexes(args, ctx),
        pip=args.pip,
        sdists=args.sdists,
        accept_terms=args.accept_defaults_terms,
    )


def _platform(args: Any, ctx: ActionContext) -> Platform:
    from provision.conda.platforms import host_platform

    cuda = "" if args.cuda in ("none", "") else args.cuda
    return host_platform(
        ctx.facts(), cuda=cuda, glibc=args.glibc or "", archspec=args.archspec or ""
    )


# -- where packages come from -------------------------------------------------------------


def _indexes(args: Any, ctx: ActionContext, lock: Lock | None = None) -> Indexes:
    """The task's word before the file's, and that before the lock's."""
    from provision.conda.envfile import EnvironmentFile
    from provision.conda.indexes import Indexes, file_indexes, pip_settings

    file = _read(args, ctx) if args.file else None
    own: Indexes = ctx.shared("pip settings", pip_settings)
    url = args.index_url or str(ctx.vars.get("pip_index_url") or "")
    if isinstance(file, EnvironmentFile):
        wanted = lock.pip if lock is not None else file.pip_packages
        return file_indexes(file, own.distant(), url) if args.pip and wanted else Indexes()
    if lock is None or not lock.pip:
        return Indexes()
    if lock.indexes and not url:
        return Indexes(url=lock.indexes[0], extra=lock.indexes[1:], cert=own.cert)
    return file_indexes(EnvironmentFile("", ""), own.distant(), url)


def _channel_map(args: Any, ctx: ActionContext) -> ChannelMap:
    from provision.conda.channels import ChannelMap
    from provision.conda.vendor import CHANNEL_ALIAS

    mirrors = args.mirrors if args.mirrors is not None else ctx.vars.get("conda_mirrors") or {}
    if not isinstance(mirrors, Mapping):
        raise PlaybookError("conda_mirrors takes a mapping")
    return ChannelMap(
        args.channel_alias or str(ctx.vars.get("conda_channel_alias") or CHANNEL_ALIAS),
        {str(key): str(value) for key, value in mirrors.items()},
    )
