"""The time zone, and what the hardware's clock shows.

args: name, hwclock.
"""

from __future__ import annotations

import os

from provision.agent import core, fs, programs
from provision.agent.core import Fail
from provision.agent.perms import Missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_ZONES = "/usr/share/zoneinfo/"
_LINK, _NAME, _CLOCK = "/etc/localtime", "/etc/timezone", "/etc/adjtime"


def _zone() -> str:
    """The zone that /etc/localtime leads to, as far as links tell its name."""
    if not os.path.islink(_LINK):
        return "unknown" if os.path.exists(_LINK) else "UTC"
    target = os.path.join("/etc", os.readlink(_LINK))
    return os.path.normpath(target).partition("zoneinfo/")[2] or target


def _text(path: str) -> str:
    try:
        return fs.read_bytes(path).decode("utf-8", "replace")
    except OSError:
        return ""


class Zone(core.State):
    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args

    def observe(self) -> Dict[str, Any]:
        seen: Dict[str, Any] = {"name": _zone()}
        if os.path.exists(_NAME):
            seen["file"] = _text(_NAME).strip()
        lines = _text(_CLOCK).splitlines()
        seen["hwclock"] = "local" if "LOCAL" in lines[2:3] else "UTC"
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted: Dict[str, Any] = {}
        name = self.args.get("name")
        if name:
            if not os.path.isfile(_ZONES + name):
                if not os.path.isdir(_ZONES):
                    raise Missing("the host has no time zones: tzdata is not installed")
                raise Fail("given timezone %s is not available" % name)
            wanted["name"] = name
            if "file" in observed:
                wanted["file"] = name
        if self.args.get("hwclock"):
            wanted["hwclock"] = self.args["hwclock"]
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        try:
            if "name" in changes:
                staged = _LINK + ".provision-tmp"
                fs.remove_tree(staged)
                os.symlink(".." + _ZONES + wanted["name"], staged)
                os.rename(staged, _LINK)
            if "file" in changes:
                fs.write_file(_NAME, (wanted["file"] + "\n").encode())
            if "hwclock" in changes:
                lines = _text(_CLOCK).splitlines()
                lines = [*lines, "0.0 0 0.0", "0"][:2] if len(lines) < 2 else lines[:2]
                lines.append("LOCAL" if wanted["hwclock"] == "local" else "UTC")
                fs.write_file(_CLOCK, ("\n".join(lines) + "\n").encode())
        except OSError as exc:
            raise fs.cannot("write", os.fsdecode(exc.filename or "/etc"), exc) from None

    def data(self, observed: Observed) -> Dict[str, Any]:
        return {key: value for key, value in self.args.items() if value is not None}


def main(ctx: Context, args: Args) -> Result:
    return programs.settle(ctx, Zone(ctx, args))
