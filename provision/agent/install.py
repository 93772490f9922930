"""Putting new content in a file's place: staged, checked, validated, then renamed."""

from __future__ import annotations

import errno
import os
import stat
import time

from provision.agent import fs
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

    from provision.agent.core import Context
    from provision.agent.perms import Perms

_TOGETHER = 128  # files open at once
_NOT_REPLACEABLE = (errno.EBUSY, errno.EPERM, errno.EACCES, errno.EXDEV, errno.EROFS)


def checked(parts: Iterable[bytes], sha256: str, size: int, what: str) -> Iterator[bytes]:
    """Passes content on and raises Fail at its end when it is not what was promised."""
    digest = fs.new_sha256(size)
    for part in parts:
        digest.update(part)
        yield part
    if digest.hexdigest() != sha256:
        raise Fail("what arrived for %s is damaged: its SHA-256 differs" % what)


def backup(path: str) -> str:
    """Keeps a copy beside `path` and returns its name. Raises Fail."""
    try:
        return fs.backup(path, time.strftime("%Y-%m-%d@%H:%M:%S"))
    except OSError as exc:
        raise fs.cannot("back up", path, exc) from None


def parent_of(path: str) -> str:
    return os.path.dirname(path.rstrip("/")) or "."


def missing_parent(path: str) -> str:
    """The directory that a file needs and that is not there; empty when all is well."""
    parent = parent_of(path)
    return "" if os.path.isdir(parent) else parent


def warn_of_parent(perms: Perms, path: str) -> None:
    """In a check run: an earlier task may make the directory, so it is no failure yet."""
    parent = missing_parent(path)
    if parent:
        perms.warn("directory %s does not exist: it has to be created before" % parent)


def require_parent(path: str) -> None:
    parent = missing_parent(path)
    if parent:
        what = "is not a directory" if os.path.lexists(parent) else "does not exist"
        raise Fail("cannot write %s: directory %s %s" % (path, parent, what), path=path)


def validated(ctx: Context, words: Sequence[str], temp: str, path: str) -> None:
    """Runs the task's check on the staged file. Raises Fail when it refuses."""
    argv = [word.replace("%s", temp) for word in words]
    done = ctx.run(argv, ok=None)
    if done.rc != 0:
        told = (done.stderr.strip() or done.stdout.strip()).splitlines()
        why = ": " + told[-1] if told else ""
        raise Fail(
            "failed to validate: %s ended with %d for %s%s" % (argv[0], done.rc, path, why),
            exit_status=done.rc,
            stdout=done.stdout,
            stderr=done.stderr,
            path=path,
        )


def install(
    ctx: Context,
    path: str,
    content: Callable[[], Iterable[bytes]],
    mode: int,
    uid: Optional[int] = None,
    gid: Optional[int] = None,
    like: Optional[os.stat_result] = None,
    validate: Sequence[str] = (),
    unsafe: bool = False,
) -> None:
    """Replaces the content of `path`. `like` is the file there now, whose owner stays.

    `unsafe` writes into the file itself where it cannot be replaced: a mount point, a
    directory without write permission. Raises Fail with path and reason.
    """
    require_parent(path)
    kept = like if like is not None and stat.S_ISREG(like.st_mode) else None
    try:
        with fs.Staged(path) as new:
            new.write_all(content())
            if validate:
                os.fchmod(new.fd, mode & 0o777 | 0o400)
                validated(ctx, validate, new.temp, path)
            new.commit(mode, uid, gid, like=kept)
    except OSError as exc:
        if unsafe and kept is not None and exc.errno in _NOT_REPLACEABLE:
            _overwrite(path, content, mode, uid, gid)
            return
        raise fs.cannot("write", path, exc, path=path) from None


def _overwrite(
    path: str,
    content: Callable[[], Iterable[bytes]],
    mode: int,
    uid: Optional[int],
    gid: Optional[int],
) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
        try:
            for part in content():
                view = memoryview(part)
                while view:
                    view = view[os.write(fd, view) :]
            info = os.fstat(fd)
            if uid is not None or gid is not None:
                os.fchown(fd, -1 if uid is None else uid, -1 if gid is None else gid)
            if stat.S_IMODE(info.st_mode) != mode:
                os.fchmod(fd, mode)
        finally:
            os.close(fd)
    except OSError as exc:
        raise fs.cannot("write", path, exc, path=path) from None


class Group:
    """Many files put in place together: all written, all flushed, all renamed. That spares most
    of the waiting for the disk that each alone would cost."""

    def __init__(self) -> None:
        self.waiting: List[Tuple[fs.Staged, Dict[str, Any]]] = []
        self.folders: Set[str] = set()

    def add(self, path: str, content: Iterable[bytes], **commit: Any) -> None:
        """`commit` is what `Staged.commit` takes. Raises Fail."""
        new = fs.Staged(path)
        try:
            new.__enter__()
            self.waiting.append((new, commit))
            new.write_all(content)
        except OSError as exc:
            raise fs.cannot("write", path, exc, path=path) from None
        if len(self.waiting) >= _TOGETHER:
            self.flush()

    def flush(self) -> None:
        waiting, self.waiting = self.waiting, []
        try:
            for new, _ in waiting:
                _flush(new)
            for new, commit in waiting:
                _commit(new, commit)
                self.folders.add(new.folder)
        finally:
            for new, _ in waiting:
                new.__exit__()

    def close(self) -> None:
        """Drops what still waits, after a failure."""
        for new, _ in self.waiting:
            new.__exit__()
        self.waiting = []
        for folder in self.folders:
            fs.fsync_directory(folder)


def _flush(new: fs.Staged) -> None:
    try:
        os.fsync(new.fd)
    except OSError as exc:
        raise fs.cannot("write", new.path, exc, path=new.path) from None


def _commit(new: fs.Staged, how: Dict[str, Any]) -> None:
    try:
        new.commit(sync=False, **how)
    except OSError as exc:
        raise fs.cannot("write", new.path, exc, path=new.path) from None


def make_directories(path: str, mode: Optional[int] = None) -> Sequence[str]:
    """Makes `path` and what it needs above; returns what was made, outermost first."""
    made = []
    at = path.rstrip("/") or "/"
    while at and not os.path.isdir(at):
        made.append(at)
        at = os.path.dirname(at)
    made.reverse()
    for folder in made:
        try:
            os.mkdir(folder)
        except FileExistsError:
            if not os.path.isdir(folder):
                raise Fail(
                    "cannot create directory %s: something else is there" % folder, path=folder
                ) from None
        except OSError as exc:
            raise fs.cannot("create directory", folder, exc, path=folder) from None
    if mode is not None:
        for folder in made:
            try:
                os.chmod(folder, mode)
            except OSError as exc:
                raise fs.cannot("set mode of", folder, exc, path=folder) from None
    return made
