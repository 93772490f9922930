"""Programs the agent starts. They run in their own process group and end with the agent."""

from __future__ import annotations

import _signal
import os
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List, Mapping, NoReturn, Optional, Sequence, Set, Tuple

SIGTERM, SIGKILL = 15, 9
_TICK_S = 0.02  # how often to look for an exit where the kernel has no pidfd
_GRACE_S = 2.0  # between SIGTERM and SIGKILL
_PERIOD_S = 1.0  # of `on_tick`
_KEEP = 8 * 1024 * 1024  # bytes of each stream that are kept

groups: Set[int] = set()  # process groups that must not outlive the agent


class Completed:
    """How a program ended. `rc` is -N after signal N; `timed_out` says that we ended it."""

    __slots__ = ("argv", "err", "out", "rc", "timed_out", "truncated")

    def __init__(self, argv: Sequence[str]) -> None:
        self.argv = list(argv)
        self.rc = 0
        self.out = b""
        self.err = b""
        self.timed_out = False
        self.truncated = False

    @property
    def stdout(self) -> str:
        return self.out.decode("utf-8", "surrogateescape")

    @property
    def stderr(self) -> str:
        return self.err.decode("utf-8", "surrogateescape")


def kill_group(pgid: int, sig: int) -> None:
    try:
        os.killpg(pgid, sig)
    except OSError:
        pass


def end_all() -> None:
    """Ends every program that still runs: politely, then not."""
    for pgid in list(groups):
        kill_group(pgid, SIGTERM)
    deadline = time.monotonic() + _GRACE_S
    while groups and time.monotonic() < deadline:
        for pgid in list(groups):
            try:
                done, _ = os.waitpid(pgid, os.WNOHANG)
            except OSError:
                done = pgid
            if done:
                kill_group(pgid, SIGKILL)
                groups.discard(pgid)
        time.sleep(_TICK_S)
    for pgid in groups:
        kill_group(pgid, SIGKILL)


def _child(
    argv: Sequence[str],
    fds: Tuple[int, int, int],
    cwd: Optional[str],
    env: Optional[Mapping[str, str]],
    umask: Optional[int],
    preexec: Optional[Callable[[], None]],
    report: int,
) -> NoReturn:
    try:
        os.setsid()
        for number in (13, 25):  # Python ignores SIGPIPE and SIGXFSZ; programs expect them
            _signal.signal(number, _signal.SIG_DFL)
        for target, fd in enumerate(fds):
            os.dup2(fd, target)
        if preexec is not None:
            preexec()
        if cwd is not None:
            os.chdir(cwd)
        if umask is not None:
            os.umask(umask)
        if env is None:
            os.execvp(argv[0], list(argv))
        else:
            os.execvpe(argv[0], list(argv), dict(env))
    except OSError as exc:
        os.write(report, b"%d %s" % (exc.errno or 0, os.fsencode(exc.filename or "")))
    except BaseException as exc:
        os.write(report, b"0 " + repr(exc).encode())
    os._exit(127)


def spawn(
    argv: Sequence[str],
    fds: Tuple[int, int, int],
    cwd: Optional[str] = None,
    env: Optional[Mapping[str, str]] = None,
    umask: Optional[int] = None,
    preexec: Optional[Callable[[], None]] = None,
) -> int:
    """Starts a program in its own session. Raises OSError when it cannot be executed.

    A plain fork: the agent has one thread, and `subprocess` would cost 10 ms to import.
    """
    reader, writer = os.pipe()  # both close-on-exec
    pid = os.fork()
    if pid == 0:
        _child(argv, fds, cwd, env, umask, preexec, writer)
    os.close(writer)
    # From here the program is ours to end, even if reading its report is interrupted.
    groups.add(pid)
    with os.fdopen(reader, "rb") as pipe:
        report = pipe.read()
    if report:
        os.waitpid(pid, 0)
        groups.discard(pid)
        number, _, name = report.partition(b" ")
        code = int(number)
        if not code:
            raise OSError(name.decode("utf-8", "replace"))
        raise OSError(code, os.strerror(code), os.fsdecode(name) or argv[0])
    return pid


