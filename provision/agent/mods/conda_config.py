"""Keys of one condarc."""

from __future__ import annotations

import os
import pwd

from provision.agent import condarc, core, fs
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Sequence, Tuple

    from provision.agent.core import Args, Context, Observed, Result

_NESTED = "(a value that is not read here)"


def rc_path(args: Args) -> Tuple[str, Optional[str]]:
    """The file that a scope means, and the user who owns it when it lies in a home."""
    scope = args["scope"]
    if scope == "path":
        return args["path"], None
    if scope == "system":
        return "/etc/conda/.condarc", None
    if scope == "prefix":
        return os.path.join(args["conda"], ".condarc"), None
    if scope == "env":
        return os.path.join(args["conda"], "envs", args["env"], ".condarc"), None
    user = args.get("user")
    try:
        entry = pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())
    except KeyError:
        raise Fail("no user %s on the host" % (user or os.geteuid())) from None
    return os.path.join(entry.pw_dir, ".condarc"), user


class Rc(core.State):
    """One file: its keys."""

    def __init__(self, path: str, user: Optional[str], args: Args) -> None:
        self.path = path
        self.user = user
        self.settings: Dict[str, Any] = dict(args.get("settings") or {})
        self.remove = list(args.get("remove") or ())

    def text(self) -> str:
        try:
            return fs.read_bytes(self.path).decode("utf-8")
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError:
            raise Fail("%s is not text" % self.path) from None

    def observe(self) -> Dict[str, Any]:
        found = condarc.parse(self.text())
        return {k: _NESTED if v is condarc.UNREAD else v for k, v in found.items()}

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted = dict(self.settings)
        wanted.update((key, None) for key in self.remove)
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        folder = os.path.dirname(self.path)
        if not os.path.isdir(folder):
            if os.path.basename(folder) != "conda" and self.user is None:
                raise Fail("no directory %s" % folder)
            os.makedirs(folder, 0o755)
        text = condarc.change(self.text(), self.settings, self.remove)
        uid = gid = None
        if self.user is not None and fs.lstat(self.path) is None:
            entry = pwd.getpwnam(self.user)
            uid, gid = entry.pw_uid, entry.pw_gid
        fs.write_file(self.path, text.encode("utf-8"), uid=uid, gid=gid)

    def data(self, observed: Observed) -> Dict[str, Any]:
        return {"path": self.path, "settings": {k: observed.get(k) for k in self.settings}}


def main(ctx: Context, args: Args) -> Result:
    """args: scope, path, conda, env, user, settings (values in their kinds), remove (keys)."""
    path, user = rc_path(args)
    return core.converge(ctx, Rc(path, user, args))
