"""Packages of Node.js.

args: as the action's.
"""

from __future__ import annotations

import os

from provision.agent import core, fs, install, programs
from provision.agent.core import Fail
from provision.agent.perms import Missing, foreseen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_FLAGS = {
    "production": "--production",
    "force": "--force",
    "ignore_scripts": "--ignore-scripts",
    "unsafe_perm": "--unsafe-perm",
    "no_optional": "--no-optional",
    "no_bin_links": "--no-bin-links",
}


class Packages(core.State):
    """version of the named package, or missing: the names package.json asks for in vain."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.npm = programs.need(ctx, args.get("executable") or "npm")
        self.name: Optional[str] = args.get("name")
        said = args.get("version")
        self.version: Optional[str] = str(said).lstrip("v") if said else None
        self.folder: Optional[str] = fs.expand(args["path"]) if args.get("path") else None
        self.latest: Optional[str] = None
        self.done = False

    def _argv(self, *words: str) -> List[str]:
        args = self.args
        argv = [self.npm, *words]
        if args.get("global"):
            argv.append("--global")
        return argv

    def _listed(self) -> Dict[str, Any]:
        if self.folder is not None and not os.path.isdir(self.folder):
            return {}
        argv = self._argv("list", "--json", "--depth=0")
        done = self.ctx.run(argv, cwd=self.folder, ok=None)
        try:
            found = core.loads(done.stdout)
        except Exception:
            words = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
            raise Fail("npm list: %s" % words, rc=done.rc) from None
        listed: Dict[str, Any] = found.get("dependencies") or {}
        return listed

    def observe(self) -> Dict[str, Any]:
        listed = self._listed()
        if self.name is not None:
            entry = listed.get(self.name) or {}
            broken = entry.get("missing") or entry.get("invalid")
            return {"version": None if broken else entry.get("version")}
        wrong = [n for n, entry in listed.items() if entry.get("missing") or entry.get("invalid")]
        return {"missing": sorted(wrong)}

    def desired(self, observed: Observed) -> Dict[str, Any]:
        state = self.args["state"]
        if self.name is None:
            project = os.path.join(self.folder or ".", "package.json")
            if not os.path.exists(project):
                raise Missing("%s does not exist" % project)
            wanted: Dict[str, Any] = {"missing": []}
            if not self.done and (self.args.get("ci") or state == "latest"):
                wanted["ci" if self.args.get("ci") else "updated"] = True
            return wanted
        if state == "absent":
            return {"version": None}
        if state == "latest":
            return {"version": self._newest()}
        if self.version is not None and observed["version"] != self.version:
            return {"version": self.version}
        if observed["version"] is None:
            return {"version": "some version"}
        return {}

    def _newest(self) -> str:
        if self.latest is None:
            done = self.ctx.run([self.npm, *self._registry(), "view", self.name or "", "version"])
            self.latest = done.stdout.strip()
        return self.latest

    def _registry(self) -> List[str]:
        return ["--registry", self.args["registry"]] if self.args.get("registry") else []

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        args = self.args
        if self.folder is not None:
            install.make_directories(self.folder)
        words = [flag for key, flag in _FLAGS.items() if args.get(key)] + self._registry()
        if args["state"] == "absent":
            argv = self._argv("uninstall", *words, self.name or "")
        elif self.name is None:
            argv = self._argv("ci" if args.get("ci") else "install", *words)
            if args["state"] == "latest" and not args.get("ci"):
                argv = self._argv("update", *words)
        else:
            version = self.latest or self.version
            package = "%s@%s" % (self.name, version) if version else self.name
            argv = self._argv("install", *words, package)
        self.ctx.run(argv, cwd=self.folder)
        self.done = True


def main(ctx: Context, args: Args) -> Result:
    try:
        state = Packages(ctx, args)
    except Missing as exc:
        if not ctx.check:
            raise
        return foreseen(exc)
    return programs.settle(ctx, state)
