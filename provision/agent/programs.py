"""Programs that a state needs and a host may not have."""

from __future__ import annotations

import os

from provision.agent import core
from provision.agent.perms import Missing, foreseen, with_warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Sequence

    from provision.agent.core import Context, Result, State

_MORE = ("/usr/local/sbin", "/usr/sbin", "/sbin")  # a login may not search them


def which(ctx: Context, name: str) -> Optional[str]:
    """The program's path, None when the host has none of this name."""
    if "/" in name:
        return name if os.access(name, os.X_OK) else None
    folders = ctx.environ().get("PATH", os.defpath).split(":")
    for folder in [*folders, *_MORE]:
        path = os.path.join(folder, name)
        if folder and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def need(ctx: Context, *names: str) -> str:
    """The path of the first of `names` that the host has. Raises Missing: a check cannot know
    whether an earlier task would install it."""
    for name in names:
        path = which(ctx, name)
        if path is not None:
            return path
    words = "Failed to find required executable %s" % " or ".join('"%s"' % name for name in names)
    raise Missing(words)


def words(text: Optional[str]) -> Sequence[str]:
    """A string of options as the shell would split it. Raises Fail."""
    if not text:
        return ()
    import shlex

    try:
        return shlex.split(text)
    except ValueError as exc:
        raise core.Fail("cannot read %r as options: %s" % (text, exc)) from None


def settle(ctx: Context, state: State, warnings: Sequence[str] = ()) -> Result:
    """`converge`; a check that lacks a program, or what else an earlier task may bring, ends as
    unknown. `warnings` may grow until the end."""
    try:
        result = core.converge(ctx, state)
    except Missing as exc:
        if not ctx.check:
            raise
        result = foreseen(exc)
    return with_warnings(result, warnings)
