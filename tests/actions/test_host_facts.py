"""hostname, package_facts and service_facts on real hosts."""

from __future__ import annotations

import pytest
from provision.errors import PlaybookError

from tests.actions.conftest import RealHost
from tests.actions.converging import converges
from tests.actions.harness import ActionHost


@pytest.mark.lab
def test_a_host_gets_its_name(real: RealHost) -> None:
    host = real()
    before = host.run("command", argv=["hostname"]).data["stdout"]
    try:
        diff = converges(host, "hostname", name="prv-box.example.org")
        assert diff["now"] == (before, "prv-box.example.org")
        assert host.run("command", argv=["hostname"]).data["stdout"] == "prv-box.example.org"
        kept = host.run("command", argv=["cat", "/etc/hostname"]).data["stdout"]
        assert kept == "prv-box.example.org"
        facts = host.run("hostname", name="prv-box.example.org").facts
        assert facts["ansible_hostname"] == "prv-box"
        assert facts["ansible_domain"] == "example.org"
    finally:
        host.run("hostname", name=before)


@pytest.mark.parametrize("name", ["", "-a", "a b", "a..b", "x" * 65, "ü"])
def test_names_no_host_can_have(here: ActionHost, name: str) -> None:
    with pytest.raises(PlaybookError, match="cannot be the name"):
        here.run("hostname", name=name)


@pytest.mark.lab
def test_packages(real: RealHost) -> None:
    host = real()
    packages = host.run("package_facts").facts["packages"]
    told = host.run(
        "command", argv=["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n"]
    )
    shown = {
        (name, version)
        for status, name, version in map(str.split, told.data["stdout_lines"])
        if status == "installed"
    }
    assert {(n, e["version"]) for n, es in packages.items() for e in es} == shown
    assert packages["bash"][0]["source"] == "apt"
    assert host.run("package_facts", manager="rpm").status == "failed"


@pytest.mark.lab
@pytest.mark.parametrize("release", ["bookworm", "trixie", "bullseye"])
def test_services(real: RealHost, release: str) -> None:
    host = real(release=release)
    services = host.run("service_facts").facts["services"]
    assert services["ssh.service"]["state"] == "running"
    assert services["ssh.service"]["status"] == "enabled"
    assert services["systemd-journald.service"]["status"] == "static"
    listed = host.run(
        "shell", cmd="systemctl list-unit-files --type=service --no-legend --plain | cut -d' ' -f1"
    )
    assert set(listed.data["stdout_lines"]) <= set(services)
