"""conda-lock's files, version 1: https://conda.github.io/conda-lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from provision.conda.channels import without_credentials
from provision.conda.forms.explicit import package_of_url
from provision.conda.lock import CondaPackage, Lock, PipPackage
from provision.conda.lockfile import Asked, LockFile
from provision.conda.pipspecs import normalised
from provision.errors import EnvironmentFileError, Mark

__all__ = ["condalock_text", "read_condalock"]

VERSION = 1


def _spec(words: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{name} {spec}".strip() if spec else str(name) for name, spec in words.items())


def _conda(item: Mapping[str, Any], mark: Mark | None) -> CondaPackage:
    hashes = item.get("hash") or {}
    plain = package_of_url(str(item["url"]), mark)
    return CondaPackage(
        name=str(item["name"]), version=str(item["version"]), build=plain.build,
        channel=plain.channel, subdir=plain.subdir, url=plain.url,
        sha256=str(hashes.get("sha256") or ""), md5=str(hashes.get("md5") or ""),
        depends=_spec(item.get("dependencies") or {}),
    )  # fmt: skip


def _pip(item: Mapping[str, Any]) -> PipPackage:
    url = str(item["url"]).partition("#")[0]
    sha256 = str((item.get("hash") or {}).get("sha256") or "")
    source = item.get("source") or {}
    return PipPackage(
        name=normalised(str(item["name"])),
        version=str(item["version"]),
        hashes=(f"sha256:{sha256}",) if sha256 else (),
        file=url.rpartition("/")[2],
        url=without_credentials(url),
        direct=without_credentials(url) if source.get("type") == "url" else "",
        sha256=sha256,
    )


def read_condalock(data: Any, file: str) -> LockFile:
    """Of plain values. Packages of other categories than `main` are left out, as `conda-lock
    install` does. Raises EnvironmentFileError."""
    if not isinstance(data, Mapping) or data.get("version") != VERSION:
        raise EnvironmentFileError(
            f"conda-lock's version {data.get('version') if isinstance(data, Mapping) else '?'} is "
            f"not read, only {VERSION}", mark=Mark(file),
        )  # fmt: skip
    try:
        return _read(data, file)
    except (KeyError, TypeError, AttributeError) as exc:
        raise EnvironmentFileError(
            "a damaged conda-lock file", mark=Mark(file), why=f"{exc!r}"
        ) from exc


def _read(data: Mapping[str, Any], file: str) -> LockFile:
    meta = data["metadata"]
    channels = tuple(without_credentials(str(c["url"])) for c in meta.get("channels") or ())
    locks = []
    for platform in meta["platforms"]:
        mine = [p for p in data["package"] if p["platform"] == platform]
        mine = [p for p in mine if "main" in _categories(p)]
        conda = [_conda(p, Mark(file)) for p in mine if p["manager"] == "conda"]
        pip = [_pip(p) for p in mine if p["manager"] == "pip"]
        order = dict.fromkeys(package.channel for package in conda)
        urls = [url for name in channels for url in order if _is(url, name)]
        locks.append(
            Lock(
                asked="",
                platform=str(platform),
                virtual_packages=(),
                channels=tuple(dict.fromkeys([*urls, *order])),
                conda=tuple(sorted(conda, key=lambda package: package.name)),
                pip=tuple(sorted(pip, key=lambda package: package.name)),
            )
        )
    if not locks:
        raise EnvironmentFileError("the file locks no platform", mark=Mark(file))
    return LockFile(Asked(channels=channels), tuple(locks), file)


def _categories(item: Mapping[str, Any]) -> Sequence[str]:
    return [str(item.get("category") or "main"), *(item.get("categories") or ())]


def _is(url: str, name: str) -> bool:
    return url == name.rstrip("/") or url.endswith("/" + name.strip("/"))


def _depends(package: CondaPackage) -> dict[str, str]:
    words = (spec.partition(" ")[::2] for spec in package.depends if spec)
    return {name: rest.strip() for name, rest in words}


def condalock_text(whole: LockFile) -> str:
    """Raises EnvironmentFileError when a pip package has no address."""
    import yaml

    packages = []
    for lock in whole.locks:
        for conda in lock.conda:
            hashes = {k: v for k, v in (("md5", conda.md5), ("sha256", conda.sha256)) if v}
            packages.append(
                _item(conda.name, conda.version, "conda", lock, _depends(conda), conda.url, hashes)
            )
        for pip in lock.pip:
            url, sha256 = pip_address(pip, whole.path, "conda-lock")
            packages.append(_item(pip.name, pip.version, "pip", lock, {}, url, {"sha256": sha256}))
    packages.sort(key=lambda item: (item["manager"], item["name"], item["platform"]))
    channels = dict.fromkeys(url for lock in whole.locks for url in lock.channels)
    data = {
        "version": VERSION,
        "metadata": {
            "content_hash": {lock.platform: lock.asked or lock.content for lock in whole.locks},
            "channels": [{"url": url, "used_env_vars": []} for url in channels],
            "platforms": [lock.platform for lock in whole.locks],
            "sources": [whole.asked.file] if whole.asked.file else [],
        },
        "package": packages,
    }
    body: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=4096)
    return "# Written by provision in conda-lock's form, version 1.\n" + body


def _item(
    name: str, version: str, manager: str, lock: Lock, depends: dict[str, str], url: str,
    hashes: dict[str, str],
) -> dict[str, Any]:  # fmt: skip
    return {
        "name": name, "version": version, "manager": manager, "platform": lock.platform,
        "dependencies": depends, "url": url, "hash": hashes, "category": "main",
        "optional": False,
    }  # fmt: skip


def pip_address(package: PipPackage, file: str, form: str) -> tuple[str, str]:
    """The address of the file and its SHA-256. Raises EnvironmentFileError without one."""
    url = package.direct or package.url
    sha256 = package.sha256
    if not sha256 and len(package.hashes) == 1:
        sha256 = package.hashes[0].removeprefix("sha256:")
    if not url or not sha256:
        raise EnvironmentFileError(
            f"{package.name} {package.version} cannot be written in {form}'s form",
            mark=Mark(file) if file else None,
            why="it names each package's file, and the index gave no address that others reach",
        )
    return url, sha256
