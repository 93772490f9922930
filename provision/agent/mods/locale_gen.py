"""Locales that can be used.

args: name (a list), state.
"""

from __future__ import annotations

from provision.agent import core, fs, programs
from provision.agent.core import Fail
from provision.agent.perms import Missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Sequence, Set

    from provision.agent.core import Args, Context, Observed, Result

_LIST = "/etc/locale.gen"
_SUPPORTED = "/usr/share/i18n/SUPPORTED"


def _plain(name: str) -> str:
    """As `locale -a` writes it: de_DE.UTF-8 is de_DE.utf8."""
    language, dot, charset = name.partition(".")
    charset, at, modifier = charset.partition("@")
    return language + dot + charset.lower().replace("-", "") + at + modifier


class Locales(core.State):
    """available, listed: the wanted names among those."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.names: List[str] = args["name"]
        self.lines: List[str] = []

    def observe(self) -> Dict[str, Any]:
        done = self.ctx.probe([programs.need(self.ctx, "locale"), "-a"])
        here: Set[str] = {_plain(name) for name in done.stdout.split()}
        try:
            text = fs.read_bytes(_LIST).decode("utf-8", "surrogateescape")
        except OSError:
            raise Missing("%s is not there: install the package locales" % _LIST) from None
        self.lines = text.splitlines(keepends=True)
        listed = {line.split()[0] for line in self.lines if line.strip() and line[:1] != "#"}
        return {
            "available": [name for name in self.names if _plain(name) in here],
            "listed": [name for name in self.names if name in listed],
        }

    def desired(self, observed: Observed) -> Dict[str, Any]:
        if self.args["state"] == "absent":
            return {"available": [], "listed": []}
        return {"available": list(self.names), "listed": list(self.names)}

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        absent = self.args["state"] == "absent"
        for name in self.names:
            if (name in observed["listed"]) == absent:
                self._toggle(name, absent)
        program = programs.need(self.ctx, "locale-gen")
        fs.write_file(_LIST, "".join(self.lines).encode("utf-8", "surrogateescape"))
        # without --purge, what is no longer listed would stay
        self.ctx.run([program] + (["--purge"] if absent else []))

    def _toggle(self, name: str, absent: bool) -> None:
        for at, line in enumerate(self.lines):
            words = line.lstrip("# ").split()
            if len(words) == 2 and words[0] == name and (line[:1] == "#") != absent:
                self.lines[at] = ("# " if absent else "") + " ".join(words) + "\n"
                return
        if not absent:
            if self.lines and not self.lines[-1].endswith("\n"):
                self.lines[-1] += "\n"
            self.lines.append("%s %s\n" % (name, self._charset(name)))

    def _charset(self, name: str) -> str:
        try:
            text = fs.read_bytes(_SUPPORTED).decode("utf-8", "replace")
        except OSError:
            raise Missing("%s is not there: install the package locales" % _SUPPORTED) from None
        for line in text.splitlines():
            words = line.split()
            if len(words) == 2 and words[0] == name:
                return words[1]
        raise Fail("The locales you have entered are not available on your system: %s" % name)


def main(ctx: Context, args: Args) -> Result:
    return programs.settle(ctx, Locales(ctx, args))
