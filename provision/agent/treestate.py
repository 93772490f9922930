"""A directory's content as a state, many files at once."""

from __future__ import annotations

import os
import stat

from provision.agent import core, fs, install, links
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

    from provision.agent.core import Args, Context, Observed
    from provision.agent.perms import Perms

    #: gives each content of {sha256: path below the top} once, in that order
    Fetch = Callable[[Dict[str, str]], Iterator[Tuple[str, Iterable[bytes]]]]

_SHOWN = 50  # files whose content is shown in a diff
_READ_ANYWAY = 64 * 1024
_MARKS = ("mode", "owner", "group", "attributes", "secontext")


class _Entry:
    """One file of the manifest and what lies in its place."""

    __slots__ = ("before", "info", "mode", "path", "sha256", "size")

    def __init__(self, path: str, sha256: str, size: int, mode: Optional[int]) -> None:
        self.path = path
        self.sha256 = sha256
        self.size = size
        self.mode = mode
        self.info: Optional[os.stat_result] = None
        self.before: Optional[bytes] = None


class Tree(core.State):
    """Keys are relative paths: a file's is its SHA-256, a directory's (with a slash at its end)
    its kind, a link's `-> target`; `path: mode` and so on hold permissions."""

    def __init__(self, ctx: Context, args: Args, top: str, perms: Perms, fetch: Fetch) -> None:
        self.ctx = ctx
        self.args = args
        self.top = top
        self.perms = perms
        self.fetch = fetch
        self.folders = ["", *args["folders"]]
        self.links: Dict[str, str] = args["links"]
        self.files = {item[0]: _Entry(*item) for item in args["files"]}
        self.backups: List[str] = []
        self.shown = 0
        self.skip: Dict[str, bool] = {}

    def at(self, name: str) -> str:
        return os.path.join(self.top, name) if name else self.top

    def _look(self, name: str) -> Optional[os.stat_result]:
        try:
            return fs.lstat(self.at(name))
        except OSError as exc:
            raise fs.cannot("look at", self.at(name), exc, path=self.at(name)) from None

    def observe(self) -> Dict[str, Any]:
        seen: Dict[str, Any] = {}
        for name in self.folders:
            path = self.at(name)
            kind = fs.kind_of(self._look(name))
            seen[name + "/"] = "directory" if kind == "link" and os.path.isdir(path) else kind
        for name in self.links:
            kind = fs.kind_of(self._look(name))
            seen[name] = "-> " + os.readlink(self.at(name)) if kind == "link" else kind
        for name, entry in self.files.items():
            self._observe_file(name, entry, seen)
        return seen

    def _observe_file(self, name: str, entry: _Entry, seen: Dict[str, Any]) -> None:
        path = self.at(entry.path)
        info = self._look(entry.path)
        if info is not None and stat.S_ISLNK(info.st_mode) and self.args.get("follow"):
            path = os.path.realpath(path)
            entry.path = os.path.relpath(path, self.top)
            info = self._look(entry.path)
        entry.info = info
        seen[name] = None if info is None else self._digest(entry, path, info)
        if self.perms.said or entry.mode is not None:
            for key, value in self.perms.observe(path, info).items():
                seen["%s: %s" % (name, key)] = value

    def _digest(self, entry: _Entry, path: str, info: os.stat_result) -> Optional[str]:
        if not stat.S_ISREG(info.st_mode):
            return fs.kind_of(info)
        if info.st_size == entry.size and info.st_size > _READ_ANYWAY:
            return fs.sha256_file(path, info.st_size)
        if info.st_size > _READ_ANYWAY:
            return "%d bytes" % info.st_size
        data = fs.read_bytes(path)
        digest = fs.sha256_bytes(data)
        if digest != entry.sha256 and entry.before is None:
            entry.before = data
        return digest

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted: Dict[str, Any] = {name + "/": "directory" for name in self.folders}
        wanted.update({name: "-> " + target for name, target in self.links.items()})
        keep = self.args.get("force") is False
        for name, entry in self.files.items():
            here = observed[name]
            if keep and (name in self.skip or here is not None):
                self.skip[name] = True
                continue
            if here in ("directory",):
                raise Fail("%s is a directory" % self.at(name), path=self.at(name))
            wanted[name] = entry.sha256
            if self.perms.said or entry.mode is not None:
                for key, value in self._permissions(name, entry, observed).items():
                    wanted["%s: %s" % (name, key)] = value
        for name in self.folders:
            if observed[name + "/"] not in (None, "directory"):
                raise Fail(
                    "%s is a %s, not a directory" % (self.at(name), observed[name + "/"]),
                    path=self.at(name),
                )
        return wanted

    def _permissions(self, name: str, entry: _Entry, observed: Observed) -> Dict[str, Any]:
        info = entry.info if entry.info is not None and stat.S_ISREG(entry.info.st_mode) else None
        seen = {key: observed.get("%s: %s" % (name, key)) for key in _MARKS}
        wanted = self.perms.desired(seen, self.at(entry.path), info, False)
        if entry.mode is not None:
            wanted["mode"] = fs.mode_text(entry.mode)
        return wanted

    def difference(self, key: str, before: Any, after: Any) -> Dict[str, Any]:
        entry = self.files.get(key)
        if entry is None:
            return {"key": key, "before": before, "after": after}
        shown: Dict[str, Any] = {"key": key, "before": before, "after": "sha256:" + entry.sha256}
        if entry.before is not None and self.shown < _SHOWN:
            self.shown += 1
            shown["before"] = fs.content_diff(entry.before, None)["before"]
        elif before is not None:
            shown["before"] = "sha256:" + before
        return shown

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        for name in self.folders:
            if name + "/" in changes:
                self._make_folder(self.at(name))
        for name, target in self.links.items():
            if name in changes:
                self._make_link(name, target, observed[name])
        needed: Dict[str, str] = {}
        copies: List[Tuple[str, str]] = []
        changed = set(changes)
        for name, entry in self.files.items():
            if name in changed:
                if entry.sha256 in needed:
                    copies.append((name, needed[entry.sha256]))
                else:
                    needed[entry.sha256] = name
        group = install.Group()
        try:
            for digest, pieces in self.fetch(needed):
                name = needed[digest]
                size = self.files[name].size
                self._write(group, name, install.checked(pieces, digest, size, name))
            group.flush()
            for name, source in copies:
                self._write(group, name, fs.pieces(self.at(self.files[source].path)))
            group.flush()
        finally:
            group.close()
        for name in self.files:
            if name in changed:
                self.perms.finish(self.at(self.files[name].path))
        self._set_permissions(wanted, changes)

    def _make_folder(self, path: str) -> None:
        said = self.args.get("directory_mode")
        mode = None
        if said is not None:
            mode = fs.parse_mode(said, 0o777 & ~fs.current_umask(), True)
        for folder in install.make_directories(path, mode):
            uid, gid = self.perms.uid(), self.perms.gid()
            if uid is not None or gid is not None:
                os.chown(folder, -1 if uid is None else uid, -1 if gid is None else gid)

    def _make_link(self, name: str, target: str, here: Optional[str]) -> None:
        path = self.at(name)
        if here == "directory":
            raise Fail("%s is a directory, not a link" % path, path=path)
        try:
            links.put(lambda temp: os.symlink(target, temp), path)
        except OSError as exc:
            raise fs.cannot("create link", path, exc, path=path) from None

    def _write(self, group: install.Group, name: str, content: Iterable[bytes]) -> None:
        entry = self.files[name]
        path = self.at(entry.path)
        here = entry.info if entry.info is not None and stat.S_ISREG(entry.info.st_mode) else None
        if self.args.get("backup") and here is not None:
            self.backups.append(install.backup(path))
        mode = self.perms.mode_for(here, False) if entry.mode is None else entry.mode
        uid, gid = self.perms.uid(), self.perms.gid()
        words = self.args.get("validate")
        if words:
            install.install(
                self.ctx, path, lambda: content, mode, uid, gid, like=here, validate=words
            )
        else:
            group.add(path, content, mode=mode, uid=uid, gid=gid, like=here)

    def _set_permissions(self, wanted: Observed, changes: Sequence[str]) -> None:
        todo: Dict[str, List[str]] = {}
        written = set(changes)
        for change in changes:
            name, colon, key = change.rpartition(": ")
            if colon and name in self.files and key in _MARKS:
                todo.setdefault(name, []).append(key)
        for name, keys in todo.items():
            if name in written:
                continue  # its content was written with them
            asked = {key: wanted["%s: %s" % (name, key)] for key in keys}
            self.perms.apply(self.at(self.files[name].path), asked, keys)

    def data(self, observed: Observed) -> Dict[str, Any]:
        values: Dict[str, Any] = {"dest": self.top, "path": self.top, "state": "directory"}
        if self.backups:
            values["backup_files"] = self.backups
        return values
