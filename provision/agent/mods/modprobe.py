"""Kernel modules, now and at boot.

args: name, state, params, persistent.
"""

from __future__ import annotations

import os

from provision.agent import core, fs, programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_LOAD, _OPTIONS = "/etc/modules-load.d", "/etc/modprobe.d"


def _plain(name: str) -> str:
    return name.replace("-", "_")


class Module(core.State):
    """state; persistent and params (of the files) where boot is spoken of."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.name: str = args["name"]
        self.params: List[str] = (args.get("params") or "").split()

    def observe(self) -> Dict[str, Any]:
        seen: Dict[str, Any] = {"state": "present" if self._loaded() else "absent"}
        seen["persistent"] = any(self._loads(line) for line in _lines(_LOAD))
        found = [line.split()[2:] for line in _lines(_OPTIONS) if self._sets(line)]
        seen["params"] = " ".join(word for words in found for word in words)
        return seen

    def _loaded(self) -> bool:
        name = _plain(self.name)
        if os.path.isdir("/sys/module/" + name):
            return True
        path = "/lib/modules/%s/modules.builtin" % os.uname().release
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                return any(
                    _plain(os.path.basename(line.strip())) == name + ".ko" for line in stream
                )
        except OSError:
            return False

    def _loads(self, line: str) -> bool:
        words = line.split()
        return bool(words) and _plain(words[0]) == _plain(self.name)

    def _sets(self, line: str) -> bool:
        words = line.split()
        return len(words) > 2 and words[0] == "options" and _plain(words[1]) == _plain(self.name)

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted: Dict[str, Any] = {"state": self.args["state"]}
        boot = self.args.get("persistent", "disabled")
        if boot == "present":
            wanted["persistent"] = True
            same = set(observed["params"].split()) == set(self.params)
            wanted["params"] = observed["params"] if same else " ".join(self.params)
        elif boot == "absent":
            wanted.update(persistent=False, params="")
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if "state" in changes:
            program = programs.need(self.ctx, "modprobe")
            if wanted["state"] == "present":
                self.ctx.run([program, self.name, *self.params])
            else:
                self.ctx.run([program, "-r", self.name])
        if "persistent" in changes:
            _disable(_LOAD, self._loads)
            if wanted["persistent"]:
                self._write(_LOAD, self.name + "\n")
        if "params" in changes:
            _disable(_OPTIONS, self._sets)
            if wanted["params"]:
                self._write(_OPTIONS, "options %s %s\n" % (self.name, wanted["params"]))

    def _write(self, folder: str, line: str) -> None:
        path = os.path.join(folder, self.name + ".conf")
        old = fs.read_bytes(path) if os.path.exists(path) else b""
        if old and not old.endswith(b"\n"):
            old += b"\n"
        os.makedirs(folder, exist_ok=True)
        fs.write_file(path, old + line.encode())

    def data(self, observed: Observed) -> Dict[str, Any]:
        return {
            "name": self.name,
            "params": self.args.get("params", ""),
            "state": self.args["state"],
        }


def _files(folder: str) -> List[str]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".conf"))
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names]


def _read(path: str) -> List[str]:
    try:
        return fs.read_bytes(path).decode("utf-8", "surrogateescape").splitlines(keepends=True)
    except OSError:
        return []


def _lines(folder: str) -> List[str]:
    lines = [line for path in _files(folder) for line in _read(path)]
    return [line for line in lines if line.strip()[:1] not in ("", "#", ";")]


def _disable(folder: str, hits: Callable[[str], bool]) -> None:
    """Makes comments of the lines that hit."""
    for path in _files(folder):
        lines = _read(path)
        new = ["#" + line if hits(line) else line for line in lines]
        if new != lines:
            fs.write_file(os.path.realpath(path), "".join(new).encode("utf-8", "surrogateescape"))


def main(ctx: Context, args: Args) -> Result:
    return programs.settle(ctx, Module(ctx, args))
