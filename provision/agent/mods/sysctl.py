"""A kernel setting in its file and in the running kernel.

args: name, value (normal text), state, sysctl_file, sysctl_set, reload, ignoreerrors.
"""

from __future__ import annotations

import os

from provision.agent import edits, programs
from provision.agent.core import Fail
from provision.agent.edits import Edit
from provision.agent.perms import Missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple

    from provision.agent.core import Args, Context, Observed, Result


def proc_path(name: str) -> str:
    """Where the kernel shows a setting: the first separator says what separates."""
    first = next((letter for letter in name if letter in "./"), ".")
    if first == ".":
        name = name.translate({46: "/", 47: "."})
    return "/proc/sys/" + os.path.normpath("/" + name).lstrip("/")


def _setting(line: str) -> Tuple[str, str]:
    """Name and value of a line of the file; an empty name for any other line."""
    bare = line.strip()
    name, equals, value = bare.partition("=")
    if not equals or bare[:1] in ("#", ";"):
        return "", ""
    return name.strip().lstrip("-").replace("/", "."), " ".join(value.split())


class Setting(Edit):
    """content of the file; value in the kernel where it is asked for."""

    def __init__(self, ctx: Context, args: Args) -> None:
        Edit.__init__(self, ctx, {"path": args["sysctl_file"], "create": True})
        self.task = args
        self.name: str = args["name"].strip()
        self.present = args["state"] == "present"
        self.live = bool(args.get("sysctl_set")) and self.present

    def observe(self) -> Dict[str, Any]:
        seen = Edit.observe(self)
        if self.live:
            seen["value"] = self._running()
        return seen

    def _running(self) -> Optional[str]:
        try:
            with open(proc_path(self.name), encoding="utf-8", errors="surrogateescape") as stream:
                return " ".join(stream.read().split())
        except OSError as exc:
            if self.task.get("ignoreerrors"):
                self.live = False
                return None
            words = "the kernel has no setting %s: %s" % (self.name, exc.strerror)
            raise Missing(words) from None

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted = Edit.desired(self, observed)
        if self.live:
            wanted["value"] = self.task["value"]
        return wanted

    def edited(self, old: Optional[bytes]) -> Optional[bytes]:
        lines = [line.decode("utf-8", "surrogateescape") for line in edits.lines_of(old)]
        key = self.name.replace("/", ".")
        places = [at for at, line in enumerate(lines) if _setting(line)[0] == key]
        if not self.present:
            if not places:
                return old
            kept = [line for at, line in enumerate(lines) if at not in places]
        elif places and _setting(lines[places[-1]])[1] == self.task["value"]:
            return old  # the last one counts
        else:
            kept = self._with(lines, places)
        return "".join(kept).encode("utf-8", "surrogateescape")

    def _with(self, lines: List[str], places: List[int]) -> List[str]:
        new = "%s=%s\n" % (self.name, self.task["value"])
        if places:
            lines[places[0]] = new
            return [line for at, line in enumerate(lines) if at not in places[1:]]
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        return [*lines, new]

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if "content" in changes:
            Edit.apply(self, observed, wanted, [c for c in changes if c != "value"])
        if "value" in changes:
            self._set(wanted["value"])
        if "content" in changes and self.task.get("reload", True):
            words = ["-p", self.path]
            if self.task.get("ignoreerrors"):
                words.insert(0, "-e")
            program = programs.need(self.ctx, "sysctl")
            self.ctx.run([program, *words], ok=None if self.task.get("ignoreerrors") else (0,))

    def _set(self, value: str) -> None:
        try:
            with open(proc_path(self.name), "w", encoding="utf-8") as stream:
                stream.write(value + "\n")
        except OSError as exc:
            if self.task.get("ignoreerrors"):
                self.live = False
                return
            words = "cannot set %s to %s: %s" % (self.name, value, exc.strerror)
            raise Fail(words) from None


def main(ctx: Context, args: Args) -> Result:
    return programs.settle(ctx, Setting(ctx, args))
