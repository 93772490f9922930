"""A command on a terminal of its own, whose questions are answered.

args: command, responses (pairs of expression and answer or answers), timeout, creates, removes,
chdir, echo.
"""

from __future__ import annotations

import glob
import os
import select
import time

from provision.agent import core, edits, fs, proc, programs
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    from provision.agent.core import Args, Context, Result


class _Terminal:
    """The program and what it has said."""

    def __init__(self, ctx: Context, args: Args, argv: List[str]) -> None:
        import pty

        self.master, slave = pty.openpty()
        if not args.get("echo"):
            _no_echo(slave)
        try:
            self.pid = proc.spawn(
                argv,
                (slave, slave, slave),
                args.get("chdir"),
                ctx.environ(),
                preexec=_own_terminal,
            )
        except OSError as exc:
            os.close(self.master)
            words = "cannot run %s: %s" % (argv[0], exc.strerror or exc)
            raise Fail(words, rc=127) from None
        finally:
            os.close(slave)
        self.output = b""
        self.answered = 0  # bytes of the output that earlier answers belong to

    def read(self, timeout_s: float) -> bool:
        """Takes up what is said; False at the end. Raises TimeoutError."""
        ready, _, _ = select.select([self.master], [], [], timeout_s)
        if not ready:
            raise TimeoutError
        try:
            data = os.read(self.master, 65536)
        except OSError:  # how Linux says that nobody holds the other side
            data = b""
        self.output += data
        return bool(data)

    def end(self, kill: bool) -> int:
        if kill:
            proc.kill_group(self.pid, proc.SIGKILL)
        os.close(self.master)
        _, status = os.waitpid(self.pid, 0)
        proc.groups.discard(self.pid)
        return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _no_echo(fd: int) -> None:
    import termios

    modes = termios.tcgetattr(fd)
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(fd, termios.TCSANOW, modes)


def _answers(args: Args) -> List[List[Any]]:
    """[expression, remaining answers or one for ever]."""
    return [[edits.pattern(question, "responses"), said] for question, said in args["responses"]]


def _converse(ctx: Context, args: Args, terminal: _Terminal) -> None:
    todo = _answers(args)
    limit: Optional[float] = args.get("timeout")
    while True:
        left = ctx.left_s()
        wait = min(x for x in (limit, left, 86400.0) if x is not None)
        end = time.monotonic() + wait
        while True:
            hit = _question(terminal, todo)
            if hit:
                break
            if not terminal.read(max(0.0, end - time.monotonic())):
                return


def _question(terminal: _Terminal, todo: List[List[Any]]) -> bool:
    """Answers the question that comes first in what is new."""
    found = []
    for number, (expression, _) in enumerate(todo):
        match = expression.search(terminal.output, terminal.answered)
        if match and match.end() > terminal.answered:
            found.append((match.start(), number, match))
    if not found:
        return False
    _, number, match = min(found, key=lambda hit: hit[:2])
    expression, said = todo[number]
    if isinstance(said, list):
        if not said:
            text = expression.pattern.decode("utf-8", "replace")
            raise Fail("No remaining responses for '%s', output was '%s'" % (
                text, terminal.output.decode("utf-8", "replace"),
            ))  # fmt: skip
        answer = said.pop(0)
    else:
        answer = said
    terminal.answered = match.end()
    os.write(terminal.master, answer.rstrip("\n").encode("utf-8", "surrogateescape") + b"\n")
    return True


def main(ctx: Context, args: Args) -> Result:
    values: Dict[str, Any] = {"cmd": args["command"], "rc": 0, "stdout": ""}
    creates, removes = args.get("creates"), args.get("removes")
    if creates and glob.glob(fs.expand(creates)):
        values["stdout"] = "skipped, since %s exists" % creates
        return core.ok(**values)
    if removes and not glob.glob(fs.expand(removes)):
        values["stdout"] = "skipped, since %s does not exist" % removes
        return core.ok(**values)
    if ctx.check:
        if creates or removes:
            return core.changed([], **values)
        return core.unknown("a command's effect is not known beforehand", **values)
    argv = [os.path.expanduser(os.path.expandvars(w)) for w in programs.words(args["command"])]
    if args.get("chdir"):
        args = {**args, "chdir": fs.expand(args["chdir"])}
    started = time.monotonic()
    terminal = _Terminal(ctx, args, argv)
    ended, why = False, ""
    try:
        _converse(ctx, args, terminal)
        ended = True
    except TimeoutError:
        why = "command exceeded timeout"
    finally:
        rc = terminal.end(kill=not ended)
    text = terminal.output.decode("utf-8", "surrogateescape").replace("\r\n", "\n").rstrip("\n")
    values.update(rc=rc, stdout=text, delta=round(time.monotonic() - started, 3))
    if why or rc != 0:
        raise Fail(why or "non-zero return code", **values)
    return core.changed([], **values)
