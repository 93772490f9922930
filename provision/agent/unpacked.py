"""An archive's content in a directory, as a state."""

from __future__ import annotations

import os
import stat

from provision.agent import core, fs, links
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple

    from provision.agent.archives import Member
    from provision.agent.core import Args, Context, Observed
    from provision.agent.perms import Perms
    from provision.agent.selection import Options

_MARKS = ("mode", "owner", "group", "attributes", "secontext")


class Unpacked(core.State):
    """Keys are members: a file's is its SHA-256, a directory's `directory`, a link's `-> target`
    and a hard link's `= target`; `member: mode`, `: owner` and `: group` their permissions.

    `content` opens the archive for reading, when something has to be written.
    """

    def __init__(
        self,
        ctx: Context,
        args: Args,
        dest: str,
        members: List[Member],
        perms: Perms,
        options: Options,
        content: Callable[[], Iterator[Tuple[Member, Any]]],
    ) -> None:
        self.ctx = ctx
        self.args = args
        self.dest = dest
        self.real = os.path.realpath(dest)
        self.members = {member.name: member for member in members}
        self.perms = perms
        self.options = options
        self.content = content
        self.umask = 0 if os.geteuid() == 0 else fs.current_umask()
        self.kept: Set[str] = set()  # newer files that stay
        self.infos: Dict[str, Optional[os.stat_result]] = {}
        self.above = self._above()
        self.safe: Set[str] = set()

    def _above(self) -> List[str]:
        """Directories that the archive implies and does not name, outermost first."""
        found: Dict[str, bool] = {}
        for name in self.members:
            parts = name.split("/")[:-1]
            for count in range(1, len(parts) + 1):
                folder = "/".join(parts[:count])
                if folder not in self.members:
                    found[folder] = True
        return list(found)

    def at(self, name: str) -> str:
        return os.path.join(self.dest, name)

    # -- observing ----------------------------------------------------------------------

    def observe(self) -> Dict[str, Any]:
        seen: Dict[str, Any] = {}
        for name in self.above:
            self._observe(name, "directory", seen)
        for name, member in self.members.items():
            self._observe(name, member.kind, seen)
        return seen

    def _observe(self, name: str, kind: str, seen: Dict[str, Any]) -> None:
        path = self.at(name)
        try:
            info = fs.lstat(path)
            if info is not None and kind == "directory" and stat.S_ISLNK(info.st_mode):
                info = os.stat(path) if os.path.isdir(path) else info
            self.infos[name] = info
            seen[name] = None if info is None else self._what(name, path, info)
        except OSError as exc:
            raise fs.cannot("look at", path, exc, dest=self.dest) from None
        for key, value in self.perms.observe(path, info).items():
            seen["%s: %s" % (name, key)] = value

    def _what(self, name: str, path: str, info: os.stat_result) -> str:
        member = self.members.get(name)
        if stat.S_ISDIR(info.st_mode):
            return "directory"
        if stat.S_ISLNK(info.st_mode):
            return "-> " + os.readlink(path)
        if member is None or not stat.S_ISREG(info.st_mode):
            return fs.kind_of(info) or ""
        if member.kind == "hardlink":
            target = fs.lstat(self.at(member.target))
            same = target is not None and target.st_ino == info.st_ino
            return "= " + member.target if same else "file"
        if member.kind != "file":
            return "file"
        if self._keeps(member, info):
            self.kept.add(name)
        if info.st_size != member.size:
            return "%d bytes" % info.st_size
        return fs.sha256_file(path, info.st_size)

    def _keeps(self, member: Member, info: os.stat_result) -> bool:
        newer = self.args.get("keep_newer") or self.options.keep_newer
        return bool(newer) and info.st_mtime > member.mtime

    # -- comparing ----------------------------------------------------------------------

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted: Dict[str, Any] = {}
        for name in self.above:
            wanted[name] = "directory"
            for key, value in self._owners(name, None, observed).items():
                wanted["%s: %s" % (name, key)] = value
        for name, member in self.members.items():
            if name in self.kept:
                continue
            wanted[name] = self._state(member)
            for key, value in self._permissions(member, observed).items():
                wanted["%s: %s" % (name, key)] = value
        return wanted

    @staticmethod
    def _state(member: Member) -> str:
        if member.kind == "link":
            return "-> " + member.target
        if member.kind == "hardlink":
            return "= " + member.target
        return "directory" if member.kind == "directory" else member.digest

    def _permissions(self, member: Member, observed: Observed) -> Dict[str, Any]:
        if member.kind == "hardlink":
            return {}
        wanted = self._owners(member.name, member, observed)
        if member.kind != "link":
            mode = self._mode(member, observed[member.name] == self._state(member))
            if mode is not None:
                wanted["mode"] = fs.mode_text(mode)
        return wanted

    def _mode(self, member: Member, same: bool) -> Optional[int]:
        """The bits that a member should have; None for those that it has."""
        folder = member.kind == "directory"
        stored = member.mode
        if stored is None and self.perms.mode is None and same:
            return None
        if stored is None:
            stored = (0o777 if folder else 0o666) & ~fs.current_umask()
        info = self.infos.get(member.name)
        if self.perms.mode is None:
            return stored & ~self.umask
        current = stat.S_IMODE(info.st_mode) if same and info is not None else stored & ~self.umask
        return fs.parse_mode(self.perms.mode, current, folder)

    def _owners(self, name: str, member: Optional[Member], observed: Observed) -> Dict[str, Any]:
        seen = {key: observed.get("%s: %s" % (name, key)) for key in _MARKS}
        info = self.infos.get(name)
        asked = self.perms.desired(seen, self.at(name), info, False)
        asked.pop("mode", None)
        if member is None or os.geteuid() != 0 or self.options.same_owner is False:
            return asked
        if member.uid is not None and "owner" not in asked:
            asked["owner"] = self.perms.resolved("user", member.owner, member.uid)
        if member.gid is not None and "group" not in asked:
            asked["group"] = self.perms.resolved("group", member.group, member.gid)
        return asked

    # -- applying -----------------------------------------------------------------------

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        todo = set(changes)
        folders = [m.name for m in self.members.values() if m.kind == "directory"]
        for name in sorted([*self.above, *folders]):
            if name in todo:
                self._make_folder(name, observed[name])
        files = {n for n in todo if n in self.members and self.members[n].kind == "file"}
        if files:
            self._write_files(files, wanted)
        for member in self.members.values():
            again = member.kind == "hardlink" and member.target in files
            if again or (member.name in todo and member.kind in ("link", "hardlink")):
                self._make_link(member)
        self._set_permissions(wanted)
        if files:
            os.sync()  # once, rather than for each of thousands

    def _make_folder(self, name: str, here: Optional[str]) -> None:
        path = self.at(name)
        self._guard(path)
        if here is not None and not here.startswith("-> "):
            raise Fail("%s is in the way of a directory" % path, dest=self.dest)
        try:
            if here is not None:
                os.unlink(path)
            os.mkdir(path, 0o755)
        except OSError as exc:
            raise fs.cannot("create directory", path, exc, dest=self.dest) from None

    def _guard(self, path: str) -> None:
        """Links that lie in dest already must not lead what is written out of it."""
        parent = os.path.dirname(path)
        if parent in self.safe:
            return
        real = os.path.realpath(parent)
        if real != self.real and not real.startswith(self.real.rstrip("/") + "/"):
            raise Fail(
                "%s would be written outside dest, through a link to %s" % (path, real),
                dest=self.dest,
            )
        self.safe.add(parent)

    def _write_files(self, files: Set[str], wanted: Observed) -> None:
        written: Set[str] = set()
        for member, content in self.content():
            if member.name in files:
                written.add(member.name)
                self._write(self.members[member.name], content, wanted)
        missing = files - written
        if missing:
            raise Fail("the archive has no %s any more" % sorted(missing)[0], dest=self.dest)

    def _write(self, member: Member, content: Callable[[], Iterator[bytes]], wanted: Any) -> None:
        path = self.at(member.name)
        self._guard(path)
        if os.path.isdir(path) and not os.path.islink(path):
            raise Fail("%s is a directory, in the archive a file" % path, dest=self.dest)
        mode = self._mode(member, False)
        uid, gid = self._ids(member, wanted)
        try:
            with fs.Staged(path) as new:
                new.write_all(content())
                if not self.options.touch:
                    os.utime(new.fd, (member.mtime, member.mtime))
                new.commit(0o644 if mode is None else mode, uid, gid, sync=False)
        except OSError as exc:
            raise fs.cannot("write", path, exc, dest=self.dest) from None

    def _ids(self, member: Member, wanted: Observed) -> Tuple[Optional[int], Optional[int]]:
        owner = wanted.get(member.name + ": owner")
        group = wanted.get(member.name + ": group")
        return (
            None if owner is None else fs.uid_of(owner),
            None if group is None else fs.gid_of(group),
        )

    def _make_link(self, member: Member) -> None:
        path = self.at(member.name)
        self._guard(path)
        if os.path.isdir(path) and not os.path.islink(path):
            raise Fail("%s is a directory, in the archive a link" % path, dest=self.dest)
        try:
            if member.kind == "link":
                links.put(lambda temp: os.symlink(member.target, temp), path)
            else:
                source = self.at(member.target)
                links.put(lambda temp: os.link(source, temp, follow_symlinks=False), path)
        except OSError as exc:
            raise fs.cannot("create link", path, exc, dest=self.dest) from None

    def _set_permissions(self, wanted: Observed) -> None:
        """Directories after what is in them, or their modes could be in the way."""
        for name in sorted([*self.above, *self.members], reverse=True):
            asked = {
                key: wanted["%s: %s" % (name, key)]
                for key in _MARKS
                if "%s: %s" % (name, key) in wanted
            }
            path = self.at(name)
            info = fs.lstat(path)
            if info is None or not asked:
                continue
            member = self.members.get(name)
            link = member is not None and member.kind == "link"
            if not link and stat.S_ISLNK(info.st_mode):
                info = os.stat(path)
            now = self.perms.observe(path, info)
            differs = [key for key, value in asked.items() if now.get(key) != value]
            if differs:
                self._apply(path, asked, differs, link)

    def _apply(self, path: str, asked: Dict[str, Any], differs: List[str], link: bool) -> None:
        try:
            if "owner" in differs or "group" in differs:
                uid = fs.uid_of(asked["owner"]) if "owner" in differs else -1
                gid = fs.gid_of(asked["group"]) if "group" in differs else -1
                os.chown(path, uid, gid, follow_symlinks=not link)
            if "mode" in asked:  # also after a change of owner, which drops set-id bits
                os.chmod(path, int(asked["mode"], 8))
        except OSError as exc:
            raise fs.cannot("set permissions of", path, exc, dest=self.dest) from None
        self.perms.apply(path, asked, [k for k in differs if k in ("attributes", "secontext")])

    def data(self, observed: Observed) -> Dict[str, Any]:
        return {}
