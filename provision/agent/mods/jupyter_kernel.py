"""A kernel spec: kernel.json for an environment's interpreter."""

from __future__ import annotations

import os
import pwd

from provision.agent import condaprefix, core, fs
from provision.agent.core import Fail, dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_SYSTEM = "/usr/local/share/jupyter"


def _data_directory(args: Args) -> str:
    if args.get("directory"):
        return str(args["directory"])
    user = args.get("user")
    if not user:
        return _SYSTEM
    try:
        home = pwd.getpwnam(user).pw_dir
    except KeyError:
        raise Fail("no user %s on the host" % user) from None
    return os.path.join(home, ".local", "share", "jupyter")


class Kernel(core.State):
    """Keys are those of kernel.json; `env.NAME` its environment variables."""

    def __init__(self, args: Args) -> None:
        self.args = args
        self.root = _data_directory(args)
        self.folder = os.path.join(self.root, "kernels", args["name"])
        self.path = os.path.join(self.folder, "kernel.json")
        self.text: Dict[str, Any] = {}

    def observe(self) -> Dict[str, Any]:
        kind = fs.kind_of(fs.lstat(self.folder))
        if kind is None:
            return {"state": None}
        try:
            found = loads(fs.read_bytes(self.path).decode("utf-8"))
            self.text = found if isinstance(found, dict) else {}
        except Exception:  # missing, or nothing that can be read
            return {"state": "damaged"}
        seen: Dict[str, Any] = {
            "state": "present",
            "display_name": self.text.get("display_name"),
            "language": self.text.get("language"),
            "argv": self.text.get("argv"),
        }
        env = self.text.get("env")
        for key, value in (env if isinstance(env, dict) else {}).items():
            seen["env." + key] = value
        return seen

    def _argv(self) -> List[str]:
        # The environment's name, not the generation: the kernel follows it.
        python = os.path.join(self.args["prefix"], "bin", "python")
        return [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]

    def desired(self, observed: Observed) -> Dict[str, Any]:
        if self.args["state"] == "absent":
            return {"state": None}
        wanted: Dict[str, Any] = {
            "state": "present",
            "display_name": self.args["display_name"],
            "language": "python",
            "argv": self._argv(),
        }
        env: Dict[str, str] = self.args.get("env_vars") or {}
        for key in observed:
            if key.startswith("env.") and key[4:] not in env:
                wanted[key] = None
        wanted.update(("env." + key, value) for key, value in env.items())
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if wanted["state"] is None:
            fs.remove_tree(self.folder)
            return
        spec = dict(self.text)
        spec.update(
            argv=wanted["argv"],
            display_name=wanted["display_name"],
            language="python",
            env=dict(self.args.get("env_vars") or {}),
        )
        spec.setdefault("metadata", {"debugger": True})
        if fs.kind_of(fs.lstat(self.folder)) not in (None, "directory"):
            fs.remove_tree(self.folder)
        self._make_folders()
        uid, gid = self._owner()
        fs.write_file(self.path, dumps(spec).encode("utf-8"), mode=0o644, uid=uid, gid=gid)

    def _owner(self) -> Any:
        user: Optional[str] = self.args.get("user")
        if not user or os.geteuid() != 0:
            return None, None
        entry = pwd.getpwnam(user)
        return entry.pw_uid, entry.pw_gid

    def _make_folders(self) -> None:
        """Those that are missing, owned by the user whose home they lie in."""
        missing = []
        path = self.folder
        while not os.path.isdir(path):
            missing.append(path)
            path = os.path.dirname(path)
        uid, gid = self._owner()
        for path in reversed(missing):
            os.mkdir(path, 0o755)
            if uid is not None:
                os.chown(path, uid, gid)

    def data(self, observed: Observed) -> Dict[str, Any]:
        return {"path": self.path, "argv": observed.get("argv")}


def _usable(args: Args) -> str:
    """Why the environment cannot run a kernel; empty when it can."""
    prefix = args["prefix"]
    if not os.access(os.path.join(prefix, "bin", "python"), os.X_OK):
        return "there is no python in %s" % prefix
    for folder in condaprefix.site_packages(os.path.realpath(prefix)):
        if os.path.isfile(os.path.join(folder, "ipykernel_launcher.py")):
            return ""
    return "ipykernel is not installed in %s" % prefix


def main(ctx: Context, args: Args) -> Result:
    """args: name, state, user or directory; for present: prefix, display_name, env_vars."""
    kernel = Kernel(args)
    if args["state"] == "present":
        why = _usable(args)
        if why and not ctx.check:
            raise Fail("%s: no kernel can run there" % why)
        if why:  # the environment may come with this very run
            result = core.converge(ctx, kernel)
            result["data"]["usable"] = False
            if result["status"] == "ok":
                diff = [{"key": "usable", "before": why, "after": "runs"}]
                return core.changed(diff, why, **result["data"])
            return result
    return core.converge(ctx, kernel)
