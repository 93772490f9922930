"""Changing part of a text file: read, edited in memory, written as a whole."""

from __future__ import annotations

import os
import stat

from provision.agent import core, fs, install
from provision.agent.core import Fail
from provision.agent.perms import Missing, Perms, settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence

    from provision.agent.core import Args, Context, Observed, Result

SEPARATOR = b"\n"


class Edit(core.State):
    """A file whose content `edited` makes from what is there.

    args: path, create, backup, validate (words), unsafe_writes, and what `Perms` takes. Links
    are followed: it is what they lead to that has the content.
    """

    #: how a missing file is called in the failure
    word = "Path"

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.perms = Perms(ctx, args)
        self.said = fs.expand(args["path"])
        self.path = os.path.realpath(self.said) if os.path.islink(self.said) else self.said
        self.msg = ""
        self.extra: Dict[str, Any] = {}
        self.backup_file = ""
        self.info: Optional[os.stat_result] = None
        self.old: Optional[bytes] = None
        self.new: Optional[bytes] = None
        self.planned = False

    def edited(self, old: Optional[bytes]) -> Optional[bytes]:
        """The content that is wanted, from what is there (None: no file). Sets `msg`."""
        raise NotImplementedError

    def observe(self) -> Dict[str, Any]:
        try:
            self.info = fs.lstat(self.path)
            if self.info is not None and stat.S_ISDIR(self.info.st_mode):
                raise Fail("Path %s is a directory !" % self.said, path=self.said, rc=256)
            content = None if self.info is None else fs.read_bytes(self.path)
        except OSError as exc:
            raise fs.cannot("read", self.said, exc, path=self.said) from None
        if not self.planned:
            self.old = content
        seen = self.perms.observe(self.path, self.info)
        seen["content"] = content
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        if not self.planned:
            if self.old is None and self.needs_file():
                words = "%s %s does not exist !" % (self.word, self.said)
                raise Missing(words, path=self.said, rc=257)
            self.new = self.edited(self.old)
            self.planned = True
        if self.new is None:
            return {}
        wanted: Dict[str, Any] = {"content": self.new}
        wanted.update(self.perms.desired(observed, self.path, self.info, False))
        return wanted

    def needs_file(self) -> bool:
        return not self.args.get("create")

    def difference(self, key: str, before: Any, after: Any) -> Dict[str, Any]:
        if key == "content":
            return fs.content_diff(before, after)
        return {"key": key, "before": before, "after": after}

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if "content" not in changes:
            self.perms.apply(self.path, wanted, changes)
            return
        here = self.info
        if here is not None and not stat.S_ISREG(here.st_mode):
            raise Fail("%s is not a regular file" % self.said, path=self.said)
        if here is None:
            self._make_parent()
        if self.args.get("backup") and here is not None:
            self.backup_file = install.backup(self.path)
        content: bytes = wanted["content"]
        install.install(
            self.ctx,
            self.path,
            lambda: [content],
            self.perms.mode_for(here, False),
            self.perms.uid(),
            self.perms.gid(),
            like=here,
            validate=self.args.get("validate") or (),
            unsafe=bool(self.args.get("unsafe_writes")),
        )
        self.perms.finish(self.path)

    def _make_parent(self) -> None:
        parent = os.path.dirname(self.path)
        if parent and not os.path.isdir(parent):
            try:
                install.make_directories(parent)
            except Fail as exc:
                raise Fail("Error creating %s: %s" % (parent, exc.msg), path=self.said) from None

    def data(self, observed: Observed) -> Dict[str, Any]:
        values = {"path": self.said, **self.extra}
        if self.backup_file:
            values["backup_file"] = self.backup_file
        return values


def run(ctx: Context, edit: Edit) -> Result:
    """Settles an edit and says what it did."""
    result = settle(ctx, edit, edit.perms)
    if result["status"] in ("ok", "changed"):
        words = edit.msg
        if result["status"] == "changed" and any(d["key"] != "content" for d in result["diff"]):
            more = "ownership, perms or SE linux context changed"
            words = words + " and " + more if words else more
        result["msg"] = words
    return result


def lines_of(content: Optional[bytes]) -> List[bytes]:
    """Lines with their ends; only a newline ends one."""
    if not content:
        return []
    lines = [line + b"\n" for line in content.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def pattern(text: str, what: str) -> Any:
    """A compiled regular expression over bytes. Raises Fail."""
    import re

    try:
        return re.compile(text.encode("utf-8", "surrogateescape"))
    except re.error as exc:
        raise Fail("%s: %r is not a regular expression: %s" % (what, text, exc)) from None


def end_last(lines: List[bytes]) -> None:
    """Gives the last line the end that it lacks."""
    if lines and lines[-1][-1:] not in (b"\n", b"\r"):
        lines[-1] += SEPARATOR
