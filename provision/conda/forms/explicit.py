"""Reads `@EXPLICIT` lists, those of `conda list --explicit` among them.

A line holds an address, and often a hash behind `#`: nothing for MD5, `sha256:` for SHA-256. pip
packages stand in comments, if at all: `# pip name==1.0 --hash=sha256:…`, `# pip name @ URL`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from provision.conda.channels import without_credentials
from provision.conda.lock import CondaPackage, Lock, PipPackage
from provision.conda.pipspecs import normalised
from provision.errors import EnvironmentFileError, Mark

__all__ = ["is_explicit", "package_of_url", "pip_comment", "read_explicit"]

_ARCHIVE = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-(?P<build>[^-]+)\.(?:conda|tar\.bz2)")
_PIP = re.compile(
    r"#\s*pip\s+(?P<name>[\w.-]+)(?:==(?P<version>\S+)|\s+@\s+(?P<url>\S+))(?P<rest>.*)"
)
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")
_PLATFORM = re.compile(r"#\s*platform:\s*(\S+)")


def is_explicit(text: str) -> bool:
    return bool(re.search(r"^@EXPLICIT\s*$", text, re.MULTILINE))


def package_of_url(url: str, mark: Mark | None = None) -> CondaPackage:
    """What an address, with its hash, tells. Raises EnvironmentFileError."""
    address, _, digest = url.partition("#")
    where, _, file = without_credentials(address).rpartition("/")
    found = _ARCHIVE.fullmatch(unquote(file))
    channel, _, subdir = where.rpartition("/")
    if found is None or not channel:
        raise EnvironmentFileError(
            f"{without_credentials(address)!r} is no package's address", mark=mark,
            hint="such as https://HOST/CHANNEL/linux-64/NAME-VERSION-BUILD.conda",
        )  # fmt: skip
    sha256 = digest[7:] if digest.startswith("sha256:") else ""
    md5 = digest.removeprefix("md5:") if digest and not sha256 else ""
    if len(md5) == 64:  # some tools write it bare
        sha256, md5 = md5, ""
    return CondaPackage(
        found["name"], found["version"], found["build"], channel, subdir,
        f"{where}/{file}", sha256, md5,
    )  # fmt: skip


def _file_name(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])


def _pip_package(line: str) -> PipPackage | None:
    found = _PIP.fullmatch(line)
    if found is None:
        return None
    hashes = _HASH.findall(found["rest"])
    version, url, direct = found["version"] or "", "", ""
    if found["url"]:
        url, _, digest = found["url"].partition("#")
        if digest.startswith("sha256="):  # conda-lock's way; the address is the index's
            hashes.append(digest.replace("=", ":"))
        else:
            direct = url
        wheel = re.fullmatch(r"[^-]+-([^-]+)-.*\.whl", _file_name(url))
        version = wheel[1] if wheel else version
    one = hashes[0].partition(":")[2] if len(hashes) == 1 else ""
    return PipPackage(normalised(found["name"]), version, tuple(sorted(hashes)), _file_name(url),
                      url, direct=direct, sha256=one)  # fmt: skip


def pip_comment(package: PipPackage) -> str:
    """A pip package in a list that conda does not read it from."""
    what = f"{package.name} @ {package.direct}" if package.direct else (
        f"{package.name}=={package.version}"
    )  # fmt: skip
    return " ".join([f"# pip {what}", *(f"--hash={digest}" for digest in package.hashes)])


def read_explicit(text: str, file: str, platform: str = "") -> Lock:
    """One lock without dependencies; `complete` adds what the channels know.

    Raises EnvironmentFileError for a line that is no address, packages of two platforms, or a
    package twice.
    """
    conda: dict[str, CondaPackage] = {}
    pip: list[PipPackage] = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        said = _PLATFORM.fullmatch(line)
        platform = said[1] if said and not platform else platform
        if line.startswith("#"):
            found = _pip_package(line)
            pip += [found] if found else []
        elif line and line != "@EXPLICIT":
            mark = Mark(file, number, 1)
            package = package_of_url(line, mark)
            if package.name in conda:
                raise EnvironmentFileError(f"{package.name} stands here twice", mark=mark)
            conda[package.name] = package
    subdirs = {p.subdir for p in conda.values()} - {"noarch"}
    if len(subdirs) > 1:
        raise EnvironmentFileError(
            f"packages of several platforms: {', '.join(sorted(subdirs))}", mark=Mark(file)
        )
    if not conda:
        raise EnvironmentFileError("the list names no package", mark=Mark(file))
    return Lock(
        asked="",
        platform=next(iter(subdirs), platform or "linux-64"),
        virtual_packages=(),
        channels=_channels(conda.values()),
        conda=tuple(sorted(conda.values(), key=lambda package: package.name)),
        pip=tuple(sorted(pip, key=lambda package: package.name)),
    )


def _channels(packages: Iterable[CondaPackage]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(package.channel for package in packages))
