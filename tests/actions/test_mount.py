"""mount, for real, in a mount namespace with an fstab of its own."""

from __future__ import annotations

from typing import Any

import pytest
from provision.errors import PlaybookError

from tests.actions.converging import converges
from tests.actions.harness import ActionHost
from tests.actions.walled import WalledHost

POINT = "/srv/prv point"
TMPFS: dict[str, Any] = {"path": POINT, "src": "tmpfs", "fstype": "tmpfs"}


@pytest.fixture
def host(walled: WalledHost) -> WalledHost:
    walled.write("/etc/fstab", "# kept\nUUID=1 / ext4 defaults 0 1\n")
    return walled


def mounted(host: WalledHost) -> str:
    return host.sh(f"findmnt -n -o FSTYPE,OPTIONS --mountpoint '{POINT}' || true")


def test_mounted_changed_and_gone(host: WalledHost) -> None:
    diff = converges(host, "mount", state="mounted", opts="size=1m,noexec", **TMPFS)
    line = "tmpfs /srv/prv\\040point tmpfs size=1m,noexec 0 0\n"
    assert diff["mounted"] == (False, True)
    assert host.read("/etc/fstab") == "# kept\nUUID=1 / ext4 defaults 0 1\n" + line
    assert "noexec" in mounted(host)
    converges(host, "mount", state="mounted", opts="size=1m", **TMPFS)
    assert "noexec" not in mounted(host)
    diff = converges(host, "mount", path=POINT, state="absent")
    assert diff["mounted"] == (True, False)
    assert diff["directory"] == (True, False)
    assert host.read("/etc/fstab") == "# kept\nUUID=1 / ext4 defaults 0 1\n"
    assert not host.path(POINT).exists()


def test_only_in_fstab(host: WalledHost) -> None:
    diff = converges(host, "mount", state="present", passno="2", boot=False, **TMPFS)
    assert list(diff) == ["content"]
    assert "tmpfs defaults,noauto 0 2\n" in host.read("/etc/fstab")
    assert mounted(host) == ""
    converges(host, "mount", path=POINT, state="absent_from_fstab")
    assert "tmpfs" not in host.read("/etc/fstab")


def test_unmounted_keeps_fstab(host: WalledHost) -> None:
    host.run("mount", state="mounted", **TMPFS)
    converges(host, "mount", path=POINT, state="unmounted")
    assert "tmpfs" in host.read("/etc/fstab")
    assert mounted(host) == ""


def test_ephemeral_leaves_no_line(host: WalledHost) -> None:
    converges(host, "mount", state="ephemeral", opts="nosuid", **TMPFS)
    assert "nosuid" in mounted(host)
    assert "tmpfs" not in host.read("/etc/fstab")


def test_a_bind_mount(host: WalledHost) -> None:
    host.write("/srv/source/f", "here")
    task = {"path": POINT, "src": "/srv/source", "fstype": "none", "opts": "bind"}
    converges(host, "mount", state="mounted", **task)
    assert host.path(f"{POINT}/f").read_text() == "here"


def test_remounted_always_changes(host: WalledHost) -> None:
    assert host.run("mount", path=POINT, state="remounted").status == "failed"
    host.run("mount", state="mounted", **TMPFS)
    for _ in range(2):
        assert host.run("mount", path=POINT, state="remounted").status == "changed"


def test_swap_is_known_by_its_source(host: WalledHost) -> None:
    swap = {"path": "none", "fstype": "swap", "opts": "sw", "state": "present"}
    for device in ("/dev/sda2", "/dev/sdb2"):
        converges(host, "mount", src=device, **swap)
    assert host.read("/etc/fstab").count("swap") == 2
    converges(host, "mount", src="/dev/sda2", path="none", fstype="swap", state="absent_from_fstab")
    assert "/dev/sdb2 none swap sw 0 0\n" in host.read("/etc/fstab")
    assert "sda2" not in host.read("/etc/fstab")


def test_another_fstab(host: WalledHost) -> None:
    converges(host, "mount", state="mounted", fstab="/etc/other.fstab", **TMPFS)
    assert host.read("/etc/other.fstab").startswith("tmpfs ")
    assert "tmpfs" not in host.read("/etc/fstab")


def test_what_cannot_be_mounted_leaves_no_directory(host: WalledHost) -> None:
    outcome = host.run("mount", path=POINT, src="/dev/none", fstype="ext4", state="mounted")
    assert outcome.status == "failed"
    assert not host.path(POINT).exists()


def test_what_is_needed(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="needs src and fstype"):
        here.run("mount", path="/x", state="mounted")
