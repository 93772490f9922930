"""Solving with rattler."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from . import version
from .cache import PackageCache, http_error, open_url
from .context import Context
from .environment import spec_name
from .errors import CondaError
from .model import Package

__all__ = ["not_found", "parse_spec", "search", "solve", "virtual_packages"]


def virtual_packages() -> list[tuple[str, str, str]]:
    """(name, version, build), with CONDA_OVERRIDE_* applied."""
    from rattler import VirtualPackage, VirtualPackageOverrides

    found = VirtualPackage.detect(VirtualPackageOverrides.from_env())
    generic = [item.into_generic() for item in found]
    return [(item.name.normalized, str(item.version), str(item.build_string)) for item in generic]


def parse_spec(text: str) -> Any:
    """A rattler MatchSpec of conda's wording. Raises InvalidMatchSpec."""
    from rattler import MatchSpec

    try:
        return MatchSpec(text.strip())
    except Exception as error:
        raise CondaError("InvalidMatchSpec", f"Invalid spec '{text}': {error}") from error


def _with_url(context: Context, spec: str) -> str:
    """`conda-forge/noarch::six` with the channel's address, which rattler compares."""
    channel, mark, rest = spec.rpartition("::")
    if not mark or "://" in channel:
        return spec
    name, _, subdir = channel.rpartition("/")
    if subdir not in ("noarch", context.setting("subdir")):
        name, subdir = channel, ""
    url = context.channel_urls(name)[0]
    return f"{url}/{subdir}::{rest}" if subdir else f"{url}::{rest}"


def _check(channel: str) -> None:
    """conda asks each channel's noarch first and gives up on one that is not there."""
    url = f"{channel}/noarch/repodata.json"
    try:
        with open_url(url) as reply:
            reply.read(1)
    except Exception as error:
        found = http_error(url, error)
        if found.fields.get("status_code") in (403, 404):
            raise CondaError(
                "UnavailableInvalidChannel",
                f"HTTP {found.fields['status_code']} {found.fields['reason'].upper()} for channel "
                f"{channel.rpartition('/')[2]} <{channel}>\n\n"
                "The channel is not accessible or is invalid.\n\n"
                "You will need to adjust your conda configuration to proceed.\n"
                "Use `conda config --show channels` to view your configuration's current state,\n"
                "and use `conda config --show-sources` to view config file locations.\n",
                channel_name=channel.rpartition("/")[2],
                channel_url=channel,
                status_code=found.fields["status_code"],
            ) from error
        raise found from error


def _gateway(context: Context) -> Any:
    from rattler import Gateway, SourceConfig

    action: Any = "use-cache-only" if context.offline else "cache-or-fetch"
    folder = PackageCache(context.pkgs_dirs, offline=context.offline).writable()
    return Gateway(
        cache_dir=folder / "cache",
        show_progress=False,
        default_config=SourceConfig(cache_action=action, sharded_enabled=False, jlap_enabled=False),
    )


def _package(record: Any) -> Package:
    data = json.loads(record.to_json())
    return Package(
        str(record.url),
        sha256=record.sha256.hex() if record.sha256 else "",
        md5=record.md5.hex() if record.md5 else "",
        record={key: value for key, value in data.items() if value is not None},
    )


def solve(
    context: Context,
    specs: Sequence[str],
    channels: Sequence[str],
    *,
    installed: Sequence[dict[str, Any]] = (),
    freeze: bool = False,
) -> list[Package]:
    """The whole environment that satisfies `specs`, preferring what is installed."""
    from rattler import Channel, GenericVirtualPackage
    from rattler import solve as rattler_solve
    from rattler.channel import ChannelPriority

    if not context.offline:
        for channel in channels:
            _check(channel)
    gateway = _gateway(context)
    matchers = [parse_spec(_with_url(context, spec)) for spec in specs]
    locked = [_locked(record) for record in installed]
    strict = str(context.setting("channel_priority")) == "strict"
    from rattler import PackageName, Version
    from rattler.package import BuildString

    virtual = [
        GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))
        for name, version, build in virtual_packages()
    ]
    try:
        records = asyncio.run(
            rattler_solve(
                [Channel(f"{channel}/") for channel in channels],
                matchers,
                gateway=gateway,
                platforms=[context.setting("subdir"), "noarch"],
                locked_packages=locked,
                pinned_packages=locked if freeze else [],
                virtual_packages=virtual,
                add_pip_as_python_dependency=context.setting("add_pip_as_python_dependency")
                is True,
                channel_priority=ChannelPriority.Strict if strict else ChannelPriority.Disabled,
            )
        )
    except Exception as error:
        raise _explained(context, specs, channels, error) from error
    return [_package(record) for record in records]


def _locked(record: dict[str, Any]) -> Any:
    from rattler import PackageRecord, RepoDataRecord
    from rattler.package import BuildString

    package = PackageRecord(
        record["name"],
        record["version"],
        BuildString(record["build"]),
        record["build_number"],
        record["subdir"],
        noarch=record.get("noarch"),
        depends=record.get("depends", []),
        constrains=record.get("constrains", []),
    )
    return RepoDataRecord(package, record["fn"], record["url"], record["channel"])


def not_found(specs: Sequence[str], channels: Sequence[str]) -> CondaError:
    """By the name that the release in question has for it."""
    recent = int(version().partition(".")[0]) >= 26
    listed = "\n".join(f"  - {spec}" for spec in specs)
    where = "\n".join(f"  - {channel}" for channel in channels)
    return CondaError(
        "PackagesNotFoundInChannelsError" if recent else "PackagesNotFoundError",
        f"The following packages are not available from current channels:\n\n{listed}\n\n"
        f"Current channels:\n\n{where}\n",
        packages=list(specs),
        channel_urls=list(channels),
    )


def _explained(
    context: Context, specs: Sequence[str], channels: Sequence[str], error: Exception
) -> CondaError:
    kind = type(error).__name__
    if kind == "SolverError" or "Cannot solve" in str(error):
        known = {package.name for package in search(context, "*", channels)}
        missing = [
            spec for spec in specs if spec_name(spec) not in known and not spec.startswith("__")
        ]
        if missing:
            return not_found(missing, channels)
        backend = "Rattler" if context.setting("solver") == "rattler" else "LibMamba"
        return CondaError(f"{backend}UnsatisfiableError", str(error))
    return CondaError("CondaHTTPError" if "etch" in kind or "Gateway" in kind else kind, str(error))


def search(context: Context, spec: str, channels: Sequence[str]) -> list[Package]:
    """Every matching package, oldest first. `*` matches all."""
    if not context.offline:
        for channel in channels:
            _check(channel)
    from rattler import Channel

    async def names_and_records() -> list[Any]:
        gateway = _gateway(context)
        platforms = [context.setting("subdir"), "noarch"]
        sources = [Channel(f"{channel}/") for channel in channels]
        wanted = (
            [parse_spec(spec)]
            if spec != "*"
            else [name.normalized for name in await gateway.names(sources, platforms)]
        )
        found = await gateway.query(sources, platforms, wanted, recursive=False)
        return [record for group in found for record in group]

    records = asyncio.run(names_and_records())
    if spec != "*":
        matcher = parse_spec(spec)
        records = [record for record in records if matcher.matches(record)]
    return [
        _package(record)
        for record in sorted(records, key=lambda r: (r.name.normalized, r.version, r.build_number))
    ]
