"""The wheel carries templates, playbooks and the agent's sources, and works outside a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), "."]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("provision-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*argv, str(target), str(wheel)], check=True)
    return target


def run(installed: Path, cwd: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "provision", *args],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_content_is_inside(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for shipped in ("templates", "playbooks"):
        for path in (ROOT / shipped).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"provision/content/{path.relative_to(ROOT)}" in names
    assert "provision/agent/core.py" in names
    assert "provision/py.typed" in names
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)


def test_the_installed_package_is_the_one_that_runs(installed: Path, tmp_path: Path) -> None:
    code = "import provision; print(provision.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(installed))


def test_a_new_project_can_be_checked(installed: Path, tmp_path: Path) -> None:
    assert run(installed, tmp_path, "init", "lab").returncode == 0
    project = tmp_path / "lab"
    done = run(
        installed, project, "apply", "--syntax-check", "playbooks/site.yml", "-i", "inventories"
    )
    assert (done.returncode, done.stdout) == (0, "playbook: playbooks/site.yml\n"), done.stderr


def test_it_runs_a_playbook_with_a_local_agent(installed: Path, tmp_path: Path) -> None:
    play = "- hosts: all\n  tasks:\n    - file: {path: made, state: directory}\n"
    (tmp_path / "play.yml").write_text(play.replace("made", str(tmp_path / "made")))
    (tmp_path / "hosts").write_text("here ansible_connection=local\n")
    done = run(installed, tmp_path, "apply", "play.yml", "-i", "hosts")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "made").is_dir()
