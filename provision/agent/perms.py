"""Mode, owner, group, flags and SELinux context: what a task says of a file beside its content."""

from __future__ import annotations

import os
import stat

from provision.agent import core, fs, selinux
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence

    from provision.agent.core import Args, Context, Observed, Result, State

_SHOWN = 200  # entries of a diff


def describe(path: str, info: Optional[os.stat_result]) -> Dict[str, Any]:
    """Values for `register`, as Ansible names them."""
    if info is None:
        return {"path": path, "state": "absent"}
    state = fs.kind_of(info)
    if state not in ("directory", "link"):
        state = "hard" if info.st_nlink > 1 else "file"
    values: Dict[str, Any] = {
        "path": path,
        "state": state,
        "mode": fs.mode_text(info.st_mode),
        "owner": fs.user_name(info.st_uid),
        "group": fs.group_name(info.st_gid),
        "uid": info.st_uid,
        "gid": info.st_gid,
        "size": info.st_size,
    }
    label = selinux.context_of(path) if selinux.enabled() else None
    if label:
        values["secontext"] = label
    return values


class Perms:
    """What a task's arguments say; observes, compares and applies just that.

    `warnings` gathers what a check run cannot know: accounts that do not exist yet.
    """

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.mode: Optional[str] = args.get("mode")
        self.owner: Optional[str] = args.get("owner")
        self.group: Optional[str] = args.get("group")
        self.flags: Optional[str] = args.get("attributes")
        self.context = selinux.said(args)
        self.said = (
            self.mode is not None
            or self.owner is not None
            or self.group is not None
            or self.flags is not None
            or bool(self.context)
        )
        self.warnings: List[str] = []
        self._names: Dict[Any, str] = {}  # of accounts, for as long as this step runs

    def observe(self, path: str, info: Optional[os.stat_result]) -> Dict[str, Any]:
        """mode, owner, group; attributes and secontext where the task speaks of them."""
        if info is None:
            return {"mode": None, "owner": None, "group": None}
        seen: Dict[str, Any] = {
            "mode": fs.mode_text(info.st_mode),
            "owner": self._name("user", info.st_uid),
            "group": self._name("group", info.st_gid),
        }
        if self.flags is not None:
            from provision.agent import flags

            seen["attributes"] = flags.read(path)
        if self.context:
            seen["secontext"] = selinux.context_of(path)
        return seen

    def desired(
        self, seen: Observed, path: str, info: Optional[os.stat_result], directory: bool
    ) -> Dict[str, Any]:
        """Of `observe`'s keys those that the task asks for."""
        wanted: Dict[str, Any] = {}
        if self.mode is not None and not (info is not None and stat.S_ISLNK(info.st_mode)):
            wanted["mode"] = fs.mode_text(self.mode_for(info, directory))
        if self.owner is not None:
            wanted["owner"] = self._account("user", self.owner, seen["owner"])
        if self.group is not None:
            wanted["group"] = self._account("group", self.group, seen["group"])
        if self.flags is not None:
            from provision.agent import flags

            wanted["attributes"] = flags.wanted(self.flags, seen.get("attributes") or "")
            if not wanted["attributes"] and seen.get("attributes") is None:
                wanted["attributes"] = None
        if self.context:
            wanted["secontext"] = selinux.wanted(
                self.ctx, self.context, path, seen.get("secontext")
            )
        return wanted

    def mode_for(self, info: Optional[os.stat_result], directory: bool) -> int:
        """The bits for what lies there, or for what is new there."""
        if info is not None and stat.S_ISDIR(info.st_mode) == directory:
            current = stat.S_IMODE(info.st_mode)
        else:
            current = (0o777 if directory else 0o666) & ~fs.current_umask()
        return current if self.mode is None else fs.parse_mode(self.mode, current, directory)

    def _name(self, kind: str, number: int) -> str:
        key = kind, number
        if key not in self._names:
            read = fs.user_name if kind == "user" else fs.group_name
            self._names[key] = read(number)
        return self._names[key]

    def _account(self, kind: str, said: str, now: Optional[str]) -> str:
        if said == now:
            return said
        if kind + said in self._names:
            return self._names[kind + said]
        try:
            number = fs.uid_of(said) if kind == "user" else fs.gid_of(said)
            name = self._names[kind + said] = self._name(kind, number)
        except Fail:
            if not self.ctx.check:
                raise
            self.warn("failed to look up %s %s: it has to be created before" % (kind, said))
            return said
        if self.ctx.check and name == said and said.isdigit():
            word = "uid" if kind == "user" else "gid"
            self.warn("failed to look up %s with %s %s" % (kind, word, said))
        return name

    def resolved(self, kind: str, name: str, number: int) -> str:
        """The account that an archive means: by name where the host has it, else by number."""
        key = "resolved", kind, name, number
        if key not in self._names:
            try:
                found = (fs.uid_of if kind == "user" else fs.gid_of)(name) if name else number
            except Fail:
                found = number
            self._names[key] = self._name(kind, found)
        return self._names[key]

    def warn(self, words: str) -> None:
        if words not in self.warnings:
            self.warnings.append(words)

    def uid(self) -> Optional[int]:
        return None if self.owner is None else fs.uid_of(self.owner)

    def gid(self) -> Optional[int]:
        return None if self.group is None else fs.gid_of(self.group)

    def apply(
        self, path: str, wanted: Observed, changes: Sequence[str], follow: bool = True
    ) -> None:
        """Sets what is among `changes`. `follow` False: of a link itself. Raises Fail."""
        try:
            if not changes:
                return
            if "owner" in changes or "group" in changes:
                uid = self.uid() if "owner" in changes else None
                gid = self.gid() if "group" in changes else None
                os.chown(
                    path,
                    -1 if uid is None else uid,
                    -1 if gid is None else gid,
                    follow_symlinks=follow,
                )
                if "mode" in wanted:  # chown drops set-id bits
                    os.chmod(path, int(wanted["mode"], 8))
            elif "mode" in changes:
                os.chmod(path, int(wanted["mode"], 8))
            if "secontext" in changes and wanted["secontext"]:
                selinux.write(path, wanted["secontext"], follow)
            if "attributes" in changes:
                from provision.agent import flags

                flags.write(path, wanted["attributes"] or "")
        except OSError as exc:
            raise fs.cannot("set %s of" % _words(changes), path, exc, path=path) from None

    def finish(self, path: str) -> None:
        """What a new or replaced file still needs after mode and owner: flags, context."""
        if self.flags is None and not self.context:
            return
        info = fs.lstat(path)
        now = self.observe(path, info)
        wanted = self.desired(now, path, info, False)
        changes = [k for k in wanted if wanted[k] != now.get(k)]
        self.apply(path, wanted, changes)


