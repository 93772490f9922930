"""Writing a file so that an end at any instant leaves the old content or the new.

A staged file lies beside its target as `.NAME.provision-tmp`, locked while its writer lives,
so that a second writer knows a live one from what a dead one left behind.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from provision.agent.core import Fail, staged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Optional


def lstat(path: str) -> Optional[os.stat_result]:
    """What lies at `path`, None when nothing does. Raises OSError for anything else."""
    try:
        return os.lstat(path)
    except OSError as exc:
        if exc.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise


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
