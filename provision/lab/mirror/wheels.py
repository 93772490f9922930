"""Wheels from the configured package index, and how they become conda packages."""

from __future__ import annotations

import base64
import configparser
import csv
import hashlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from provision.errors import LabError
from provision.lab.mirror.condapkg import PLACEHOLDER

__all__ = ["console_scripts", "download_wheels", "unpack_wheel"]


def download_wheels(requirements: Iterable[str], folder: Path) -> dict[str, Path]:
    """Downloads `name==version` wheels with pip, as this machine's pip is configured.

    Returns each requirement's wheel for CPython 3.11 on x86-64 Linux. Raises LabError.
    """
    wanted = list(requirements)
    found = {requirement: _find(requirement, folder) for requirement in wanted}
    missing = [requirement for requirement, path in found.items() if path is None]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        for batch in _batches(missing):
            _download(batch, folder)
    result = {}
    for requirement in wanted:
        path = _find(requirement, folder)
        if path is None:
            raise LabError(f"pip downloaded no wheel for {requirement}")
        result[requirement] = path
    return result


def _batches(requirements: list[str]) -> list[list[str]]:
    """pip takes one version of a project at a time."""
    batches: list[dict[str, str]] = []
    for requirement in requirements:
        name = requirement.partition("==")[0]
        for batch in batches:
            if name not in batch:
                batch[name] = requirement
                break
        else:
            batches.append({name: requirement})
    return [list(batch.values()) for batch in batches]


def _download(requirements: list[str], folder: Path) -> None:
    reply = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "download",
            "-q",
            "--no-deps",
            "--only-binary=:all:",
            "--implementation=cp",
            "--python-version=3.11",
            "--platform=manylinux2014_x86_64",
            "--platform=manylinux_2_17_x86_64",
            "--platform=manylinux_2_5_x86_64",
            "--platform=manylinux1_x86_64",
            "-d",
            str(folder),
            *requirements,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if reply.returncode:
        errors = [line for line in reply.stderr.splitlines() if line.startswith("ERROR")]
        raise LabError(
            f"pip cannot download {', '.join(requirements)}",
            why=" ".join(errors) or reply.stderr.strip()[-500:],
        )


def _find(requirement: str, folder: Path) -> Path | None:
    name, _, version = requirement.partition("==")
    stem = name.lower().replace("-", "_").replace(".", "_")
    for path in sorted(folder.glob("*.whl")):
        parts = path.name.split("-")
        if parts[0].lower().replace(".", "_") == stem and parts[1] == version:
            return path
    return None


def console_scripts(wheel: Path) -> tuple[str, ...]:
    """`name = module:function` of each console script."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".dist-info/entry_points.txt"):
                parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
                parser.optionxform = str  # type: ignore[assignment, method-assign]
                parser.read_string(archive.read(name).decode())
                if parser.has_section("console_scripts"):
                    return tuple(
                        f"{key} = {value}" for key, value in sorted(parser.items("console_scripts"))
                    )
    return ()


def _digest(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"sha256={digest}"


def _record(record: bytes, info: str, scripts: Iterable[str]) -> bytes:
    rows = [row for row in csv.reader(io.StringIO(record.decode())) if row]
    installer = f"{info}/INSTALLER"
    rows = [row for row in rows if row[0] != installer]
    rows.append([installer, _digest(b"conda\n"), "6"])
    rows.extend([f"../../../bin/{name}", "", ""] for name in scripts)
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(sorted(rows))
    return buffer.getvalue().encode()


def unpack_wheel(wheel: Path, root: Path, *, noarch: bool, python: str = "3.11") -> None:
    """Lays a wheel's files out as a conda package has them, under `root`.

    `noarch`: in `site-packages`, scripts made by the installer; otherwise in
    `lib/python<python>/site-packages` with ready scripts in `bin`.
    """
    site = root / ("site-packages" if noarch else f"lib/python{python}/site-packages")
    scripts = console_scripts(wheel)
    with zipfile.ZipFile(wheel) as archive:
        for item in archive.infolist():
            if item.is_dir():
                continue
            top, _, rest = item.filename.partition("/")
            if top.endswith(".data"):
                raise LabError(f"{wheel.name} has a .data folder", hint="pick another package")
            data = archive.read(item)
            if rest == "RECORD" and top.endswith(".dist-info"):
                data = _record(data, top, [line.split(" =")[0] for line in scripts])
            target = (site / item.filename).resolve()
            if not target.is_relative_to(site.resolve()):
                raise LabError(f"{wheel.name} holds a path that escapes: {item.filename}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            if item.external_attr >> 16 & 0o100:
                target.chmod(0o755)
    info = next(site.glob("*.dist-info"))
    (info / "INSTALLER").write_bytes(b"conda\n")
    if not noarch:
        _write_scripts(root, scripts, python)


def _write_scripts(root: Path, scripts: tuple[str, ...], python: str) -> None:
    for line in scripts:
        name, _, target = line.partition(" = ")
        module, _, function = target.partition(":")
        path = root / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"#!{PLACEHOLDER}/bin/python{python}\n"
            f"import sys\nfrom {module} import {function.split('.')[0]}\n"
            f"if __name__ == '__main__':\n    sys.exit({function}())\n"
        )
        path.chmod(0o755)
