"""sysctl in a network namespace, whose settings are its own."""

from __future__ import annotations

from typing import Any

import pytest
from provision.errors import PlaybookError

from tests.actions.converging import converges
from tests.actions.harness import ActionHost
from tests.actions.walled import WalledHost

FILE = "/etc/sysctl.d/90-test.conf"
NAME = "net.ipv4.ip_forward"


def test_file_and_kernel(walled: WalledHost) -> None:
    before = walled.sh(f"sysctl -n {NAME}")
    wanted = "0" if before == "1" else "1"
    diff = converges(walled, "sysctl", name=NAME, value=wanted, sysctl_file=FILE, sysctl_set=True)
    assert diff == {"content": (None, f"{NAME}={wanted}\n"), "value": (before, wanted)}
    assert walled.sh(f"sysctl -n {NAME}") == wanted
    walled.sh(f"sysctl -w {NAME}={before}")
    assert walled.run("sysctl", name=NAME, value=wanted, sysctl_file=FILE).status == "ok"
    diff = converges(walled, "sysctl", name=NAME, value=wanted, sysctl_file=FILE, sysctl_set=True)
    assert diff == {"value": (before, wanted)}


def test_reload_brings_the_file_into_the_kernel(walled: WalledHost) -> None:
    walled.write(FILE, f"# ours\n{NAME} = 0\n")
    walled.sh(f"sysctl -w {NAME}=0")
    assert walled.run("sysctl", name=NAME, value=True, sysctl_file=FILE).status == "changed"
    assert walled.sh(f"sysctl -n {NAME}") == "1"
    assert walled.read(FILE) == f"# ours\n{NAME}=1\n"
    changed = walled.run("sysctl", name=NAME, value="no", sysctl_file=FILE, reload=False)
    assert changed.status == "changed"
    assert walled.sh(f"sysctl -n {NAME}") == "1"


def test_several_words_and_another_spelling(walled: WalledHost) -> None:
    walled.write(FILE, "net/ipv4/ip_local_port_range = 1024   65000\n")
    name, value = "net.ipv4.ip_local_port_range", "1024 65000"
    diff = converges(walled, "sysctl", name=name, value=value, sysctl_file=FILE, sysctl_set=True)
    assert list(diff) == ["value"]


def test_of_two_lines_the_last_counts(walled: WalledHost) -> None:
    walled.write(FILE, f"{NAME}=1\na.b=2\n{NAME}=0\n")
    task: dict[str, Any] = {"name": NAME, "sysctl_file": FILE, "reload": False}
    assert walled.run("sysctl", value="0", **task).status == "ok"
    converges(walled, "sysctl", value="1", **task)
    assert walled.read(FILE) == f"{NAME}=1\na.b=2\n"
    converges(walled, "sysctl", state="absent", **task)
    assert walled.read(FILE) == "a.b=2\n"


def test_what_the_kernel_does_not_know(walled: WalledHost) -> None:
    task: dict[str, Any] = {"name": "net.none.such", "value": "1", "sysctl_file": FILE}
    outcome = walled.run("sysctl", sysctl_set=True, check=True, **task)
    assert outcome.status == "unknown"
    outcome = walled.run("sysctl", sysctl_set=True, **task)
    assert outcome.status == "failed"
    assert "no setting net.none.such" in outcome.msg
    outcome = walled.run("sysctl", sysctl_set=True, ignoreerrors=True, **task)
    assert outcome.status == "changed"
    assert "net.none.such=1" in walled.read(FILE)


def test_a_value_is_needed(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="value is required"):
        here.run("sysctl", name=NAME)
