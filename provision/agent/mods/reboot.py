"""One step of a reboot.

args: phase look (command, test): tells `boot`, which is another after each boot; phase go
(command, msg, delay in seconds, search_paths): goes down soon.
"""

from __future__ import annotations

import os

from provision.agent import core, programs
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

    from provision.agent.core import Args, Context, Result

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def _look(ctx: Context, args: Args) -> Result:
    if args.get("test"):
        ctx.run(["/bin/sh", "-c", args["test"]], timeout_s=60)
    if args.get("command"):
        boot = ctx.run(["/bin/sh", "-c", args["command"]], timeout_s=60).stdout.strip()
    else:
        with open(_BOOT_ID, encoding="ascii") as stream:
            boot = stream.read().strip()
    return core.ok(boot=boot)


def _command(ctx: Context, args: Args) -> List[str]:
    if args.get("command"):
        words = list(programs.words(args["command"]))
        if not words:
            raise Fail("reboot_command is empty")
        return [_found(ctx, args, words[0]), *words[1:]]
    minutes = int(args.get("delay") or 0) // 60
    return [_found(ctx, args, "shutdown"), "-r", "+%d" % minutes, args["msg"]]


def _found(ctx: Context, args: Args, name: str) -> str:
    for folder in args.get("search_paths") or ():
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return path
    return programs.need(ctx, name)


def main(ctx: Context, args: Args) -> Result:
    if args["phase"] == "look":
        return _look(ctx, args)
    argv = _command(ctx, args)
    done = ctx.run(argv, ok=None, timeout_s=60)
    # -15: what ends everything has ended this too
    if done.rc not in (0, -15):
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Fail(
            "Reboot command failed: %s" % (words[-1] if words else "exit status %d" % done.rc),
            rc=done.rc,
            stdout=done.stdout,
            stderr=done.stderr,
        )
    return core.changed([])
