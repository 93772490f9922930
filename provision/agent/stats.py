"""What `stat` and `find` tell of a file, in Ansible's words."""

from __future__ import annotations

import os
import stat

from provision.agent import fs
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple

    from provision.agent.core import Context


def facts(path: str, info: os.stat_result) -> Dict[str, Any]:
    """Kind, permissions, owner, sizes and times."""
    mode = info.st_mode
    values: Dict[str, Any] = {
        "path": path,
        "mode": "%04o" % stat.S_IMODE(mode),
        "isdir": stat.S_ISDIR(mode),
        "ischr": stat.S_ISCHR(mode),
        "isblk": stat.S_ISBLK(mode),
        "isreg": stat.S_ISREG(mode),
        "isfifo": stat.S_ISFIFO(mode),
        "islnk": stat.S_ISLNK(mode),
        "issock": stat.S_ISSOCK(mode),
        "uid": info.st_uid,
        "gid": info.st_gid,
        "size": info.st_size,
        "inode": info.st_ino,
        "dev": info.st_dev,
        "nlink": info.st_nlink,
        "atime": info.st_atime,
        "mtime": info.st_mtime,
        "ctime": info.st_ctime,
        "isuid": bool(mode & stat.S_ISUID),
        "isgid": bool(mode & stat.S_ISGID),
        "pw_name": fs.user_name(info.st_uid),
        "gr_name": fs.group_name(info.st_gid),
    }
    for at, who in enumerate(("usr", "grp", "oth")):
        for bit, letter in ((4, "r"), (2, "w"), (1, "x")):
            values[letter + who] = bool(mode >> (6 - 3 * at) & bit)
    return values


def digest(path: str, size: int, algorithm: str) -> str:
    """The hex digest of a file. Raises Fail for an algorithm the host does not have."""
    if algorithm == "sha1":
        return fs.sha1_file(path)
    if algorithm == "sha256":
        return fs.sha256_file(path, size)
    import hashlib

    try:
        made = hashlib.new(algorithm)
    except ValueError:
        raise Fail("the host has no checksum algorithm %s" % algorithm) from None
    for piece in fs.pieces(path):
        made.update(piece)
    return made.hexdigest()


def mime(ctx: Context, path: str) -> Tuple[str, str]:
    """MIME type and character set: `file`'s words where the host has it, else a look inside."""
    try:
        done = ctx.probe(["file", "--brief", "--mime-type", "--mime-encoding", "--", path])
    except Fail:
        return _guess(path)
    kind, _, charset = done.stdout.strip().partition(";")
    if done.rc != 0 or "/" not in kind:
        return "unknown", "unknown"
    return kind, charset.partition("=")[2].strip() or "unknown"


def _guess(path: str) -> Tuple[str, str]:
    info = os.lstat(path)
    if not stat.S_ISREG(info.st_mode):
        word = fs.kind_of(info) or ""
        kind = {"link": "symlink", "char": "chardevice", "block": "blockdevice"}.get(word, word)
        return "inode/" + kind, "binary"
    if info.st_size == 0:
        return "inode/x-empty", "binary"
    with open(path, "rb") as stream:
        head = stream.read(8192)
    if b"\0" in head:
        return "application/octet-stream", "binary"
    try:
        return "text/plain", "us-ascii" if head.decode().isascii() else "utf-8"
    except UnicodeDecodeError:
        return "text/plain", "unknown-8bit"
