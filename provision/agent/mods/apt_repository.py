"""Lines of apt's sources.

args: repo, state, filename, mode, update_cache, update_cache_retries, codename.
"""

from __future__ import annotations

import os

from provision.agent import aptrun, core, fs, programs
from provision.agent.core import Fail
from provision.agent.perms import Perms
from provision.agent.wholefiles import Files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_MAIN, _PARTS = "/etc/apt/sources.list", "/etc/apt/sources.list.d"


def source_of(line: str) -> str:
    """A line without comment and needless spaces."""
    return (
        " ".join(line.partition("#")[0].replace("[", " [").replace("]", "] ").split())
        .replace("[ ", "[")
        .replace(" ]", "]")
    )


def _disabled(line: str) -> str:
    """The source that a comment holds."""
    bare = line.strip()
    return source_of(bare.lstrip("# ")) if bare.startswith("#") else ""


def suggested(repo: str) -> str:
    """A file's name from the address, as Ansible makes it."""
    words = source_of(repo).split()[1:]
    while words and words[0].startswith("["):
        while words and not words[0].endswith("]"):
            words.pop(0)
        words = words[1:]
    address = (words or [""])[0].partition("://")[2] or (words or ["x"])[0]
    address = address.rpartition("@")[2]
    kept = "".join(c if c.isascii() and c.isalnum() else " " for c in address)
    return "_".join(kept.split()) + ".list"


def _list_files() -> List[str]:
    try:
        names = sorted(name for name in os.listdir(_PARTS) if name.endswith(".list"))
    except OSError:
        names = []
    return [_MAIN] + [os.path.join(_PARTS, name) for name in names]


def _read(path: str) -> Optional[List[str]]:
    try:
        text = fs.read_bytes(path).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    return text.splitlines(keepends=True)


def _joined(lines: List[str]) -> bytes:
    return "".join(lines).encode("utf-8", "surrogateescape")


def _own_file(args: Args) -> str:
    name = args.get("filename")
    if not name:
        return os.path.join(_PARTS, suggested(args["repo"]))
    if not name.endswith(".list"):
        name += ".list"
    return name if "/" in name else os.path.join(_PARTS, name)


def wanted_files(args: Args) -> Dict[str, Optional[bytes]]:
    """The files that have to change, with their content; at least the one with the source."""
    source = source_of(args["repo"])
    files = {path: lines for path in _list_files() if (lines := _read(path)) is not None}
    if args["state"] == "absent":
        wanted: Dict[str, Optional[bytes]] = {}
        for path, lines in files.items():
            kept = [line for line in lines if source_of(line) != source]
            if kept != lines:
                empty = path != _MAIN and not "".join(kept).strip()
                wanted[path] = None if empty else _joined(kept)
        return wanted
    for path, lines in files.items():
        if any(source_of(line) == source for line in lines):
            return {path: _joined(lines)}
    for path, lines in files.items():
        for at, line in enumerate(lines):
            if _disabled(line) == source:
                return {path: _joined([*lines[:at], source + "\n", *lines[at + 1 :]])}
    path = _own_file(args)
    lines = files.get(path) or _read(path) or []
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return {path: _joined([*lines, source + "\n"])}


class Sources(Files):
    def __init__(self, ctx: Context, args: Args, wanted: Dict[str, Optional[bytes]]) -> None:
        main = next(iter(wanted), "")
        perms = None
        if args["state"] == "present" and args.get("mode") is not None:
            perms = Perms(ctx, {"mode": args["mode"]})
        Files.__init__(self, ctx, wanted, perms, main)
        self.args = args
        self.added: List[str] = []
        self.removed: List[str] = []

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        Files.apply(self, observed, wanted, changes)
        if not self.args.get("update_cache", True):
            return
        try:
            aptrun.update_lists(self.ctx, self.args)
        except Fail:
            for path in self.wanted:
                if path in changes:
                    self.put(path, observed[path])
            raise

    def data(self, observed: Observed) -> Dict[str, Any]:
        return {"repo": self.args["repo"], "state": self.args["state"]}


class Ppa(core.State):
    """A PPA, by way of the host's own program for it."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        owner, _, name = args["repo"][len("ppa:") :].strip("/").partition("/")
        self.part = "/%s/%s/ubuntu" % (owner, name or "ppa")

    def observe(self) -> Dict[str, Any]:
        try:
            names = sorted(os.listdir(_PARTS))
        except OSError:
            names = []
        found = False
        for name in names:
            for line in _read(os.path.join(_PARTS, name)) or []:
                found = found or (self.part in line and not line.strip().startswith("#"))
        return {"state": "present" if found else "absent"}

    def desired(self, observed: Observed) -> Dict[str, Any]:
        return {"state": self.args["state"]}

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        words = [programs.need(self.ctx, "add-apt-repository"), "--yes", "--no-update"]
        if self.args["state"] == "absent":
            words.append("--remove")
        self.ctx.run([*words, self.args["repo"]])
        if self.args.get("update_cache", True):
            aptrun.update_lists(self.ctx, self.args)

    def data(self, observed: Observed) -> Dict[str, Any]:
        return {"repo": self.args["repo"], "state": self.args["state"]}


def main(ctx: Context, args: Args) -> Result:
    if args["repo"].startswith("ppa:"):
        return programs.settle(ctx, Ppa(ctx, args))
    wanted = wanted_files(args)
    result = programs.settle(ctx, Sources(ctx, args, wanted))
    changed = sorted(wanted) if result["status"] == "changed" else []
    present = args["state"] == "present"
    result["data"]["sources_added"] = changed if present else []
    result["data"]["sources_removed"] = [] if present else changed
    return result
