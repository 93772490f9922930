"""Links and hard links as states."""

from __future__ import annotations

import os
import stat

from provision.agent import core, fs
from provision.agent.core import Fail
from provision.agent.perms import Missing, Perms, describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Sequence

    from provision.agent.core import Args, Context, Observed


def put(make: Any, path: str) -> None:
    """Makes a link under a temporary name and renames it over `path`."""
    temp = "%s.%d.provision-tmp" % (path, os.getpid())
    core.staged[temp] = -1
    try:
        if fs.lstat(temp) is not None:
            os.unlink(temp)
        make(temp)
        os.rename(temp, path)
        if fs.lstat(temp) is not None:  # renaming one name of an inode to another does nothing
            os.unlink(temp)
    finally:
        core.staged.pop(temp, None)


class _Linked(core.State):
    def __init__(self, ctx: Context, args: Args, path: str) -> None:
        self.ctx = ctx
        self.path = path
        self.src: str = args["src"]
        self.force: bool = args.get("force", False)
        self.follow: bool = args.get("follow", True)
        self.perms = Perms(ctx, args)
        self.info: Optional[os.stat_result] = None

    def refuse(self, words: str) -> Fail:
        return Fail(words, path=self.path, dest=self.path, src=self.src)

    def make_way(self, kind: Optional[str]) -> None:
        """A directory cannot be renamed over."""
        if kind == "directory":
            try:
                os.rmdir(self.path)
            except OSError as exc:
                raise fs.cannot("remove", self.path, exc, path=self.path) from None

    def data(self, observed: Observed) -> Dict[str, Any]:
        values = {"dest": self.path, "src": self.src}
        info = self.info
        if info is None:
            values.update(path=self.path, state=observed["state"])
        else:
            values.update(describe(self.path, info))
        return values


class Link(_Linked):
    """state=link. Permissions are those of the file it leads to, unless follow is off."""

    def observe(self) -> Dict[str, Any]:
        self.info = info = fs.lstat(self.path)
        kind = fs.kind_of(info)
        seen: Dict[str, Any] = {"state": kind}
        seen["src"] = os.readlink(self.path) if kind == "link" else None
        seen.update(self.perms.observe(self.path, None))
        if self.perms.said:
            where, there = self._permitted()
            seen.update(self.perms.observe(where, there))
        return seen

    def _permitted(self) -> Any:
        """The path and status of what has the permissions."""
        if not self.follow:
            return self.path, self.info if fs.kind_of(self.info) == "link" else None
        where = os.path.join(os.path.dirname(self.path), self.src)
        try:
            return where, os.stat(where)
        except OSError:
            return where, None

    def desired(self, observed: Observed) -> Dict[str, Any]:
        self._check(observed["state"])
        wanted: Dict[str, Any] = {"state": "link", "src": self.src}
        if self.perms.said:
            where, there = self._permitted()
            if there is None and self.follow:
                self.perms.warn(
                    "cannot set permissions of %s, which does not exist; "
                    "follow: false sets those of the link" % where
                )
                return wanted
            directory = there is not None and stat.S_ISDIR(there.st_mode)
            asked = self.perms.desired(observed, where, there, directory)
            if not self.follow:
                asked.pop("mode", None)  # a link has none of its own
            wanted.update(asked)
        return wanted

    def _check(self, kind: Optional[str]) -> None:
        where = os.path.join(os.path.dirname(self.path), self.src)
        if not self.force and not os.path.exists(where):
            raise Missing(
                'src file does not exist, use "force=yes" if you really want to create the '
                "link: %s" % where,
                path=self.path,
                dest=self.path,
                src=self.src,
            )
        if kind in (None, "link"):
            return
        if not self.force:
            words = "refusing to convert from %s to symlink for %s" % (kind, self.path)
            raise self.refuse(words)
        if kind == "directory" and os.listdir(self.path):
            raise self.refuse("the directory %s is not empty, refusing to convert it" % self.path)

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if "src" in changes or "state" in changes:
            self.make_way(observed["state"])
            try:
                put(lambda temp: os.symlink(self.src, temp), self.path)
            except OSError as exc:
                raise fs.cannot("create link", self.path, exc, path=self.path) from None
        if self.perms.said:
            self.info = fs.lstat(self.path)
            where, there = self._permitted()
            now = self.perms.observe(where, there)
            differs = [k for k in now if k in wanted and now[k] != wanted[k]]
            self.perms.apply(where, wanted, differs, self.follow)


class HardLink(_Linked):
    """state=hard. `inode` names the file that both names mean."""

    def observe(self) -> Dict[str, Any]:
        self.info = info = fs.lstat(self.path)
        seen: Dict[str, Any] = {"state": fs.kind_of(info)}
        seen["inode"] = None if info is None else "%d:%d" % (info.st_dev, info.st_ino)
        seen.update(self.perms.observe(self.path, info))
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        try:
            source = os.stat(self.src)
        except OSError:
            raise Missing(
                "src does not exist", path=self.path, dest=self.path, src=self.src
            ) from None
        inode = "%d:%d" % (source.st_dev, source.st_ino)
        kind = observed["state"]
        if kind not in (None, "link") and inode != observed["inode"] and not self.force:
            words = "cannot link, %s exists at destination" % kind
            if self.info is not None and self.info.st_nlink > 1 and kind == "file":
                words = "cannot link, different hard link exists at destination"
            raise self.refuse("%s: %s" % (words, self.path))
        if kind == "directory" and os.listdir(self.path):
            raise self.refuse("the directory %s is not empty, refusing to convert it" % self.path)
        wanted = {"state": "file", "inode": inode}
        wanted.update(self.perms.desired(observed, self.path, source, False))
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if "inode" in changes:
            self.make_way(observed["state"])
            try:
                put(lambda temp: os.link(os.path.realpath(self.src), temp), self.path)
            except OSError as exc:
                raise fs.cannot("link", self.path, exc, path=self.path, src=self.src) from None
        now = self.perms.observe(self.path, fs.lstat(self.path))
        differs = [k for k in now if k in wanted and now[k] != wanted[k]]
        self.perms.apply(self.path, wanted, differs)


def make(ctx: Context, args: Args, path: str, state: str) -> _Linked:
    """The state for `link` or `hard`. Without src an existing link keeps its own."""
    said: Optional[str] = args.get("src")
    src = None if said is None else fs.expand(said)
    if state == "link":
        if src is None:
            if not os.path.islink(path):
                raise Fail("src is required for creating new symlinks", path=path, dest=path)
            src = os.readlink(path)
        return Link(ctx, {**args, "src": src}, path)
    if src is None:
        info = fs.lstat(path)
        if info is None or not stat.S_ISREG(info.st_mode) or info.st_nlink < 2:
            raise Fail("src is required for creating new hardlinks", path=path, dest=path)
        src = path
    if os.path.isdir(path) and not os.path.islink(path):
        path = os.path.join(path, os.path.basename(src))
    return HardLink(ctx, {**args, "src": src}, path)
