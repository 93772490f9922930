"""From what a host tells of an environment to the files that rebuild it elsewhere.

No conda is started: records, history and pip's own notes say all there is to say. What cannot
be rebuilt is named, never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from provision.conda.channels import ChannelMap, without_credentials
from provision.conda.complete import look_up
from provision.conda.envfile import parse_environment
from provision.conda.envtext import quoted
from provision.conda.history import channels_asked, requested
from provision.conda.lint.heads import is_secret
from provision.conda.lock import CondaPackage, Lock, PipPackage
from provision.conda.lockfile import LockFile, asked_of
from provision.conda.locking import Locking, find_pip
from provision.conda.platforms import Platform, host_platform
from provision.conda.resolve import cache_root
from provision.conda.vendor import CHANNEL_ALIAS
from provision.errors import EnvironmentFileError

__all__ = ["FILE", "LOCK", "MACHINE", "REPORT", "Capture", "Unavailable", "capture"]

FILE = "environment.yml"
LOCK = "environment.lock.yml"
MACHINE = "machine.json"
REPORT = "capture.json"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A package that cannot be had elsewhere. `path` is what the host may still have of it."""

    manager: str
    name: str
    version: str
    why: str
    path: str = ""
    build: str = ""


@dataclass(frozen=True, slots=True)
class Capture:
    """`file` is the text of the portable file; `unchecked` are channels that nobody could read."""

    name: str
    file: str
    locks: LockFile
    machine: Mapping[str, Any]
    unavailable: tuple[Unavailable, ...]
    changed: tuple[str, ...]
    unowned: tuple[str, ...]
    secrets: tuple[str, ...]
    unchecked: Mapping[str, str]

    def report(self, source: str, prefix: str) -> dict[str, Any]:
        return {
            "format": "provision-capture",
            "version": 1,
            "source": source,
            "prefix": prefix,
            "name": self.name,
            "unavailable": [asdict(item) for item in self.unavailable],
            "changed_files": list(self.changed),
            "unowned_files": list(self.unowned),
            "left_out_variables": list(self.secrets),
            "unchecked_channels": dict(self.unchecked),
        }

    def files(self, source: str, prefix: str) -> dict[str, str]:
        """Each file of the capture, by name."""

        def as_json(value: object) -> str:
            return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False) + "\n"

        return {
            FILE: self.file,
            LOCK: self.locks.to_yaml(),
            MACHINE: as_json(dict(self.machine)),
            REPORT: as_json(self.report(source, prefix)),
        }


def capture(
    env: Mapping[str, Any], machine: Mapping[str, Any], how: Locking, name: str = ""
) -> Capture:
    """`env` and `machine` as `provision.agent.condaread` tells them; `how` says where packages
    are looked up. Raises ProvisionError when an index cannot be read."""
    platform = host_platform(env["facts"])
    conda, gone, unchecked = _conda(env["records"], how)
    lock = Lock(
        asked="0" * 64,
        platform=platform.subdir,
        virtual_packages=tuple("=".join(item) for item in platform.virtual_packages()),
        channels=tuple(dict.fromkeys(p.channel for p in conda)),
        conda=tuple(sorted(conda, key=lambda package: package.name)),
        pip_consistent=False,  # it existed, whatever its metadata say of each other
    )
    pip, lost, indexes = _pip(env["pip"], lock, platform, how)
    variables = {str(k): str(v) for k, v in (env.get("variables") or {}).items()}
    secrets = sorted(key for key, value in variables.items() if is_secret(key, value))
    kept = {key: value for key, value in sorted(variables.items()) if key not in secrets}
    name = name or str(env["name"])
    text = _text(name, env, lock, kept, how.channels)
    asked = asked_of(parse_environment(text, FILE))
    lock = replace(
        lock,
        asked=asked.digest,
        channels=_ordered(lock.channels, env),
        pip=pip,
        indexes=indexes,
        variables=kept,
        requested=asked.conda,
        requested_pip=asked.pip,
    )
    return Capture(
        name=name,
        file=text,
        locks=LockFile(asked, (lock,)),
        machine=machine,
        unavailable=(*gone, *lost),
        changed=tuple(sorted(env.get("changed") or ())),
        unowned=tuple(env.get("unowned") or ()),
        secrets=tuple(secrets),
        unchecked=unchecked,
    )


# -- conda ------------------------------------------------------------------------------


