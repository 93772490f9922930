"""A new temporary file or directory. args: state, path, prefix, suffix."""

from __future__ import annotations

import os

from provision.agent import core, fs
from provision.agent.core import Fail
from provision.agent.perms import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from provision.agent.core import Args, Context, Result

_TRIES = 100
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"


def _word() -> str:
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in os.urandom(8))


def _folder(ctx: Context, args: Args) -> str:
    said = args.get("path")
    if said is not None:
        return fs.expand(said)
    for name in ("TMPDIR", "TEMP", "TMP"):
        value = ctx.environ().get(name)
        if value and os.path.isdir(value):
            return value
    return "/tmp"


def main(ctx: Context, args: Args) -> Result:
    kind = args.get("state", "file")
    prefix, suffix = args.get("prefix", "ansible."), args.get("suffix", "")
    for what, text in (("prefix", prefix), ("suffix", suffix)):
        if "/" in text or "\0" in text:
            raise Fail("%s must be a valid file name component: %r" % (what, text))
    folder = _folder(ctx, args)
    diff = [{"key": "state", "before": None, "after": kind}]
    if ctx.check:
        path = os.path.join(folder, prefix + "XXXXXXXX" + suffix)
        return core.changed(diff, path=path, state=kind)
    for _ in range(_TRIES):
        path = os.path.join(folder, prefix + _word() + suffix)
        try:
            if kind == "directory":
                os.mkdir(path, 0o700)
            else:
                flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
                os.close(os.open(path, flags, 0o600))
        except FileExistsError:
            continue
        except OSError as exc:
            raise fs.cannot("create a temporary %s in" % kind, folder, exc) from None
        return core.changed(diff, **describe(path, os.lstat(path)))
    raise Fail("cannot find a free name in %s" % folder)
