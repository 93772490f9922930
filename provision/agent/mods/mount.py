"""File systems: what fstab says, what is mounted.

args: as the action's.
"""

from __future__ import annotations

import os

from provision.agent import edits, fs, install, programs
from provision.agent.core import Fail
from provision.agent.edits import Edit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple

    from provision.agent.core import Args, Context, Observed, Result

_ESCAPES = {" ": "\\040", "\t": "\\011", "\n": "\\012", "\\": "\\134"}
_FSTAB = "/etc/fstab"
_FIELDS = ("src", "name", "fstype", "opts", "dump", "passno")
_DEFAULTS = {"opts": "defaults", "dump": "0", "passno": "0"}


def escaped(text: str) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def unescaped(text: str) -> str:
    for letter, code in _ESCAPES.items():
        if letter != "\\":
            text = text.replace(code, letter)
    return text.replace("\\134", "\\")


def mounts() -> Dict[str, Tuple[str, str, str]]:
    """Mount point → source, kind, options of what lies on top there."""
    found = {}
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as stream:
        for line in stream:
            before, _, after = line.rstrip("\n").partition(" - ")
            words, behind = before.split(" "), after.split(" ")
            kind, source = behind[0], unescaped(behind[1])
            options = words[5] + "," + (behind[2] if len(behind) > 2 else "")
            found[unescaped(words[4])] = (source, kind, options)
    return found


class _Entry:
    """A line of fstab."""

    def __init__(self, line: str) -> None:
        words = line.split()
        self.real = 4 <= len(words) <= 6 and not words[0].startswith("#")
        self.values = dict(zip(_FIELDS, words)) if self.real else {}

    def same(self, wanted: Dict[str, str]) -> bool:
        return all(self.values.get(k, _DEFAULTS.get(k)) == v for k, v in wanted.items())


