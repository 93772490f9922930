"""`provision lab …` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from provision.cli.lab import command
from provision.errors import InputError, LabError, LabUnavailable
from provision.lab import Lab, UpRequest, machine
from provision.lab.layout import LabLayout
from provision.lab.model import LabHost, LabState, save_state
from provision.lab.remote import exit_code, select_hosts, ssh_arguments
from provision.lab.status import HostStatus, LabStatus, lab_status, render_status

from tests.labfixture import TestLab

STATE = LabState(
    "10.88.0.0/21",
    (
        LabHost("gpu01", 1, "bookworm", True, ("10.88.0.11",)),
        LabHost("gpu02", 2, "trixie", False, ("10.88.0.12", "10.88.0.13")),
    ),
)


@pytest.fixture
def recorded(tmp_path: Path) -> Lab:
    save_state(LabLayout.at(tmp_path).state_file, STATE)
    return Lab(tmp_path)


def test_patterns_choose_in_the_labs_order() -> None:
    assert select_hosts(STATE, "all") == ["gpu01", "gpu02-001", "gpu02-002"]
    assert select_hosts(STATE, "gpu02-*,gpu01") == ["gpu01", "gpu02-001", "gpu02-002"]
    assert select_hosts(STATE, "gpu0[13]") == ["gpu01"]
    with pytest.raises(InputError, match="no host 'nope'"):
        select_hosts(STATE, "gpu01,nope")


@pytest.mark.parametrize(
    ("codes", "expected"), [([0, 0], 0), ([0, 3], 1), ([0, 255], 4), ([255, 2], 1), ([], 0)]
)
def test_a_failure_outweighs_an_unreachable_host(codes: list[int], expected: int) -> None:
    assert exit_code(codes) == expected


def test_ssh_uses_the_labs_configuration(recorded: Lab) -> None:
    config = str(recorded.layout.ssh_config)
    expected = ["ssh", "-F", config, "-l", "ops", "gpu02-001", "id -u"]
    assert ssh_arguments(recorded, "gpu02-001", login="ops", command="id -u") == expected


def test_commands_without_a_lab_say_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="there is no lab in") as caught:
        lab_status(Lab(tmp_path / "none"))
    assert caught.value.hint == "`provision lab up` makes one"


def test_down_without_a_lab_is_no_error_and_makes_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["down", "--dir", str(tmp_path / "none")])
    assert result.exit_code == 0
    assert not (tmp_path / "none").exists()


def test_what_the_file_system_refuses_is_an_error_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / ".lock").mkdir()
    with pytest.raises(LabError, match="cannot work on the lab in") as caught:
        Lab(tmp_path).down()
    assert "Is a directory" in caught.value.why


def test_status_of_a_lab_that_does_not_run(recorded: Lab) -> None:
    directory = str(recorded.layout.directory)
    result = CliRunner().invoke(command, ["status", "--json", "--dir", directory])
    assert result.exit_code == 1
    data = json.loads(result.output)
    assert [(host["name"], host["state"]) for host in data["hosts"]] == [
        ("gpu01", "dead"),
        ("gpu02", "dead"),
    ]


def test_the_status_table() -> None:
    up = HostStatus("gpu01", "10.88.0.11", 1, "bookworm", True, "running", 4279, 3720.0, 19 * 10**6)
    dead = HostStatus("gpu02", "10.88.0.12", 3, "trixie", False, "dead", None, None, 0)
    table = render_status(
        LabStatus("/x", "10.88.0.0/21", (up, dead), "http://10.88.0.1:8088", None)
    )
    assert table == (
        "NAME   ADDRESS        RELEASE            STATE    PID   UPTIME  MEMORY\n"
        "gpu01  10.88.0.11     bookworm           running  4279  1h02m   19 MB\n"
        "gpu02  10.88.0.12 +2  trixie, no python  dead     -     -       0 MB\n"
        "mirror http://10.88.0.1:8088 (not running)"
    )


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (UpRequest(releases=("jammy",)), "no lab hosts run 'jammy'"),
        (UpRequest(hosts=1, without_python=("gpu09",)), "cannot boot 'gpu09' without Python"),
        (UpRequest(hosts=0), "a lab has 1 to 200 hosts"),
        (UpRequest(addresses_per_host=0), "at least one address"),
    ],
)
def test_wrong_input_is_refused_before_anything_happens(
    tmp_path: Path, request_: UpRequest, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Lab(tmp_path / "lab").up(request_)
    assert not (tmp_path / "lab").exists()


def test_missing_packages_are_named_with_the_way_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(machine, "_SEARCH", str(tmp_path))
    monkeypatch.setattr(machine, "unavailable_reason", lambda **_: None)
    with pytest.raises(LabUnavailable) as caught:
        machine.require(install=False, progress=lambda _: None)
    assert "debootstrap systemd-container iproute2 openssh-client" in caught.value.why
    assert "--install" in caught.value.hint


def test_a_user_without_root_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    reason = machine.unavailable_reason()
    assert reason is not None
    assert reason.startswith("a lab needs root")


@pytest.mark.lab
def test_exec_prefixes_lines_and_ends_as_the_worst_host(lab: TestLab) -> None:
    directory = str(lab.handle.layout.directory)
    names = [host.name for host in lab.hosts]
    result = CliRunner().invoke(command, ["exec", "--dir", directory, "all", "--", "hostname"])
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [f"{name} | {name}" for name in names]
    line = f'test "$(hostname)" != {names[0]}'
    result = CliRunner().invoke(command, ["exec", "--dir", directory, "all", "--", line])
    assert result.exit_code == 1
    assert result.stderr == f"{names[0]} | exit code 1\n"


@pytest.mark.lab
def test_status_of_running_hosts(lab: TestLab) -> None:
    report = lab_status(lab.handle)
    assert report.all_running
    for host in report.hosts:
        assert host.pid is not None
        assert Path(f"/proc/{host.pid}/comm").read_text() == "systemd\n"
        assert 1e6 < host.memory_bytes < 1e9
