"""pixi's and rattler's lock files.

Read through py-rattler, which knows all their versions. Written in version 6, which every
release of pixi since 0.40 reads, and other tools too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from provision.conda.channels import without_credentials
from provision.conda.forms.condalock import pip_address
from provision.conda.lock import CondaPackage, Lock, PipPackage
from provision.conda.lockfile import Asked, LockFile
from provision.conda.pipspecs import normalised
from provision.errors import EnvironmentFileError, Mark

__all__ = ["pixi_text", "read_pixi"]

VERSION = 6
DEFAULT = "default"


def read_pixi(path: Path, environment: str = "") -> LockFile:
    """Its environment of that name, or `default`, or the only one.

    Raises EnvironmentFileError.
    """
    import rattler

    try:
        whole = rattler.LockFile.from_path(path)
    except Exception as exc:
        raise EnvironmentFileError(
            "cannot read the lock", mark=Mark(str(path)), why=str(exc)
        ) from exc
    known = dict(whole.environments())
    name = environment or (DEFAULT if DEFAULT in known else next(iter(known), ""))
    if name not in known or (not environment and name != DEFAULT and len(known) > 1):
        raise EnvironmentFileError(
            f"the lock has no environment {environment or DEFAULT!r}",
            mark=Mark(str(path)),
            hint=f"it has {', '.join(sorted(known))}",
        )
    chosen = known[name]
    channels = tuple(_channel(c) for c in chosen.channels())
    locks = [
        _lock(platform.name, packages, channels, str(path))
        for platform, packages in chosen.packages_by_platform().items()
    ]
    if not locks:
        raise EnvironmentFileError("the file locks no platform", mark=Mark(str(path)))
    locks.sort(key=lambda lock: lock.platform)
    return LockFile(Asked(channels=channels), tuple(locks), str(path))


def _channel(channel: Any) -> str:
    return without_credentials(str(getattr(channel, "url", None) or channel)).rstrip("/")


def _lock(platform: str, packages: list[Any], channels: tuple[str, ...], file: str) -> Lock:
    import rattler.lock

    conda, pip = [], []
    for package in packages:
        if isinstance(package, rattler.lock.PypiLockedPackage):
            pip.append(_pip(package))
        elif isinstance(package, rattler.lock.CondaLockedBinaryPackage):
            conda.append(_conda(package, file))
        else:
            raise EnvironmentFileError(
                f"{package.name} is built from source, which no other tool does", mark=Mark(file)
            )
    others = dict.fromkeys(package.channel for package in conda)
    return Lock(
        asked="",
        platform=platform,
        virtual_packages=(),
        channels=tuple(dict.fromkeys([*(c for c in channels if c in others), *others])),
        conda=tuple(sorted(conda, key=lambda package: package.name)),
        pip=tuple(sorted(pip, key=lambda package: package.name)),
    )


def _address(location: str, file: str) -> str:
    """Local files are told as paths, relative to the lock."""
    if "://" in location:
        return without_credentials(location)
    return (Path(file).absolute().parent / location).resolve().as_uri()


def _conda(package: Any, file: str) -> CondaPackage:
    record = package.package_record
    url = _address(str(package.location), file)
    channel, subdir, _ = url.rsplit("/", 2)
    return CondaPackage(
        name=record.name.normalized, version=str(record.version), build=str(record.build),
        channel=channel, subdir=subdir, url=url,
        sha256=record.sha256.hex() if record.sha256 else "",
        md5=record.md5.hex() if record.md5 else "",
        size=record.size or 0, depends=tuple(record.depends),
    )  # fmt: skip


def _pip(package: Any) -> PipPackage:
    url, _, fragment = str(package.location).partition("#")
    url = url.removeprefix("direct+")
    digest = package.hashes.sha256.hex() if package.hashes and package.hashes.sha256 else ""
    digest = digest or fragment.removeprefix("sha256=")
    direct = str(package.location).startswith("direct+")
    return PipPackage(
        name=normalised(package.name),
        version=str(package.version),
        hashes=(f"sha256:{digest}",) if digest else (),
        file=unquote(urlsplit(url).path.rpartition("/")[2]),
        url=without_credentials(url),
        direct=without_credentials(url) if direct else "",
        sha256=digest,
    )


def pixi_text(whole: LockFile) -> str:
    """Raises EnvironmentFileError when a pip package has no address."""
    import yaml

    used: dict[str, list[dict[str, str]]] = {}
    described: dict[str, dict[str, Any]] = {}
    for lock in whole.locks:
        mine = used.setdefault(lock.platform, [])
        for conda in lock.conda:
            mine.append({"conda": conda.url})
            described[f"conda {conda.url}"] = _conda_item(conda)
        for pip in lock.pip:
            url, sha256 = pip_address(pip, whole.path, "pixi")
            mine.append({"pypi": url})
            described[f"pypi {url}"] = {
                "pypi": url, "name": pip.name, "version": pip.version, "sha256": sha256,
            }  # fmt: skip
    channels = dict.fromkeys(url for lock in whole.locks for url in lock.channels)
    default: dict[str, Any] = {"channels": [{"url": f"{url}/"} for url in channels]}
    indexes = dict.fromkeys(url for lock in whole.locks for url in lock.indexes)
    if any(lock.pip for lock in whole.locks) and indexes:
        default["indexes"] = list(indexes)
    default["packages"] = used
    data = {
        "version": VERSION,
        "environments": {DEFAULT: default},
        "packages": [described[key] for key in sorted(described)],
    }
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=4096)
    return text


def _conda_item(package: CondaPackage) -> dict[str, Any]:
    item: dict[str, Any] = {"conda": package.url}
    if not package.url.startswith("http"):  # else the address tells
        names = ("name", "version", "build", "subdir", "channel")
        item |= {key: getattr(package, key) for key in names}
    for key in ("sha256", "md5"):
        if value := getattr(package, key):
            item[key] = value
    if package.depends:
        item["depends"] = list(package.depends)
    if package.size:
        item["size"] = package.size
    return item