class Mount(Edit):
    def __init__(self, ctx: Context, args: Args) -> None:
        self.fstab: str = args.get("fstab") or _FSTAB
        Edit.__init__(self, ctx, {"path": self.fstab, "create": True, "backup": args.get("backup")})
        self.task = args
        self.state: str = args["state"]
        self.swap = args["path"] in ("none", "swap")
        name: str = fs.expand(args["path"])
        self.name = name if self.swap else name.rstrip("/") or "/"
        self.was: Optional[_Entry] = None
        self.line = self._line()
        self.again = False
        if args.get("opts_no_log"):
            self.secret = ("content", "options")

    def _line(self) -> Dict[str, str]:
        task = self.task
        if task.get("src") is None:
            return {}
        options = task.get("opts") or "defaults"
        if not task.get("boot", True) and "noauto" not in options.split(","):
            options += ",noauto"
        return {
            "src": escaped(task["src"]),
            "name": escaped(self.name),
            "fstype": escaped(task["fstype"]),
            "opts": escaped(options),
            "dump": str(task.get("dump") or "0"),
            "passno": str(task.get("passno") or "0"),
        }

    # -- observing --------------------------------------------------------------------

    def observe(self) -> Dict[str, Any]:
        seen = Edit.observe(self)
        if self.state in ("present", "absent_from_fstab"):
            return seen
        here = mounts().get(os.path.realpath(self.name))
        seen["mounted"] = here is not None
        if self.state == "absent":
            seen["directory"] = os.path.isdir(self.name)
        if self.state == "ephemeral":
            seen["options"] = None if here is None else self._ephemeral(here)
        return seen

    def _ephemeral(self, here: Tuple[str, str, str]) -> str:
        """The wanted options when all of them hold, else those there are."""
        source, _, options = here
        said: str = self.task["src"]
        wanted = (self.task.get("opts") or "defaults").split(",")
        bound = "bind" in wanted or "rbind" in wanted or source.startswith("/dev/loop")
        path = said.startswith("/") and not bound
        if path and os.path.realpath(said) != os.path.realpath(source):
            raise Fail(
                "Ephemeral mount point is already mounted with a different source than the "
                "specified one: %s on %s" % (source, self.name)
            )
        real = options.split(",")
        free = ("defaults", "bind", "rbind", "loop")
        if all(option in real or option in free for option in wanted):
            return ",".join(wanted)
        return options

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted = (
            {}
            if self.state in ("unmounted", "remounted", "ephemeral")
            else (Edit.desired(self, observed))
        )
        if self.state == "mounted":
            wanted["mounted"] = True
        elif self.state in ("unmounted", "absent"):
            wanted["mounted"] = False
            if self.state == "absent":
                wanted["directory"] = False
        elif self.state == "ephemeral":
            wanted["mounted"] = True
            wanted["options"] = self.task.get("opts") or "defaults"
        elif self.state == "remounted":
            if not observed["mounted"]:
                raise Fail("Error remounting %s: it is not mounted" % self.name)
            if not self.again:
                wanted["remounted"] = True
        return wanted

    # -- fstab ------------------------------------------------------------------------

    def _mine(self, entry: _Entry) -> bool:
        if not entry.real:
            return False
        if self.swap:
            source = self.task.get("src")
            return entry.values["fstype"] == "swap" and (
                source is None or entry.values["src"] == escaped(source)
            )
        return unescaped(entry.values["name"]).rstrip("/") == self.name.rstrip("/")

    def edited(self, old: Optional[bytes]) -> Optional[bytes]:
        lines = [line.decode("utf-8", "surrogateescape") for line in edits.lines_of(old)]
        entries = [_Entry(line) for line in lines]
        places = [at for at, entry in enumerate(entries) if self._mine(entry)]
        if self.state in ("absent", "absent_from_fstab"):
            kept = [line for at, line in enumerate(lines) if at not in places]
            return old if not places else _joined(kept)
        if places:
            self.was = entries[places[0]]
        if places and all(entries[at].same(self.line) for at in places):
            return old
        new = " ".join(self.line[key] for key in _FIELDS) + "\n"
        if not places:
            if lines and not lines[-1].endswith("\n"):
                lines[-1] += "\n"
            lines.append(new)
        for at in places:
            lines[at] = new
        return _joined(lines)

    # -- applying ---------------------------------------------------------------------

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        new_point = self.state in ("mounted", "ephemeral") and not os.path.lexists(self.name)
        if new_point:
            install.make_directories(self.name)
        try:
            if "content" in changes:
                Edit.apply(self, observed, wanted, ["content"])
            self._move(observed, changes)
        except Fail:
            if new_point:
                try:
                    os.rmdir(self.name)
                except OSError:
                    pass
            raise

    def _move(self, observed: Observed, changes: Sequence[str]) -> None:
        if self.state in ("present", "absent_from_fstab"):
            return
        if self.state == "remounted":
            self._run("mount", "-o", "remount", self.name)
            self.again = True
        elif self.state in ("unmounted", "absent"):
            if observed["mounted"]:
                self._run("umount", self.name)
            if "directory" in changes:
                try:
                    os.rmdir(self.name)
                except OSError as exc:
                    raise fs.cannot("remove", self.name, exc) from None
        elif not observed["mounted"]:
            self._mount()
        elif self.state == "ephemeral":
            self._run("mount", "-o", "remount," + str(self.task.get("opts")), self.name)
        else:
            self._mount_again()

    def _mount(self) -> None:
        if self.state == "ephemeral":
            task = self.task
            options = task.get("opts") or "defaults"
            self._run("mount", "-t", task["fstype"], "-o", options, task["src"], self.name)
            return
        self._run("mount", *self._table(), self.name)

    def _table(self) -> List[str]:
        return [] if self.fstab == _FSTAB else ["-T", self.fstab]

    def _mount_again(self) -> None:
        """Brings a changed line of fstab to what is mounted."""
        was = self.was.values if self.was is not None else {}
        same = was.get("src") == self.line["src"] and was.get("fstype") == self.line["fstype"]
        if same and "bind" not in self.line["opts"]:
            program = programs.need(self.ctx, "mount")
            words = [program, *self._table(), "-o", "remount", self.name]
            if self.ctx.run(words, ok=None).rc == 0:
                return
        self._run("umount", self.name)
        self._mount()

    def _run(self, program: str, *words: str) -> None:
        self.ctx.run([programs.need(self.ctx, program), *words])

    def data(self, observed: Observed) -> Dict[str, Any]:
        values = {"name": self.name, "fstab": self.fstab, "boot": self.task.get("boot", True)}
        for key in ("src", "fstype", "opts", "dump", "passno"):
            value = self.task.get(key) or _DEFAULTS.get(key)
            if value is not None and not (key == "opts" and self.secret):
                values[key] = value
        values["backup_file"] = self.backup_file
        return values


def _joined(lines: List[str]) -> bytes:
    return "".join(lines).encode("utf-8", "surrogateescape")


def main(ctx: Context, args: Args) -> Result:
    return programs.settle(ctx, Mount(ctx, args))
