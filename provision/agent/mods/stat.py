"""What lies at a path.

args: path, follow, get_checksum, checksum_algorithm, get_mime, get_attributes.
"""

from __future__ import annotations

import os
import stat

from provision.agent import core, fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from provision.agent.core import Args, Context, Result


def main(ctx: Context, args: Args) -> Result:
    from provision.agent import stats

    path = fs.expand(args["path"])
    try:
        info = os.stat(path) if args.get("follow") else os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return core.ok(stat={"exists": False})
    except OSError as exc:
        raise fs.cannot("look at", path, exc, path=path) from None
    found: Dict[str, Any] = stats.facts(path, info)
    found["exists"] = True
    found["blocks"] = info.st_blocks
    found["block_size"] = info.st_blksize
    found["device_type"] = info.st_rdev
    for key, way in (("readable", os.R_OK), ("writeable", os.W_OK), ("executable", os.X_OK)):
        found[key] = os.access(path, way)
    if found["islnk"]:
        found["lnk_source"] = os.path.realpath(path)
        found["lnk_target"] = os.readlink(path)
    if stat.S_ISREG(info.st_mode) and found["readable"] and args.get("get_checksum", True):
        algorithm = args.get("checksum_algorithm", "sha1")
        found["checksum"] = stats.digest(path, info.st_size, algorithm)
    if args.get("get_mime", True):
        found["mimetype"], found["charset"] = stats.mime(ctx, path)
    if args.get("get_attributes", True):
        from provision.agent import flags

        letters = flags.read(path)
        found["attr_flags"] = letters or ""
        found["attributes"] = flags.words(letters or "")
        found["version"] = None if letters is None else flags.version(path)
    if args.get("get_selinux_context"):
        from provision.agent import selinux

        label = selinux.context_of(path)
        found["selinux_context"] = label.split(":", 3) if label else []
    return core.ok(stat=found)
