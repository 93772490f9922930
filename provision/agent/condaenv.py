"""One environment on a host: as it is, as it is wanted, and from the one to the other."""

from __future__ import annotations

import os
import stat

from provision.agent import condabuild, condaprefix, fs
from provision.agent.condaset import differences, set_digest
from provision.agent.core import Fail, loads
from provision.agent.generations import Generations, in_use
from provision.agent.hostlock import HostLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    from provision.agent.core import Args, Context

    Diff = List[Dict[str, Any]]

_SHOWN = 5


class Seen:
    """An environment as it is. `packages` is None where the digest is all that was needed."""

    def __init__(self, prefix: Optional[str], level: str) -> None:
        self.prefix = prefix
        self.note: Dict[str, Any] = {}
        self.digest = ""
        self.problems: List[str] = []
        self.variables: Dict[str, str] = {}
        self._packages: Optional[condaprefix.PackageSet] = None
        if not prefix:
            return
        self.note = condaprefix.read_note(prefix)
        self.variables = condaprefix.variables(prefix)
        if level == "records" and self.note.get("signature") == condaprefix.signature(prefix):
            self.digest = str(self.note.get("digest"))
            return
        records = self._read()
        if level == "files":
            self._files("missing", condaprefix.missing_files(prefix, records))
        elif level == "hashes":
            self._files("missing or changed", condaprefix.changed_files(prefix, records))

    def _files(self, what: str, paths: List[str]) -> None:
        if paths:
            shown = ", ".join(paths[:_SHOWN])
            self.problems.append("%d files %s: %s" % (len(paths), what, shown))

    def _read(self) -> condaprefix.Records:
        assert self.prefix
        records, problems = condaprefix.read_records(self.prefix)
        self.problems += problems
        self._packages = condaprefix.read_set(self.prefix, records)
        self.digest = set_digest(self._packages)
        return records

    @property
    def packages(self) -> condaprefix.PackageSet:
        if not self.prefix:
            return {}
        if self._packages is None:
            self._read()
        assert self._packages is not None
        return self._packages


