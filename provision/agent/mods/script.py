"""Runs a script that the controller sends. Its file is readable by its owner only, and is gone
when the script has ended, or the agent."""

from __future__ import annotations

import os

from provision.agent import core, fs
from provision.agent.mods import command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from provision.agent.core import Args, Context, Result


def main(ctx: Context, args: Args) -> Result:
    """args: blob (SHA-256), name, arguments (list), cmd, chdir, creates, removes,
    executable (list)."""
    sent: Dict[str, Any] = {
        key: args[key] for key in ("chdir", "creates", "removes", "cmd") if key in args
    }
    if ctx.check or command._guard(sent):
        return command.main(ctx, {**sent, "argv": ["script"]})
    folder = _private_folder()
    path = os.path.join(folder, os.path.basename(args["name"]))
    try:
        _receive(ctx, path, args["blob"])
        argv = [*(args.get("executable") or ()), path, *args.get("arguments", ())]
        return command.main(ctx, {**sent, "argv": argv})
    finally:
        core.staged.pop(path, None)
        fs.remove_tree(folder)


def _private_folder() -> str:
    import tempfile

    return tempfile.mkdtemp(prefix="provision-script-")


def _receive(ctx: Context, path: str, digest: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o700)
    core.staged[path] = fd  # removed when the agent has to end in the middle
    check = fs.new_sha256()
    try:
        for piece in ctx.receive_blob(digest):
            check.update(piece)
            while piece:
                piece = piece[os.write(fd, piece) :]
    finally:
        os.close(fd)
    if check.hexdigest() != digest:
        raise core.Fail("the script arrived damaged")
