"""iptables against a stand-in that keeps rules as they are said, with the exit codes of iptables
1.8: 1 for a rule that is not there."""

from __future__ import annotations

from typing import Any

import pytest
from provision.errors import PlaybookError

from tests.actions.converging import converges
from tests.actions.harness import ActionHost
from tests.actions.walled import WalledHost

_IPTABLES = r"""
f=/var/ipt; touch $f; shift 2; verb=$1; chain=$2; shift 2
case $verb in
-S) grep -- "^-[PNA] $chain" $f || { [ -z "$chain" ] || { echo "No chain" >&2; exit 1; }; };;
-C) grep -qxF -- "-A $chain $*" $f || exit 1;;
-A) echo "-A $chain $*" >> $f;;
-I) [ "$1" = 1 ] && shift; { echo "-A $chain $*"; cat $f; } > $f.new; mv $f.new $f;;
-D) grep -vxF -- "-A $chain $*" $f > $f.new; mv $f.new $f;;
-P) sed -i "s/^-P $chain .*/-P $chain $1/" $f;;
-N) echo "-N $chain" >> $f;;
-X) sed -i "/^-N $chain/d" $f;;
-F) sed -i "/^-A $chain/d" $f;;
esac
"""


@pytest.fixture
def host(walled: WalledHost) -> WalledHost:
    walled.write("/var/ipt", "-P INPUT ACCEPT\n")
    walled.program("iptables", _IPTABLES)
    return walled


def test_a_rule(host: WalledHost) -> None:
    task: dict[str, Any] = {
        "chain": "INPUT", "protocol": "tcp", "source": "!10.0.0.0/8", "destination_ports": "80,443",
        "ctstate": "NEW,ESTABLISHED", "comment": "the web", "jump": "ACCEPT",
    }  # fmt: skip
    assert converges(host, "iptables", **task) == {"ipv4 rule": ("absent", "present")}
    rule = (
        "-p tcp ! -s 10.0.0.0/8 -j ACCEPT -m multiport --dports 80,443 -m comment --comment "
        "the web -m conntrack --ctstate NEW,ESTABLISHED"
    )
    assert host.read("/var/ipt") == f"-P INPUT ACCEPT\n-A INPUT {rule}\n"
    assert host.run("iptables", **task).data["rule"] == rule
    converges(host, "iptables", **task, state="absent")


def test_an_inserted_rule_comes_first(host: WalledHost) -> None:
    converges(host, "iptables", chain="INPUT", jump="DROP")
    task: dict[str, Any] = {"chain": "INPUT", "in_interface": "lo", "jump": "ACCEPT"}
    for status in ("changed", "ok"):
        outcome = host.run("iptables", action="insert", rule_num="1", **task)
        assert outcome.status == status
    assert host.read("/var/ipt").startswith("-A INPUT -j ACCEPT -i lo\n")


def test_policy_flush_and_chains(host: WalledHost) -> None:
    diff = converges(host, "iptables", chain="INPUT", policy="DROP")
    assert diff == {"ipv4 policy": ("ACCEPT", "DROP")}
    converges(host, "iptables", chain="OWN", chain_management=True)
    converges(host, "iptables", chain="OWN", jump="DROP")
    converges(host, "iptables", chain="OWN", flush=True)
    converges(host, "iptables", chain="OWN", chain_management=True, state="absent")
    assert host.read("/var/ipt") == "-P INPUT DROP\n"


def test_a_chain_is_needed(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="Either chain or flush"):
        here.run("iptables", jump="DROP")