def _conda(
    records: Sequence[Mapping[str, Any]], how: Locking
) -> tuple[list[CondaPackage], list[Unavailable], dict[str, str]]:
    """Packages that their channels still have, those they have not, channels unread."""
    packages: list[CondaPackage] = []
    gone: list[Unavailable] = []
    paths = {}
    for record in records:
        package = _package(record)
        paths[package.name] = str(record.get("package_tarball_full_path") or "")
        if package.channel.startswith(("http://", "https://")):
            packages.append(package)
        else:
            where = package.channel or "nobody knows where"
            gone.append(_no_more(package, f"it came from {where}", paths))
    cache = (cache_root() if how.cache is None else how.cache) / "repodata"
    how.notice(f"looking up {len(packages)} packages")
    listed, unread = look_up(tuple(packages), how.channels, cache)
    kept: list[CondaPackage] = []
    for package, there in zip(packages, listed, strict=True):
        if package.channel in unread:
            kept.append(package)
        elif there is None:
            gone.append(_no_more(package, f"{package.channel} lists it no more", paths))
        elif package.sha256 and there.sha256 and package.sha256 != there.sha256:
            gone.append(_no_more(package, f"{package.channel} has another file now", paths))
        else:
            kept.append(replace(package, sha256=package.sha256 or there.sha256,
                                md5=package.md5 or there.md5, size=there.size))  # fmt: skip
    return kept, gone, unread


def _no_more(package: CondaPackage, why: str, paths: Mapping[str, str]) -> Unavailable:
    return Unavailable(
        "conda", package.name, package.version, why, paths[package.name], package.build
    )


def _package(record: Mapping[str, Any]) -> CondaPackage:
    url = without_credentials(str(record.get("url") or ""))
    channel, subdir = "", str(record.get("subdir") or "")
    if url.count("/") > 3:
        channel, subdir, _ = url.rsplit("/", 2)
    return CondaPackage(
        name=str(record["name"]), version=str(record["version"]), build=str(record["build"]),
        channel=channel, subdir=subdir, url=url, sha256=str(record.get("sha256") or ""),
        md5=str(record.get("md5") or ""), size=int(record.get("size") or 0),
        depends=tuple(map(str, record.get("depends") or ())),
    )  # fmt: skip


# -- pip --------------------------------------------------------------------------------


def _pip(
    dists: Sequence[Mapping[str, Any]], lock: Lock, platform: Platform, how: Locking
) -> tuple[tuple[PipPackage, ...], list[Unavailable], tuple[str, ...]]:
    wanted: list[PipPackage] = []
    lost: list[Unavailable] = []
    for dist in dists:
        package, why, path = _source(dist)
        if why:
            lost.append(Unavailable("pip", str(dist["name"]), str(dist["version"]), why, path))
        elif package is not None:
            wanted.append(package)
    ready = [package for package in wanted if package.hashes]
    asked = [package for package in wanted if not package.hashes]
    if asked and not lock.python:
        why = "there is no conda python to look it up for"
        return tuple(ready), [*lost, *(_lost(p, why) for p in asked)], ()
    found, missing, indexes = _from_index(asked, lock, platform, how)
    lost += [_lost(p, "the index has no such version, or no wheel of it") for p in missing]
    return tuple(sorted([*ready, *found], key=lambda p: p.name)), lost, indexes


def _lost(package: PipPackage, why: str) -> Unavailable:
    return Unavailable("pip", package.name, package.version, why)


def _source(dist: Mapping[str, Any]) -> tuple[PipPackage | None, str, str]:
    """The package, or why it does not travel and where it lies."""
    name, version, direct = str(dist["name"]), str(dist["version"]), dist.get("direct") or {}
    url = without_credentials(str(direct.get("url") or ""))
    if dist.get("editable") or (direct.get("dir_info") or {}).get("editable"):
        return None, f"an editable install{' of ' + url if url else ''}", ""
    if "vcs_info" in direct:
        commit = direct["vcs_info"].get("commit_id", "")
        return None, f"built from {url} at {commit}", ""
    if url.startswith("file:"):
        return None, f"installed from {url}", url.removeprefix("file://")
    if url:
        info = direct.get("archive_info") or {}
        digest = (info.get("hashes") or {}).get("sha256") or str(info.get("hash") or "").rpartition(
            "sha256="
        )[2]
        hashes = (f"sha256:{digest}",) if digest else ()
        file = url.rpartition("/")[2]
        return PipPackage(name, version, hashes, file, url, direct=url, sha256=digest), "", ""
    return PipPackage(name, version, ()), "", ""


