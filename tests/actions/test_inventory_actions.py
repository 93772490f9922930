"""add_host, group_by, pause and raw: controller halves."""

from __future__ import annotations

import subprocess

import pytest
from provision.actions import action
from provision.actions.base import RawCommand
from provision.errors import PlaybookError

from tests.actions.harness import ActionHost, TestContext


def test_add_host_with_groups_and_variables(here: ActionHost) -> None:
    outcome = here.run("add_host", hostname="gpu09", groups="fresh,gpu", rack=7)
    assert outcome.status == "changed"
    wanted = {"name": "gpu09", "groups": ["fresh", "gpu"], "vars": {"rack": 7}}
    assert outcome.new_hosts == [wanted]
    assert outcome.data["add_host"]["host_vars"] == {"rack": 7}


@pytest.mark.parametrize(
    ("name", "host", "port"),
    [("h:2222", "h", 2222), ("10.0.0.1", "10.0.0.1", None), ("[fe80::1]:22", "fe80::1", 22)],
)
def test_add_host_with_a_port(here: ActionHost, name: str, host: str, port: int | None) -> None:
    new = here.run("add_host", name=name).new_hosts[0]
    assert (new["name"], new["vars"].get("ansible_port")) == (host, port)


def test_add_host_of_a_known_host_is_no_change(here: ActionHost) -> None:
    groups = {"all": ["gpu01"], "gpu": ["gpu01"]}
    outcome = here.run("add_host", name="gpu01", groups=["gpu"], variables={"groups": groups})
    assert outcome.status == "ok"


def test_group_by(here: ActionHost) -> None:
    outcome = here.run("group_by", key="os Debian", parents="by os")
    assert (outcome.status, list(outcome.groups)) == ("changed", ["os-Debian"])
    assert outcome.data["parent_groups"] == ["by-os"]
    again = here.run("group_by", key="os Debian", variables={"group_names": ["os-Debian"]})
    assert again.status == "ok"


def test_pause_waits(here: ActionHost) -> None:
    outcome = here.run("pause", seconds=0.05)
    assert outcome.status == "ok"
    assert outcome.data["stdout"].startswith("Paused for 0.")
    assert here.run("pause", minutes=60, check=True).status == "ok"


def test_pause_without_a_terminal_asks_nobody(
    here: ActionHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    outcome = here.run("pause", prompt="Ready?")
    assert (outcome.status, outcome.data["user_input"]) == ("ok", "")
    assert "nobody was asked" in outcome.warnings[0]


def test_pause_takes_one_time(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="not both"):
        here.run("pause", seconds=1, minutes=1)


def plan_raw(
    here: ActionHost, line: str, environment: dict[str, str] | None = None, **args: str
) -> RawCommand:
    raw = action("raw")
    context = TestContext(here, False, {})
    context.environment = environment or {}
    planned = raw.plan(raw.parse({"cmd": line, **args}), context)
    assert isinstance(planned, RawCommand)
    return planned


def shell(command: RawCommand) -> str:
    return subprocess.run(command.line, shell=True, capture_output=True, text=True).stdout


def test_raw_leaves_the_line_as_it_is(here: ActionHost) -> None:
    command = plan_raw(here, "echo \"a  'b'\" | cat; echo c")
    assert command.line == "echo \"a  'b'\" | cat; echo c"
    done = command.finish(0, "out\n", "")
    assert (done.status, done.data["stdout_lines"]) == ("changed", ["out"])
    failed = command.finish(3, "", "no\n")
    assert (failed.status, failed.data["rc"], failed.data["stderr"]) == ("failed", 3, "no\n")


def test_raw_with_environment_and_shell(here: ActionHost) -> None:
    tricky = {"A": "it's; $HOME"}
    assert shell(plan_raw(here, 'echo "$A"; echo "$A"', tricky)) == "it's; $HOME\n" * 2
    line = 'echo "$A${BASH_VERSION:+ bash}"'
    assert shell(plan_raw(here, line, tricky, executable="/bin/bash")) == "it's; $HOME bash\n"


def test_raw_is_unknown_in_a_check(here: ActionHost) -> None:
    assert here.run("raw", cmd="true", check=True).status == "unknown"
