"""Limits of logins.

args: domain, limit_type, limit_item, value, use_max, use_min, dest, comment, backup.
"""

from __future__ import annotations

from provision.agent import edits
from provision.agent.edits import Edit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional

    from provision.agent.core import Args, Context, Result

_UNLIMITED = ("unlimited", "infinity", "-1")


def _size(value: str, item: str) -> float:
    """A value as a number that can be compared."""
    if value in _UNLIMITED and not (item in ("nice", "priority") and value == "-1"):
        return float("inf")
    try:
        return int(value)
    except ValueError:
        return float("nan")  # neither more nor less than anything


class Limit(Edit):
    def __init__(self, ctx: Context, args: Args) -> None:
        backup = args.get("backup")
        Edit.__init__(self, ctx, {"path": args["dest"], "backup": backup, "create": True})
        self.task = args
        self.key = [args["domain"], args["limit_type"], args["limit_item"]]

    def edited(self, old: Optional[bytes]) -> Optional[bytes]:
        lines = [line.decode("utf-8", "surrogateescape") for line in edits.lines_of(old)]
        places = [at for at, line in enumerate(lines) if _words(line)[:3] == self.key]
        value = self.task["value"]
        if places:
            value = self._better(_words(lines[places[-1]])[3])
            if value == _words(lines[places[-1]])[3]:
                return old
        comment = "\t#" + self.task["comment"] if self.task.get("comment") else ""
        new = "\t".join([*self.key, value]) + comment + "\n"
        if places:
            lines[places[-1]] = new
        else:
            _append(lines, new)
        self.msg = new.rstrip("\n")
        return "".join(lines).encode("utf-8", "surrogateescape")

    def _better(self, there: str) -> str:
        value: str = self.task["value"]
        item = self.key[2]
        one, other = _size(there, item), _size(value, item)
        if one == other:
            return there
        if self.task.get("use_max") and one > other:
            return there
        if self.task.get("use_min") and one < other:
            return there
        return value


def _words(line: str) -> List[str]:
    words = line.partition("#")[0].split()
    return words if len(words) == 4 else []


def _append(lines: List[str], new: str) -> None:
    """At the end, but before the remark with which distributions end the file."""
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    at = len(lines)
    if lines and lines[-1].strip().lower() == "# end of file":
        at -= 1
    lines.insert(at, new)


def main(ctx: Context, args: Args) -> Result:
    return edits.run(ctx, Limit(ctx, args))
