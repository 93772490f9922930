"""Targets of a makefile.

args: chdir, targets, params, file, jobs, make.
"""

from __future__ import annotations

import os

from provision.agent import core, fs, programs
from provision.agent.core import Fail
from provision.agent.perms import Missing, foreseen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from provision.agent.core import Args, Context, Result


def main(ctx: Context, args: Args) -> Result:
    try:
        return _make(ctx, args)
    except Missing as exc:
        if not ctx.check:
            raise
        return foreseen(exc)


def _make(ctx: Context, args: Args) -> Result:
    program = programs.need(ctx, *([args["make"]] if args.get("make") else ["gmake", "make"]))
    folder = fs.expand(args["chdir"])
    if not os.path.isdir(folder):
        raise Missing("directory %s does not exist" % folder)
    argv = [program]
    if args.get("jobs"):
        argv += ["-j", str(args["jobs"])]
    if args.get("file"):
        argv += ["-f", args["file"]]
    argv += args.get("targets") or []
    for key, value in (args.get("params") or {}).items():
        argv.append(str(key) if value is None else "%s=%s" % (key, value))
    values: Dict[str, Any] = {
        "chdir": folder,
        "command": " ".join(argv),
        "target": " ".join(args.get("targets") or []) or None,
        "targets": args.get("targets") or None,
        "params": args.get("params"),
        "file": args.get("file"),
        "jobs": args.get("jobs"),
    }
    asked = ctx.run([program, "--question", *argv[1:]], cwd=folder, ok=None)
    if asked.rc == 0:
        return core.ok(stdout=asked.stdout, stderr=asked.stderr, rc=0, **values)
    if ctx.check:
        if asked.rc != 1:
            words = (asked.stderr.strip() or "make ended with %d" % asked.rc).splitlines()
            raise Fail(words[-1], rc=asked.rc, stdout=asked.stdout, stderr=asked.stderr, **values)
        return core.changed([], stdout="", stderr="", rc=1, **values)
    done = ctx.run(argv, cwd=folder)
    return core.changed([], stdout=done.stdout, stderr=done.stderr, rc=0, **values)
