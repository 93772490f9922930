"""provision env lint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.inprocess import provision

EXPORT = """\
name: model-bert-v1
channels: [conda-forge, nodefaults]
dependencies:
  - python=3.11.9   # keep me
  - numpy=1.26.4=py311h64a7726_0
variables:
  HF_TOKEN: some-long-secret
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("bert.yml")
    path.write_text(EXPORT)
    return path


def test_findings_have_place_reason_and_fix(file: Path) -> None:
    done = provision("env", "lint", "bert.yml")
    assert done.code == 1
    assert done.out == (
        "bert.yml:2:25: error nodefaults: `nodefaults` is listed as a channel\n"
        "    why: newer releases of conda look for a channel of that name and fail\n"
        "    fix: leave it out; `--override-channels` or the condarc keep others away [--fix]\n"
        "bert.yml:5:5: warning platform-build: numpy=1.26.4=py311h64a7726_0 is a build for "
        "linux-64\n"
        "    why: other platforms have other builds of the same version, and channels lose old "
        "ones\n"
        "    fix: `numpy=1.26.4`; a lock beside the file keeps the exact build for each platform "
        "[--fix]\n"
        "bert.yml:7:3: error secret-variable: the variable HF_TOKEN looks like a secret\n"
        "    why: the file is copied, mailed and committed, and everyone who may read the "
        "environment on a host may read its variables\n"
        "    fix: leave it out; give it to the service as a credential [--fix]\n"
        "1 file: 2 errors, 1 warning; --fix settles 3\n"
    )
    assert file.read_text() == EXPORT


def test_fix_writes_the_file_and_keeps_the_rest(file: Path) -> None:
    file.chmod(0o640)
    done = provision("env", "lint", "--fix", "bert.yml")
    assert (done.code, done.out) == (0, "1 file: nothing found; 3 fixed\n")
    assert file.read_text() == (
        "name: model-bert-v1\nchannels: [conda-forge]\ndependencies:\n"
        "  - python=3.11.9   # keep me\n  - numpy=1.26.4\n"
    )
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(file.absolute().parent.iterdir()) == [file.absolute()]


def test_a_diff_shows_no_secret(file: Path) -> None:
    done = provision("env", "lint", "--diff", "bert.yml")
    assert "-  HF_TOKEN: ********\n" in done.out
    assert "some-long-secret" not in done.out
    assert file.read_text() == EXPORT


def test_json_lines(file: Path) -> None:
    done = provision("env", "lint", "--json", "bert.yml")
    first, *found, last = [json.loads(line) for line in done.out.splitlines()]
    assert first["type"] == "version"
    assert [(f["rule"], f["line"], f["level"], f["fixable"]) for f in found] == [
        ("nodefaults", 2, "error", True),
        ("platform-build", 5, "warning", True),
        ("secret-variable", 7, "error", True),
    ]
    assert (last["errors"], last["warnings"], last["exit_code"]) == (2, 1, 1)


def test_warnings_alone_are_fine_unless_strict(file: Path) -> None:
    file.write_text(EXPORT.replace(", nodefaults", "").partition("variables")[0])
    assert provision("env", "lint", "bert.yml").code == 0
    assert provision("env", "lint", "--strict", "bert.yml").code == 1
    assert provision("env", "lint", "--strict", "--platform", "linux-64", "bert.yml").code == 0
    assert provision("env", "lint", "--strict", "--ignore", "platform-build", "bert.yml").code == 0


def test_many_alike_are_told_once(file: Path) -> None:
    lines = "".join(f"  - p{n}=1.0=h0_{n}\n" for n in range(5))
    file.write_text(f"name: a-b-v1\nchannels: [conda-forge]\ndependencies:\n{lines}")
    out = provision("env", "lint", "bert.yml").out
    assert "and 4 more like it: lines 5-8" in out
    assert out.count("platform-build") == 1
    assert provision("env", "lint", "-v", "bert.yml").out.count("platform-build:") == 5


def test_a_powershell_export_becomes_utf8(file: Path) -> None:
    file.write_bytes("name: a-b-v1\nchannels: [c]\ndependencies: [x=1]\n".encode("utf-16"))
    done = provision("env", "lint", "bert.yml")
    assert done.code == 1
    assert "encoding: the file is UTF-16" in done.out
    assert provision("env", "lint", "--fix", "bert.yml").code == 0
    assert file.read_bytes().startswith(b"name: a-b-v1")


def test_mistakes_of_use(file: Path) -> None:
    missing = provision("env", "lint", "nope.yml")
    assert missing.code == 2
    assert "cannot read the environment file" in missing.err
    unknown = provision("env", "lint", "--ignore", "prefixx", "bert.yml")
    assert unknown.code == 2
    assert "did you mean 'prefix'?" in unknown.err
    assert provision("env", "lint", "--names", "(", "bert.yml").code == 2
    assert provision("env", "nope").code == 2


def test_the_convention_from_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVISION_ENV_NAMES", "[a-z]+")
    assert "name-convention" in provision("env", "lint", "bert.yml").out


def test_rules_are_listed() -> None:
    done = provision("env", "lint", "--rules")
    assert done.code == 0
    assert "pip-git           error    built from a repository" in done.out
