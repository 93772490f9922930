"""Files on the host: reading them cheaply, and the short ways to write one (`staged` has the
long one)."""

from __future__ import annotations

import grp
import os
import pwd
import stat

from provision.agent.core import Fail
from provision.agent.modes import mode_text as mode_text
from provision.agent.modes import parse_mode as parse_mode
from provision.agent.staged import Staged as Staged
from provision.agent.staged import fsync_directory as fsync_directory
from provision.agent.staged import lstat as lstat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Optional, Union

PIECE = 1 << 20
_SMALL = 256 * 1024  # above it OpenSSL's SHA-256 earns the 3 ms that importing it costs
_DIFFABLE = 256 * 1024  # bytes of content that may travel for a diff


def new_sha256(size: int = 0) -> Any:
    """A SHA-256 object, the cheapest to import for about `size` bytes."""
    if size <= _SMALL:
        for name in ("_sha2", "_sha256"):
            try:
                return __import__(name).sha256()
            except (ImportError, AttributeError):
                continue
    import hashlib

    return hashlib.sha256()


def pieces(path: str) -> Iterator[bytes]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while True:
            data = os.read(fd, PIECE)
            if not data:
                return
            yield data
    finally:
        os.close(fd)


def read_bytes(path: str) -> bytes:
    return b"".join(pieces(path))


def sha256_bytes(data: bytes) -> str:
    digest = new_sha256(len(data))
    digest.update(data)
    return str(digest.hexdigest())


def sha256_file(path: str, size: Optional[int] = None) -> str:
    """Hex SHA-256 of a file's content. Raises OSError."""
    digest = new_sha256(os.stat(path).st_size if size is None else size)
    for piece in pieces(path):
        digest.update(piece)
    return str(digest.hexdigest())


def _new_sha1() -> Any:
    try:
        return __import__("_sha1").sha1()
    except (ImportError, AttributeError):
        import hashlib

        return hashlib.sha1()


def sha1_bytes(data: bytes) -> str:
    digest = _new_sha1()
    digest.update(data)
    return str(digest.hexdigest())


def sha1_file(path: str) -> str:
    """Hex SHA-1, which Ansible's results carry as `checksum`. Raises OSError."""
    digest = _new_sha1()
    for piece in pieces(path):
        digest.update(piece)
    return str(digest.hexdigest())


def kind_of(info: Optional[os.stat_result]) -> Optional[str]:
    """file, directory, link, socket, fifo, char, block; None for nothing."""
    if info is None:
        return None
    mode = info.st_mode
    for test, word in (
        (stat.S_ISREG, "file"),
        (stat.S_ISDIR, "directory"),
        (stat.S_ISLNK, "link"),
        (stat.S_ISSOCK, "socket"),
        (stat.S_ISFIFO, "fifo"),
        (stat.S_ISCHR, "char"),
    ):
        if test(mode):
            return word
    return "block"


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def uid_of(user: Union[str, int]) -> int:
    """Raises Fail for a user the host does not have."""
    try:
        return pwd.getpwnam(str(user)).pw_uid
    except KeyError:
        if str(user).isdigit():
            return int(user)
        raise Fail("no user %s on the host" % user) from None


def gid_of(group: Union[str, int]) -> int:
    """Raises Fail for a group the host does not have."""
    try:
        return grp.getgrnam(str(group)).gr_gid
    except KeyError:
        if str(group).isdigit():
            return int(group)
        raise Fail("no group %s on the host" % group) from None


def exists_user(user: Union[str, int]) -> bool:
    try:
        uid_of(user)
    except Fail:
        return False
    return True


def expand(path: str) -> str:
    """A path as a task says it: `~` and `$VARIABLES` are the host's."""
    if "$" in path:
        path = os.path.expandvars(path)
    return os.path.expanduser(path) if path[:1] == "~" else path


def cannot(verb: str, what: str, exc: OSError, **data: Any) -> Fail:
    """The failure that names the path and the system's reason."""
    return Fail("cannot %s %s: %s" % (verb, what, exc.strerror or exc), errno=exc.errno, **data)


def write_file(
    path: str,
    content: bytes,
    mode: Optional[int] = None,
    uid: Optional[int] = None,
    gid: Optional[int] = None,
) -> None:
    """Replaces a file's content at once. What is not said stays as it was; new files get the
    usual permissions and the caller's ownership."""
    here = os.stat(path) if os.path.exists(path) else None
    if mode is None:
        mode = stat.S_IMODE(here.st_mode) if here else 0o666 & ~current_umask()
    with Staged(path) as new:
        new.write(content)
        new.commit(mode, uid, gid, like=here)


def current_umask() -> int:
    value = os.umask(0o022)
    os.umask(value)
    return value


def as_text(data: bytes) -> Optional[str]:
    """Content for a diff; None when it is not text or too long to show."""
    if len(data) > _DIFFABLE or b"\x00" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def content_diff(before: Optional[bytes], after: Optional[bytes]) -> Dict[str, Any]:
    """A diff entry for content: the texts where they can be shown, else their hashes."""
    entry: Dict[str, Any] = {"key": "content"}
    for side, data in (("before", before), ("after", after)):
        if data is None:
            entry[side] = None
            continue
        text = as_text(data)
        entry[side] = "sha256:" + sha256_bytes(data) if text is None else text
    return entry


def backup(path: str, stamp: str) -> str:
    """Copies a file beside itself, keeping mode and owner; returns the copy's path."""
    info = os.stat(path)
    copy = "%s.%d.%s~" % (path, os.getpid(), stamp)
    with Staged(copy) as new:
        new.write_all(pieces(path))
        new.commit(stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid)
    return copy


def children(path: str) -> List[str]:
    """Every path below a directory, links not followed."""
    found: List[str] = []
    for folder, folders, files in os.walk(path):
        found += [os.path.join(folder, name) for name in folders + files]
    return found


def remove_tree(path: str) -> None:
    """Removes a file, a link or a whole directory; fine when there is nothing."""
    info = lstat(path)
    if info is None:
        return
    if stat.S_ISDIR(info.st_mode):
        import shutil

        shutil.rmtree(path)
    else:
        os.unlink(path)
