"""selinux and seboolean: the kernels here have no SELinux. /sys/fs/selinux is a directory with
the files of the kernel's interface, setsebool a stand-in that writes what policycoreutils does."""

from __future__ import annotations

import pytest
from provision.errors import PlaybookError

from tests.actions.converging import converges
from tests.actions.harness import ActionHost
from tests.actions.walled import WalledHost

_CONFIG = "# This file controls SELinux.\nSELINUX=permissive\nSELINUXTYPE=targeted\n"
_SETSEBOOL = """
store=/var/lib/selinux/targeted/active
case $2 in on) number=1;; *) number=0;; esac
if [ "$1" = -P ]; then
    case $3 in on) number=1;; *) number=0;; esac
    mkdir -p $store; echo "$2=$number" > $store/booleans.local; shift
fi
echo "$number $number" > /sys/fs/selinux/booleans/$1
"""


@pytest.fixture
def host(walled: WalledHost) -> WalledHost:
    walled.sh(
        "mount -t tmpfs none /sys/fs; mkdir -p /sys/fs/selinux/booleans /etc/selinux/targeted; "
        "rm -rf /var/lib/selinux; echo 0 > /sys/fs/selinux/enforce; "
        "echo 0 0 > /sys/fs/selinux/booleans/httpd_x"
    )
    walled.write("/etc/selinux/config", _CONFIG)
    walled.program("setsebool", _SETSEBOOL)
    return walled


def test_enforcing_now_and_at_boot(host: WalledHost) -> None:
    diff = converges(host, "selinux", state="enforcing", policy="targeted")
    assert diff["running"] == ("permissive", "enforcing")
    assert host.read("/etc/selinux/config") == _CONFIG.replace("permissive", "enforcing")
    assert host.read("/sys/fs/selinux/enforce") == "1"


def test_disabled_needs_a_boot(host: WalledHost) -> None:
    converges(host, "selinux", state="disabled")
    outcome = host.run("selinux", state="disabled")
    assert outcome.data["reboot_required"] is True
    assert "SELINUX=disabled\n" in host.read("/etc/selinux/config")
    host.sh("rm -r /sys/fs/selinux")
    outcome = host.run("selinux", state="disabled")
    assert (outcome.status, outcome.data["reboot_required"]) == ("ok", False)
    outcome = host.run("selinux", state="enforcing", policy="targeted")
    assert (outcome.status, outcome.data["reboot_required"]) == ("changed", True)


def test_a_policy_that_is_not_there(host: WalledHost) -> None:
    outcome = host.run("selinux", state="enforcing", policy="mls")
    assert outcome.status == "failed"
    assert "Policy mls does not exist" in outcome.msg
    assert host.read("/etc/selinux/config") == _CONFIG


def test_a_policy_is_needed(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="policy is required"):
        here.run("selinux", state="enforcing")


def test_a_switch(host: WalledHost) -> None:
    assert converges(host, "seboolean", name="httpd_x", state=True) == {"state": (False, True)}
    assert host.calls() == ["setsebool httpd_x on"]
    diff = converges(host, "seboolean", name="httpd_x", state=True, persistent=True)
    assert diff == {"persistent": (None, True)}
    assert host.calls() == ["setsebool -P httpd_x on"]


def test_a_switch_nobody_knows(host: WalledHost) -> None:
    assert host.run("seboolean", name="no_such", state=True, check=True).status == "unknown"
    assert host.run("seboolean", name="no_such", state=True).status == "failed"
