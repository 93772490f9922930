"""Runs a program, with or without a shell."""

from __future__ import annotations

import os
import time

from provision.agent import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from provision.agent.core import Args, Context, Result


def _matches(pattern: str, chdir: Optional[str]) -> bool:
    path = os.path.join(chdir or "", os.path.expanduser(pattern))
    if any(c in pattern for c in "*?["):
        import glob

        return bool(glob.glob(path))
    return os.path.lexists(path)


def _guard(args: Args) -> str:
    """Why there is nothing to do; empty when there is."""
    chdir = args.get("chdir")
    creates, removes = args.get("creates"), args.get("removes")
    if creates and _matches(creates, chdir):
        return "skipped, since %s exists" % creates
    if removes and not _matches(removes, chdir):
        return "skipped, since %s does not exist" % removes
    return ""


def _stamp(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when)) + ".%06d" % (when % 1 * 1e6)


def _delta(seconds: float) -> str:
    whole = int(seconds)
    return "%d:%02d:%02d.%06d" % (whole // 3600, whole // 60 % 60, whole % 60, seconds % 1 * 1e6)


def main(ctx: Context, args: Args) -> Result:
    """args: argv (list), chdir, creates, removes, stdin (text), strip_empty_ends."""
    argv = [str(word) for word in args["argv"]]
    if args.get("expand_argument_vars"):
        argv = [os.path.expandvars(os.path.expanduser(word)) for word in argv]
    cmd: Any = args.get("cmd", argv)
    chdir = args.get("chdir")
    guard = _guard(args)
    if guard:
        return core.ok(guard, rc=0, stdout="", stderr="", cmd=cmd, skipped_by_guard=True)
    if ctx.check:
        if args.get("creates") or args.get("removes"):
            return core.changed(msg="would run", cmd=cmd, rc=0, stdout="", stderr="")
        return core.unknown("a command's effect is not known beforehand", cmd=cmd)
    if chdir is not None:
        chdir = os.path.expanduser(chdir)
        if not os.path.isdir(chdir):
            raise core.Fail("cannot change to %s: no such directory" % chdir, cmd=cmd)
    stdin = args.get("stdin")
    data = b"" if stdin is None else stdin.encode("utf-8", "surrogateescape")
    start = time.time()
    done = ctx.run(argv, data, cwd=chdir, ok=None)
    end = time.time()
    out, err = done.stdout, done.stderr
    if args.get("strip_empty_ends", True):
        out, err = out.rstrip("\r\n"), err.rstrip("\r\n")
    values: Dict[str, Any] = {
        "cmd": cmd,
        "rc": done.rc,
        "stdout": out,
        "stderr": err,
        "stdout_lines": out.splitlines(),
        "stderr_lines": err.splitlines(),
        "start": _stamp(start),
        "end": _stamp(end),
        "delta": _delta(end - start),
    }
    if done.truncated:
        values["truncated"] = True
    if done.rc != 0:
        raise core.Fail("non-zero return code", changed=True, **values)
    return core.changed(**values)
