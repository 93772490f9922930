"""Locks between processes on a host that name their owner.

The kernel's lock decides; it ends with the process, and with the programs it has handed the
lock on to (`keep_open`). What stands in the file tells who waits for whom.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time

from provision.agent.core import Fail, dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from provision.agent.core import Context

_LOOK_S = 0.5


class HostLock:
    """Held from entering to leaving. Raises Fail when it is not free within the step's time
    or `wait_s` seconds."""

    def __init__(self, ctx: Context, path: str, what: str, wait_s: float = 3600) -> None:
        self.ctx = ctx
        self.path = path
        self.what = what
        self.wait_s = wait_s
        self.fd = -1

    def owner(self) -> Dict[str, Any]:
        try:
            with open(self.path, encoding="utf-8") as stream:
                found = loads(stream.read())
            return found if isinstance(found, dict) else {}
        except Exception:  # empty, or half-written: the kernel's lock is what counts
            return {}

    def __enter__(self) -> HostLock:
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        start = time.monotonic()
        while not self._try():
            waited = time.monotonic() - start
            left = self.ctx.left_s()
            if waited > self.wait_s or (left is not None and left < 2 * _LOOK_S):
                os.close(self.fd)
                raise Fail(
                    "%s is locked by %s" % (self.what, self._words()), waited_s=round(waited)
                )
            self.ctx.progress(phase="waiting for %s" % self._words(), done=0, total=0)
            time.sleep(_LOOK_S)
        note = {"pid": os.getpid(), "since": time.time(), "what": self.what}
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, dumps(note).encode("utf-8"), 0)
        return self

    def _try(self) -> bool:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            if exc.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
        return True

    def _words(self) -> str:
        owner = self.owner()
        if "pid" not in owner:
            return "another process"
        age = max(0, int(time.time() - float(owner.get("since") or 0)))
        return "process %s since %d s" % (owner["pid"], age)

    def keep_open(self) -> None:
        """For a program's `preexec`: the lock stays while that program lives, so that nobody
        builds over it when its parent was killed."""
        os.set_inheritable(self.fd, True)

    def __exit__(self, *_: object) -> None:
        os.ftruncate(self.fd, 0)
        os.close(self.fd)
