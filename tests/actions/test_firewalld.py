"""firewalld against a stand-in for firewall-cmd 1.3 that answers as it does: --query-… ends with
0 or 1, --add-… and --remove-… print `success`, the two configurations are apart."""

from __future__ import annotations

from typing import Any

import pytest
from provision.errors import PlaybookError

from tests.actions.converging import converges
from tests.actions.harness import ActionHost
from tests.actions.walled import WalledHost

_COMMAND = """
[ -e /var/fw/stopped ] && { echo 'not running' >&2; exit 252; }
where=running; mkdir -p /var/fw/permanent /var/fw/running
for word in "$@"; do case $word in
--permanent) where=permanent;;
--zone=*|--timeout=*) ;;
--state) echo running;;
--query-*) [ -e "/var/fw/$where/$(tr / _ <<< "${word#--query-}")" ];;
--add-*) touch "/var/fw/$where/$(tr / _ <<< "${word#--add-}")"; echo success;;
--remove-*) rm "/var/fw/$where/$(tr / _ <<< "${word#--remove-}")"; echo success;;
--get-zones) cat /var/fw/zones;;
--new-zone=*) echo "${word#*=}" >> /var/fw/zones;;
esac; done
"""


@pytest.fixture
def host(walled: WalledHost) -> WalledHost:
    walled.write("/var/fw/zones", "public trusted\n")
    walled.program("firewall-cmd", _COMMAND)
    return walled


def test_a_service_now_and_at_boot(host: WalledHost) -> None:
    task: dict[str, Any] = {
        "service": "https",
        "permanent": True,
        "immediate": True,
        "zone": "public",
    }
    diff = converges(host, "firewalld", state="enabled", **task)
    assert diff == {"permanent": (False, True), "immediate": (False, True)}
    calls = host.calls()
    assert "firewall-cmd --permanent --zone=public --add-service=https" in calls
    assert "firewall-cmd --zone=public --add-service=https" in calls
    converges(host, "firewalld", state="disabled", **task)


def test_a_port_for_a_while(host: WalledHost) -> None:
    diff = converges(host, "firewalld", port="8080/tcp", state="enabled", timeout=60)
    assert diff == {"immediate": (False, True)}
    assert "firewall-cmd --timeout=60 --add-port=8080/tcp" in host.calls()


def test_masquerading_and_forwards(host: WalledHost) -> None:
    converges(host, "firewalld", masquerade=True, state="enabled", permanent=True)
    converges(host, "firewalld", masquerade=False, state="enabled", permanent=True)
    forward = [{"port": 80, "proto": "tcp", "toport": 8080}]
    converges(host, "firewalld", port_forward=forward, state="enabled", permanent=True)
    wanted = "firewall-cmd --permanent --add-forward-port=port=80:proto=tcp:toport=8080"
    assert wanted in host.calls()


def test_a_zone(host: WalledHost) -> None:
    converges(host, "firewalld", zone="lab", state="present", permanent=True)
    assert "firewall-cmd --permanent --new-zone=lab" in host.calls()


def test_where_it_does_not_run(host: WalledHost) -> None:
    host.write("/var/fw/stopped", "")
    assert host.run("firewalld", port="1/tcp", state="enabled", check=True).status == "unknown"
    outcome = host.run("firewalld", port="1/tcp", state="enabled")
    assert outcome.status == "failed"
    assert "firewalld is not running" in outcome.msg


def test_one_thing_at_a_time(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="one rule at a time"):
        here.run("firewalld", port="1/tcp", service="x", state="enabled")
