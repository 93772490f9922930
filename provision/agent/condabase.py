"""A Miniconda prefix: what state it is in, and what makes it whole.

While an installer runs, a marker lies beside the prefix; one that is there without its lock
being held tells of an installation that did not end.
"""

from __future__ import annotations

import os
import sys

from provision.agent import condaprefix, download, fs
from provision.agent.core import Fail, dumps, loads, staged
from provision.agent.hostlock import HostLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    from provision.agent.core import Args, Context

_CLEAN = {"PYTHONPATH": "", "PYTHONHOME": "", "PYTHONNOUSERSITE": "1", "CONDA_PREFIX": ""}
_SHOWN = 4


def version_of(prefix: str, package: str) -> Optional[str]:
    """A package's version by the name of its record."""
    for name in condaprefix.record_names(prefix):
        words = name[:-5].rsplit("-", 2)
        if len(words) == 3 and words[0] == package:
            return words[1]
    return None


def as_numbers(version: str) -> List[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


class Base:
    """The prefix of one task."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.prefix = str(args["prefix"])
        self.folder, self.name = os.path.split(self.prefix)
        self.marker = self._beside("provision-installing")
        self.level: str = args.get("check_level") or "records"
        self.examined = False  # whether the files themselves were looked at

    def _beside(self, what: str) -> str:
        return os.path.join(self.folder, "." + self.name + "." + what)

    def lock(self) -> HostLock:
        return HostLock(self.ctx, self._beside("provision-lock"), self.prefix)

    def path(self, *words: str) -> str:
        return os.path.join(self.prefix, *words)

    def kind(self) -> Optional[str]:
        kind = fs.kind_of(fs.lstat(self.prefix))
        if kind == "link":
            kind = fs.kind_of(fs.lstat(os.path.realpath(self.prefix)))
        return kind

    def foreign(self) -> bool:
        """Whether something lies there that is no Miniconda, nor the beginning of one."""
        kind = self.kind()
        if kind is None:
            return False
        if kind != "directory":
            return True
        entries = os.listdir(self.prefix)
        begun = {"conda-meta", "pkgs", "_conda", "_conda.exe"}  # what installers put down first
        return bool(entries) and not begun & set(entries) and fs.lstat(self.marker) is None

    def refuse_foreign(self) -> None:
        if self.foreign():
            raise Fail("%s is there and is no Miniconda; it is left alone" % self.prefix)

    # -- observing --------------------------------------------------------------------

    def problems(self) -> List[str]:
        """Why what lies there is no working Miniconda; [] when it is one."""
        found = []
        if fs.lstat(self.marker) is not None:
            found.append("an installation did not end")
        if not os.path.isfile(self.path("conda-meta", "history")):
            found.append("conda-meta/history is missing")
        for name in ("python", "conda"):
            if not os.access(self.path("bin", name), os.X_OK):
                found.append("bin/%s is missing" % name)
        note = condaprefix.read_note(self.prefix)
        if found or (self.level == "records" and note.get("signature") == self.signature()):
            return found
        return self._examine()

    def signature(self) -> str:
        stamps = [condaprefix.signature(self.prefix)]
        for name in ("python", "conda"):
            info = os.stat(self.path("bin", name))
            stamps.append("%d %d %d" % (info.st_size, info.st_mtime_ns, info.st_ctime_ns))
        return fs.sha256_bytes(" ".join(stamps).encode())

    def _examine(self) -> List[str]:
        self.examined = True
        records, found = condaprefix.read_records(self.prefix)
        found += ["no record of " + name for name in ("python", "conda") if name not in records]
        deep = self.level == "hashes"
        look = condaprefix.changed_files if deep else condaprefix.missing_files
        lost = look(self.prefix, records)
        if lost:
            shown = ", ".join(lost[:_SHOWN])
            word = "missing or changed" if deep else "missing"
            found.append("%d files are %s: %s" % (len(lost), word, shown))
        try:
            done = self.ctx.run(
                [self.path("bin", "python"), "-c", "import encodings, os, json"],
                env=_CLEAN,
                ok=None,
                timeout_s=60,
            )
        except Fail as exc:
            return [*found, exc.msg]
        if done.rc:
            words = done.stderr.strip().splitlines()
            found.append("bin/python does not run: " + (words[-1] if words else str(done.rc)))
        return found

    # -- installing -------------------------------------------------------------------

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
        with self.lock_of_install() as lock:
            done = self.ctx.run(
                argv, env=_CLEAN, ok=None, preexec=lock.keep_open, on_tick=self._progress
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

    def lock_of_install(self) -> HostLock:
        """Held by the installer itself too, should its parent be killed."""
        return HostLock(
            self.ctx, self._beside("provision-installer"), "the installer of " + self.prefix
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

    # -- afterwards -------------------------------------------------------------------

    def accept_terms(self, channels: List[str]) -> None:
        for channel in channels:
            self.ctx.run(
                [self.path("bin", "conda"), "tos", "accept", "--override-channels"]
                + ["--channel", channel],
                env=_CLEAN,
            )

    def note(self) -> Dict[str, Any]:
        return condaprefix.read_note(self.prefix)

    def write_note(self, **more: Any) -> None:
        note = {**self.note(), **more, "signature": self.signature()}
        condaprefix.write_note(self.prefix, note)
