"""timezone, locale_gen, make and alternatives, all of them real, behind a wall."""

from __future__ import annotations

from typing import Any

import pytest
from provision.errors import PlaybookError

from tests.actions.converging import converges
from tests.actions.harness import ActionHost
from tests.actions.walled import WalledHost


def test_a_time_zone(walled: WalledHost) -> None:
    walled.sh("ln -sfn /usr/share/zoneinfo/Etc/UTC /etc/localtime; echo Etc/UTC > /etc/timezone")
    diff = converges(walled, "timezone", name="Europe/Berlin", hwclock="local")
    assert diff == {
        "name": ("Etc/UTC", "Europe/Berlin"),
        "file": ("Etc/UTC", "Europe/Berlin"),
        "hwclock": ("UTC", "local"),
    }
    assert walled.sh("date -d @0 +%z") == "+0100"
    assert walled.read("/etc/timezone") == "Europe/Berlin\n"
    assert walled.read("/etc/adjtime").splitlines()[2] == "LOCAL"


def test_a_zone_that_is_none(walled: WalledHost) -> None:
    outcome = walled.run("timezone", name="Europe/Nowhere")
    assert outcome.status == "failed"
    assert "Europe/Nowhere is not available" in outcome.msg
    with pytest.raises(PlaybookError, match="cannot be a time zone"):
        walled.run("timezone", name="../../etc/passwd")


def test_a_locale(walled: WalledHost) -> None:
    walled.sh("mkdir -p /mnt/l; mount --bind /mnt/l /usr/lib/locale")
    walled.write("/etc/locale.gen", "# a comment\n# C.UTF-8 UTF-8\n# eo UTF-8\n")
    diff = converges(walled, "locale_gen", name="eo")
    assert diff == {"available": ([], ["eo"]), "listed": ([], ["eo"])}
    assert walled.read("/etc/locale.gen") == "# a comment\n# C.UTF-8 UTF-8\neo UTF-8\n"
    assert walled.run("locale_gen", name="xx_YY.UTF-8").status == "failed"
    converges(walled, "locale_gen", name="eo", state="absent")
    assert walled.read("/etc/locale.gen") == "# a comment\n# C.UTF-8 UTF-8\n# eo UTF-8\n"


def test_make(walled: WalledHost) -> None:
    walled.write(
        "/srv/m/Makefile", "all: out\nout: in\n\tcp in out; echo $(WORD) >> log\nbad:\n\tfalse\n"
    )
    walled.write("/srv/m/in", "x")
    task: dict[str, Any] = {"chdir": "/srv/m", "params": {"WORD": "hi"}}
    assert converges(walled, "make", **task) == {}
    assert walled.read("/srv/m/log") == "hi\n"
    outcome = walled.run("make", target="bad", **task)
    assert outcome.status == "failed"
    assert outcome.data["rc"] == 2
    assert walled.run("make", chdir="/srv/later", check=True).status == "unknown"


def test_alternatives(walled: WalledHost) -> None:
    for name in ("one", "two"):
        walled.write(f"/opt/{name}", "#!/bin/sh\n", 0o755)
    task: dict[str, Any] = {"name": "prvtool", "link": "/usr/local/bin/prvtool"}
    converges(walled, "alternatives", **task, path="/opt/one", priority=10)
    assert walled.sh("readlink -f /usr/local/bin/prvtool") == "/opt/one"
    converges(walled, "alternatives", **task, path="/opt/two", state="present", priority=5)
    assert walled.sh("readlink -f /usr/local/bin/prvtool") == "/opt/one"
    converges(walled, "alternatives", name="prvtool", path="/opt/two")
    assert walled.sh("readlink -f /usr/local/bin/prvtool") == "/opt/two"
    assert converges(walled, "alternatives", name="prvtool", state="auto")
    assert walled.sh("readlink -f /usr/local/bin/prvtool") == "/opt/one"
    converges(walled, "alternatives", name="prvtool", path="/opt/one", state="absent")
    outcome = walled.run("alternatives", name="prvnew", path="/opt/one")
    assert outcome.status == "failed"
    assert "missing the link" in outcome.msg


def test_what_is_needed(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="'path' is needed"):
        here.run("alternatives", name="x")