class _Streams:
    """Moves bytes between a program's three streams and memory."""

    def __init__(
        self,
        stdin: bytes,
        pipes: Tuple[int, int, int],
        on_output: Optional[Callable[[int, bytes], None]],
    ) -> None:
        self.todo = memoryview(stdin)
        self.to_child, self.out, self.err = pipes
        self.chunks: Dict[int, List[bytes]] = {self.out: [], self.err: []}
        self.sizes = {self.out: 0, self.err: 0}
        self.truncated = False
        self.on_output = on_output
        self.poll = select.poll()
        self.open = {self.out, self.err}
        for fd in self.open:
            self.poll.register(fd, select.POLLIN | select.POLLHUP)
        if stdin:
            os.set_blocking(self.to_child, False)
            self.poll.register(self.to_child, select.POLLOUT)
        else:
            self._close_stdin()

    def _close_stdin(self) -> None:
        os.close(self.to_child)
        self.to_child = -1

    def step(self, timeout_s: float) -> None:
        for fd, event in self.poll.poll(max(0, int(timeout_s * 1000))):
            if fd == self.to_child:
                self._feed(event)
            elif fd in self.open:
                self._collect(fd)

    def _feed(self, event: int) -> None:
        try:
            self.todo = self.todo[os.write(self.to_child, self.todo[:65536]) :]
        except BlockingIOError:
            return
        except OSError:
            self.todo = self.todo[:0]  # the program reads no more; its own business
        if not self.todo:
            self.poll.unregister(self.to_child)
            self._close_stdin()

    def _collect(self, fd: int) -> None:
        data = os.read(fd, 65536)
        if not data:
            self.poll.unregister(fd)
            self.open.discard(fd)
            return
        if self.on_output is not None:
            self.on_output(1 if fd == self.out else 2, data)
        if self.sizes[fd] + len(data) > _KEEP:
            data = data[: _KEEP - self.sizes[fd]]
            self.truncated = True
        self.sizes[fd] += len(data)
        self.chunks[fd].append(data)

    def close(self) -> None:
        for fd in (self.out, self.err, self.to_child):
            if fd >= 0:
                os.close(fd)


class _Waiter:
    """Waits for one child's end and its output at once."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.status: Optional[int] = None
        # 3.9 and Linux 5.3; without it the exit is looked for every _TICK_S.
        if sys.version_info >= (3, 9):
            try:
                self.fd = os.pidfd_open(pid)
            except OSError:
                self.fd = -1
        else:
            self.fd = -1

    def ended(self) -> bool:
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
                groups.discard(self.pid)
        return self.status is not None

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)


def _attend(
    streams: _Streams,
    waiter: _Waiter,
    timeout_s: Optional[float],
    on_tick: Optional[Callable[[], None]],
) -> bool:
    """Serves the streams until the program ended. True when it had to be ended."""
    ticked = time.monotonic()
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    killed = 0
    if waiter.fd >= 0:
        streams.poll.register(waiter.fd, select.POLLIN)
    while not waiter.ended():
        wait = 3600.0 if waiter.fd >= 0 else _TICK_S
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                kill_group(waiter.pid, SIGKILL if killed else SIGTERM)
                killed += 1
                deadline = time.monotonic() + _GRACE_S
                continue
            wait = min(wait, left)
        if on_tick is not None:
            wait = min(wait, _PERIOD_S)
            if time.monotonic() - ticked >= _PERIOD_S:
                ticked = time.monotonic()
                on_tick()
        streams.step(wait)
    if waiter.fd >= 0:
        streams.poll.unregister(waiter.fd)
    # What the program wrote before it ended; not what a daemon it left behind still may.
    while streams.open:
        before = sum(streams.sizes.values()), len(streams.open)
        streams.step(0)
        if before == (sum(streams.sizes.values()), len(streams.open)):
            break
    return killed > 0


def run(
    argv: Sequence[str],
    stdin: bytes = b"",
    cwd: Optional[str] = None,
    env: Optional[Mapping[str, str]] = None,
    timeout_s: Optional[float] = None,
    umask: Optional[int] = None,
    preexec: Optional[Callable[[], None]] = None,
    on_output: Optional[Callable[[int, bytes], None]] = None,
    on_tick: Optional[Callable[[], None]] = None,
) -> Completed:
    """Runs a program to its end and returns what it wrote and how it ended.

    `env` replaces the environment. `on_output(1 or 2, bytes)` sees output as it comes;
    `on_tick()` is called about once a second.
    Raises OSError when the program cannot be executed.
    """
    done = Completed(argv)
    in_r, in_w = os.pipe()
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    try:
        pid = spawn(argv, (in_r, out_w, err_w), cwd, env, umask, preexec)
    except OSError:
        for fd in (in_w, out_r, err_r):
            os.close(fd)
        raise
    finally:
        for fd in (in_r, out_w, err_w):
            os.close(fd)
    streams = _Streams(stdin, (in_w, out_r, err_r), on_output)
    waiter = _Waiter(pid)
    try:
        done.timed_out = _attend(streams, waiter, timeout_s, on_tick)
    finally:
        streams.close()
        waiter.close()
    status = waiter.status or 0
    done.rc = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    done.out = b"".join(streams.chunks[out_r])
    done.err = b"".join(streams.chunks[err_r])
    done.truncated = streams.truncated
    return done