def _words(changes: Sequence[str]) -> str:
    named = [key for key in ("mode", "owner", "group", "attributes", "secontext") if key in changes]
    return " and ".join(named)


class Missing(Fail):
    """Something absent that an earlier step may make: an apply fails, a check cannot know."""


def foreseen(exc: Missing) -> Result:
    """What a check says of something that is not there yet."""
    return core.unknown(exc.msg + " unless a task before makes it", **exc.data)


def settle(ctx: Context, state: State, perms: Perms) -> Result:
    """`converge`, with what `perms` has to warn of."""
    try:
        result = core.converge(ctx, state)
    except Missing as exc:
        if perms.warnings:
            exc.data["warnings"] = list(perms.warnings)
        if not ctx.check:
            raise
        return foreseen(exc)
    return with_warnings(result, perms.warnings)


def shortened(result: Result) -> Result:
    """Not more of a diff than anyone reads."""
    diff = result.get("diff") or []
    if len(diff) > _SHOWN:
        more = "%d more" % (len(diff) - _SHOWN)
        result["diff"] = [*diff[:_SHOWN], {"key": "…", "before": None, "after": more}]
    return result


def with_warnings(result: Result, warnings: Sequence[str]) -> Result:
    """Adds warnings for the console, and for `register`."""
    if warnings:
        data = result.get("data") or {}
        told = [*data.get("warnings", ()), *warnings]
        result["warnings"] = told
        result["data"] = {**data, "warnings": told}
    return result
