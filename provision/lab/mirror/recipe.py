"""What the mirror's channel holds. Data only; `channel.py` builds it.

Versions of Debian's libraries are those of the stable release's whole life. OpenSSL alone moves
within its series, so it is called by the series: exports that name it stay valid.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BASE_PACKAGES",
    "CONDA_VERSIONS",
    "GLIBC_FLOOR",
    "LIBRARIES",
    "PYTHON",
    "PYTHON_DEBS",
    "WHEELS",
    "Library",
    "Wheel",
]

GLIBC_FLOOR = "__glibc >=2.31,<3.0.a0"  # bullseye's
PYTHON = "3.11.2"
PYTHON_DEBS = (
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "python3-distutils",
    "python3-lib2to3",
)
CONDA_VERSIONS = ("26.7.1", "24.11.1")


@dataclass(frozen=True, slots=True)
class Library:
    """A conda package of shared libraries out of Debian packages."""

    name: str
    version: str
    debs: tuple[str, ...]
    patterns: tuple[str, ...]
    depends: tuple[str, ...] = ()
    license: str = ""
    release: str = "bookworm"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A conda package out of a wheel. `requirement` is `name==version`.

    scripts  False: leave the console scripts out
    """

    requirement: str
    name: str = ""
    depends: tuple[str, ...] = ("python >=3.8",)
    noarch: bool = True
    license: str = "MIT"
    formats: tuple[str, ...] = (".conda", ".tar.bz2")
    build: str = "py_0"

    @property
    def version(self) -> str:
        return self.requirement.partition("==")[2]

    @property
    def conda_name(self) -> str:
        return self.name or self.requirement.partition("==")[0].lower()


_GCC = ("libgcc >=10",)
LIBRARIES = (
    Library(
        "libgcc",
        "10.2.1",
        ("libgcc-s1",),
        ("libgcc_s.so.*",),
        license="GPL-3.0-only WITH GCC-exception-3.1",
        release="bullseye",
    ),
    Library(
        "libstdcxx",
        "10.2.1",
        ("libstdc++6",),
        ("libstdc++.so.*",),
        _GCC,
        license="GPL-3.0-only WITH GCC-exception-3.1",
        release="bullseye",
    ),
    Library("libzlib", "1.2.13", ("zlib1g",), ("libz.so.*",), _GCC, license="Zlib"),
    Library("bzip2", "1.0.8", ("libbz2-1.0",), ("libbz2.so.*",), _GCC, license="bzip2-1.0.6"),
    Library("liblzma", "5.4.1", ("liblzma5",), ("liblzma.so.*",), _GCC, license="0BSD"),
    Library("libffi", "3.4.4", ("libffi8",), ("libffi.so.*",), _GCC, license="MIT"),
    Library("libexpat", "2.5.0", ("libexpat1",), ("libexpat.so.*",), _GCC, license="MIT"),
    Library("libuuid", "2.38.1", ("libuuid1",), ("libuuid.so.*",), _GCC, license="BSD-3-Clause"),
    Library(
        "ncurses",
        "6.4",
        ("libtinfo6", "libncursesw6"),
        ("libtinfo.so.*", "libncursesw.so.*", "libpanelw.so.*"),
        _GCC,
        license="X11 AND BSD-3-Clause",
    ),
    Library(
        "readline",
        "8.2",
        ("libreadline8",),
        ("libreadline.so.*", "libhistory.so.*"),
        ("ncurses >=6.4,<7.0a0",),
        license="GPL-3.0-only",
    ),
    Library(
        "libsqlite",
        "3.40.1",
        ("libsqlite3-0",),
        ("libsqlite3.so.*",),
        ("libgcc >=10", "libzlib >=1.2.13,<2.0a0"),
        license="blessing",
    ),
    Library(
        "openssl",
        "3.0",
        ("libssl3",),
        ("libssl.so.*", "libcrypto.so.*"),
        ("ca-certificates", "libgcc >=10"),
        license="Apache-2.0",
    ),
)

_CP311 = ("python >=3.11,<3.12.0a0", "python_abi 3.11.* *_cp311")
WHEELS = (
    Wheel("pip==25.3", depends=("python >=3.9", "setuptools", "wheel"), build="pyh8b19718_0"),
    Wheel("pip==25.0.1", depends=("python >=3.8", "setuptools", "wheel"), build="pyh8b19718_0"),
    Wheel("setuptools==80.9.0", depends=("python >=3.9",), build="pyhff2d567_0"),
    Wheel("setuptools==75.8.0", depends=("python >=3.9",), build="pyhff2d567_0"),
    Wheel("wheel==0.45.1", build="pyhd8ed1ab_1"),
    Wheel("wheel==0.44.0", build="pyhd8ed1ab_0"),
    Wheel("six==1.17.0", depends=("python",), build="pyhe01879c_1"),
    Wheel("six==1.16.0", depends=("python",), build="pyh6c4a22f_0"),
    Wheel("idna==3.10", build="pyhd8ed1ab_1", license="BSD-3-Clause"),
    Wheel("idna==3.7", build="pyhd8ed1ab_0", license="BSD-3-Clause"),
    Wheel("certifi==2025.8.3", build="pyhd8ed1ab_0", license="ISC"),
    Wheel("certifi==2025.1.31", build="pyhd8ed1ab_0", license="ISC"),
    Wheel("packaging==25.0", build="pyh29332c3_1", license="Apache-2.0"),
    Wheel("packaging==24.2", build="pyhd8ed1ab_2", license="Apache-2.0"),
    Wheel(
        "click==8.1.8",
        depends=("__unix", "python >=3.8"),
        build="pyh707e725_0",
        license="BSD-3-Clause",
    ),
    Wheel(
        "click==8.1.7",
        depends=("__unix", "python >=3.8"),
        build="unix_pyh707e725_1",
        license="BSD-3-Clause",
    ),
    Wheel("colorama==0.4.6", build="pyhd8ed1ab_1", license="BSD-3-Clause", formats=(".tar.bz2",)),
    Wheel(
        "typing_extensions==4.15.0",
        build="pyhcf101f3_0",
        license="PSF-2.0",
        depends=("python >=3.9",),
        formats=(".conda",),
    ),
    Wheel("typing_extensions==4.12.2", build="pyha770c72_1", license="PSF-2.0"),
    Wheel("PyYAML==6.0.2", depends=_CP311, noarch=False, build="py311_2"),
    Wheel(
        "py-rattler==0.28.0",
        depends=("libgcc >=10", *_CP311),
        noarch=False,
        build="py311_0",
        license="BSD-3-Clause",
        formats=(".conda",),
    ),
)

# What an installer puts into the base environment, beside `conda` itself.
BASE_PACKAGES = ("python=3.11", "pip", "py-rattler", "pyyaml")
