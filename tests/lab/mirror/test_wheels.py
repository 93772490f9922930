"""Wheels laid out as conda packages have them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from provision.errors import LabError
from provision.lab.mirror.condapkg import PLACEHOLDER
from provision.lab.mirror.wheels import console_scripts, download_wheels, unpack_wheel


def make_wheel(folder: Path, name: str = "hello", extra: dict[str, str] | None = None) -> Path:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    files = {
        f"{name}/__init__.py": "def main() -> int:\n    return 0\n",
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{name}-1.0.dist-info/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
        f"{name}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
        f"{name}-1.0.dist-info/RECORD": f"{name}/__init__.py,sha256=x,1\n",
        **(extra or {}),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            archive.writestr(member, text)
    return path


def test_noarch(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    root = tmp_path / "root"
    unpack_wheel(wheel, root, noarch=True)
    info = root / "site-packages/hello-1.0.dist-info"
    assert console_scripts(wheel) == ("hello = hello:main",)
    assert (info / "INSTALLER").read_text() == "conda\n"
    assert "../../../bin/hello,," in (info / "RECORD").read_text()
    assert not (root / "bin").exists()


def test_for_one_python(tmp_path: Path) -> None:
    root = tmp_path / "root"
    unpack_wheel(make_wheel(tmp_path), root, noarch=False)
    assert (root / "lib/python3.11/site-packages/hello/__init__.py").is_file()
    script = root / "bin/hello"
    assert script.read_text().startswith(f"#!{PLACEHOLDER}/bin/python3.11\n")
    assert script.stat().st_mode & 0o111
    reply = subprocess.run(
        [sys.executable, str(script)],
        env={"PYTHONPATH": str(root / "lib/python3.11/site-packages")},
        check=False,
    )
    assert reply.returncode == 0


def test_a_member_that_escapes_is_refused(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, extra={"../../evil.py": "boom"})
    with pytest.raises(LabError, match="escapes"):
        unpack_wheel(wheel, tmp_path / "root", noarch=True)
    assert not (tmp_path / "evil.py").exists()


def test_downloads_come_from_where_pip_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    make_wheel(links)
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    found = download_wheels(["hello==1.0"], tmp_path / "wheels")
    assert found["hello==1.0"].read_bytes() == (links / found["hello==1.0"].name).read_bytes()
    (links / found["hello==1.0"].name).unlink()
    assert download_wheels(["hello==1.0"], tmp_path / "wheels") == found  # kept
    with pytest.raises(LabError, match=r"pip cannot download hello==2\.0"):
        download_wheels(["hello==2.0"], tmp_path / "wheels")
