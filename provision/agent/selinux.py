"""SELinux contexts of files, on hosts that have them; elsewhere what is said is ignored."""

from __future__ import annotations

import os

from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Mapping, Optional, Sequence

    from provision.agent.core import Args, Context

_PARTS = ("seuser", "serole", "setype", "selevel")
_LABEL = "security.selinux"


def enabled() -> bool:
    return os.path.exists("/sys/fs/selinux/enforce")


def said(args: Args) -> Dict[str, str]:
    """What a task says of the context; nothing where there is no SELinux."""
    found = {key: args[key] for key in _PARTS if args.get(key) is not None}
    return found if found and enabled() else {}


def context_of(path: str) -> Optional[str]:
    """The context of a file itself; None where there is none."""
    try:
        return os.getxattr(path, _LABEL, follow_symlinks=False).rstrip(b"\0").decode()
    except OSError:
        return None


def write(path: str, context: str, follow: bool) -> None:
    """Raises OSError."""
    os.setxattr(path, _LABEL, context.encode() + b"\0", follow_symlinks=follow)


def wanted(ctx: Context, parts_said: Mapping[str, str], path: str, now: Optional[str]) -> str:
    """The whole context, with the parts that are said in place of those now."""
    parts = (now or "system_u:object_r:default_t:s0").split(":", 3)
    parts += [""] * (4 - len(parts))
    policy: Sequence[str] = ()
    for at, key in enumerate(_PARTS):
        value = parts_said.get(key)
        if value == "_default":
            policy = policy or _policy(ctx, path) or parts
            parts[at] = policy[at]
        elif value is not None:
            parts[at] = value
    return ":".join(parts).rstrip(":")


def _policy(ctx: Context, path: str) -> Sequence[str]:
    """What the policy says of a path, in its parts."""
    try:
        found = ctx.probe(["matchpathcon", "-n", path])
    except Fail:
        return ()
    parts = found.stdout.strip().split(":", 3)
    return parts if found.rc == 0 and len(parts) == 4 else ()
