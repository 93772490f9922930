"""systemd units on real hosts of three releases (systemd 247, 252, 257)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from provision.errors import PlaybookError
from provision.transport.link import Step

from tests.actions.conftest import RealHost
from tests.actions.converging import converges
from tests.actions.harness import ActionHost

pytestmark = pytest.mark.lab

UNIT = "prv-sleep"
SLEEP = "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n"


def write(host: ActionHost, name: str, text: str) -> None:
    sh(host, f"cat > /etc/systemd/system/{name}", stdin=text)


def sh(host: ActionHost, line: str, **args: Any) -> str:
    outcome = host.run("shell", cmd=line, **args)
    assert outcome.status == "changed", outcome.msg
    return str(outcome.data["stdout"])


def clean(host: ActionHost) -> None:
    sh(
        host,
        "systemctl stop 'prv-*' 2>/dev/null; systemctl --user stop 'prv-*' 2>/dev/null; "
        "find /etc/systemd ~/.config/systemd -name 'prv-*' -delete 2>/dev/null; "
        "systemctl daemon-reload; systemctl --user daemon-reload; systemctl reset-failed; true",
    )


@pytest.fixture(scope="module", params=["bookworm", "trixie", "bullseye"])
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def host(real: RealHost, release: str) -> Iterator[ActionHost]:
    made = real(release=release)
    clean(made)
    write(made, f"{UNIT}.service", SLEEP)
    yield made
    clean(made)


def show(host: ActionHost, prop: str, unit: str = UNIT) -> str:
    return sh(host, f"systemctl show -P {prop} {unit}")


def test_a_unit_is_started_and_enabled(host: ActionHost) -> None:
    diff = converges(host, "systemd", name=UNIT, state="started", enabled=True)
    assert diff == {"enabled": (False, True), "state": ("stopped", "started")}
    assert show(host, "ActiveState") == "active"
    assert sh(host, f"systemctl is-enabled {UNIT}") == "enabled"
    assert f"{UNIT}.service" in sh(host, "systemctl show -P Wants multi-user.target")


def test_a_unit_is_stopped_and_disabled(host: ActionHost) -> None:
    sh(host, f"systemctl enable --now {UNIT}")
    diff = converges(host, "systemd", name=UNIT, state="stopped", enabled=False)
    assert diff == {"enabled": (True, False), "state": ("started", "stopped")}
    assert show(host, "ActiveState") == "inactive"


def test_enabling_behind_the_managers_back_is_seen(host: ActionHost) -> None:
    wanted: dict[str, Any] = {"name": UNIT, "enabled": True}
    assert host.run("systemd", **wanted, check=True).status == "changed"
    link = f"/etc/systemd/system/multi-user.target.wants/{UNIT}.service"
    sh(host, f"ln -s ../{UNIT}.service {link}")
    assert host.run("systemd", **wanted).status == "ok"
    sh(host, f"rm {link}")
    assert host.run("systemd", **wanted, check=True).status == "changed"


@pytest.mark.parametrize("state", ["restarted", "reloaded"])
def test_restarting_and_reloading_always_change(host: ActionHost, state: str) -> None:
    write(host, f"{UNIT}.service", SLEEP.replace("[Install]", "ExecReload=/bin/true\n[Install]"))
    first = host.run("systemd", name=UNIT, state=state, daemon_reload=True)
    assert (first.status, first.data["state"]) == ("changed", "started")
    before = show(host, "MainPID")
    assert host.run("systemd", name=UNIT, state=state, check=True).status == "changed"
    assert show(host, "MainPID") == before
    assert host.run("systemd", name=UNIT, state=state).status == "changed"
    assert (show(host, "MainPID") == before) == (state == "reloaded")


def test_a_start_that_fails_shows_the_journal(host: ActionHost) -> None:
    text = "[Service]\nType=exec\nExecStart=/bin/sh -c 'echo no model here; exit 7'\n"
    write(host, "prv-bad.service", text.replace("exec", "oneshot"))
    outcome = host.run("systemd", name="prv-bad", state="started")
    assert outcome.status == "failed"
    assert "cannot start prv-bad.service: the job failed" in outcome.msg
    assert "exit status 7" in outcome.msg
    assert "no model here" in outcome.msg


def test_a_oneshot_that_ends_is_no_failure(host: ActionHost) -> None:
    write(host, "prv-once.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
    assert host.run("systemd", name="prv-once", state="started").status == "changed"


def test_an_unknown_unit_is_named(host: ActionHost) -> None:
    outcome = host.run("systemd", name="prv-nothing", state="started")
    assert outcome.status == "failed"
    assert "Could not find the requested service prv-nothing.service" in outcome.msg
    assert host.run("systemd", name="prv-nothing", state="started", check=True).status == "unknown"


def test_a_check_believes_an_earlier_step_that_writes_the_unit(host: ActionHost) -> None:
    path = "/etc/systemd/system/prv-new.service"
    steps = [
        Step(0, "ping", {"data": path}, check=True),
        Step(1, "systemd", {"name": "prv-new", "state": "started", "enabled": True}, check=True),
    ]
    results = [said for said in host.link.run(steps) if said["type"] == "result"]
    assert [r["status"] for r in results] == ["ok", "changed"]


def test_masking(host: ActionHost) -> None:
    sh(host, f"mv /etc/systemd/system/{UNIT}.service /run/systemd/system/")
    sh(host, "systemctl daemon-reload")
    try:
        assert converges(host, "systemd", name=UNIT, masked=True) == {"masked": (False, True)}
        outcome = host.run("systemd", name=UNIT, state="started")
        assert outcome.status == "failed"
        assert "masked" in outcome.msg
        converges(host, "systemd", name=UNIT, masked=False)
    finally:
        sh(host, f"rm /run/systemd/system/{UNIT}.service")


def test_a_template_instance(host: ActionHost) -> None:
    write(host, "prv-multi@.service", SLEEP)
    converges(host, "systemd", name="prv-multi@gpu0", state="started", enabled=True)
    assert show(host, "ActiveState", "prv-multi@gpu0") == "active"


def test_timers_and_aliases_by_their_names(host: ActionHost) -> None:
    write(host, f"{UNIT}.timer", "[Timer]\nOnActiveSec=1h\n[Install]\nWantedBy=timers.target\n")
    converges(host, "systemd", name=f"{UNIT}.timer", state="started", enabled=True)
    assert host.run("systemd", name="sshd", state="started", enabled=True).status == "ok"


def test_a_unit_without_install_section_counts_as_asked(host: ActionHost) -> None:
    write(host, "prv-static.service", "[Service]\nExecStart=/bin/sleep 1000\n")
    for enabled in (True, False):
        assert host.run("systemd", name="prv-static", enabled=enabled).status == "ok"


def test_several_enables_in_a_row(host: ActionHost) -> None:
    names = [f"prv-row{i}" for i in range(3)]
    for name in names:
        write(host, f"{name}.service", SLEEP)
    steps = [
        Step(i, "systemd", {"name": name, "state": "started", "enabled": True})
        for i, name in enumerate(names)
    ]
    for expected in ("changed", "ok"):
        results = [said for said in host.link.run(steps) if said["type"] == "result"]
        assert [r["status"] for r in results] == [expected] * 3, results
    wants = sh(host, "systemctl show -P Wants multi-user.target").split()
    assert {f"{name}.service" for name in names} <= set(wants)


def test_daemon_reload_reads_changed_files(host: ActionHost) -> None:
    converges(host, "systemd", name=UNIT, state="started")
    write(host, f"{UNIT}.service", SLEEP.replace("1000", "2000"))
    assert show(host, "NeedDaemonReload") == "yes"
    outcome = host.run("systemd", name=UNIT, state="started", daemon_reload=True)
    assert outcome.status == "ok"
    assert show(host, "NeedDaemonReload") == "no"
    write(host, f"{UNIT}.service", SLEEP)
    assert host.run("systemd", daemon_reload=True, check=True).status == "ok"
    assert show(host, "NeedDaemonReload") == "yes"
    assert host.run("systemd", daemon_reload=True).status == "ok"
    assert show(host, "NeedDaemonReload") == "no"


def test_a_question_gets_every_property(host: ActionHost) -> None:
    status = host.run("systemd", name="ssh").data["status"]
    assert status["ActiveState"] == "active"
    assert status["ExecStart"].startswith("{ path=/usr/sbin/sshd")


def test_without_the_bus_systemctl_does_it(host: ActionHost) -> None:
    # A host without its bus lets nobody log in for long: it comes back by itself if we cannot.
    restore = "systemctl start dbus.socket dbus.service; systemctl restart systemd-logind"
    sh(host, f"(sleep 30; {restore}) >/dev/null 2>&1 & systemctl stop dbus.socket dbus.service")
    try:
        converges(host, "systemd", name=UNIT, state="started", enabled=True)
    finally:
        sh(host, restore)


def test_units_of_the_login_user(host: ActionHost) -> None:
    write(host, "../user/prv-mine.service", SLEEP.replace("multi-user", "default"))
    converges(host, "systemd", name="prv-mine", scope="user", state="started", enabled=True)
    outcome = host.run("systemd", name="prv-mine", scope="user", state="stopped")
    assert outcome.status == "changed"
    host.run("systemd", name="prv-mine", scope="user", enabled=False)
    converges(host, "systemd", name="prv-mine", scope="global", enabled=True)
    converges(host, "systemd", name="prv-mine", scope="global", enabled=False)


def test_a_global_scope_has_no_state(host: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="no state"):
        host.run("systemd", name=UNIT, scope="global", state="started")
