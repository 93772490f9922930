"""The `python` package and the libraries it needs, made from Debian's.

The files are Debian's own. What changes: library search paths (`$ORIGIN/../lib`), the glibc that
is asked for (`elf.py`), and Debian's habit of installing into `dist-packages`, so that an
environment looks and behaves like any other conda environment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from provision.errors import LabError
from provision.lab.mirror.condapkg import EPOCH, PLACEHOLDER
from provision.lab.mirror.elf import is_elf, lower_requirements, needed_glibc

__all__ = ["THUNK_LIBRARY", "copy_licences", "lay_out_library", "lay_out_python", "relocate"]

THUNK_LIBRARY = "libglibc-thunks.so"
_DROPPED = (
    "EXTERNALLY-MANAGED",
    "sitecustomize.py",
    "_distutils_system_mod.py",
    "_sysconfigdata__linux_x86_64-linux-gnu.py",
    "lib-dynload/_dbm.*",
    "lib-dynload/nis.*",
    "lib-dynload/ossaudiodev.*",
    "lib-dynload/_test*",
    "lib-dynload/_xxtestfuzz.*",
    "lib-dynload/xxlimited*",
)


def lay_out_library(extracted: Path, patterns: tuple[str, ...], root: Path) -> None:
    """Copies shared libraries out of an unpacked .deb into `root`/lib, links kept."""
    target = root / "lib"
    target.mkdir(parents=True, exist_ok=True)
    for pattern in patterns:
        found = [
            path
            for folder in ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")
            for path in (extracted / folder).glob(pattern)
        ]
        if not found:
            raise LabError(f"no {pattern} in the packages unpacked at {extracted}")
        for path in found:
            shutil.copy2(path, target / path.name, follow_symlinks=False)


def copy_licences(extracted: Path, target: Path) -> None:
    """Debian's copyright files, which hold the licences of what is repacked."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted((extracted / "usr/share/doc").glob("*/copyright")):
        if path.is_file():
            shutil.copyfile(path, target / f"{path.parent.name}.copyright")


def lay_out_python(extracted: Path, version: str, root: Path) -> None:
    """The interpreter and the whole standard library, without tests and Tk."""
    library = root / f"lib/python{version}"
    shutil.copytree(extracted / f"usr/lib/python{version}", library, symlinks=True)
    for pattern in _DROPPED:
        for path in library.glob(pattern):
            path.unlink()
    _unbrand(library)
    binary = root / f"bin/python{version}"
    binary.parent.mkdir(parents=True, exist_ok=True)
    data = (extracted / f"usr/bin/python{version}").read_bytes()
    # `site` is frozen into the interpreter; both words have 13 letters.
    if b"dist-packages" not in data:
        raise LabError(f"Debian's python{version} no longer names dist-packages")
    binary.write_bytes(data.replace(b"dist-packages", b"site-packages"))
    binary.chmod(0o755)
    for name in ("python3", "python"):
        (root / "bin" / name).symlink_to(f"python{version}")
    site = library / "site-packages"
    site.mkdir()
    (site / "README.txt").write_text("This directory contains packages.\n")


def _unbrand(library: Path) -> None:
    def edit(name: str, pattern: str, replacement: str) -> None:
        path = library / name
        text, count = re.subn(pattern, replacement, path.read_text())
        if not count:
            raise LabError(f"Debian's {name} no longer looks as expected", why=pattern)
        path.write_text(text)

    edit(
        "sysconfig.py",
        r"prefix_scheme = '(posix_local|deb_system)'",
        "prefix_scheme = 'posix_prefix'",
    )
    edit("site.py", "dist-packages", "site-packages")
    edit(
        "_sysconfigdata__x86_64-linux-gnu.py", r"/usr/lib/x86_64-linux-gnu\b", f"{PLACEHOLDER}/lib"
    )
    edit(
        "_sysconfigdata__x86_64-linux-gnu.py",
        r"/usr\b(?!/share/zoneinfo|/share/lib|/lib/zone)",
        PLACEHOLDER,
    )
    if (library / "distutils").is_dir():
        edit("distutils/command/install.py", r"or is_virtual_environment\(\)", "or True")
        edit(
            "distutils/sysconfig.py",
            r"is_default_prefix and not is_virtual_environment\(\)",
            "False",
        )


def relocate(root: Path, patchelf: Path) -> tuple[int, ...]:
    """Makes every ELF file under `root` find its libraries in the prefix and run on old hosts.

    Returns the newest glibc version that is still asked for.
    """
    newest: tuple[int, ...] = (0,)
    for path in sorted(root.rglob("*")):
        if not is_elf(path):
            continue
        needs = lower_requirements(path)
        arguments = []
        if needs is not None:
            libraries = sorted(needs.libraries) + ([THUNK_LIBRARY] if needs.thunks else [])
            arguments = [part for name in libraries for part in ("--add-needed", name)]
        depth = os.path.relpath(root / "lib", path.parent)
        # DT_RPATH, not DT_RUNPATH: it also serves the libraries of wheels loaded later.
        origin = "$ORIGIN" if depth == "." else f"$ORIGIN/{depth}"
        arguments += ["--force-rpath", "--set-rpath", origin]
        _patchelf(patchelf, [*arguments, str(path)])
        newest = max(newest, needed_glibc(path.read_bytes(), path.name))
        os.utime(path, (EPOCH, EPOCH))
    return newest


def _patchelf(patchelf: Path, arguments: list[str]) -> None:
    reply = subprocess.run([str(patchelf), *arguments], capture_output=True, text=True, check=False)
    if reply.returncode:
        raise LabError(f"patchelf failed on {Path(arguments[-1]).name}", why=reply.stderr.strip())
