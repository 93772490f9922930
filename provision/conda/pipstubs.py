"""Wheels without content that stand for what conda installs.

pip's packages are resolved against the Python packages that conda has already chosen. A stub
carries a name and a version, so that requirements on it are checked, and asks for nothing.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from provision.conda.lock import CondaPackage
from provision.conda.pipspecs import normalised

__all__ = ["distribution_name", "write_stubs"]

#: conda packages whose distribution has another name.
_NAMES = {
    "dask-core": "dask",
    "faiss-cpu": "faiss",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python",
    "py-opencv": "opencv-python",
    "py-xgboost": "xgboost",
    "pyqt": "pyqt5",
    "pytables": "tables",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "seaborn-base": "seaborn",
    "tensorflow-base": "tensorflow",
}
_VERSION = re.compile(
    r"(?:\d+!)?\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?(?:\.post\d+)?(?:\.dev\d+)?(?:\+[a-z0-9.]+)?"
)


def distribution_name(package: CondaPackage) -> str:
    """The name pip knows it by, "" when it is not a Python package."""
    if not package.is_python:
        return ""
    return normalised(_NAMES.get(package.name, package.name))


def write_stubs(packages: Iterable[CondaPackage], folder: Path) -> dict[str, Path]:
    """One wheel for each Python package among `packages`, by distribution name."""
    written: dict[str, Path] = {}
    for package in packages:
        name = distribution_name(package)
        if not name or name in written or not _VERSION.fullmatch(package.version):
            continue
        file_name = name.replace("-", "_")
        info = f"{file_name}-{package.version}.dist-info"
        path = folder / f"{file_name}-{package.version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr(
                f"{info}/METADATA",
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {package.version}\n",
            )
            wheel.writestr(
                f"{info}/WHEEL",
                "Wheel-Version: 1.0\nGenerator: provision\nRoot-Is-Purelib: true\n"
                "Tag: py3-none-any\n",
            )
            wheel.writestr(f"{info}/RECORD", "")
        written[name] = path
    return written
