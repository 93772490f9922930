"""A Miniconda prefix: there, whole, new enough, set up."""

from __future__ import annotations

import os
import stat
import time

from provision.agent import condaprefix, condarc, core, download, fs
from provision.agent.condabase import as_numbers, version_of
from provision.agent.condainstall import Installation
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_INSTALLING = ("state", "problems", "version", "python")


class MinicondaState(core.State):
    """The prefix as flat keys; `rc.KEY` are those of its own condarc."""

    def __init__(self, base: Installation, args: Args) -> None:
        self.base = base
        self.args = args
        self.rc: Dict[str, Any] = dict(args.get("rc") or {})
        self.rc_path = base.path(".condarc")

    def observe(self) -> Dict[str, Any]:
        base = self.base
        kind = base.kind()
        if kind is None and fs.lstat(base.marker) is None:
            return {"state": None}
        seen: Dict[str, Any] = {"state": "present"}
        problems = base.problems()
        seen["problems"] = "; ".join(problems) if problems else None
        seen["version"] = version_of(base.prefix, "conda")
        python = version_of(base.prefix, "python") or ""
        seen["python"] = ".".join(python.split(".")[:2]) or None
        for key, value in condarc.parse(self._rc_text()).items():
            seen["rc." + key] = "(a value that is not read here)" if (
                value is condarc.UNREAD
            ) else value  # fmt: skip
        if kind == "directory":
            info = os.stat(base.prefix)
            seen["owner"] = fs.user_name(info.st_uid)
            seen["group"] = fs.group_name(info.st_gid)
            seen["mode"] = fs.mode_text(info.st_mode)
        seen["terms"] = base.note().get("terms") or []
        return seen

    def _rc_text(self) -> str:
        try:
            return fs.read_bytes(self.rc_path).decode("utf-8", "replace")
        except OSError:
            return ""

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted: Dict[str, Any] = {"state": "present", "problems": None}
        there = observed.get("version")
        asked = self.args["version"]
        newer = there is not None and as_numbers(there) >= as_numbers(asked)
        wanted["version"] = there if newer else asked
        if "python" in self.args:
            wanted["python"] = self.args["python"]
        wanted.update(("rc." + key, value) for key, value in self.rc.items())
        for key, name in (("owner", fs.user_name), ("group", fs.group_name)):
            value = self.args.get(key)
            if value is not None:
                number = fs.uid_of(value) if key == "owner" else fs.gid_of(value)
                wanted[key] = name(number)
        mode = self.args.get("mode")
        if mode is not None:
            now = int(observed.get("mode") or "0755", 8)
            wanted["mode"] = fs.mode_text(fs.parse_mode(mode, now, True))
        terms = self.args.get("accept_terms") or []
        if terms:
            wanted["terms"] = sorted(set(terms) | set(observed.get("terms") or []))
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        base = self.base
        os.makedirs(base.folder, exist_ok=True)
        with base.lock():
            if any(key in _INSTALLING for key in changes):
                self._install()
            text = self._rc_text()
            changed = condarc.change(text, self.rc, [])
            if changed != text:
                fs.write_file(self.rc_path, changed.encode("utf-8"), mode=0o644)
            terms = [t for t in self.args.get("accept_terms") or [] if t in wanted["terms"]]
            if "terms" in changes:
                base.accept_terms(terms)
            if "owner" in changes or "group" in changes or "mode" in changes:
                self._own()
            base.write_note(terms=sorted(wanted.get("terms") or []))

    def _install(self) -> None:
        base = self.base
        # whoever held the lock before us may have done it
        now = self.observe()
        if not any(now.get(k) != v for k, v in self.desired(now).items() if k in _INSTALLING):
            return
        base.install()
        base.write_note(
            release=self.args["release"],
            distribution=self.args["distribution"],
            url=download.public(self.args["url"]),
            installed=time.time(),
        )

    def _own(self) -> None:
        uid = -1 if self.args.get("owner") is None else fs.uid_of(self.args["owner"])
        gid = -1 if self.args.get("group") is None else fs.gid_of(self.args["group"])
        envs = self.base.path("envs")
        if (uid, gid) != (-1, -1):
            for path in fs.children(self.base.prefix):
                if not path.startswith(envs + "/"):  # environments have owners of their own
                    os.lchown(path, uid, gid)
            os.chown(self.base.prefix, uid, gid)
        if self.args.get("mode") is not None:
            now = stat.S_IMODE(os.stat(self.base.prefix).st_mode)
            os.chmod(self.base.prefix, fs.parse_mode(self.args["mode"], now, True))

    def data(self, observed: Observed) -> Dict[str, Any]:
        return {
            "prefix": self.base.prefix,
            "version": observed.get("version"),
            "python": self.base.path("bin", "python"),
        }


def main(ctx: Context, args: Args) -> Result:
    """args: state, prefix; for present: version, release, url, sha256, sha256_url, blob,
    distribution, python, rc, accept_terms, check_level, owner, group, mode."""
    base = Installation(ctx, args)
    if args["state"] == "absent":
        return _absent(ctx, base)
    base.refuse_foreign()
    result = core.converge(ctx, MinicondaState(base, args))
    if result["status"] == "ok" and base.examined and not ctx.check:
        try:
            base.write_note()  # next time a look at the stat data is enough
        except OSError:
            pass
    return result


def _absent(ctx: Context, base: Installation) -> Result:
    if base.kind() is None and fs.lstat(base.marker) is None:
        return core.ok(prefix=base.prefix)
    base.refuse_foreign()
    diff = [{"key": "state", "before": "present", "after": None}]
    users = condaprefix.users(base.prefix)
    if ctx.check:
        return core.changed(diff, prefix=base.prefix)
    if users:
        raise Fail("%s is in use by process %d" % (base.prefix, users[0]))
    with base.lock():
        fs.remove_tree(base.prefix)
        fs.remove_tree(base.marker)
    return core.changed(diff, prefix=base.prefix)
