"""Builds one generation of an environment: conda, then pip, then a look at what is there.

A prefix without a note (`condaprefix.write_note`) is half-made, whoever left it. Exit codes
of conda and pip are not believed; records on disk are.
"""

from __future__ import annotations

import os
import time

from provision.agent import condapip, condaprefix, fs
from provision.agent.condapip import CLEAN
from provision.agent.condaset import differences, plain_source
from provision.agent.core import Fail, dumps, loads, staged
from provision.agent.hostlock import HostLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Sequence

    from provision.agent.core import Context

    Payload = Mapping[str, Any]

_SHA256_SINCE = (24, 9)  # conda release from which explicit lists may have SHA-256 hashes
_SHOWN = 6
_CONDA = {
    "CONDA_REGISTER_ENVS": "false",
    "CONDA_NUMBER_CHANNEL_NOTICES": "0",
    "CONDA_NOTIFY_OUTDATED_CONDA": "false",
    "CONDA_AUTO_UPDATE_CONDA": "false",
    "CONDA_REPORT_ERRORS": "false",
}


def conda_version(conda: str) -> Sequence[int]:
    """Of the conda in a base prefix, by its record; () when there is none."""
    for name in condaprefix.record_names(conda):
        stem = name.rsplit("-", 2)
        if stem[0] == "conda" and len(stem) == 3:
            return tuple(int(part) for part in stem[1].split(".") if part.isdigit())
    return ()


