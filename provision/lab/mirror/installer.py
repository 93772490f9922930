"""Writes the installer: a POSIX shell script with the package cache of a base environment in it.

The script needs nothing on the host but a shell, coreutils, tar and gzip. It unpacks the cache
and lets the python in it link the base environment (`standin/bootstrap.py`).
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.errors import LabError
from provision.lab.mirror.condapkg import EPOCH
from provision.lab.mirror.recipe import BASE_PACKAGES

__all__ = ["Installers", "installer_name"]

_PACKAGE_ROOT = "https://conda.invalid/lab"


def installer_name(version: str) -> str:
    build = {"26.7.1": "1"}.get(version, "0")
    return f"Miniconda3-py311_{version}-{build}-Linux-x86_64.sh"


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    member = tar.gettarinfo(path, name)
    member.mtime, member.uid, member.gid = EPOCH, 0, 0
    member.uname = member.gname = "root"
    member.type = tarfile.REGTYPE if member.islnk() else member.type
    if member.isreg():
        member.size = path.stat().st_size
        with path.open("rb") as file:
            tar.addfile(member, file)
    else:
        tar.addfile(member)


def _pack(folder: Path, names: list[str], *, last: bool, extra: dict[str, bytes]) -> bytes:
    """A gzip member that holds a part of a tar stream; only the last part has its end mark."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in sorted(extra.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = len(data), EPOCH, 0o644
            tar.addfile(member, io.BytesIO(data))
        for name in sorted(names):
            for path in [folder / name, *sorted((folder / name).rglob("*"))]:
                _add(tar, path, f"pkgs/{path.relative_to(folder).as_posix()}")
        end = tar.offset
    data = buffer.getvalue()
    return gzip.compress(data if last else data[:end], compresslevel=4, mtime=0)


@dataclass
class Installers:
    """Builds installers out of the packages in `channel`; `work` is scratch."""

    channel: Path
    work: Path

    def build(self, versions: tuple[str, ...], target: Path) -> list[Path]:
        """Writes one installer a version into `target`, each with its `.sha256` beside."""
        target.mkdir(parents=True, exist_ok=True)
        common: dict[str, bytes] = {}
        written = []
        for version in versions:
            archives = self._solve(version)
            cache = self.work / "base-cache"
            names = [self._unpack(archive, cache) for archive in archives]
            own = [name for name in names if name.startswith("conda-")]
            shared = sorted(set(names) - set(own))
            key = " ".join(shared)
            if key not in common:
                common[key] = _pack(cache, shared, last=False, extra={})
            listing = "@EXPLICIT\n" + "".join(f"{self._url(archive)}\n" for archive in archives)
            payload = common[key] + _pack(
                cache, own, last=True, extra={"pkgs/base.txt": listing.encode()}
            )
            written.append(self._write(version, names, payload, target))
        return written

    def _solve(self, version: str) -> list[Path]:
        from rattler import Channel, Gateway, GenericVirtualPackage, PackageName, Version, solve
        from rattler.package import BuildString

        virtual = [
            GenericVirtualPackage(PackageName(name), Version(number), BuildString("0"))
            for name, number in (("__unix", "0"), ("__linux", "5.10"), ("__glibc", "2.31"))
        ]
        try:
            records: list[Any] = asyncio.run(
                solve(
                    [Channel(self.channel.as_uri() + "/")],
                    [*BASE_PACKAGES, f"conda={version}"],
                    gateway=Gateway(cache_dir=self.work / "repodata"),
                    platforms=["linux-64", "noarch"],
                    virtual_packages=virtual,
                )
            )
        except Exception as error:
            raise LabError("the base environment cannot be solved", why=str(error)) from error
        return sorted(self.channel / record.subdir / record.file_name for record in records)

    def _url(self, archive: Path) -> str:
        return f"{_PACKAGE_ROOT}/{archive.parent.name}/{archive.name}"

    def _unpack(self, archive: Path, cache: Path) -> str:
        from rattler.package_streaming import extract

        name = archive.name.removesuffix(".conda").removesuffix(".tar.bz2")
        folder = cache / name
        if folder.is_dir():
            return name
        extract(archive, folder)
        data = archive.read_bytes()
        index = json.loads((folder / "info/index.json").read_text())
        record = {
            **index,
            "channel": f"{_PACKAGE_ROOT}/{archive.parent.name}",
            "fn": archive.name,
            "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": len(data),
            "subdir": archive.parent.name,
            "url": self._url(archive),
        }
        (folder / "info/repodata_record.json").write_text(
            json.dumps(record, indent=2, sort_keys=True)
        )
        return name

    def _write(self, version: str, names: list[str], payload: bytes, target: Path) -> Path:
        python = next(name for name in names if name.startswith("python-3"))
        header = (Path(__file__).parent / "installer.sh").read_text()
        values = {
            "@NAME@": "Miniconda3",
            "@VERSION@": f"py311_{version}",
            "@MD5@": hashlib.md5(payload, usedforsecurity=False).hexdigest(),
            "@PYTHON@": python,
            "@LINES@": str(header.count("\n") + 1),
        }
        for key, value in values.items():
            header = header.replace(key, value)
        path = target / installer_name(version)
        with path.open("wb") as file:
            file.write(header.encode())
            file.write(payload)
        path.chmod(0o644)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")
        shutil.rmtree(self.work / "repodata", ignore_errors=True)
        return path
