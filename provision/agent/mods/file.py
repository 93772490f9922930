"""What lies at a path: file, directory, link, hard link, or nothing.

args: path, state, src, force, follow, recurse, modification_time, access_time and their
formats, and what `Perms` takes.
"""

from __future__ import annotations

import os
import stat
import time

from provision.agent import core, fs
from provision.agent.core import Fail
from provision.agent.perms import Missing, Perms, describe, settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple

    from provision.agent.core import Args, Context, Observed, Result

_FORMAT = "%Y%m%d%H%M.%S"
_LISTED = 500  # names of each kind that the diff of a removal shows
_TIMES = ("modification_time", "access_time")


class _Base(core.State):
    """Observes kind, permissions and, where the task speaks of them, times."""

    def __init__(self, ctx: Context, args: Args, path: str, touch: bool = False) -> None:
        self.ctx = ctx
        self.args = args
        self.path = path
        self.follow: bool = args.get("follow", True)
        self.force: bool = args.get("force", False)
        self.perms = Perms(ctx, args)
        self.times = self._times_said("now" if touch else "preserve")
        self.info: Optional[os.stat_result] = None
        self.made = False

    def _times_said(self, default: str) -> Dict[str, int]:
        """Wanted times in ns, by argument; those to preserve are left out."""
        said = {}
        for key in _TIMES:
            value = self.args.get(key) or default
            if value == "now":
                said[key] = time.time_ns()
            elif value != "preserve":
                form = self.args.get(key + "_format") or _FORMAT
                try:
                    said[key] = int(time.mktime(time.strptime(value, form))) * 10**9
                except ValueError:
                    raise Fail("%s: %r is not a time written as %s" % (key, value, form)) from None
        return said

    def look(self, path: str) -> Optional[os.stat_result]:
        try:
            return fs.lstat(path)
        except OSError as exc:
            raise fs.cannot("look at", path, exc, path=path) from None

    def observe(self) -> Dict[str, Any]:
        self.info = info = self.look(self.path)
        seen = {"state": fs.kind_of(info)}
        seen.update(self.perms.observe(self.path, info))
        if info is not None and self.times:
            seen["modification_time"] = _time_text(info.st_mtime_ns)
            seen["access_time"] = _time_text(info.st_atime_ns)
        return seen

    def asked(self, observed: Observed, directory: bool) -> Dict[str, Any]:
        """Permissions and times that the task names, for what lies there."""
        kind = "directory" if directory else "file"
        here = self.info if observed["state"] == kind else None
        wanted = self.perms.desired(observed, self.path, here, directory)
        wanted.update({key: _time_text(value) for key, value in self.times.items()})
        return wanted

    def set_attributes(self, wanted: Observed, changes: Sequence[str], directory: bool) -> None:
        if self.made:
            now = self.perms.observe(self.path, self.look(self.path))
            changes = [*changes, *(k for k in now if k in wanted and now[k] != wanted[k])]
        self.perms.apply(self.path, wanted, changes)
        if any(key in changes for key in _TIMES):
            self.set_times()

    def set_times(self) -> None:
        try:
            info = os.stat(self.path)
            now = all(self.args.get(key) in (None, "now") for key in _TIMES)
            if now and len(self.times) == 2:
                os.utime(self.path)  # the form that others than the owner may use
            else:
                atime = self.times.get("access_time", info.st_atime_ns)
                mtime = self.times.get("modification_time", info.st_mtime_ns)
                os.utime(self.path, ns=(atime, mtime))
            # the file system may round: what it made of it is from now on what is wanted
            info = os.stat(self.path)
            real = {"modification_time": info.st_mtime_ns, "access_time": info.st_atime_ns}
            for key, value in self.times.items():
                if now or abs(real[key] - value) < 2 * 10**9:
                    self.times[key] = real[key]
        except OSError as exc:
            raise fs.cannot("set times of", self.path, exc, path=self.path) from None

    def data(self, observed: Observed) -> Dict[str, Any]:
        values: Dict[str, Any] = {"path": self.path, "dest": self.path}
        values.update(describe(self.path, self.info))
        values.update({k: observed[k] for k in ("mode", "owner", "group") if observed.get(k)})
        if observed["state"] is not None and values["state"] == "absent":
            values["state"] = observed["state"]
        return values


