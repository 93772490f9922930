"""debconf and dpkg_selections on copies of this machine's databases."""

from __future__ import annotations

from typing import Any

import pytest
from provision.errors import PlaybookError

from tests.actions.converging import converges
from tests.actions.harness import ActionHost
from tests.actions.walled import WalledHost

AREA: dict[str, Any] = {"name": "prvtest", "question": "prvtest/area", "vtype": "select"}


def test_an_answer(walled: WalledHost) -> None:
    diff = converges(walled, "debconf", **AREA, value="Etc")
    assert diff == {"prvtest/area": (None, "Etc")}
    assert "prvtest/area: Etc" in walled.sh("debconf-show prvtest")
    outcome = walled.run("debconf", **AREA, value="Europe")
    assert outcome.data["previous"] == {"prvtest/area": "Etc"}
    assert outcome.data["current"] == {"prvtest/area": "Europe"}


def test_truth_and_lists(walled: WalledHost) -> None:
    converges(walled, "debconf", name="prvtest", question="p/b", vtype="boolean", value=True)
    assert "p/b: true" in walled.sh("debconf-show prvtest")
    task: dict[str, Any] = {"name": "prvtest", "question": "p/m", "vtype": "multiselect"}
    converges(walled, "debconf", **task, value=["en", "de"])
    assert walled.run("debconf", value="de, en", **task).status == "ok"


def test_a_password_is_compared_and_not_shown(walled: WalledHost) -> None:
    task: dict[str, Any] = {"name": "prvtest", "question": "p/pw", "vtype": "password"}
    diff = converges(walled, "debconf", **task, value="geheim")
    assert diff == {"p/pw": ("(not shown)", "(not shown)")}
    assert "geheim" in walled.read("/var/cache/debconf/passwords.dat")
    outcome = walled.run("debconf", value="anders", **task)
    assert outcome.status == "changed"
    assert "anders" not in f"{outcome.data}{outcome.diff}"


def test_only_reading(walled: WalledHost) -> None:
    walled.run("debconf", **AREA, value="Etc")
    outcome = walled.run("debconf", name="prvtest")
    assert (outcome.status, outcome.data["current"]) == ("ok", {"prvtest/area": "Etc"})


def test_what_is_needed(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="you must supply vtype and value"):
        here.run("debconf", name="x", question="x/y")


def test_a_package_is_held(walled: WalledHost) -> None:
    diff = converges(walled, "dpkg_selections", name="sed", selection="hold")
    assert diff == {"selection": ("install", "hold")}
    assert walled.sh("dpkg --get-selections sed").split() == ["sed", "hold"]
    outcome = walled.run("dpkg_selections", name="sed", selection="install")
    assert (outcome.data["before"], outcome.data["after"]) == ("hold", "install")


def test_a_package_nobody_knows(walled: WalledHost) -> None:
    task: dict[str, Any] = {"name": "prv-nothing", "selection": "hold"}
    assert walled.run("dpkg_selections", check=True, **task).status == "unknown"
    outcome = walled.run("dpkg_selections", **task)
    assert outcome.status == "failed"
    assert "Failed to find package 'prv-nothing'" in outcome.msg
