"""conda env, run, activation, terms of service."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.lab.mirror.conftest import Standin, put

FILE = """\
name: made
channels: [conda-forge]
dependencies: [six=1.16, texts]
variables: {TOKEN: secret words}
prefix: /home/somebody/envs/other
"""


@pytest.fixture
def made(conda: Standin, tmp_path: Path) -> Path:
    (tmp_path / "environment.yml").write_text(FILE)
    conda.ok("env", "create", "-f", str(tmp_path / "environment.yml"))
    return conda.root / "envs/made"


def pip_package(prefix: Path, name: str, version: str) -> None:
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    put(prefix, f"lib/python3.11/site-packages/{name}-{version}.dist-info/METADATA", text)


def test_create_again_replaces_without_asking(conda: Standin, made: Path, tmp_path: Path) -> None:
    put(made, "mine.txt", "mine")
    conda.ok("env", "create", "-f", str(tmp_path / "environment.yml"))
    assert not (made / "mine.txt").exists()
    assert (made / "conda-meta/six-1.16.0-py_0.json").is_file()


def test_a_failed_pip_step_leaves_the_environment_behind(conda: Standin, tmp_path: Path) -> None:
    file = tmp_path / "environment.yml"
    file.write_text(
        "name: half\nchannels: [conda-forge]\n"
        "dependencies:\n  - texts\n  - pip\n  - pip: ['no-such-thing-at-all==9']\n"
    )
    conda.environment.update(PIP_NO_INDEX="1", PIP_CONFIG_FILE="/dev/null")
    done = conda("env", "create", "-f", str(file), "--json", "-q")
    assert done.returncode == 1
    assert json.loads(done.stdout)["message"] == "Pip failed"
    assert "Pip subprocess error:\nERROR: " in done.stderr
    assert (conda.root / "envs/half/conda-meta/texts-1.0-0.json").is_file()
    assert not list(tmp_path.glob("condaenv.*"))


def test_export_and_create_agree(conda: Standin, made: Path, tmp_path: Path) -> None:
    pip_package(made, "Some_Thing", "1.5")
    text = conda.ok("env", "export", "-n", "made")
    exported = yaml.safe_load(text)
    assert exported["name"] == "made"
    assert exported["channels"] == ["conda-forge"]
    assert exported["dependencies"] == [
        "pip=25.3=0", "python=3.11.2=0_cpython", "six=1.16.0=py_0", "texts=1.0=0",
        {"pip": ["some-thing==1.5"]},
    ]  # fmt: skip
    assert exported["variables"] == {"TOKEN": "secret words"}
    assert exported["prefix"] == str(made)
    assert "\n  - six=1.16.0=py_0\n" in text  # indented, as conda's are
    without = yaml.safe_load(conda.ok("env", "export", "-n", "made", "--no-builds"))
    assert "six=1.16.0" in without["dependencies"]


def test_from_history_drops_pip_packages(conda: Standin, made: Path) -> None:
    pip_package(made, "thing", "1.5")
    exported = yaml.safe_load(conda.ok("env", "export", "-n", "made", "--from-history"))
    assert exported["dependencies"] == ["six=1.16", "texts"]


def test_exporting_what_is_missing_is_no_error(conda: Standin) -> None:
    exported = yaml.safe_load(conda.ok("env", "export", "-n", "missing"))
    assert exported["dependencies"] == []


def test_a_path_as_a_name(conda: Standin, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    conda.ok("create", "-y", "-p", str(outside), "texts")
    exported = yaml.safe_load(conda.ok("env", "export", "-p", str(outside)))
    assert exported["name"] == str(outside)


def test_a_link_to_a_generation_is_one_environment(conda: Standin, made: Path) -> None:
    generation = conda.root / "envs/.generations/made-0123"
    generation.parent.mkdir()
    made.rename(generation)
    made.symlink_to(generation)
    listed = json.loads(conda.ok("env", "list", "--json"))["envs"]
    assert listed == [str(conda.root), str(made)]
    assert yaml.safe_load(conda.ok("env", "export", "-n", "made"))["name"] == "made"
    rows = json.loads(conda.ok("list", "-n", "made", "--json"))
    assert [row["name"] for row in rows] == ["pip", "python", "six", "texts"]


def test_list_tells_pip_s_packages_apart(conda: Standin, made: Path) -> None:
    pip_package(made, "Some.Thing", "1.5")
    rows = {row["name"]: row for row in json.loads(conda.ok("list", "-n", "made", "--json"))}
    assert rows["some-thing"]["channel"] == "pypi"
    assert rows["six"]["channel"] == "conda-forge"
    assert "some-thing" not in conda.ok("list", "-n", "made", "--explicit")


def test_update_and_prune(conda: Standin, made: Path, tmp_path: Path) -> None:
    file = tmp_path / "environment.yml"
    file.write_text("name: made\nchannels: [conda-forge]\ndependencies: [six=1.17]\n")
    conda.ok("env", "update", "-f", str(file))
    names = {path.name for path in (made / "conda-meta").glob("*.json")}
    assert {"six-1.17.0-py_0.json", "texts-1.0-0.json"} <= names
    pip_package(made, "kept", "1.0")
    conda.ok("env", "update", "-f", str(file), "--prune")
    assert not (made / "conda-meta/texts-1.0-0.json").exists()
    assert list(made.glob("lib/python3.11/site-packages/kept-1.0.dist-info"))


def test_remove_asks_and_silence_is_no(conda: Standin, made: Path) -> None:
    assert conda("env", "remove", "-n", "made").returncode == 0
    assert made.is_dir()
    conda.ok("env", "remove", "-n", "made", "-y")
    assert not made.exists()


def test_files_that_cannot_be_used(conda: Standin, tmp_path: Path) -> None:
    file = tmp_path / "environment.yml"
    assert conda.error("env", "create", "-f", str(file))["exception_name"] == (
        "EnvironmentFileNotFound"
    )
    file.write_text("name: [unclosed\n")
    assert conda.error("env", "create", "-f", str(file))["exception_name"] == "CondaValueError"
    file.write_text("")
    assert conda.error("env", "create", "-f", str(file))["exception_name"] == (
        "EnvironmentFileEmpty"
    )
    (tmp_path / "environment.txt").write_text("six\n")
    wrong = conda.error("env", "create", "-f", str(tmp_path / "environment.txt"))
    assert wrong["exception_name"] == "EnvironmentFileExtensionNotValid"


def test_run_and_the_activation_variables(conda: Standin, tmp_path: Path) -> None:
    conda.ok("create", "-y", "-n", "a", "activate-demo")
    prefix = conda.root / "envs/a"
    line = "echo $CONDA_DEFAULT_ENV $ACTIVATE_DEMO_VARIABLE $ACTIVATE_DEMO_HOME; exit 5"
    done = conda("run", "-n", "a", "sh", "-c", line)
    assert done.returncode == 5
    assert done.stdout == f"a from the package {prefix}/share/activate-demo\n"
    state = {"version": 1, "env_vars": {"ACTIVATE_DEMO_VARIABLE": "from the user's state"}}
    (prefix / "conda-meta/state").write_text(json.dumps(state))
    done = conda("run", "-n", "a", "sh", "-c", "echo $ACTIVATE_DEMO_VARIABLE")
    assert done.stdout == "from the user's state\n"


def test_activation_in_a_shell(conda: Standin) -> None:
    conda.ok("create", "-y", "-n", "a", "activate-demo")
    lines = conda.ok("shell.posix", "activate", "a")
    script = f"{lines}\necho $CONDA_PREFIX $ACTIVATE_DEMO_HOME; echo $PATH"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    prefix = conda.root / "envs/a"
    first, path = done.stdout.splitlines()
    assert first == f"{prefix} {prefix}/share/activate-demo"
    assert path.startswith(f"{prefix}/bin:")
    conda.environment["CONDA_PREFIX"] = str(prefix)
    assert "unset CONDA_PREFIX" in conda.ok("shell.posix", "deactivate")


class TestTerms:
    COMMAND = ("create", "-y", "-q", "-n", "t", "-c", "defaults", "--override-channels", "texts")

    def test_stop_until_accepted(self, conda: Standin) -> None:
        error = conda.error(*self.COMMAND)
        assert error["exception_name"] == "CondaToSNonInteractiveError"
        conda.ok("tos", "accept", "--override-channels", "--channel", "defaults")
        assert list((conda.root / "conda-meta/tos").rglob("*.json"))
        conda.ok(*self.COMMAND)

    def test_accepted_by_a_variable(self, conda: Standin) -> None:
        conda.environment["CONDA_PLUGINS_AUTO_ACCEPT_TOS"] = "yes"
        conda.ok(*self.COMMAND)

    def test_accepted_by_a_setting(self, conda: Standin) -> None:
        conda.ok("config", "--system", "--set", "plugins.auto_accept_tos", "yes")
        conda.ok(*self.COMMAND)

    def test_other_channels_have_none(self, conda: Standin) -> None:
        conda.ok("create", "-y", "-n", "t", "texts")


def test_info(conda: Standin) -> None:
    found = json.loads(conda.ok("info", "--json"))
    assert found["conda_version"] == "26.7.1"
    assert found["root_prefix"] == str(conda.root)
    assert found["envs_dirs"][0] == str(conda.root / "envs")
    assert ["__unix", "0", "0"] in found["virtual_pkgs"]
    assert conda.ok("info", "--base") == f"{conda.root}\n"
    assert conda.ok("--version") == "conda 26.7.1\n"
