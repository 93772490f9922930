"""Environment files: what is read, and where errors point."""

from __future__ import annotations

from pathlib import Path

import pytest
from provision.conda.envfile import parse_environment, read_environment
from provision.errors import EnvironmentFileError

EXPORT = """\
name: demo
channels:
  - conda-forge
  - https://user:secret@packages.example/team
dependencies:
  - python=3.11.2=h1_0
  - conda-forge::numpy=1.26.4=py311_0
  - scipy >=1.10,<2
  - pip:
      - --extra-index-url https://wheels.example/cu121
      - magika==0.6.1
      - Torch_Audio>=2 ; python_version > "3.8"
      - tool @ https://files.example/tool-1.0-py3-none-any.whl
      - -e git+https://git.example/x#egg=x
variables:
  TOKEN_FILE: /run/token
  WORKERS: 4
prefix: /home/me/miniconda3/envs/demo
"""


def test_an_export_is_read_whole() -> None:
    file = parse_environment(EXPORT, "environment.yml")
    assert (file.name, file.prefix) == ("demo", "/home/me/miniconda3/envs/demo")
    assert file.channels[0].name == "conda-forge"
    python, numpy, scipy = file.conda
    assert (python.name, python.version, python.build) == ("python", "3.11.2", "h1_0")
    assert (numpy.channel, numpy.bare, numpy.exact) == (
        "conda-forge",
        "numpy=1.26.4=py311_0",
        True,
    )
    assert (scipy.exact, scipy.rest) == (False, ">=1.10,<2")
    assert file.variables == {"TOKEN_FILE": "/run/token", "WORKERS": "4"}
    assert file.pip_options("extra-index-url") == ["https://wheels.example/cu121"]
    assert [(line.kind, line.name, line.version) for line in file.pip_packages] == [
        ("package", "magika", "0.6.1"),
        ("package", "torch-audio", ""),
        ("url", "tool", ""),
        ("editable", "", ""),
    ]


def test_places_are_kept() -> None:
    file = parse_environment(EXPORT, "environment.yml")
    assert str(file.conda[1].mark) == "environment.yml:7:5"
    assert str(file.pip_packages[0].mark) == "environment.yml:11:9"


@pytest.mark.parametrize(
    ("spec", "name", "exact"),
    [
        ("numpy", "numpy", False),
        ("numpy=1.26", "numpy", False),
        ("numpy==1.26.4", "numpy", False),
        ("numpy 1.26.4 py311_0", "numpy", False),
        ("numpy=1.26.4=py311*", "numpy", False),
        ("_libgcc_mutex=0.1=conda_forge", "_libgcc_mutex", True),
        ("ca-certificates=2025.1.31=hbcca054_0", "ca-certificates", True),
        ("nvidia/label/cuda-12.1.0::cuda-nvcc=12.1.66=0", "cuda-nvcc", True),
        ("pytorch[version='>=2', build='*cuda*']", "pytorch", False),
    ],
)
def test_specs(spec: str, name: str, exact: bool) -> None:
    found = parse_environment(f"dependencies: [{spec!r}]", "e.yml").conda[0]
    assert (found.name, found.exact) == (name, exact)


@pytest.mark.parametrize(
    ("text", "what", "place"),
    [
        ("dependencie: [a]\n", "no key 'dependencie'", "e.yml:1:1"),
        ("name: x\n", "no 'dependencies'", "e.yml:1:1"),
        ("- a\n", "not an environment file", "e.yml:1:1"),
        ("dependencies: []\n", "asks for no package", "e.yml"),
        ("dependencies:\n  - 3.11\n", "a dependency is a string", "e.yml:2:5"),
        ("dependencies:\n  - '>=3'\n", "not a package spec", "e.yml:2:5"),
        ("dependencies:\n  - a\n  - pipp: [b]\n", "only `pip:`", "e.yml:3:5"),
        ("dependencies:\n  - a\n  - pip: b\n", "'pip' takes a list", "e.yml:3:10"),
        ("dependencies:\n  - a\n  - pip:\n    - --wat\n", "pip option '--wat'", "e.yml:4:7"),
        ("dependencies: [a\n", "not valid YAML", "e.yml:2:1"),
        ("name: a\nname: b\ndependencies: [c]\n", "stands here twice", "e.yml:2:1"),
        ("channels: [3]\ndependencies: [c]\n", "a channel is a name", "e.yml:1:12"),
        ("variables: {A: [1]}\ndependencies: [c]\n", "takes a string", "e.yml:1:16"),
    ],
)
def test_errors_name_the_place(text: str, what: str, place: str) -> None:
    with pytest.raises(EnvironmentFileError) as caught:
        parse_environment(text, "e.yml")
    assert what in caught.value.what
    assert str(caught.value.mark) == place


def test_a_typo_is_guessed() -> None:
    with pytest.raises(EnvironmentFileError) as caught:
        parse_environment("dependancies: [a]\n", "e.yml")
    assert caught.value.hint == "did you mean 'dependencies'?"


def test_keys_of_other_tools_are_left_alone() -> None:
    file = parse_environment("platforms: [linux-64]\ndependencies: [a]\n", "e.yml")
    assert [line.name for line in file.ignored] == ["platforms"]


def test_requirements_files_are_read_and_count(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        "# what we need\nsix==1.16.0 \\\n  --hash=sha256:1\n"
    )
    path = tmp_path / "environment.yml"
    path.write_text("dependencies:\n  - python\n  - pip:\n    - -r requirements.txt\n")
    first = read_environment(path)
    assert [(line.name, line.version) for line in first.pip_packages] == [("six", "1.16.0")]
    assert first.pip[0].mark is not None
    assert first.pip[0].mark.file == str(tmp_path / "requirements.txt")
    (tmp_path / "requirements.txt").write_text("six==1.17.0\n")
    assert read_environment(path).digest != first.digest


def test_a_missing_requirements_file_is_an_error_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "environment.yml"
    path.write_text("dependencies:\n  - python\n  - pip:\n    - -r nope.txt\n")
    with pytest.raises(EnvironmentFileError) as caught:
        read_environment(path)
    assert str(caught.value.mark) == f"{path}:4:7"
