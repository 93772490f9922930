"""Debian packages. What is installed is read from dpkg's database; apt-get runs only when
something is to be done, or when only it knows."""

from __future__ import annotations

import os

from provision.agent import aptrun, core, dpkg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple

    from provision.agent.core import Args, Context, Result

    Change = Tuple[Optional[str], Optional[str]]

_RELATIONS = (">=", "<=", "=", ">", "<")
_GLOB = "*?["

#: A step wanted fresh package lists and had no use for them itself: the next one that has.
_owed = False


def prepare(ctx: Context, args_list: Sequence[Args]) -> dpkg.Database:
    return dpkg.Database()


class Wanted:
    """One entry of `name`: name[:arch][=version] or name[/release]."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.relation = self.version = ""
        for relation in _RELATIONS:
            if relation in text:
                text, _, self.version = text.partition(relation)
                self.relation = relation
                break
        text, _, self.release = text.partition("/")
        self.name, _, self.arch = text.strip().partition(":")

    def word(self) -> str:
        """For apt-get, which knows `=` and no other relation."""
        return self.text if self.relation in ("", "=") else self.text.split(self.relation)[0]

    def satisfied(self, database: dpkg.Database) -> bool:
        version = database.version(self.name, self.arch)
        if version is None:
            return not self.relation and bool(database.providers(self.name))
        return not self.relation or dpkg.fits(version, self.relation, self.version.strip())


def main(ctx: Context, args: Args) -> Result:
    """args: as the action's; name is a list."""
    if not os.path.exists(dpkg.STATUS):
        raise core.Fail("this host has no dpkg: %s is not there" % dpkg.STATUS)
    step = Step(ctx, args)
    return step.run()


