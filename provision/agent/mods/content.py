"""One file with given content: what `copy` and `template` send.

args: dest, sha256, size, and `text` when the content travels along (else it is a blob);
basename (dest may be a directory that it goes into), force, follow, backup, validate (words),
directory_mode, unsafe_writes, and what `Perms` takes.
"""

from __future__ import annotations

import os
import stat

from provision.agent import core, fs
from provision.agent.core import Fail
from provision.agent.perms import Perms, describe, settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, Optional, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_READ_ANYWAY = 256 * 1024  # bytes: a file of another size is read for the diff up to here


class Content(core.State):
    """`sha256` stands for the content; a file too long to show and of another size is not read."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.perms = Perms(ctx, args)
        self.sha256: str = args["sha256"]
        self.size: int = args["size"]
        text = args.get("text")
        self.inline: Optional[bytes] = (
            None if text is None else text.encode("utf-8", "surrogateescape")
        )
        self.before: Optional[bytes] = None
        self.backup_file = ""
        self.info: Optional[os.stat_result] = None
        self.path = self._resolve()

    def _resolve(self) -> str:
        said = self.args["dest"]
        path = fs.expand(said)
        base: Optional[str] = self.args.get("basename")
        self.info = info = self._lstat(path)
        if info is None:
            if base and path.endswith("/"):
                return os.path.join(path, base)
            if path.endswith("/"):
                raise Fail("can not use content with a dir as dest", dest=path)
            return path
        link = stat.S_ISLNK(info.st_mode)
        if stat.S_ISDIR(info.st_mode) or (link and os.path.isdir(path)):
            if not base:
                raise Fail("can not use content with a dir as dest: %s" % path, dest=path)
            path = os.path.join(path, base)
            self.info = info = self._lstat(path)
            link = info is not None and stat.S_ISLNK(info.st_mode)
            if info is not None and (stat.S_ISDIR(info.st_mode) or (link and os.path.isdir(path))):
                raise Fail("%s is a directory" % path, dest=path)
        if link and self.args.get("follow"):
            path = os.path.realpath(path)
            self.info = self._lstat(path)
        return path

    def _lstat(self, path: str) -> Optional[os.stat_result]:
        try:
            return fs.lstat(path)
        except OSError as exc:
            raise fs.cannot("look at", path, exc, dest=path) from None

    def _digest(self, info: os.stat_result) -> Optional[str]:
        if not stat.S_ISREG(info.st_mode):
            return None
        try:
            if info.st_size <= _READ_ANYWAY:
                data = fs.read_bytes(self.path)
                self.before = data if self.before is None else self.before
                return self.sha256 if data == self.inline else fs.sha256_bytes(data)
            if info.st_size == self.size:
                return fs.sha256_file(self.path, info.st_size)
        except PermissionError:
            return "(not readable)"
        return "%d bytes" % info.st_size

    def observe(self) -> Dict[str, Any]:
        info = self.info if self.info is not None else self._lstat(self.path)
        seen = self.perms.observe(self.path, info)
        seen["state"] = fs.kind_of(info)
        seen["content"] = None if info is None else self._digest(info)
        self.seen = info
        self.info = None  # what `_resolve` saw serves once
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        info = self.seen if observed["state"] == "file" else None
        wanted: Dict[str, Any] = {"state": "file", "content": self.sha256}
        wanted.update(self.perms.desired(observed, self.path, info, False))
        if self.ctx.check and self.seen is None and not self._makes_parent():
            from provision.agent import install

            install.warn_of_parent(self.perms, self.path)
        return wanted

    def difference(self, key: str, before: Any, after: Any) -> Dict[str, Any]:
        if key != "content":
            return {"key": key, "before": before, "after": after}
        # The controller, which has the content, puts its text in the hash's place.
        entry = fs.content_diff(self.before, None)
        if before is not None and self.before is None:
            entry["before"] = before if " " in before else "sha256:" + before
        entry["after"] = "sha256:" + self.sha256
        return entry

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if "content" not in changes and "state" not in changes:
            self.perms.apply(self.path, wanted, changes)
            return
        from provision.agent import install

        self._make_parent()
        here = self.seen
        if self.args.get("backup") and observed["state"] == "file":
            self.backup_file = install.backup(self.path)
        regular = here if observed["state"] == "file" else None
        install.install(
            self.ctx,
            self.path,
            self.parts,
            self.perms.mode_for(regular, False),
            self.perms.uid(),
            self.perms.gid(),
            like=regular,
            validate=self.args.get("validate") or (),
            unsafe=bool(self.args.get("unsafe_writes")),
        )
        self.perms.finish(self.path)

    def parts(self) -> Iterable[bytes]:
        from provision.agent import install

        if self.inline is not None:
            return [self.inline]
        blob = self.ctx.receive_blob(self.sha256)
        return install.checked(blob, self.sha256, self.size, self.path)

    def _makes_parent(self) -> bool:
        return bool(self.args.get("basename")) and fs.expand(self.args["dest"]).endswith("/")

    def _make_parent(self) -> None:
        """A destination that was written as a directory is made; others must be there."""
        from provision.agent import install

        if not self._makes_parent():
            return
        said = self.args.get("directory_mode")
        mode = None
        if said is not None:
            mode = fs.parse_mode(said, 0o777 & ~fs.current_umask(), True)
        for folder in install.make_directories(os.path.dirname(self.path), mode):
            uid, gid = self.perms.uid(), self.perms.gid()
            if uid is not None or gid is not None:
                os.chown(folder, -1 if uid is None else uid, -1 if gid is None else gid)

    def data(self, observed: Observed) -> Dict[str, Any]:
        values: Dict[str, Any] = {
            "dest": self.path,
            "path": self.path,
            "size": self.size,
            "state": "file",
        }
        values.update({key: observed[key] for key in ("mode", "owner", "group") if observed[key]})
        if self.seen is not None:
            values["uid"], values["gid"] = self.seen.st_uid, self.seen.st_gid
            if self.seen.st_nlink > 1:
                values["state"] = "hard"
        if self.backup_file:
            values["backup_file"] = self.backup_file
        return values

    def settled(self) -> Result:
        if self.info is not None and self.args.get("force") is False:
            values = describe(self.path, self.info)
            return core.ok("file already exists", **{**values, "dest": self.path})
        return settle(self.ctx, self, self.perms)


def main(ctx: Context, args: Args) -> Result:
    return Content(ctx, args).settled()
