"""The installer's shell script: flags and refusals, as the vendor's has them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from provision.lab.mirror.installer import Installers, installer_name


@pytest.fixture
def installer(tmp_path: Path) -> Path:
    """With a payload that is no archive: for what happens before it is unpacked."""
    path = Installers(tmp_path, tmp_path)._write(
        "26.7.1", ["python-3.11.2-0", "conda-26.7.1-0"], b"no archive", tmp_path
    )
    path.write_text(path.read_text().replace('min_glibc_version="2.31"', 'min_glibc_version="2.1"'))
    return path


def run(script: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(script), *arguments],
        input=stdin, capture_output=True, text=True, check=False, cwd=script.parent,
    )  # fmt: skip


def test_names() -> None:
    assert installer_name("26.7.1") == "Miniconda3-py311_26.7.1-1-Linux-x86_64.sh"
    assert installer_name("24.11.1") == "Miniconda3-py311_24.11.1-0-Linux-x86_64.sh"


def test_the_hash_lies_beside(tmp_path: Path) -> None:
    path = Installers(tmp_path, tmp_path)._write("26.7.1", ["python-3.11.2-0"], b"x", tmp_path)
    check = subprocess.run(["sha256sum", "-c", f"{path.name}.sha256"], cwd=tmp_path, check=False)
    assert check.returncode == 0


def test_help_ends_with_2(installer: Path) -> None:
    done = run(installer, "-h")
    assert done.returncode == 2
    assert "-p PREFIX" in done.stdout


def test_an_unknown_flag(installer: Path) -> None:
    done = run(installer, "-z")
    assert done.returncode == 1
    assert "did not recognize option" in done.stderr


def test_a_prefix_with_spaces(installer: Path, tmp_path: Path) -> None:
    done = run(installer, "-b", "-p", str(tmp_path / "a b"))
    assert done.returncode == 1
    assert "Cannot install into directories with spaces" in done.stderr
    assert not (tmp_path / "a b").exists()


def test_an_existing_prefix(installer: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    done = run(installer, "-b", "-p", str(tmp_path / "there"))
    assert done.returncode == 1
    assert "File or directory already exists" in done.stderr


def test_a_name_that_does_not_end_in_sh(installer: Path) -> None:
    other = installer.rename(installer.with_name("installer"))
    done = run(other, "-b", "-p", "/nonexistent")
    assert done.returncode == 1
    assert "Please run using" in done.stderr


def test_a_damaged_payload_warns_and_goes_on(installer: Path, tmp_path: Path) -> None:
    with installer.open("ab") as file:
        file.write(b"more")
    done = run(installer, "-b", "-p", str(tmp_path / "new"))
    assert "WARNING: md5sum mismatch of tar archive" in done.stderr
    assert "Unpacking payload" in done.stdout


def test_without_b_the_licence_is_asked_for(installer: Path, tmp_path: Path) -> None:
    done = run(installer, "-p", str(tmp_path / "new"), stdin="\nno\n")
    assert done.returncode == 2
    assert "wasn't approved" in done.stderr
    assert not (tmp_path / "new").exists()
