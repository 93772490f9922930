"""An archive, unpacked into a directory.

args: dest, and either src (a path or an address) or blob and size with the manifest of an
archive that the controller has (`members`, or `manifest` and its size as another blob);
handler, name, include, exclude, extra_opts, keep_newer, list_files, creates, the arguments of
`web.open_url`, and what `Perms` takes.
"""

from __future__ import annotations

import os

from provision.agent import core, fs, install
from provision.agent.core import Fail
from provision.agent.perms import Missing, Perms, describe, foreseen, settle, shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Tuple

    from provision.agent.archives import Member
    from provision.agent.core import Args, Context, Result
    from provision.agent.selection import Selection


def _selection(args: Args, options: Any) -> Selection:
    from provision.agent import selection

    return selection.Selection(
        args.get("include") or (),
        [*(args.get("exclude") or ()), *options.exclude],
        options.strip,
        options.absolute,
        os.path.abspath(fs.expand(args["dest"])),
    )


class _Sent:
    """An archive of the controller: its manifest has come, its content comes when needed."""

    def __init__(self, ctx: Context, args: Args, dest: str) -> None:
        self.ctx = ctx
        self.args = args
        self.dest = dest
        self.handler: str = args["handler"]

    def members(self, _chosen: Selection) -> List[Member]:
        from provision.agent import archives

        listed = self.args.get("members")
        if listed is None:
            import zlib

            pieces = self.ctx.receive_blob(self.args["manifest"])
            size = self.args["manifest_size"]
            packed = b"".join(install.checked(pieces, self.args["manifest"], size, "the manifest"))
            listed = core.loads(zlib.decompress(packed).decode())
        return [archives.Member(*item) for item in listed]

    def content(self, chosen: Selection) -> Iterator[Tuple[Member, Any]]:
        from provision.agent import archives

        # In dest, where there must be room for more than that.
        path = os.path.join(self.dest, self.args["name"] + ".archive")
        digest, size = self.args["blob"], self.args["size"]
        try:
            with fs.Staged(path) as new:
                pieces = self.ctx.receive_blob(digest)
                new.write_all(install.checked(pieces, digest, size, self.args["name"]))
                yield from archives.members(new.temp, self.handler, chosen)
        except OSError as exc:
            raise fs.cannot("write below", self.dest, exc, dest=self.dest) from None


class _Here:
    """An archive that lies on the host."""

    def __init__(self, path: str) -> None:
        from provision.agent import archives

        self.path = path
        self.handler = archives.handler_of(path)

    def members(self, chosen: Selection) -> List[Member]:
        from provision.agent import archives

        return archives.manifest(self.path, self.handler, chosen)

    def content(self, chosen: Selection) -> Iterator[Tuple[Member, Any]]:
        from provision.agent import archives

        return archives.members(self.path, self.handler, chosen)


def _exists(path: str) -> bool:
    if any(letter in path for letter in "*?["):
        import glob

        return bool(glob.glob(path))
    return os.path.exists(path)


def _unpacked(ctx: Context, args: Args, dest: str, source: Any) -> Result:
    from provision.agent import selection
    from provision.agent.unpacked import Unpacked

    options = selection.Options(args.get("extra_opts") or ())
    chosen = _selection(args, options)
    members = source.members(chosen)
    perms = Perms(ctx, args)
    if not dest.startswith("/"):
        perms.warn("relative dest %s is taken as the absolute path %s" % (dest, chosen.dest))
    state = Unpacked(ctx, args, dest, members, perms, options, lambda: source.content(chosen))
    result = settle(ctx, state, perms)
    data: Dict[str, Any] = {**describe(dest, os.stat(dest)), **result["data"], "dest": dest}
    data["handler"] = source.handler
    if args.get("list_files"):
        data["files"] = [m.name + "/" if m.kind == "directory" else m.name for m in members]
    result["data"] = data
    return shortened(result)


def _downloaded(ctx: Context, args: Args, dest: str, src: str) -> Result:
    from provision.agent import web

    answer = web.open_url(ctx, src, args)
    try:
        path = os.path.join(dest, web.name_of(answer) + ".archive")
        try:
            with fs.Staged(path) as new:
                for piece in answer.pieces():
                    new.write(piece)
                return _unpacked(ctx, args, dest, _Here(new.temp))
        except OSError as exc:
            raise fs.cannot("write", path, exc, dest=dest) from None
    finally:
        answer.close()


def _checked_dest(dest: str) -> None:
    if os.path.isdir(dest):
        return
    if os.path.lexists(dest):
        raise Fail("Destination '%s' is not a directory" % dest, dest=dest)
    raise Missing("Destination '%s' does not exist" % dest, dest=dest)


def _run(ctx: Context, args: Args) -> Result:
    dest = fs.expand(args["dest"]).rstrip("/") or "/"
    creates = args.get("creates")
    if creates and _exists(fs.expand(creates)):
        return core.ok("skipped, since %s exists" % creates, dest=dest, src=args.get("src"))
    _checked_dest(dest)
    src = args.get("src")
    if "blob" in args:
        result = _unpacked(ctx, args, dest, _Sent(ctx, args, dest))
    elif "://" in args["src"]:
        if ctx.check:  # a download into dest would be a change
            return core.unknown("%s is not downloaded in a check" % src, dest=dest, src=src)
        result = _downloaded(ctx, args, dest, args["src"])
    else:
        path = fs.expand(args["src"])
        if not os.path.exists(path):
            raise Missing("Source '%s' does not exist" % path, src=path, dest=dest)
        try:
            result = _unpacked(ctx, args, dest, _Here(path))
        except OSError as exc:
            raise fs.cannot("read", path, exc, src=path, dest=dest) from None
    result["data"]["src"] = src
    return result


def main(ctx: Context, args: Args) -> Result:
    try:
        return _run(ctx, args)
    except Missing as exc:
        if not ctx.check:
            raise
        return foreseen(exc)
