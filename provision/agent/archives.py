"""Reading tar and zip archives, refusing what would leave the directory they are unpacked in.

Used on hosts and, for archives that lie there, on the controller. `tarfile` and `zipfile` are
imported where they are used: they cost more than the rest of the agent.
"""

from __future__ import annotations

import stat
import time

from provision.agent import fs
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

    from provision.agent.selection import Selection

_PIECE = 1 << 18
_MAGIC = (
    (b"PK\x03\x04", "ZipArchive"),
    (b"PK\x05\x06", "ZipArchive"),
    (b"\x1f\x8b", "TgzArchive"),
    (b"BZh", "TarBzipArchive"),
    (b"\xfd7zXZ\x00", "TarXzArchive"),
    (b"\x28\xb5\x2f\xfd", "TarZstdArchive"),
)
#: programs for formats that the interpreter may lack
_PROGRAMS = {
    "TgzArchive": "gzip",
    "TarBzipArchive": "bzip2",
    "TarXzArchive": "xz",
    "TarZstdArchive": "zstd",
}
_MODULES = {"TgzArchive": "gzip", "TarBzipArchive": "bz2", "TarXzArchive": "lzma"}


class Member:
    """One thing in an archive. `kind` is file, directory, link or hardlink; `digest` is that of
    a file's content; `target` that of a link, or the member that a hard link means."""

    __slots__ = (
        "digest",
        "gid",
        "group",
        "kind",
        "mode",
        "mtime",
        "name",
        "owner",
        "size",
        "target",
        "uid",
    )

    def __init__(
        self,
        name: str,
        kind: str,
        mode: Optional[int] = None,
        mtime: int = 0,
        size: int = 0,
        target: str = "",
        uid: Optional[int] = None,
        gid: Optional[int] = None,
        owner: str = "",
        group: str = "",
        digest: str = "",
    ) -> None:
        self.name = name
        self.kind = kind
        self.mode = mode
        self.mtime = mtime
        self.size = size
        self.target = target
        self.uid = uid
        self.gid = gid
        self.owner = owner
        self.group = group
        self.digest = digest

    def wire(self) -> List[Any]:
        """What `Member(*wire)` takes."""
        return [
            self.name,
            self.kind,
            self.mode,
            self.mtime,
            self.size,
            self.target,
            self.uid,
            self.gid,
            self.owner,
            self.group,
            self.digest,
        ]


def handler_of(path: str) -> str:
    """Ansible's name for the kind of archive. Raises Fail when it is none, OSError."""
    with open(path, "rb") as stream:
        head = stream.read(512)
    for magic, word in _MAGIC:
        if head.startswith(magic):
            return word
    if head[257:262] == b"ustar" or not head.strip(b"\0") or _old_tar(head):
        return "TarArchive"
    raise Fail(
        "Failed to find handler for %s: it is neither tar (also gz, bz2, xz, zst) nor zip" % path
    )


def _old_tar(head: bytes) -> bool:
    """A header's checksum tells tar files from before there was a magic number."""
    if len(head) < 512:
        return False
    said = head[148:156].strip(b" \0")
    total = sum(head[:148]) + 8 * 32 + sum(head[156:])
    return said.isdigit() and all(c in b"01234567" for c in said) and int(said, 8) == total


def members(path: str, handler: str, chosen: Selection) -> Iterator[Tuple[Member, Any]]:
    """Every chosen member with, for a file, a function that gives its content in pieces, valid
    until the next member. Raises Fail for what is refused or damaged."""
    try:
        if handler == "ZipArchive":
            yield from _zip(path, chosen)
        else:
            yield from _tar(path, handler, chosen)
    except (Fail, GeneratorExit):
        raise
    except OSError as exc:
        if exc.filename or exc.errno:
            raise
        raise Fail("%s is damaged: %s" % (path, exc)) from None
    except Exception as exc:  # tarfile, zipfile and zlib each have their own
        if type(exc).__module__.split(".")[0] in ("tarfile", "zipfile", "zlib", "_lzma", "lzma"):
            raise Fail("%s is damaged: %s" % (path, exc)) from None
        if isinstance(exc, EOFError):
            raise Fail("%s ends too early" % path) from None
        raise


