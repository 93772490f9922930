"""modprobe against a stand-in: the kernels this is tested on have no modules to load.

The stand-in keeps /sys/module, where the kernel has a directory for each module, as modprobe
changes it.
"""

from __future__ import annotations

import pytest

from tests.actions.converging import converges
from tests.actions.walled import WalledHost

_STAND_IN = """
if [ "$1" = -r ]; then rmdir "/sys/module/$2"
elif [ "$1" != missing ]; then mkdir "/sys/module/${1//-/_}"
else echo "modprobe: FATAL: Module missing not found in directory" >&2; exit 1; fi
"""


@pytest.fixture
def host(walled: WalledHost) -> WalledHost:
    walled.sh("mount -t tmpfs none /sys/module; mkdir -p /sys/module/ext4 /etc/modules-load.d")
    walled.program("modprobe", _STAND_IN)
    return walled


def test_loading_and_unloading(host: WalledHost) -> None:
    converges(host, "modprobe", name="br-netfilter", params="a=1 b=2")
    assert host.calls() == ["modprobe br-netfilter a=1 b=2"]
    assert host.path("/sys/module/br_netfilter").is_dir()
    converges(host, "modprobe", name="br_netfilter", state="absent")
    assert host.calls() == ["modprobe -r br_netfilter"]


def test_boot(host: WalledHost) -> None:
    diff = converges(host, "modprobe", name="ext4", persistent="present", params="x=1")
    assert diff == {"persistent": (False, True), "params": ("", "x=1")}
    assert host.read("/etc/modules-load.d/ext4.conf") == "ext4\n"
    assert host.read("/etc/modprobe.d/ext4.conf") == "options ext4 x=1\n"
    converges(host, "modprobe", name="ext4", persistent="present", params="x=2")
    assert host.read("/etc/modprobe.d/ext4.conf") == "#options ext4 x=1\noptions ext4 x=2\n"
    converges(host, "modprobe", name="ext4", persistent="absent")
    assert host.read("/etc/modules-load.d/ext4.conf") == "#ext4\n"
    assert host.calls() == []


def test_a_module_in_another_file_counts(host: WalledHost) -> None:
    host.write("/etc/modules-load.d/k8s.conf", "overlay\next4\n")
    assert host.run("modprobe", name="ext4", persistent="present").status == "ok"


def test_a_module_that_is_not_there(host: WalledHost) -> None:
    outcome = host.run("modprobe", name="missing")
    assert outcome.status == "failed"
    assert "Module missing not found" in outcome.msg