def _time_text(ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ns // 10**9)) + ".%09d" % (ns % 10**9)


class Existing(_Base):
    """state=file: permissions of what must be there already."""

    def observe(self) -> Dict[str, Any]:
        seen = _Base.observe(self)
        if seen["state"] != "file":
            state = seen["state"] or "absent"
            words = "file (%s) is %s, cannot continue" % (self.path, state)
            if state != "absent":
                raise Fail(words, path=self.path, state=state)
            if self.ctx.check:  # what there is to say of accounts
                self.perms.desired({"owner": None, "group": None}, self.path, None, False)
            raise Missing(words, path=self.path, state=state)
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        return self.asked(observed, False)

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        self.set_attributes(wanted, changes, False)


class Touched(_Base):
    """state=touch: a file that is there, with new times unless told otherwise."""

    def desired(self, observed: Observed) -> Dict[str, Any]:
        kind = observed["state"]
        if kind not in (None, "file", "directory"):
            raise Fail(
                "cannot touch %s: it is a %s" % (self.path, kind), path=self.path, state=kind
            )
        wanted = {"state": kind or "file"}
        wanted.update(self.asked(observed, kind == "directory"))
        if kind is None and self.ctx.check:
            from provision.agent import install

            install.warn_of_parent(self.perms, self.path)
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if observed["state"] is None:
            self._create(wanted, changes)
            return
        self.set_attributes(wanted, changes, observed["state"] == "directory")

    def _create(self, wanted: Observed, changes: Sequence[str]) -> None:
        from provision.agent import install

        install.require_parent(self.path)
        try:
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            os.close(fd)
        except OSError as exc:
            raise fs.cannot("create", self.path, exc, path=self.path) from None
        self.made = True
        try:
            self.set_attributes(wanted, changes, False)
        except Fail:
            os.unlink(self.path)
            raise


class Directory(_Base):
    """state=directory, and with `recurse` the permissions of everything below."""

    def __init__(self, ctx: Context, args: Args, path: str) -> None:
        _Base.__init__(self, ctx, args, path)
        self.recurse: bool = bool(args.get("recurse")) and self.perms.said
        self.below: List[Tuple[str, Dict[str, Any], List[str], bool]] = []

    def observe(self) -> Dict[str, Any]:
        seen = _Base.observe(self)
        if self.recurse and seen["state"] == "directory":
            from provision.agent import below

            self.below = below.differing(self.perms, self.path, self.follow)
            seen["below"] = below.summary(self.path, [entry[0] for entry in self.below])
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        kind = observed["state"]
        if kind not in (None, "directory"):
            raise Fail("%s already exists as a %s" % (self.path, kind), path=self.path, state=kind)
        wanted = {"state": "directory"}
        wanted.update(self.asked(observed, True))
        if self.recurse and kind is not None:
            wanted["below"] = "as wanted"
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if observed["state"] is None:
            self._create(wanted)
        else:
            self.set_attributes(wanted, changes, True)
        for path, attributes, differing, follow in self.below:
            self.perms.apply(path, attributes, differing, follow)

    def _create(self, wanted: Observed) -> None:
        from provision.agent import install

        for folder in install.make_directories(self.path):
            now = self.perms.observe(folder, self.look(folder))
            changes = [k for k in now if k in wanted and now[k] != wanted[k]]
            self.perms.apply(folder, wanted, changes)
        self.made = True
        self.set_attributes(wanted, [key for key in _TIMES if key in wanted], True)


class Absent(_Base):
    def observe(self) -> Dict[str, Any]:
        self.info = self.look(self.path)
        seen: Dict[str, Any] = {"state": fs.kind_of(self.info)}
        if seen["state"] == "directory" and self.ctx.want_diff:
            seen["path_content"] = _content(self.path)
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted: Dict[str, Any] = {"state": None}
        if "path_content" in observed:
            wanted["path_content"] = None
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        try:
            fs.remove_tree(self.path)
        except OSError as exc:
            where = os.fsdecode(exc.filename) if exc.filename else self.path
            raise fs.cannot("remove", where, exc, path=self.path) from None

    def data(self, observed: Observed) -> Dict[str, Any]:
        return {"path": self.path, "dest": self.path, "state": "absent"}


def _content(top: str) -> Dict[str, List[str]]:
    """What would go with a directory, as far as anyone reads on."""
    found: Dict[str, List[str]] = {"directories": [], "files": []}
    for folder, folders, files in os.walk(top):
        found["directories"] += [os.path.join(folder, name) for name in sorted(folders)]
        found["files"] += [os.path.join(folder, name) for name in sorted(files)]
        if sum(len(names) for names in found.values()) > _LISTED:
            break
    return {kind: names[:_LISTED] for kind, names in found.items()}


def _resolved(path: str, follow: bool) -> str:
    if follow and os.path.islink(path):
        return os.path.realpath(path)
    return path


def _state_of(args: Args, path: str) -> str:
    """The state meant: the one said, else what is there."""
    said: Optional[str] = args.get("state")
    if said is not None:
        return said
    if args.get("src") is not None:
        raise Fail("src option requires state to be 'link' or 'hard'", path=path)
    info = fs.lstat(path)
    if info is not None:
        if stat.S_ISDIR(info.st_mode):
            return "directory"
        if stat.S_ISLNK(info.st_mode):
            # the link stays as it is; with follow, what it leads to gets the permissions
            return "directory" if args.get("follow", True) and os.path.isdir(path) else "link"
        return "file"
    return "directory" if args.get("recurse") else "file"


def main(ctx: Context, args: Args) -> Result:
    said = fs.expand(args["path"])
    path = said.rstrip("/") or "/"
    state = _state_of(args, path)
    follow: bool = args.get("follow", True)
    target: Any
    if state == "absent":
        target = Absent(ctx, args, path)
    elif state == "directory":
        target = Directory(ctx, args, _resolved(path, follow))
    elif state == "touch":
        target = Touched(ctx, args, _resolved(path, follow), touch=True)
    elif state == "file":
        target = Existing(ctx, args, _resolved(path, follow))
    else:
        from provision.agent import links

        target = links.make(ctx, args, path, state)
    return settle(ctx, target, target.perms)
