"""Resolves a `pip:` section to exact versions and hashes, for a platform and a Python.

uv does the work; it reads requirements from its standard input and index URLs from its
environment, so nothing that could be secret is in an argument or on disk.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from provision.conda.channels import without_credentials
from provision.conda.indexes import Indexes
from provision.conda.lock import CondaPackage, PipPackage
from provision.conda.pipspecs import PipLine, normalised
from provision.conda.pipstubs import distribution_name, write_stubs
from provision.conda.platforms import Platform
from provision.errors import EnvironmentFileError, Mark, ProvisionError

__all__ = ["PipRequest", "solve_pip"]

_TIMEOUT_S = 1200.0
_GLIBC_STEPS = (17, 28, *range(31, 41))  # the manylinux platforms that uv knows
_UNMOVABLE = {
    "git": "has no hash that a host could check",
    "editable": "lies on one machine",
    "path": "lies on one machine",
}
_finding = threading.Lock()
_RELATED = 6


@dataclass(frozen=True, slots=True)
class PipRequest:
    """python  the version that conda chose; conda  everything that conda installs.

    export  the lines are the whole of an environment that existed
    exact  only these packages are looked up, without what they need
    """

    lines: Sequence[PipLine]
    python: str
    platform: Platform
    conda: Sequence[CondaPackage]
    indexes: Indexes
    sdists: bool = False
    export: bool = False
    exact: bool = False
    file: str = ""


def solve_pip(request: PipRequest) -> tuple[tuple[PipPackage, ...], bool]:
    """The whole closure without what conda provides, sorted by name; and whether it is free of
    contradictions, which an export need not be.

    Raises EnvironmentFileError when it cannot be fulfilled, ProvisionError when an index
    cannot be read.
    """
    wanted = _wanted(request)
    if not wanted:
        return (), True
    if not request.python:
        raise EnvironmentFileError(
            "pip packages need python among the dependencies", mark=wanted[0].mark
        )
    done = _compile(request, wanted, *(["--no-deps"] if request.exact else []))
    consistent = not done.returncode
    if not consistent and not request.exact and request.export:
        exact = _compile(request, wanted, "--no-deps")
        done = exact if not exact.returncode else done
    if done.returncode:
        raise _failed(request, wanted, done.stderr)
    return _packages(tomllib.loads(done.stdout), request), consistent


def _wanted(request: PipRequest) -> list[PipLine]:
    """The lines to resolve. Raises EnvironmentFileError for those that cannot be rebuilt."""
    provided = {distribution_name(p): p for p in request.conda if distribution_name(p)}
    wanted = []
    for line in request.lines:
        if line.kind in _UNMOVABLE:
            raise EnvironmentFileError(
                f"{line.text!r} {_UNMOVABLE[line.kind]}",
                mark=line.mark,
                hint="name a release (name==version), or the URL of a wheel",
            )
        there = provided.get(line.name)
        if there is not None and line.version and line.version != there.version:
            raise EnvironmentFileError(
                f"pip would overwrite conda's {there.name} {there.version} with {line.version}",
                mark=line.mark,
                hint="ask only one of them for it",
            )
        if line.kind != "option" and not (there is not None and line.version):
            wanted.append(line)
    return wanted


def _python_platform(platform: Platform, mark: Mark | None) -> str:
    machine = {"linux-64": "x86_64", "linux-aarch64": "aarch64"}.get(platform.subdir)
    if machine is None:
        raise EnvironmentFileError(
            f"pip packages cannot be locked for {platform.subdir}", mark=mark
        )
    minor = int((platform.glibc or "2.17").split(".")[1])
    fitting = [step for step in _GLIBC_STEPS if step <= minor] or [17]
    return f"{machine}-manylinux_2_{fitting[-1]}"


def _uv() -> str:
    """The path of uv's program. Two hosts may ask at once, and `sysconfig`, where uv looks,
    shows the second one tables that the first has only begun to fill."""
    import uv

    with _finding:
        return str(uv.find_uv_bin())


def _compile(
    request: PipRequest, wanted: Sequence[PipLine], *more: str
) -> subprocess.CompletedProcess[str]:

    env = {key: value for key, value in os.environ.items() if not key.startswith("UV_")}
    env |= request.indexes.uv_environ()
    with tempfile.TemporaryDirectory(prefix="provision-pip-") as folder:
        stubs = write_stubs(request.conda, Path(folder))
        constraints = Path(folder) / "conda.txt"
        constraints.write_text(
            "".join(f"{name} @ {path.as_uri()}\n" for name, path in sorted(stubs.items()))
        )
        argv = [
            _uv(), "pip", "compile", "-",
            "--quiet", "--no-header", "--format", "pylock.toml",
            "--constraints", str(constraints),
            "--python-version", request.python,
            "--python-platform", _python_platform(request.platform, wanted[0].mark),
            "--no-python-downloads",
        ]  # fmt: skip
        argv += [] if request.sdists else ["--only-binary", ":all:"]
        argv += ["--prerelease", "allow"] if request.indexes.pre else []
        try:
            return subprocess.run(
                [*argv, *more],
                input="".join(line.text + "\n" for line in wanted),
                capture_output=True,
                text=True,
                env=env,
                cwd=folder,  # a project's settings where we stand are none of its business
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as exc:
            raise ProvisionError(
                f"resolving the pip packages took longer than {_TIMEOUT_S:.0f} s",
                mark=Mark(request.file) if request.file else None,
            ) from exc


def _failed(request: PipRequest, wanted: Sequence[PipLine], stderr: str) -> ProvisionError:
    why = stderr.strip()
    for secret in request.indexes.secrets():
        why = why.replace(secret, without_credentials(secret) if "://" in secret else "********")
    concerned = [
        line
        for line in wanted
        if line.name and re.search(rf"(?<![\w.-]){re.escape(line.name)}(?![\w-])", why)
    ]
    mark = concerned[0].mark if concerned else (Mark(request.file) if request.file else None)
    if "No solution found" not in why:
        return ProvisionError("cannot resolve the pip packages", mark=mark, why=why)
    hint = "" if request.sdists or "wheel" not in why else "sdists: true builds what has no wheel"
    return EnvironmentFileError(
        "nothing fulfils all of the pip section",
        mark=mark,
        why=why,
        hint=hint,
        related=[(line.mark, "") for line in concerned[1:_RELATED] if line.mark],
    )


def _packages(pylock: Mapping[str, Any], request: PipRequest) -> tuple[PipPackage, ...]:
    found = []
    for item in pylock.get("packages", ()):
        archive = item.get("archive")
        if archive and "path" in archive:
            continue  # one of our stubs: conda brings it
        files = list(item.get("wheels", ()))
        if not files or request.sdists:
            files += [item["sdist"]] if "sdist" in item else []
        direct = ""
        if archive:
            files, direct = [archive], without_credentials(archive["url"])
        found.append(_package(item, files, direct))
    return tuple(sorted(found, key=lambda package: package.name))


def _package(item: Mapping[str, Any], files: Sequence[Any], direct: str) -> PipPackage:
    name = normalised(item["name"])
    if not files:
        raise EnvironmentFileError(f"the index gives no file of {name} that a host could check")
    hashes = {
        f"{kind}:{value}"
        for file in files
        for kind, value in file.get("hashes", {}).items()
        if kind in ("sha256", "sha384", "sha512")
    }
    if not hashes:
        raise EnvironmentFileError(f"the index gives no hash for {name}")
    # pip takes the most specific wheel
    best = min(files, key=lambda file: (_file_name(file).endswith("-any.whl"), _file_name(file)))
    url = best.get("url", "")
    return PipPackage(
        name=name,
        version=item.get("version", ""),
        hashes=tuple(sorted(hashes)),
        file=_file_name(best),
        url=without_credentials(url) if urlsplit(url).scheme in ("http", "https") else "",
        size=best.get("size", 0),
        direct=direct,
        sha256=best.get("hashes", {}).get("sha256", ""),
    )


def _file_name(file: Mapping[str, Any]) -> str:
    if "name" in file:
        return str(file["name"])
    where = str(file.get("url") or file.get("path") or "")
    return unquote(urlsplit(where).path.rpartition("/")[2])
