"""pip, in virtual environments on this machine, with packages made here."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from provision.agent import pyversions
from provision.errors import PlaybookError

from tests.actions.converging import converges
from tests.actions.harness import ActionHost

VENV = f"{sys.executable} -m venv --without-pip"


def wheel(folder: Path, name: str, version: str) -> None:
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with pip, and a folder of wheels."""
    import ensurepip
    import subprocess

    folder = tmp_path_factory.mktemp("pip")
    subprocess.run([*VENV.split(), str(folder / "venv")], check=True)
    bundled = next(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"))
    python = next((folder / "venv" / "lib").glob("python*")) / "site-packages"
    with zipfile.ZipFile(bundled) as archive:
        archive.extractall(python)
    (folder / "wheels").mkdir()
    for name, version in (("one", "1.0"), ("one", "1.5"), ("one", "2.0"), ("two", "1.0")):
        wheel(folder / "wheels", name, version)
    return folder


@pytest.fixture
def args(made: Path) -> dict[str, Any]:
    return {
        "virtualenv": str(made / "venv"),
        "extra_args": f"--no-index --find-links {made / 'wheels'}",
    }


@pytest.mark.slow
def test_packages_come_change_and_go(here: ActionHost, args: dict[str, Any]) -> None:
    assert converges(here, "pip", name=["one<2", "two"], **args) == {
        "one": (None, "1.5"),
        "two": (None, "1.0"),
    }
    assert here.run("pip", name="one>=1.0,<1.9", **args).status == "ok"
    assert converges(here, "pip", name="one", version="1.0", **args) == {"one": ("1.5", "1.0")}
    assert converges(here, "pip", name="one", state="latest", **args) == {"one": ("1.0", "2.0")}
    assert converges(here, "pip", name="one", state="absent", **args) == {"one": ("2.0", None)}
    here.run("pip", name="two", state="absent", **args)


@pytest.mark.slow
def test_a_file_of_requirements(here: ActionHost, args: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("# ours\none==1.0  # pinned\ntwo\n")
    assert set(converges(here, "pip", requirements=str(path), **args)) == {"one", "two"}
    converges(here, "pip", requirements=str(path), state="absent", **args)


def test_a_missing_virtual_environment_is_made(here: ActionHost, tmp_path: Path) -> None:
    venv = tmp_path / "new"
    wanted = {"virtualenv": str(venv), "virtualenv_command": VENV}
    converges(here, "pip", **wanted)
    assert (venv / "bin" / "activate").exists()


@pytest.mark.slow
def test_what_pip_says_is_told(here: ActionHost, args: dict[str, Any]) -> None:
    for check in (True, False):
        outcome = here.run("pip", name="nowhere", check=check, **args)
        assert outcome.status == "failed"
        assert "No matching distribution found for nowhere" in outcome.msg


def test_a_pip_that_is_not_there(here: ActionHost) -> None:
    outcome = here.run("pip", name="one", executable="/nowhere/pip")
    assert outcome.msg == "there is no /nowhere/pip on the host"


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({}, "needs"),
        ({"name": "a", "requirements": "b"}, "not both"),
        ({"name": ["a", "b"], "version": "1"}, "single"),
        ({"name": "a", "version": "1", "state": "latest"}, "does not go"),
        ({"name": "--index-url=x"}, "cannot be a package"),
    ],
)
def test_what_does_not_go_together(here: ActionHost, args: dict[str, Any], why: str) -> None:
    with pytest.raises(PlaybookError, match=why):
        here.run("pip", **args)


ORDERED = (
    *("1.0.dev1", "1.0a1.dev1", "1.0a1", "1.0b2", "1.0rc1", "1.0", "1.0.post1.dev1", "1.0.post1"),
    *("1.0.1", "1.1", "1.10", "2.0", "1!0.5"),
)


def test_versions_are_ordered_as_pep_440_says() -> None:
    keys = [pyversions.key(version) for version in ORDERED]
    assert None not in keys
    assert sorted(keys, key=lambda k: k or ()) == keys


@pytest.mark.parametrize(
    ("version", "spec", "fits"),
    [
        ("1.0", "==1.0.0", True),
        ("1.0", "==1.0+cu121", False),
        ("2.1.0+cu121", "==2.1.0", True),
        ("1.26.4", "==1.26.*", True),
        ("1.2", "==1.20.*", False),
        ("1.4.5", "~=1.4.2", True),
        ("1.5.0", "~=1.4.2", False),
        ("1.5", "~=1.4", True),
        ("2.0", ">=1,<2", False),
        ("1.9", ">=1,!=1.8", True),
        ("1.0rc1", ">=1.0", False),
    ],
)
def test_versions_fit(version: str, spec: str, fits: bool) -> None:
    known = pyversions.requirement("x" + spec)
    assert known is not None
    assert pyversions.fits(version, known[1]) is fits


@pytest.mark.parametrize(
    "text", ["git+https://x/y", "./here", "a @ https://x", "a; python_version<'3'"]
)
def test_what_only_pip_can_read(text: str) -> None:
    assert pyversions.requirement(text) is None
