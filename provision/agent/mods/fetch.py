"""Sends a file to the controller. args: src, have (SHA-256 of what the controller has), missing
(how a missing file is taken: failed or ok), expand (only tell the path)."""

from __future__ import annotations

import os
import stat

from provision.agent import core, fs
from provision.agent.core import Fail
from provision.agent.perms import Missing, foreseen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator

    from provision.agent.core import Args, Context, Result


def _look(src: str) -> os.stat_result:
    try:
        info = os.stat(src)
        if stat.S_ISREG(info.st_mode):
            os.close(os.open(src, os.O_RDONLY | os.O_CLOEXEC))
    except (FileNotFoundError, NotADirectoryError):
        words = "the remote file does not exist, not transferring"
        raise Missing("%s: %s" % (words, src), file=src) from None
    except PermissionError:
        raise Fail("File is not readable: %s" % src, file=src) from None
    except OSError as exc:
        raise fs.cannot("read", src, exc, file=src) from None
    if stat.S_ISDIR(info.st_mode):
        raise Fail("remote file is a directory, fetch cannot work on directories", file=src)
    if not stat.S_ISREG(info.st_mode):
        raise Fail("%s is not a regular file" % src, file=src)
    return info


class _Reader:
    """Pieces of a file, and the SHA-256 of what was read."""

    def __init__(self, path: str, size: int) -> None:
        self.path = path
        self.digest: Any = fs.new_sha256(size)
        self.size = 0

    def pieces(self) -> Iterator[bytes]:
        for piece in fs.pieces(self.path):
            self.digest.update(piece)
            self.size += len(piece)
            yield piece


def main(ctx: Context, args: Args) -> Result:
    src = fs.expand(args["src"])
    if args.get("expand"):
        return core.ok(source=os.path.abspath(src))
    try:
        info = _look(src)
    except Fail as exc:
        if args.get("missing") == "ok":
            return core.ok(exc.msg + ", ignored", **exc.data)
        if isinstance(exc, Missing) and ctx.check:
            return foreseen(exc)
        raise
    have = args.get("have")
    values: Dict[str, Any] = {"source": src, "size": info.st_size}
    try:
        if have is not None or ctx.check:
            values["sha256"] = fs.sha256_file(src, info.st_size)
        if have is not None and values["sha256"] == have:
            return core.ok(file=src, **values)
        if not ctx.check:
            reader = _Reader(src, info.st_size)
            ctx.send_data(info.st_size, reader.pieces())
            values.update(sha256=reader.digest.hexdigest(), size=reader.size)
    except OSError as exc:
        raise fs.cannot("read", src, exc, file=src) from None
    before = None if have is None else "sha256:" + have
    diff = [{"key": "content", "before": before, "after": "sha256:" + values["sha256"]}]
    return core.changed(diff, **values)