class Environment:
    """What one task wants of one environment."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.generations = Generations(args["envs_dir"], args["name"])
        self.level: str = args.get("check_level") or "records"
        self._payload: Optional[Dict[str, Any]] = None

    @property
    def payload(self) -> Dict[str, Any]:
        """The lock, fetched only when it is needed."""
        if self._payload is None:
            digest = self.args["payload"]
            data = b"".join(self.ctx.receive_blob(digest))
            if fs.sha256_bytes(data) != digest:
                raise Fail("the lock came damaged")
            self._payload = loads(data.decode("utf-8"))
        assert self._payload is not None
        return self._payload

    def observe(self) -> Seen:
        kind = self.generations.kind()
        if kind not in (None, "link", "directory"):
            raise Fail("%s is a %s, not an environment" % (self.generations.link, kind))
        return Seen(self.generations.current(), self.level)

    def content(self, seen: Seen) -> Diff:
        """What can only be put right by building anew."""
        found: Diff = []
        if seen.prefix is None:
            return [{"key": "generation", "before": None, "after": self.args["generation"]}]
        if seen.prefix and not os.path.isdir(os.path.join(seen.prefix, "conda-meta")):
            found.append({"key": "prefix", "before": "not an environment", "after": "built"})
        elif seen.prefix == "":
            found.append({"key": "prefix", "before": "a link to nowhere", "after": "built"})
        if seen.digest != self.args["digest"]:
            found += differences(seen.packages, self.payload["packages"])
        for problem in seen.problems:
            found.append({"key": "files", "before": problem, "after": None})
        python = os.path.join(seen.prefix or "", "bin", "python")
        if seen.prefix and self.args.get("python") and not os.access(python, os.X_OK):
            found.append({"key": "bin/python", "before": "missing or broken", "after": "runs"})
        wanted = dict(self.args.get("variables") or {})
        if seen.variables != wanted:
            for key in sorted(set(wanted) | set(seen.variables)):
                if wanted.get(key) != seen.variables.get(key):
                    found.append(
                        {
                            "key": "variable " + key,
                            "before": "(not shown)",
                            "after": "(not shown)" if key in wanted else None,
                        }
                    )
        return found  # fmt: skip

    def ownership(self, prefix: str) -> Diff:
        """Owner, group and mode of the prefix itself; they are set on everything below."""
        info = os.lstat(prefix)
        found: Diff = []
        owner, group, mode = (self.args.get(key) for key in ("owner", "group", "mode"))
        if owner is not None and fs.uid_of(owner) != info.st_uid:
            found.append({"key": "owner", "before": fs.user_name(info.st_uid), "after": owner})
        if group is not None and fs.gid_of(group) != info.st_gid:
            found.append({"key": "group", "before": fs.group_name(info.st_gid), "after": group})
        now = stat.S_IMODE(info.st_mode)
        if mode is not None and fs.parse_mode(mode, now, True) != now:
            after = fs.mode_text(fs.parse_mode(mode, now, True))
            found.append({"key": "mode", "before": fs.mode_text(now), "after": after})
        return found

    def own(self, prefix: str) -> None:
        owner, group, mode = (self.args.get(key) for key in ("owner", "group", "mode"))
        uid = -1 if owner is None else fs.uid_of(owner)
        gid = -1 if group is None else fs.gid_of(group)
        for path in [*fs.children(prefix), prefix]:  # the prefix last: it says that all is done
            info = os.lstat(path)
            if (uid, gid) != (-1, -1):
                os.lchown(path, uid, gid)
            if path == prefix and mode is not None:
                os.chmod(path, fs.parse_mode(mode, info.st_mode, True))

    def facts(self, seen: Seen) -> Dict[str, Any]:
        """For `register`."""
        return {
            "path": self.generations.link,
            "prefix": seen.prefix or self.generations.path(self.args["generation"]),
            "generation": os.path.basename(seen.prefix) if seen.prefix else None,
            "lock": self.args["generation"].rpartition("-")[2],
            "built": seen.note.get("built"),
        }

    # -- building ---------------------------------------------------------------------

    def _place(self) -> str:
        """Where to build: the generation's own name, unless a finished one bears it."""
        base = self.generations.path(self.args["generation"])
        path, number = base, 1
        while os.path.lexists(path) and (self.generations.finished(path) or in_use(path)):
            number += 1
            path = "%s-r%d" % (base, number)
        return path

    def _ready(self) -> Optional[str]:
        """A finished generation that holds just what is wanted: an instant way back."""
        base = self.args["generation"]
        for path in self.generations.all():
            entry = os.path.basename(path)
            same = entry == base or entry.startswith(base + "-r")
            if same and condaprefix.read_note(path) and path != self.generations.current():
                seen = Seen(path, "files")
                if not self.content(seen):
                    return path
        return None

    def build(self) -> List[str]:
        """Builds, verifies, moves the name, collects. Returns warnings."""
        os.makedirs(self.generations.folder, exist_ok=True)
        wait = float(self.args.get("lock_wait_s") or 3600)
        what = "the environment " + self.args["name"]
        with HostLock(self.ctx, self.generations.lock_path, what, wait) as lock:
            warnings: List[str] = []
            seen = self.observe()  # whoever held the lock may have built it
            if self.args.get("force") or self.content(seen):
                prefix = None if self.args.get("force") else self._ready()
                if prefix is None:
                    prefix, warnings = self._build_new(lock)
                self.generations.switch(prefix)
            current = self.generations.current()
            if current and self.ownership(current):
                self.own(current)
            self.generations.collect(int(self.args.get("keep", 2)))
        return warnings

    def _build_new(self, lock: HostLock) -> Any:
        prefix = self._place()
        copy = any(self.args.get(key) is not None for key in ("owner", "group", "mode"))
        build = condabuild.Build(
            self.ctx, self.args["conda"], prefix, self.payload, copy=copy, lock=lock
        )
        build.run(self.args.get("pip_env") or {}, self.args.get("verify"))
        if copy:
            self.own(prefix)
        os.sync()  # what the name leads to must survive a power cut
        condaprefix.write_note(prefix, condabuild.note_of(self.payload, prefix))
        return prefix, build.warnings
