"""Packages as conda's tools read them."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest
from provision.lab.mirror.condapkg import EPOCH, PLACEHOLDER, PackageSpec, write_package
from rattler import RepoDataRecord
from rattler.package_streaming import extract

from .conftest import put


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    put(root, "bin/tool", f"#!{PLACEHOLDER}/bin/python\n", 0o755)
    put(root, "lib/data.bin", f"head\0{PLACEHOLDER}/lib\0tail")
    put(root, "share/plain.txt", "plain\n")
    (root / "bin/alias").symlink_to("tool")
    return root


def test_both_archives_hold_the_same_files(root: Path, tmp_path: Path) -> None:
    written = write_package(root, PackageSpec("tool", "1.0", "0"), tmp_path / "channel")
    assert [path.name for path in written] == ["tool-1.0-0.conda", "tool-1.0-0.tar.bz2"]
    for path in written:
        target = tmp_path / path.suffix
        extract(path, target)
        assert (target / "bin/alias").readlink() == Path("tool")
        assert (target / "bin/tool").stat().st_mode & 0o777 == 0o755
        assert int((target / "share/plain.txt").stat().st_mtime) == EPOCH
        paths = json.loads((target / "info/paths.json").read_text())["paths"]
        modes = {entry["_path"]: entry.get("file_mode") for entry in paths}
        assert modes == {
            "bin/alias": None,
            "bin/tool": "text",
            "lib/data.bin": "binary",
            "share/plain.txt": None,
        }


def test_writing_again_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    spec = PackageSpec("tool", "1.0", "0")
    first = [path.read_bytes() for path in write_package(root, spec, tmp_path / "a")]
    os.utime(root / "share/plain.txt", (time.time(), time.time()))
    (root / "share/plain.txt").chmod(0o600)
    assert [path.read_bytes() for path in write_package(root, spec, tmp_path / "b")] == first


def test_rattler_reads_the_index(root: Path, tmp_path: Path) -> None:
    spec = PackageSpec(
        "tool",
        "1.0",
        "py_3",
        3,
        depends=("python >=3.8",),
        constrains=("other <2",),
        noarch="python",
        entry_points=("tool = tool:main",),
    )
    for path in write_package(root, spec, tmp_path):
        assert path.parent.name == "noarch"
        record = asyncio.run(RepoDataRecord.from_package_archive(path))
        assert (record.name.normalized, str(record.version)) == ("tool", "1.0")
        assert record.build_number == 3
        assert record.depends == ["python >=3.8"]
        assert record.constrains == ["other <2"]


def test_the_placeholder_has_conda_s_length() -> None:
    assert len(PLACEHOLDER) == 255