def _from_index(
    asked: Sequence[PipPackage], lock: Lock, platform: Platform, how: Locking
) -> tuple[list[PipPackage], list[PipPackage], tuple[str, ...]]:
    """Those that the index has, with hashes, and those that it has not."""
    if not asked:
        return [], [], ()
    how.notice(f"looking up {len(asked)} pip packages")
    found: list[PipPackage] = []
    missing: list[PipPackage] = []
    try:
        together, indexes = find_pip(asked, lock, platform, how, "")
        return list(together), [], tuple(url for url in indexes.public() if url)
    except EnvironmentFileError:
        pass
    public: tuple[str, ...] = ()
    for package in asked:  # one of them is the trouble: each alone
        try:
            alone, indexes = find_pip([package], lock, platform, how, "")
        except EnvironmentFileError:
            missing.append(package)
        else:
            found += alone
            public = tuple(url for url in indexes.public() if url)
    return found, missing, public


# -- the portable file --------------------------------------------------------------------


def _ordered(channels: Sequence[str], env: Mapping[str, Any]) -> tuple[str, ...]:
    """In the order in which they were asked for, the others behind."""
    told = (env.get("note") or {}).get("lock") or {}
    asked = [*map(str, told.get("channels") or ()), *channels_asked(str(env.get("history") or ""))]
    first = [u for name in asked for u in channels if u == name or u.endswith("/" + name)]
    return tuple(dict.fromkeys([*first, *channels]))


def _asked_specs(env: Mapping[str, Any], lock: Lock) -> list[str]:
    """What was asked for: as our own note says it, else as the history does; else the packages
    that no other needs, with their versions."""
    told = (env.get("note") or {}).get("lock") or {}
    if told.get("requested"):
        return [str(text) for text in told["requested"]]
    installed = {str(record["name"]) for record in env["records"]}
    specs = requested(str(env.get("history") or ""), installed)
    if specs:
        return [spec.bare for spec in specs]
    needed = {spec.split()[0] for package in lock.conda for spec in package.depends if spec}
    roots = [p for p in lock.conda if p.name not in needed or p.name in ("python", "pip")]
    return [f"{package.name}={package.version}" for package in roots]


def _channel_names(urls: Sequence[str], channels: ChannelMap) -> list[str]:
    names = []
    for url in urls:
        for alias in (channels.alias.rstrip("/"), CHANNEL_ALIAS):
            if url.startswith(f"{alias}/"):
                url = url[len(alias) + 1 :]
                break
        names.append(url)
    return names


def _pip_lines(dists: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each with its true source; what lies on one machine is a comment."""
    lines = []
    for dist in sorted(dists, key=lambda d: str(d["name"])):
        source = str(dist.get("source") or "")
        package, why, _ = _source(dist)
        if why and "vcs_info" in (dist.get("direct") or {}):
            requirement = f"{dist['name']} @ {source}"
            lines.append(f"- {quoted(requirement)}  # built from a repository")
        elif why:
            lines.append(f"# {dist['name']}=={dist['version']}: {why}")
        elif package is not None and package.direct:
            lines.append(f"- {quoted(f'{package.name} @ {package.direct}')}")
        elif package is not None:
            lines.append(f"- {quoted(f'{package.name}=={package.version}')}")
    return lines


def _text(
    name: str, env: Mapping[str, Any], lock: Lock, variables: Mapping[str, str],
    channels: ChannelMap,
) -> str:  # fmt: skip
    names = _channel_names(_ordered(lock.channels, env), channels)
    lines = [f"name: {quoted(name)}", "channels:"]
    lines += [f"  - {quoted(text)}" for text in names or ["conda-forge"]]
    lines.append("dependencies:")
    specs = _asked_specs(env, lock)
    pip = _pip_lines(env["pip"])
    live = [line for line in pip if line.startswith("- ")]
    if live and not any(spec.split("=")[0].strip() == "pip" for spec in specs):
        specs.append("pip")
    lines += [f"  - {quoted(spec)}" for spec in specs]
    if live:
        lines.append("  - pip:")
    lines += [f"      {line}" for line in pip]
    if variables:
        lines.append("variables:")
        lines += [f"  {quoted(key)}: {json.dumps(value)}" for key, value in variables.items()]
    return "\n".join(lines) + "\n"
