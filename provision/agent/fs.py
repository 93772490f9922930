"""Files on the host: reading them cheaply, writing them so that an end at any instant leaves
the old content or the new.

A staged file lies beside its target as `.NAME.provision-tmp`, locked while its writer lives,
so that a second writer knows a live one from what a dead one left behind.
"""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import pwd
import stat

from provision.agent.core import Fail, staged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, Iterator, List, Optional, Union

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


def lstat(path: str) -> Optional[os.stat_result]:
    """What lies at `path`, None when nothing does. Raises OSError for anything else."""
    try:
        return os.lstat(path)
    except OSError as exc:
        if exc.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise


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


def mode_text(mode: int) -> str:
    """`0644` and `01777`, as people write it."""
    return "0%03o" % stat.S_IMODE(mode)


def expand(path: str) -> str:
    """A path as a task says it: `~` and `$VARIABLES` are the host's."""
    if "$" in path:
        path = os.path.expandvars(path)
    return os.path.expanduser(path) if path[:1] == "~" else path


def cannot(verb: str, what: str, exc: OSError, **data: Any) -> Fail:
    """The failure that names the path and the system's reason."""
    return Fail("cannot %s %s: %s" % (verb, what, exc.strerror or exc), errno=exc.errno, **data)


_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o1007}
_PERM = {"r": 0o444, "w": 0o222, "x": 0o111}


def parse_mode(mode: Union[str, int], current: int, directory: bool) -> int:
    """The permission bits that `mode` asks for: octal digits or symbolic (`u=rwX,go-w`).

    `current` are the bits now. Raises Fail when it cannot be read.
    """
    if isinstance(mode, int):
        return mode & 0o7777
    text = mode.strip()
    if text and all(c in "01234567" for c in text):
        return int(text, 8) & 0o7777
    bits = current & 0o7777
    for clause in text.split(","):
        bits = _symbolic(clause, bits, directory, mode)
    return bits


def _symbolic(clause: str, bits: int, directory: bool, whole: str) -> int:
    at = 0
    while at < len(clause) and clause[at] in "ugoa":
        at += 1
    who = clause[:at].replace("a", "ugo") or "ugo"
    rest = clause[at:]
    if not rest or rest[0] not in "=+-" or ("a" in clause[:at] and at > 1):
        raise _bad_mode(whole)
    mask = 0
    for letter in who:
        mask |= _WHO[letter]
    while rest:
        operator, rest = rest[0], rest[1:]
        end = 0
        while end < len(rest) and rest[end] not in "=+-":
            end += 1
        value = 0
        for letter in rest[:end]:
            value |= _permission(letter, who, bits, directory, whole)
        rest = rest[end:]
        if operator == "=":
            keep = 0o6000 if directory else 0  # chmod keeps a directory's set-id bits
            bits = (bits & (~mask | keep)) | value
        elif operator == "+":
            bits |= value
        else:
            bits &= ~value
    return bits


def _permission(letter: str, who: str, bits: int, directory: bool, whole: str) -> int:
    mask = 0
    for name in who:
        mask |= _WHO[name] & 0o777
    if letter in _PERM:
        return _PERM[letter] & mask
    if letter == "X":
        return 0o111 & mask if directory or bits & 0o111 else 0
    if letter == "s":
        return (0o4000 if "u" in who else 0) | (0o2000 if "g" in who else 0)
    if letter == "t":
        return 0o1000
    if letter in "ugo":
        shift = {"u": 6, "g": 3, "o": 0}[letter]
        three = (bits >> shift) & 7
        return (three << 6 | three << 3 | three) & mask
    raise _bad_mode(whole)


def _bad_mode(whole: str) -> Fail:
    return Fail(
        "mode %r is neither octal nor symbolic" % whole,
        details="bad symbolic permission for mode: " + whole,
    )


def fsync_directory(path: str) -> None:
    fd = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as exc:
        if exc.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems
            raise
    finally:
        os.close(fd)


_KEPT = ("security.selinux", "system.posix_acl_access", "user.")


def _staged_name(path: str) -> str:
    folder, name = os.path.split(path)
    short = os.fsdecode(os.fsencode(name)[:200])
    return os.path.join(folder, "." + short + ".provision-tmp")


class Staged:
    """A file being written beside `path`; `commit` renames it over, leaving drops it.

    with Staged(path) as new:
        new.write(b"...")
        new.commit(mode=0o644, uid=0, gid=0)

    Raises Fail when another writer is at the same file, OSError for the rest.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.folder = os.path.dirname(path)
        self.temp = _staged_name(path)
        self.fd = -1

    def __enter__(self) -> Staged:
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        for _ in range(8):
            try:
                fd = os.open(self.temp, flags, 0o600)
            except OSError:
                here = lstat(self.temp)
                if here is None or (here.st_uid == os.geteuid() and not stat.S_ISLNK(here.st_mode)):
                    raise
                os.unlink(self.temp)  # a link, or a stranger's file in a sticky directory
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as exc:
                os.close(fd)
                if exc.errno in (errno.EAGAIN, errno.EACCES):
                    raise Fail("%s is being written by someone else" % self.path) from None
                raise
            here, ours = lstat(self.temp), os.fstat(fd)
            if here is not None and here.st_ino == ours.st_ino:
                if ours.st_uid == os.geteuid() and ours.st_nlink == 1:
                    os.ftruncate(fd, 0)
                    os.fchmod(fd, 0o600)
                    self.fd = fd
                    staged[self.temp] = fd
                    return self
                os.unlink(self.temp)  # planted by someone who may still hold it open
            os.close(fd)  # the other writer renamed it between our open and our lock
        raise Fail("%s is being written by someone else" % self.path)

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.fd, view) :]

    def write_all(self, parts: Iterable[bytes]) -> None:
        for part in parts:
            self.write(part)

    def commit(
        self,
        mode: int,
        uid: Optional[int] = None,
        gid: Optional[int] = None,
        sync: bool = True,
        like: Optional[os.stat_result] = None,
    ) -> None:
        """Puts the file in place. From `like`, the file that it replaces, it takes owner, group
        and extended attributes as far as the caller's rights go."""
        if like is not None:
            self._inherit(like)
        info = os.fstat(self.fd)
        if (uid is not None and uid != info.st_uid) or (gid is not None and gid != info.st_gid):
            os.fchown(self.fd, -1 if uid is None else uid, -1 if gid is None else gid)
        os.fchmod(self.fd, mode)
        if sync:
            os.fsync(self.fd)
        os.rename(self.temp, self.path)
        staged.pop(self.temp, None)
        if sync:
            fsync_directory(self.folder)

    def _inherit(self, like: os.stat_result) -> None:
        info = os.fstat(self.fd)
        for uid, gid in ((like.st_uid, -1), (-1, like.st_gid)):
            if (uid, gid) not in ((info.st_uid, -1), (-1, info.st_gid)):
                try:
                    os.fchown(self.fd, uid, gid)
                except OSError:
                    pass
        try:
            names = os.listxattr(self.path, follow_symlinks=False)
        except OSError:
            return
        for name in names:
            if name.startswith(_KEPT):
                try:
                    value = os.getxattr(self.path, name, follow_symlinks=False)
                    os.setxattr(self.fd, name, value)
                except OSError:
                    pass

    def __exit__(self, *_: object) -> None:
        if self.temp in staged:
            staged.pop(self.temp, None)
            try:
                os.unlink(self.temp)
            except OSError:
                pass
        os.close(self.fd)


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
