"""Writes conda packages, `.conda` and `.tar.bz2`, byte for byte the same from the same files."""

from __future__ import annotations

import bz2
import hashlib
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["EPOCH", "PLACEHOLDER", "PackageSpec", "write_package"]

EPOCH = 1_700_000_000  # every file's time stamp, seconds since 1970
_STEM = "/tmp/provision-mirror/_build_prefix"  # noqa: S108 - a text to replace, not a file
PLACEHOLDER = (_STEM + "_placehold" * 30)[:255]


@dataclass(frozen=True, slots=True)
class PackageSpec:
    """What `info/index.json` says, and how the files reach a prefix.

    noarch  "python", "generic" or None
    entry_points  "name = module:function", for noarch python
    formats  which archives to write
    """

    name: str
    version: str
    build: str
    build_number: int = 0
    subdir: str = "linux-64"
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    noarch: str | None = None
    license: str = ""
    summary: str = ""
    home: str = ""
    entry_points: tuple[str, ...] = ()
    track_features: str = ""
    python_site_packages_path: str = ""
    formats: tuple[str, ...] = (".conda", ".tar.bz2")
    run_exports: tuple[str, ...] = field(default=())

    @property
    def stem(self) -> str:
        return f"{self.name}-{self.version}-{self.build}"


def _paths(root: Path) -> list[dict[str, Any]]:
    entries = []
    placeholder = PLACEHOLDER.encode()
    for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).as_posix()):
        if path.is_dir() and not path.is_symlink():
            continue
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            resolved = path.resolve()
            data = resolved.read_bytes() if resolved.is_file() else b""
            entries.append(
                {
                    "_path": name,
                    "path_type": "softlink",
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "size_in_bytes": len(data),
                }
            )
            continue
        data = path.read_bytes()
        entry: dict[str, Any] = {"_path": name, "path_type": "hardlink"}
        if placeholder in data:
            entry["file_mode"] = "binary" if b"\0" in data else "text"
            entry["prefix_placeholder"] = PLACEHOLDER
        entry["sha256"] = hashlib.sha256(data).hexdigest()
        entry["size_in_bytes"] = len(data)
        entries.append(entry)
    return entries


def _index(spec: PackageSpec) -> dict[str, Any]:
    index: dict[str, Any] = {
        "arch": None if spec.noarch else "x86_64",
        "build": spec.build,
        "build_number": spec.build_number,
        "depends": list(spec.depends),
        "license": spec.license,
        "name": spec.name,
        "platform": None if spec.noarch else "linux",
        "subdir": "noarch" if spec.noarch else spec.subdir,
        "timestamp": EPOCH * 1000,
        "version": spec.version,
    }
    if spec.constrains:
        index["constrains"] = list(spec.constrains)
    if spec.noarch:
        index["noarch"] = spec.noarch
    if spec.track_features:
        index["track_features"] = spec.track_features
    if spec.python_site_packages_path:
        index["python_site_packages_path"] = spec.python_site_packages_path
    return index


def _info(root: Path, spec: PackageSpec) -> dict[str, bytes]:
    def text(value: object) -> bytes:
        return json.dumps(value, indent=2, sort_keys=True).encode() + b"\n"

    paths = _paths(root)
    files = {
        "info/about.json": text(
            {"home": spec.home, "license": spec.license, "summary": spec.summary}
        ),
        "info/files": "".join(f"{entry['_path']}\n" for entry in paths).encode(),
        "info/index.json": text(_index(spec)),
        "info/paths.json": text({"paths": paths, "paths_version": 1}),
    }
    prefixed = [entry for entry in paths if "prefix_placeholder" in entry]
    if prefixed:
        files["info/has_prefix"] = "".join(
            f'"{PLACEHOLDER}" {entry["file_mode"]} "{entry["_path"]}"\n' for entry in prefixed
        ).encode()
    if spec.noarch == "python":
        noarch: dict[str, Any] = {"type": "python"}
        if spec.entry_points:
            noarch["entry_points"] = list(spec.entry_points)
        files["info/link.json"] = text({"noarch": noarch, "package_metadata_version": 1})
    elif spec.noarch:
        files["info/link.json"] = text(
            {"noarch": {"type": "generic"}, "package_metadata_version": 1}
        )
    if spec.run_exports:
        files["info/run_exports.json"] = text({"weak": list(spec.run_exports)})
    return files


def _member(name: str, size: int = 0, mode: int = 0o644) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, mode, EPOCH
    member.uname = member.gname = "root"
    return member


def _tar(root: Path | None, extra: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in sorted(extra.items()):
            tar.addfile(_member(name, len(data)), io.BytesIO(data))
        if root is not None:
            for entry in _paths(root):
                path = root / entry["_path"]
                if path.is_symlink():
                    member = _member(entry["_path"], mode=0o777)
                    member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
                    tar.addfile(member)
                else:
                    data = path.read_bytes()
                    mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
                    tar.addfile(_member(entry["_path"], len(data), mode), io.BytesIO(data))
    return buffer.getvalue()


def _zstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=9, write_checksum=True).compress(data)


def _write_conda(target: Path, root: Path, info: dict[str, bytes], stem: str) -> None:
    parts = {
        "metadata.json": b'{"conda_pkg_format_version": 2}',
        f"pkg-{stem}.tar.zst": _zstd(_tar(root, {})),
        f"info-{stem}.tar.zst": _zstd(_tar(None, info)),
    }
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in parts.items():
            member = zipfile.ZipInfo(name, (2023, 11, 14, 22, 13, 20))
            member.external_attr = 0o644 << 16
            archive.writestr(member, data)


def write_package(root: Path, spec: PackageSpec, channel: Path) -> list[Path]:
    """Packs the files under `root` into `channel`/<subdir>/; returns the archives' paths."""
    folder = channel / ("noarch" if spec.noarch else spec.subdir)
    folder.mkdir(parents=True, exist_ok=True)
    info = _info(root, spec)
    written = []
    for suffix in spec.formats:
        target = folder / f"{spec.stem}{suffix}"
        if suffix == ".conda":
            _write_conda(target, root, info, spec.stem)
        else:
            target.write_bytes(bz2.compress(_tar(root, info), 9))
        written.append(target)
    return written
