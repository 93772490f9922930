"""Runs an installer so that a Miniconda prefix becomes whole."""

from __future__ import annotations

import os
import sys

from provision.agent import condaprefix, download, fs
from provision.agent.condabase import CLEAN, Base
from provision.agent.core import Fail, dumps, loads, staged
from provision.agent.hostlock import HostLock

_SHOWN = 4


class Installation(Base):
    """A prefix that can be installed, upgraded and repaired."""

    def _environments(self) -> bool:
        """Whether something lies in the prefix that must outlive a repair."""
        try:
            entries = os.listdir(self.path("envs"))
        except OSError:
            return False
        return any(not entry.startswith(".conda") for entry in entries)

    def install(self) -> None:
        """A whole prefix, or Fail. What else lies in it (environments, caches) stays."""
        os.makedirs(self.folder, exist_ok=True)
        self.refuse_foreign()
        installer = self._beside("installer.sh")
        try:
            self._obtain(installer)
            self._run(installer)
        finally:
            staged.pop(installer, None)
            fs.remove_tree(installer)

    def _obtain(self, path: str) -> None:
        sha256 = self.args.get("sha256") or ""
        blob = self.args.get("blob")
        if blob:
            with fs.Staged(path) as new:
                digest = fs.new_sha256(1 << 30)
                for piece in self.ctx.receive_blob(blob):
                    digest.update(piece)
                    new.write(piece)
                if digest.hexdigest() != blob:
                    raise Fail("the installer came damaged")
                new.commit(0o600)
        else:
            sha256 = sha256 or download.fetch_digest(self.ctx, self.args["sha256_url"])
            download.fetch(self.ctx, self.args["url"], path, sha256)
        staged[path] = -1  # to be removed even when the agent is ended

    def _run(self, installer: str) -> None:
        # An installer whose parent was killed may still be at it, and holds this lock.
        path, what = self._beside("provision-installer"), "the installer of " + self.prefix
        with HostLock(self.ctx, path, what) as lock:
            self._run_locked(installer, lock)

    def _run_locked(self, installer: str, lock: HostLock) -> None:
        busy = self._busy()
        fresh = self.kind() is None
        if not fresh and not busy and self._disposable():
            fs.remove_tree(self.prefix)
            fresh = True
        fs.write_file(self.marker, dumps({"release": self.args["release"]}).encode(), mode=0o644)
        if not fresh:
            self._drop_damaged_records()
        argv = [self._shell(installer), installer, "-b", "-p", self.prefix]
        argv += [] if fresh else ["-u"]
        done = self.ctx.run(
            argv, env=CLEAN, ok=None, preexec=lock.keep_open, on_tick=self._progress
        )
        os.sync()
        fs.remove_tree(self.marker)
        found = self.problems()
        if found:
            if fresh:
                fs.remove_tree(self.prefix)
            else:
                fs.write_file(self.marker, b"{}", mode=0o644)
            words = (done.stderr.strip() or done.stdout.strip()).splitlines()
            why = words[-1] if words else ""
            raise Fail(
                "the installer ended with %d and left no working Miniconda: %s"
                % (done.rc, "; ".join([why, *found][:_SHOWN])),
                rc=done.rc,
                stdout=done.stdout[-8000:],
                stderr=done.stderr[-8000:],
            )

    def _busy(self) -> bool:
        own = os.path.realpath(sys.executable).startswith(os.path.realpath(self.prefix) + "/")
        return own or bool(condaprefix.users(self.prefix))

    def _disposable(self) -> bool:
        """Nothing in it that the installer would not put there again."""
        if self._environments():
            return False
        try:
            return (
                not os.listdir(self.prefix)
                or fs.lstat(self.marker) is not None
                or not (os.path.isfile(self.path("conda-meta", "history")))
            )
        except OSError:
            return False

    def _drop_damaged_records(self) -> None:
        """conda gives up on a prefix with one of these."""
        for name in condaprefix.record_names(self.prefix):
            path = self.path("conda-meta", name)
            try:
                loads(fs.read_bytes(path).decode("utf-8"))["name"]
            except Exception:  # whatever it is, it is no record
                fs.remove_tree(path)

    @staticmethod
    def _shell(installer: str) -> str:
        with open(installer, "rb") as stream:
            first = stream.readline()
        return "/bin/bash" if b"bash" in first and os.path.exists("/bin/bash") else "/bin/sh"

    def _progress(self) -> None:
        linked = len(condaprefix.record_names(self.prefix))
        self.ctx.progress(phase="install", done=linked, total=0, unit="packages")
