"""What a host of the lab is like, seen through ssh."""

from __future__ import annotations

import pytest

from tests.labfixture import LabHostFactory, TestLab


@pytest.mark.lab
def test_each_host_has_its_own_systemd_and_name(lab: TestLab) -> None:
    for host in lab.hosts:
        assert lab.run(host.name, ["hostname"]).stdout.strip() == host.name
        state = lab.run(host.name, ["systemctl", "is-system-running"], check=False)
        assert state.stdout.strip() in ("running", "degraded")


@pytest.mark.lab
def test_host_keys_are_unique_and_known_before_the_first_connection(lab: TestLab) -> None:
    known = [line.split()[1:] for line in lab.known_hosts.read_text().splitlines()]
    assert len({tuple(key) for key in known}) == len(known) == 2 * len(lab.hosts)
    shown = lab.run(lab.hosts[0].name, "cat /etc/ssh/ssh_host_ed25519_key.pub").stdout
    assert shown.split()[:2] in known


@pytest.mark.lab
def test_become_with_and_without_password(lab: TestLab) -> None:
    name = lab.hosts[0].name
    assert lab.run(name, "sudo -n id -u", login="ops").stdout == "0\n"
    assert lab.run(name, "sudo -n id -u", login="lab", check=False).returncode == 1
    assert lab.run(name, "sudo -S -p '' id -u", login="lab", stdin="lab\n").stdout == "0\n"


@pytest.mark.lab
def test_units_of_one_host_are_invisible_to_the_next(lab: TestLab) -> None:
    first, second = lab.hosts[0].name, lab.hosts[1].name
    lab.run(first, "systemd-run --unit=only-here sleep 600")
    try:
        assert lab.run(first, "systemctl is-active only-here").stdout == "active\n"
        there = lab.run(second, "ls -d /sys/fs/cgroup/system.slice/only-here.service", check=False)
        assert there.returncode != 0
    finally:
        lab.run(first, "systemctl stop only-here")


@pytest.mark.lab
@pytest.mark.slow
@pytest.mark.parametrize(
    ("release", "systemd", "python"),
    [("trixie", "257", "3.13"), ("bullseye", "247", "3.9"), ("bookworm", "252", "")],
)
def test_other_kinds_of_host(
    lab_host: LabHostFactory, release: str, systemd: str, python: str
) -> None:
    lab, host = lab_host(release=release, python=bool(python))
    said = lab.run(host.name, ["systemctl", "--version"]).stdout
    assert said.startswith(f"systemd {systemd} ")
    if python:
        assert lab.run(host.name, ["python3", "-V"]).stdout.startswith(f"Python {python}.")
    else:
        found = lab.run(host.name, "ls /usr/bin /usr/local/bin | grep python", check=False)
        assert found.stdout == ""
    state = lab.run(host.name, ["systemctl", "is-system-running"], check=False)
    assert state.stdout == "running\n"
    assert lab.run(host.name, "sudo -n id -u", login="ops").stdout == "0\n"
    assert lab.run(host.name, "apt-get -q update >/dev/null && echo fine").stdout == "fine\n"


@pytest.mark.lab
def test_user_units_with_lingering(lab: TestLab) -> None:
    name = lab.hosts[0].name
    lab.run(name, "loginctl enable-linger lab")
    try:
        lab.run(name, "for i in $(seq 50); do [ -S /run/user/1000/bus ] && break; sleep 0.1; done")
        line = "XDG_RUNTIME_DIR=/run/user/1000 systemctl --user is-system-running --wait"
        assert lab.run(name, line, login="lab").stdout == "running\n"
    finally:
        lab.run(name, "loginctl disable-linger lab")
