"""The content of a small file, in the result. args: src."""

from __future__ import annotations

import binascii
import os
import stat

from provision.agent import core, fs
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from provision.agent.core import Args, Context, Result

_LIMIT = 32 * 1024 * 1024  # bytes; a result is one frame


def main(ctx: Context, args: Args) -> Result:
    src = fs.expand(args["src"])
    try:
        info = os.stat(src)
        if stat.S_ISDIR(info.st_mode):
            os.listdir(src)
            raise Fail("Source is a directory and must be a file: %s" % src, src=src)
        if info.st_size > _LIMIT:
            raise Fail(
                "%s has %d bytes, too many for a variable: use fetch" % (src, info.st_size),
                src=src,
            )
        data = fs.read_bytes(src)
    except FileNotFoundError:
        raise Fail("File not found: %s" % src, src=src) from None
    except PermissionError:
        raise Fail("File is not readable: %s" % src, src=src) from None
    except OSError as exc:
        raise fs.cannot("read", src, exc, src=src) from None
    content = binascii.b2a_base64(data, newline=False).decode("ascii")
    return core.ok(content=content, encoding="base64", source=src)