class Build:
    """One generation. `payload` says what belongs into it (`provision.conda.payload`)."""

    def __init__(
        self, ctx: Context, conda: str, prefix: str, payload: Payload, copy: bool, lock: HostLock
    ) -> None:
        self.ctx = ctx
        self.conda = conda
        self.prefix = prefix
        self.payload = payload
        self.copy = copy
        self.lock = lock
        self.cache = ""
        self.warnings: List[str] = []

    def run(self, pip_env: Mapping[str, str], verify: Optional[Sequence[str]]) -> None:
        """Leaves a verified prefix without its note, or nothing. Raises Fail."""
        fs.remove_tree(self.prefix)
        try:
            self._conda()
            self._records()
            self._pip(pip_env)
            self._variables()
            self._check(verify)
        except BaseException:
            fs.remove_tree(self.prefix)
            raise

    # -- conda ------------------------------------------------------------------------

    def _program(self) -> str:
        program = os.path.join(self.conda, "bin", "conda")
        if not os.access(program, os.X_OK):
            raise Fail("no conda in %s: the action `miniconda` installs it" % self.conda)
        return program

    def _package_cache(self) -> str:
        """The directory that conda will unpack into."""
        shown = self.ctx.run(
            [self._program(), "config", "--show", "pkgs_dirs", "--json"],
            env={**CLEAN, **_CONDA},
            ok=None,
        )
        try:
            folders = [str(path) for path in loads(shown.stdout)["pkgs_dirs"]]
        except Exception:  # an old conda, or one that prints something else before
            folders = []
        for path in folders:
            above = path
            while not os.path.isdir(above) and above != "/":
                above = os.path.dirname(above)
            if os.access(above, os.W_OK):
                return path
        return os.path.join(self.conda, "pkgs")

    def _explicit(self) -> str:
        sha256 = tuple(conda_version(self.conda)[:2]) >= _SHA256_SINCE
        lines = ["@EXPLICIT"]
        for item in self.payload["conda"]:
            digest = "#sha256:" + item["sha256"] if sha256 and item["sha256"] else ""
            if not digest and item["md5"]:
                digest = "#" + item["md5"]
            lines.append(item["fetch"] + digest)
        return "\n".join(lines) + "\n"

    def _conda(self) -> None:
        self.cache = self._package_cache()
        self._space()
        cache_lock = os.path.join(self.cache, ".provision.lock")
        # conda tells the kind of file by its name; channel URLs in it may hold tokens
        path = self.prefix + ".explicit.txt"
        with HostLock(self.ctx, cache_lock, "the package cache " + self.cache) as cache:
            staged[path] = -1
            try:
                fs.write_file(path, self._explicit().encode("utf-8"), mode=0o600)
                self._create(path, cache)
            finally:
                staged.pop(path, None)
                os.unlink(path)

    def _create(self, path: str, cache: HostLock) -> None:
        argv = [self._program(), "create", "--yes", "--quiet", "--no-default-packages"]
        argv += ["--prefix", self.prefix, "--file", path, "--override-channels"]
        for channel in self.payload["channels"]:
            argv += ["--channel", channel]
        env = {**CLEAN, **_CONDA}
        if self.copy:
            env["CONDA_ALWAYS_COPY"] = "true"

        def keep_locks() -> None:
            self.lock.keep_open()
            cache.keep_open()

        done = self.ctx.run(argv, env=env, ok=None, preexec=keep_locks, on_tick=self._progress)
        wanted = {k: v for k, v in self.payload["packages"].items() if k.startswith("conda:")}
        records, problems = condaprefix.read_records(self.prefix)
        seen = {"conda:" + name: [r["version"], r["build"], "?", ""] for name, r in records.items()}
        missed = differences(seen, wanted)
        if (
            missed
            or problems
            or not os.path.exists(os.path.join(self.prefix, "conda-meta/history"))
        ):
            self._conda_failed(done.rc, done.stdout, done.stderr, missed)
        if done.rc:
            self.warnings.append("conda ended with %d, but everything is there" % done.rc)

    def _conda_failed(
        self, rc: int, stdout: str, stderr: str, missed: Sequence[Mapping[str, Any]]
    ) -> None:
        words = [line for line in (stderr or stdout).splitlines() if line.strip()]
        why = " ".join(line.strip() for line in words[-_SHOWN:])[-500:]
        names = ", ".join(change["key"].partition(":")[2] for change in missed[:_SHOWN])
        more = " and %d more" % (len(missed) - _SHOWN) if len(missed) > _SHOWN else ""
        what = "conda ended with %d" % rc if rc else "conda said it was done"
        raise Fail(
            "%s and did not install %s%s%s"
            % (what, names or "everything", more, ": " + self._public(why) if why else ""),
            rc=rc,
            stdout=self._public(stdout[-8000:]),
            stderr=self._public(stderr[-8000:]),
        )

    def _public(self, text: str) -> str:
        """Addresses as they may be shown: without tokens and passwords."""
        for item in self.payload["conda"]:
            fetch = item["fetch"]
            shown = plain_source(fetch) + "/" + fetch.rpartition("/")[2]
            if shown != fetch:
                text = text.replace(fetch, shown)
        return text

    def _space(self) -> None:
        """A disk that cannot even hold the archives is said to be full before anything."""
        needed = sum(item.get("size") or 0 for item in self.payload["conda"])
        place = os.path.dirname(self.prefix)
        info = os.statvfs(place)
        free = info.f_bavail * info.f_frsize
        if free < needed:
            raise Fail(
                "not enough space in %s: %d MB free, more than %d MB needed"
                % (place, free >> 20, needed >> 20)
            )

    def _progress(self) -> None:
        linked = len(condaprefix.record_names(self.prefix))
        if linked:
            total = len(self.payload["conda"])
            self.ctx.progress(phase="link", done=linked, total=total, unit="packages")
            return
        done = total = 0
        for item in self.payload["conda"]:
            size = item.get("size") or 0
            total += size
            archive = os.path.join(self.cache, item["fetch"].rpartition("/")[2])
            for path in (archive, archive + ".partial"):
                info = fs.lstat(path)
                if info is not None:
                    done += min(size, info.st_size)
                    break
        self.ctx.progress(phase="download", done=done, total=total, unit="bytes")

    def _records(self) -> None:
        """Records and history name the channel itself, not the mirror or token of the day."""
        names: Dict[str, str] = {}
        for item in self.payload["conda"]:
            fetch, url = (item[key].rsplit("/", 2)[0] for key in ("fetch", "url"))
            names[fetch] = url
            names.setdefault(plain_source(fetch + "/x"), url)
        pairs = [(fetch, url) for fetch, url in sorted(names.items(), reverse=True) if fetch != url]
        if not pairs:
            return
        meta = os.path.join(self.prefix, "conda-meta")
        for file in [*condaprefix.record_names(self.prefix), "history"]:
            path = os.path.join(meta, file)
            data = before = fs.read_bytes(path)
            for fetch, url in pairs:
                data = data.replace(fetch.encode("utf-8"), url.encode("utf-8"))
            if data != before:
                fs.write_file(path, data)

    # -- pip --------------------------------------------------------------------------

    def _pip(self, pip_env: Mapping[str, str]) -> None:
        if self.payload["pip"]:
            self.ctx.progress(phase="pip", done=0, total=len(self.payload["pip"]), unit="packages")
            condapip.install(self.ctx, self.prefix, self.payload, pip_env, self.lock)

    # -- afterwards -------------------------------------------------------------------

    def _variables(self) -> None:
        wanted: Dict[str, str] = dict(self.payload["variables"])
        if wanted:
            state = dumps({"env_vars": wanted, "version": 1}).encode("utf-8")
            fs.write_file(os.path.join(self.prefix, "conda-meta", "state"), state, mode=0o644)

    def _check(self, verify: Optional[Sequence[str]]) -> None:
        self.ctx.progress(phase="verify", done=0, total=0)
        records, problems = condaprefix.read_records(self.prefix)
        seen = condaprefix.read_set(self.prefix, records)
        for change in differences(seen, self.payload["packages"]):
            where = str(change["key"]).replace(":", " ")
            problems.append(
                "%s is %s, not %s" % (where, change["before"] or "missing", change["after"])
            )
        lost = condaprefix.missing_files(self.prefix, records)
        if lost:
            problems.append("%d files are missing, e.g. %s" % (len(lost), lost[0]))
        complaints, warnings = condapip.complaints(self.ctx, self.prefix, self.payload)
        problems += complaints
        self.warnings += warnings
        if problems:
            raise Fail("the new environment is not as locked: " + "; ".join(problems[:_SHOWN]))
        if verify:
            path = os.path.join(self.prefix, "bin") + ":" + os.environ.get("PATH", "/usr/bin:/bin")
            env = {**CLEAN, "PATH": path, "CONDA_PREFIX": self.prefix}
            env.update(self.payload["variables"])
            done = self.ctx.run(list(verify), env=env, ok=None, cwd=self.prefix)
            if done.rc:
                words = (done.stderr.strip() or done.stdout.strip())[-400:]
                raise Fail("the verify command ended with %d: %s" % (done.rc, words), rc=done.rc)


def note_of(payload: Payload, prefix: str) -> Dict[str, Any]:
    """What a finished prefix says of itself."""
    return {
        "format": 1,
        "built": time.time(),
        "content": payload["content"],
        "asked": payload["asked"],
        "digest": payload["digest"],
        "lock": payload["lock"],
        "terms_accepted": bool(payload.get("terms_accepted")),
        "signature": condaprefix.signature(prefix),
    }
