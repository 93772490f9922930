"""ufw itself, on a lab host. Its kernel may lack what a firewall needs, so that rules, policies
and logging are real and switching it on is tested against a stand-in for ufw-init's work: a
program that writes ufw.conf as `ufw enable` does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from provision.errors import PlaybookError

from tests.actions.conftest import RealHost
from tests.actions.converging import converges
from tests.actions.harness import ActionHost
from tests.actions.walled import WalledHost


@pytest.fixture
def host(real: RealHost) -> Iterator[ActionHost]:
    made = real()
    sh(made, "which ufw || { apt-get update -qq; apt-get install -y -qq ufw; } >/dev/null 2>&1")
    sh(made, "ufw --force reset >/dev/null; rm -f /etc/ufw/*.2*; ufw default deny incoming")
    yield made
    sh(made, "apt-get purge -y -qq ufw >/dev/null 2>&1; rm -rf /etc/ufw")


def sh(host: ActionHost, line: str) -> str:
    outcome = host.run("shell", cmd=line)
    assert outcome.status == "changed", outcome.msg
    return str(outcome.data["stdout"])


@pytest.mark.lab
def test_rules_policy_and_logging(host: ActionHost) -> None:
    diff = converges(host, "ufw", rule="allow", port="22", proto="tcp", comment="the door")
    assert diff == {
        "rules": ("", "allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in # the door\n"),
        "rules6": ("", "allow tcp 22 ::/0 any ::/0 in # the door\n"),
    }
    assert "ufw allow 22/tcp comment 'the door'" in sh(host, "ufw show added")
    diff = converges(
        host, "ufw", rule="deny", direction="in", interface="eth9", src="10.0.0.0/8", to_port=53
    )
    assert list(diff) == ["rules"]
    converges(host, "ufw", rule="allow", to_port="80,443", proto="tcp", insert=1)
    assert "80,443" in sh(host, "ufw show added").splitlines()[1]
    assert converges(host, "ufw", policy="allow", direction="outgoing", logging="off")
    converges(host, "ufw", policy="reject", direction="incoming")
    assert 'DEFAULT_INPUT_POLICY="REJECT"' in sh(host, "cat /etc/default/ufw")
    converges(host, "ufw", rule="allow", port="22", proto="tcp", delete=True)
    assert "22/tcp" not in sh(host, "ufw show added")
    outcome = host.run("ufw", rule="allow", port="ssh-or-not", proto="tcp")
    assert outcome.status == "failed"
    assert "ERROR" in outcome.msg


def test_switching_it_on(walled: WalledHost) -> None:
    walled.write("/etc/ufw/ufw.conf", "ENABLED=no\nLOGLEVEL=low\n")
    walled.program(
        "ufw",
        "case $* in *enable) to=yes;; *disable) to=no;; esac; "
        "sed -i s/^ENABLED=.*/ENABLED=$to/ /etc/ufw/ufw.conf",
    )
    assert converges(walled, "ufw", state="enabled") == {"enabled": (False, True)}
    assert walled.calls() == ["ufw --force enable"]
    converges(walled, "ufw", state="disabled")
    assert walled.run("ufw", state="reloaded").status == "changed"


def test_what_makes_no_sense(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="one of state, default, logging, rule"):
        here.run("ufw", port="22")
    with pytest.raises(PlaybookError, match="direction must be in or out"):
        here.run("ufw", rule="allow", interface="eth0")