def _stream(path: str, handler: str) -> Tuple[Any, Callable[[], None]]:
    """The archive's plain bytes, and what to call at their end."""
    if handler == "TarArchive":
        stream: Any = open(path, "rb")
        return stream, stream.close
    module = _MODULES.get(handler)
    if module is not None:
        try:
            stream = __import__(module).open(path, "rb")
            return stream, stream.close
        except ImportError:
            pass
    return _piped(path, _PROGRAMS[handler])


def _piped(path: str, program: str) -> Tuple[Any, Callable[[], None]]:
    import subprocess

    source = open(path, "rb")
    try:
        child = subprocess.Popen(
            [program, "-dc"], stdin=source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        raise Fail("%s needs the program %s to be unpacked" % (path, program)) from None
    finally:
        source.close()

    def close() -> None:
        assert child.stdout is not None
        ended = not child.stdout.read(1)
        child.stdout.close()
        if not ended:
            child.kill()
        if child.wait() and ended:
            raise Fail("%s cannot read %s" % (program, path))

    return child.stdout, close


def _tar(path: str, handler: str, chosen: Selection) -> Iterator[Tuple[Member, Any]]:
    import tarfile

    stream, close = _stream(path, handler)
    try:
        with tarfile.open(fileobj=stream, mode="r|", encoding="utf-8") as archive:
            for info in archive:
                member = _tar_member(info, chosen)
                if member is not None:
                    yield member, lambda info=info: _pieces(archive.extractfile(info))
    finally:
        close()


def _tar_member(info: Any, chosen: Selection) -> Optional[Member]:
    name = chosen.name(info.name)
    if name is None:
        return None
    member = Member(
        name,
        "file",
        info.mode & 0o7777,
        int(info.mtime),
        info.size,
        uid=info.uid,
        gid=info.gid,
        owner=info.uname,
        group=info.gname,
    )
    if info.isdir():
        member.kind, member.size = "directory", 0
    elif info.issym():
        member.kind, member.target = "link", chosen.target(name, info.linkname)
    elif info.islnk():
        target = chosen.name(info.linkname)
        if target is None:
            raise Fail("the archive's hard link %s means a member left out" % info.name)
        member.kind, member.target = "hardlink", target
    elif not info.isfile():
        raise Fail("the archive's member %s is a device or a pipe: refused" % info.name)
    return member


def _zip(path: str, chosen: Selection) -> Iterator[Tuple[Member, Any]]:
    import zipfile

    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = chosen.name(info.filename)
            if name is None:
                continue
            mode = info.external_attr >> 16
            bits = stat.S_IMODE(mode) if info.create_system == 3 and mode else None
            mtime = int(time.mktime((*info.date_time, 0, 0, -1)))
            member = Member(name, "file", bits, mtime, info.file_size)
            if info.is_dir():
                member.kind, member.size = "directory", 0
            elif stat.S_ISLNK(mode):
                target = archive.read(info).decode("utf-8", "surrogateescape")
                member.kind, member.target = "link", chosen.target(name, target)
            yield member, lambda info=info: _pieces(archive.open(info))


def _pieces(stream: Any) -> Iterator[bytes]:
    with stream:
        while True:
            data = stream.read(_PIECE)
            if not data:
                return
            yield data


def manifest(path: str, handler: str, chosen: Selection) -> List[Member]:
    """All members, the last of each name, with the SHA-256 of files."""
    found: Dict[str, Member] = {}
    for member, content in members(path, handler, chosen):
        if member.kind == "file":
            member.digest = _digest(content(), member.size)
        found.pop(member.name, None)
        found[member.name] = member
    return list(found.values())


def _digest(pieces: Iterable[bytes], size: int) -> str:
    digest = fs.new_sha256(size)
    for piece in pieces:
        digest.update(piece)
    return str(digest.hexdigest())