class Step:
    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.state: str = args.get("state", "present")
        self.changes: Dict[str, Change] = {}
        self.out: List[str] = []
        self.err: List[str] = []
        self.lists_changed = False
        self.refreshed = False

    def run(self) -> Result:
        args = self.args
        names = [name for name in args.get("name") or () if name]
        everything = "*" in names
        upgrade = args.get("upgrade", "no")
        if everything and self.state == "latest":
            names, upgrade = [], "yes"
        busy = bool(names or args.get("deb") or upgrade != "no" or self.state == "fixed")
        if aptrun.lists_are_old(args):
            unknown = self._refresh(busy)
            if unknown is not None:
                return unknown
        if upgrade != "no":
            self._upgrade(upgrade)
        if args.get("deb"):
            self._deb(args["deb"])
        if names or self.state == "fixed":
            try:
                self._packages(names)
            except core.Fail as exc:
                if self.ctx.check and _owed and exc.msg.startswith("No package"):
                    return core.unknown(exc.msg + " before the lists are brought up to date")
                raise
        self._clean(bool(names) or upgrade != "no")
        return self._result(busy)

    # -- package lists ----------------------------------------------------------------

    def _refresh(self, busy: bool) -> Optional[Result]:
        global _owed
        if busy:
            _owed = True
            return None
        if self.ctx.check:
            return core.unknown(
                "whether there are newer package lists shows when the servers are asked",
                cache_updated=True,
                cache_update_time=int(aptrun.lists_time()),
            )
        self._update()
        return None

    def _update(self) -> None:
        global _owed
        self.lists_changed = aptrun.update_lists(self.ctx, self.args)
        self.refreshed = True
        _owed = False

    def _fresh(self) -> None:
        """Before packages are looked up in the lists: what was owed."""
        if _owed and not self.ctx.check:
            self._update()

    # -- packages ---------------------------------------------------------------------

    def _packages(self, names: List[str]) -> None:
        database: dpkg.Database = self.ctx.prepared
        if self.state == "absent":
            self._absent(database, [Wanted(name) for name in names])
            return
        if self.state in ("build-dep", "fixed"):
            self._fresh()
            verb = "build-dep" if self.state == "build-dep" else "install"
            fix = ["-f"] if self.state == "fixed" else []
            self._apply(fix + [verb] + names)
            return
        if any(c in name for name in names for c in _GLOB if "=" not in name):
            self._fresh()
            names = self._expanded(names)
        wanted = [Wanted(name) for name in names]
        if self.args.get("only_upgrade"):
            wanted = [w for w in wanted if database.version(w.name, w.arch) is not None]
        missing = [w for w in wanted if not w.satisfied(database)]
        todo = wanted if self.state == "latest" else missing
        if not todo:
            return
        self._fresh()
        self._apply(["install"] + [w.word() for w in todo])
        if self.ctx.check:
            self._verify_plan(todo, database)
        else:
            self._verify(todo)

    def _verify_plan(self, todo: Sequence[Wanted], database: dpkg.Database) -> None:
        for wanted in todo:
            here = database.version(wanted.name, wanted.arch)
            then = self.changes.get(wanted.name, (None, here))[1]
            if then is None or not wanted.relation:
                continue
            if not dpkg.fits(then, wanted.relation, wanted.version.strip()):
                raise core.Fail(
                    "No package matching '%s' is available: apt would have %s %s"
                    % (wanted.text, wanted.name, then)
                )

    def _verify(self, todo: Sequence[Wanted]) -> None:
        after = dpkg.Database()
        for wanted in todo:
            if not wanted.satisfied(after):
                here = after.version(wanted.name, wanted.arch)
                raise core.Fail(
                    "apt-get reports success, but %s is %s"
                    % (wanted.text, here or "not installed"),
                    stdout="".join(self.out),
                    stderr="".join(self.err),
                )

    def _absent(self, database: dpkg.Database, wanted: Sequence[Wanted]) -> None:
        import fnmatch

        words = []
        for one in wanted:
            names = [one.name]
            if any(c in one.name for c in _GLOB):
                known = (name.decode() for name in database.by_name)
                names = sorted(fnmatch.filter(known, one.name))
            for name in names:
                here = database.version(name, one.arch)
                left = self.args.get("purge") and database.leftovers(name, one.arch)
                fits = here is not None and (
                    not one.relation or dpkg.fits(here, one.relation, one.version)
                )
                if fits or left:
                    words.append(name + (":" + one.arch if one.arch else ""))
        if words:
            self._apply(["remove"] + words)

    def _expanded(self, names: Sequence[str]) -> List[str]:
        import fnmatch

        known = self.ctx.probe(["apt-cache", "pkgnames"], ok=(0,)).stdout.split()
        found: List[str] = []
        for name in names:
            if not any(c in name for c in _GLOB) or "=" in name:
                found.append(name)
                continue
            matches = sorted(fnmatch.filter(known, name))
            if not matches:
                raise core.Fail("No package(s) matching '%s' available" % name)
            found += matches
        return found

    def _upgrade(self, how: str) -> None:
        self._fresh()
        dist = how in ("dist", "full")
        self._apply(["dist-upgrade"] if dist else ["upgrade", "--with-new-pkgs"])

    # -- a package file ---------------------------------------------------------------

    def _deb(self, source: str) -> None:
        if "://" not in source:
            path = os.path.abspath(os.path.expanduser(source))
            if not os.path.exists(path):
                raise core.Fail("there is no package file %s on the host" % path)
            self._deb_file(path)
            return
        import tempfile

        from provision.agent import fs, web

        folder = tempfile.mkdtemp(prefix="provision-deb-")
        os.chmod(folder, 0o755)  # apt reads as a user of its own
        try:
            path = os.path.join(folder, "package.deb")
            answer = web.open_url(self.ctx, source, {"timeout": 30})
            with fs.Staged(path) as new:
                new.write_all(answer.pieces())
                new.commit(0o644)
            self._deb_file(path)
        finally:
            fs.remove_tree(folder)

    def _deb_file(self, path: str) -> None:
        fields = self.ctx.probe(["dpkg-deb", "-f", path, "Package", "Version", "Architecture"])
        if fields.rc != 0:
            raise core.Fail("%s is not a Debian package: %s" % (path, fields.stderr.strip()))
        said = dict(line.split(": ", 1) for line in fields.stdout.splitlines() if ": " in line)
        here = dpkg.Database().version(said["Package"], said["Architecture"])
        if here == said["Version"]:
            return
        older = here is not None and dpkg.compare(here, said["Version"]) > 0
        if older and not (self.args.get("allow_downgrade") or self.args.get("force")):
            raise core.Fail(
                "a later version of %s is installed: %s, the file has %s; `allow_downgrade: true` "
                "takes it all the same" % (said["Package"], here, said["Version"])
            )
        self._fresh()
        self._apply(["install", path])

    # -- applying ---------------------------------------------------------------------

    def _apply(self, words: Sequence[str]) -> None:
        """Runs apt-get, or in a check lets it say what it would do."""
        if self.ctx.check:
            done = aptrun.run(self.ctx, self.args, words, simulate=True)
            self.changes.update(aptrun.planned(done.stdout))
        else:
            before = dpkg.Database().installed()
            done = aptrun.run(self.ctx, self.args, words)
            after = dpkg.Database().installed()
            for name in sorted(set(before) | set(after)):
                if before.get(name) != after.get(name):
                    self.changes[name] = (before.get(name), after.get(name))
            purged = self.args.get("purge") and words[0] == "remove"
            for word in words[1:] if purged else ():
                self.changes.setdefault(word, ("configuration files", None))
        self.out.append(done.stdout)
        self.err.append(done.stderr)

    def _clean(self, with_packages: bool) -> None:
        args = self.args
        if args.get("autoremove") and not with_packages:
            self._apply(["autoremove"])
        for key, verb in (("autoclean", "autoclean"), ("clean", "clean")):
            if not args.get(key):
                continue
            before = _archives()
            plain = {"lock_timeout": args.get("lock_timeout", 60)}
            done = aptrun.run(self.ctx, plain, [verb], simulate=self.ctx.check)
            after = _archives()
            if self.ctx.check:
                gone = [w for w in done.stdout.split() if w.endswith(".deb")]
                after = before - set(gone) if key == "autoclean" else set()
            if after != before:
                count = "%d package files" % len(before), "%d package files" % len(after)
                self.changes["/var/cache/apt/archives"] = count
            self.out.append(done.stdout)

    def _result(self, busy: bool) -> Result:
        values: Dict[str, Any] = {
            "cache_updated": self.refreshed,
            "cache_update_time": int(aptrun.lists_time()),
        }
        if self.out:
            values["stdout"] = "".join(self.out)
            values["stderr"] = "".join(self.err)
            values["stdout_lines"] = values["stdout"].splitlines()
            values["stderr_lines"] = values["stderr"].splitlines()
        diff = [
            {"key": name, "before": before, "after": after}
            for name, (before, after) in sorted(self.changes.items())
        ]
        if diff or (self.lists_changed and not busy):
            return core.changed(diff, **values)
        return core.ok(**values)


def _archives() -> Any:
    try:
        return {n for n in os.listdir("/var/cache/apt/archives") if n.endswith(".deb")}
    except OSError:
        return set()
