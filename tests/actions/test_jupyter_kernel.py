"""jupyter_kernel on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from provision.actions.base import Outcome
from provision.errors import PlaybookError

from tests.actions.harness import ActionHost


class Case:
    def __init__(self, host: ActionHost, root: Path) -> None:
        self.host = host
        self.envs = root / "envs"
        self.data = root / "share/jupyter"
        self.spec = self.data / "kernels/demo/kernel.json"
        self.build("demo-1")

    def build(self, generation: str, *, ipykernel: bool = True) -> None:
        prefix = self.envs / ".generations" / generation
        (prefix / "bin").mkdir(parents=True)
        (prefix / "bin/python").symlink_to("/bin/sh")
        packages = prefix / "lib/python3.11/site-packages"
        packages.mkdir(parents=True)
        if ipykernel:
            (packages / "ipykernel_launcher.py").touch()
        link = self.envs / "demo"
        link.unlink(missing_ok=True)
        link.symlink_to(prefix)

    def run(self, *, check: bool = False, **args: Any) -> Outcome:
        args = {"name": "demo", "directory": str(self.data), "envs_dir": str(self.envs), **args}
        return self.host.run("jupyter_kernel", check=check, **args)


@pytest.fixture
def case(here: ActionHost, tmp_path: Path) -> Case:
    return Case(here, tmp_path)


def test_it_is_registered_under_the_environments_name(case: Case) -> None:
    assert case.run(check=True).status == "changed"
    assert not case.data.exists()
    assert case.run(display_name="Demo").status == "changed"
    spec = json.loads(case.spec.read_text())
    assert spec["argv"][0] == str(case.envs / "demo/bin/python")
    assert spec["argv"][1:] == ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
    assert (spec["display_name"], spec["language"]) == ("Demo", "python")
    assert case.run(display_name="Demo").status == "ok"


def test_it_follows_a_switch_without_a_change(case: Case) -> None:
    case.run()
    case.build("demo-2")
    assert case.run().status == "ok"


def test_variables_come_and_go(case: Case) -> None:
    case.run(env_vars={"A": "1", "B": "2"})
    diff = case.run(env_vars={"A": "9"}).diff
    assert {(d["key"], d["before"], d["after"]) for d in diff} == {
        ("env.A", "1", "9"),
        ("env.B", "2", None),
    }
    assert json.loads(case.spec.read_text())["env"] == {"A": "9"}


def test_an_environment_without_ipykernel_is_an_error(case: Case) -> None:
    case.build("demo-2", ipykernel=False)
    outcome = case.run()
    assert outcome.status == "failed"
    assert "ipykernel is not installed" in outcome.msg


def test_a_kernel_whose_interpreter_is_gone_is_seen(case: Case) -> None:
    case.run()
    (case.envs / "demo").unlink()
    seen = case.run(check=True)
    assert seen.status == "changed"
    assert "no python" in seen.diff[0]["before"]
    assert case.run().status == "failed"


def test_a_damaged_spec_is_written_anew(case: Case) -> None:
    case.run()
    case.spec.write_text("{")
    assert case.run().status == "changed"
    assert json.loads(case.spec.read_text())["language"] == "python"


def test_absent(case: Case) -> None:
    case.run()
    assert case.run(state="absent").status == "changed"
    assert not case.spec.parent.exists()
    assert case.run(state="absent").status == "ok"


@pytest.mark.parametrize("name", ["My Kernel", "a/b", ""])
def test_names_that_cannot_be(case: Case, name: str) -> None:
    with pytest.raises(PlaybookError, match="cannot be a kernel's name"):
        case.run(name=name)
