"""`copy` with remote_src: from one path of the host to another."""

from __future__ import annotations

import os
import stat

from provision.agent import fs
from provision.agent.core import Fail
from provision.agent.mods.content import Content
from provision.agent.perms import Missing, Perms, foreseen, settle, shortened
from provision.agent.treestate import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, Iterator, List, Tuple

    from provision.agent.core import Args, Context, Observed, Result

_HASHED = 16 * 1024 * 1024  # bytes up to which `register` gets a SHA-1


class _Copied(Content):
    """Content whose source is a file of the host."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.source: str = args["source"]
        Content.__init__(self, ctx, args)

    def parts(self) -> Iterable[bytes]:
        from provision.agent import install

        return install.checked(fs.pieces(self.source), self.sha256, self.size, self.path)

    def difference(self, key: str, before: Any, after: Any) -> Dict[str, Any]:
        entry = Content.difference(self, key, before, after)
        if key == "content" and self.size <= 256 * 1024:
            shown = fs.content_diff(self.before, fs.read_bytes(self.source))
            entry["after"] = shown["after"]
        return entry

    def data(self, observed: Observed) -> Dict[str, Any]:
        values = Content.data(self, observed)
        values["src"] = self.source
        if self.size <= _HASHED:
            values["checksum"] = fs.sha1_file(self.source)
        return values


class _Walk:
    """The manifest of a directory of this host."""

    def __init__(self, top: str, follow: bool, preserve: bool) -> None:
        self.top = top
        self.follow = follow
        self.preserve = preserve
        self.folders: List[str] = []
        self.links: Dict[str, str] = {}
        self.files: List[List[Any]] = []
        self._folder(top, "", ())

    def _folder(self, path: str, name: str, above: Tuple[str, ...]) -> None:
        above = above + (os.path.realpath(path),)
        try:
            inside = sorted(os.listdir(path))
        except OSError as exc:
            raise fs.cannot("read directory", path, exc, src=self.top) from None
        for entry in inside:
            self._entry(os.path.join(path, entry), name + entry, above)

    def _entry(self, path: str, name: str, above: Tuple[str, ...]) -> None:
        info = os.lstat(path)
        if stat.S_ISLNK(info.st_mode):
            circle = os.path.realpath(path) in above
            if not self.follow or circle or not os.path.exists(path):
                self.links[name] = os.readlink(path)
                return
            info = os.stat(path)
        if stat.S_ISDIR(info.st_mode):
            self.folders.append(name)
            self._folder(path, name + "/", above)
        elif stat.S_ISREG(info.st_mode):
            mode = stat.S_IMODE(info.st_mode) if self.preserve else None
            try:
                digest = fs.sha256_file(path, info.st_size)
            except OSError as exc:
                raise fs.cannot("read", path, exc, src=self.top) from None
            self.files.append([name, digest, info.st_size, mode])
        else:
            raise Fail("%s is neither a file, a directory nor a link" % path, src=self.top)


def _tree(ctx: Context, args: Args, src: str) -> Result:
    walk = _Walk(src.rstrip("/") or "/", args.get("local_follow", True), args["preserve"])

    def fetch(wanted: Dict[str, str]) -> Iterator[Tuple[str, Iterable[bytes]]]:
        for digest, name in wanted.items():
            yield digest, fs.pieces(os.path.join(walk.top, name))

    dest = fs.expand(args["dest"])
    top = dest if src.endswith("/") else os.path.join(dest, os.path.basename(src))
    manifest = {**args, "folders": walk.folders, "links": walk.links, "files": walk.files}
    state = Tree(ctx, manifest, top.rstrip("/") or "/", Perms(ctx, args), fetch)
    result = shortened(settle(ctx, state, state.perms))
    result["data"].update(src=src)
    return result


def main(ctx: Context, args: Args) -> Result:
    src = fs.expand(args["src"])
    try:
        info = os.stat(src)
    except FileNotFoundError:
        missing = Missing("Source %s not found" % src, src=src, dest=args["dest"])
        if ctx.check:
            return foreseen(missing)
        raise missing from None
    except OSError as exc:
        raise fs.cannot("read", src, exc, src=src) from None
    args = dict(args, preserve=args.get("mode") == "preserve")
    if args["preserve"]:
        del args["mode"]
    if stat.S_ISDIR(info.st_mode):
        return _tree(ctx, args, src)
    if not stat.S_ISREG(info.st_mode):
        raise Fail("source %s is not a file" % src, src=src)
    if args["preserve"]:
        args["mode"] = fs.mode_text(info.st_mode)
    expected = args.get("checksum")
    if expected is not None and fs.sha1_file(src) != expected.lower():
        raise Fail("%s has another checksum than %s" % (src, expected), src=src)
    try:
        digest = fs.sha256_file(src, info.st_size)
    except OSError as exc:
        raise fs.cannot("read", src, exc, src=src) from None
    base = os.path.basename(src)
    state = _Copied(ctx, dict(args, source=src, sha256=digest, size=info.st_size, basename=base))
    return state.settled()
