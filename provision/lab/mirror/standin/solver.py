"""Solving with rattler."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .cache import http_error, open_url
from .context import Context
from .environment import spec_name
from .errors import CondaError
from .model import Package

__all__ = ["parse_spec", "search", "solve", "virtual_packages"]


def virtual_packages() -> list[tuple[str, str, str]]:
    """(name, version, build), with CONDA_OVERRIDE_* applied."""
    from rattler import VirtualPackage, VirtualPackageOverrides

    found = VirtualPackage.detect(VirtualPackageOverrides.from_env())
    generic = [item.into_generic() for item in found]
    return [(item.name.normalized, str(item.version), str(item.build_string)) for item in generic]


def parse_spec(text: str) -> Any:
    """A rattler MatchSpec of conda's wording. Raises InvalidMatchSpec."""
    from rattler import MatchSpec

    words = text.strip()
    words = re.sub(r"^([A-Za-z0-9_.\-]+)=([^=<>!~\s]+)$", r"\1=\2", words)
    try:
        return MatchSpec(words)
    except Exception as error:
        raise CondaError("InvalidMatchSpec", f"Invalid spec '{text}': {error}") from error


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
                channel_name=channel.rpartition("/")[2], channel_url=channel,
                status_code=found.fields["status_code"]) from error
        raise found from error


def _gateway(context: Context) -> Any:
    from rattler import Gateway, SourceConfig

    action: Any = "use-cache-only" if context.offline else "cache-or-fetch"
    folder = next((path for path in context.pkgs_dirs if path.is_dir()), Path.home() / ".conda")
    return Gateway(cache_dir=folder / "cache", show_progress=False,
                   default_config=SourceConfig(cache_action=action, sharded_enabled=False,
                                               jlap_enabled=False))


def _package(record: Any) -> Package:
    data = json.loads(record.to_json())
    return Package(str(record.url),
                   sha256=record.sha256.hex() if record.sha256 else "",
                   md5=record.md5.hex() if record.md5 else "",
                   record={key: value for key, value in data.items() if value is not None})


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
    matchers = [parse_spec(spec) for spec in specs]
    locked = [_locked(record) for record in installed]
    strict = str(context.setting("channel_priority")) == "strict"
    from rattler import PackageName, Version
    from rattler.package import BuildString

    virtual = [GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))
               for name, version, build in virtual_packages()]
    try:
        records = asyncio.run(rattler_solve(
            [Channel(f"{channel}/") for channel in channels], matchers, gateway=gateway,
            platforms=[context.setting("subdir"), "noarch"],
            locked_packages=locked, pinned_packages=locked if freeze else [],
            virtual_packages=virtual,
            channel_priority=ChannelPriority.Strict if strict else ChannelPriority.Disabled))
    except Exception as error:
        raise _explained(context, specs, channels, error) from error
    return [_package(record) for record in records]


def _locked(record: dict[str, Any]) -> Any:
    from rattler import PackageRecord, RepoDataRecord
    from rattler.package import BuildString

    package = PackageRecord(
        record["name"], record["version"], BuildString(record["build"]), record["build_number"],
        record["subdir"], noarch=record.get("noarch"), depends=record.get("depends", []),
        constrains=record.get("constrains", []))
    return RepoDataRecord(package, record["fn"], record["url"], record["channel"])


def _explained(
    context: Context, specs: Sequence[str], channels: Sequence[str], error: Exception
) -> CondaError:
    kind = type(error).__name__
    if kind == "SolverError" or "Cannot solve" in str(error):
        known = {package.name for package in search(context, "*", channels)}
        missing = [spec for spec in specs if spec_name(spec) not in known
                   and not spec.startswith("__")]
        if missing:
            listed = "\n".join(f"  - {spec}" for spec in missing)
            where = "\n".join(f"  - {channel}" for channel in channels)
            return CondaError(
                "PackagesNotFoundError",
                "The following packages are not available from current channels:\n\n"
                f"{listed}\n\nCurrent channels:\n\n{where}\n\n"
                "To search for alternate channels that may provide the conda package you're\n"
                "looking for, use the search bar at the top of the page.\n",
                packages=missing, channel_urls=list(channels))
        return CondaError("RattlerUnsatisfiableError", str(error))
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
        wanted = [parse_spec(spec)] if spec != "*" else await gateway.names(sources, platforms)
        found = await gateway.query(sources, platforms, wanted, recursive=False)
        return [record for group in found for record in group]

    records = asyncio.run(names_and_records())
    if spec != "*":
        matcher = parse_spec(spec)
        records = [record for record in records if matcher.matches(record)]
    return [_package(record)
            for record in sorted(records, key=lambda r: (r.name.normalized, r.version,
                                                         r.build_number))]
