"""A Miniconda prefix: what state it is in.

While an installer runs, a marker lies beside the prefix; one that is there without its lock
being held tells of an installation that did not end.
"""

from __future__ import annotations

import os

from provision.agent import condaprefix, fs
from provision.agent.core import Fail
from provision.agent.hostlock import HostLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    from provision.agent.core import Args, Context

CLEAN = {"PYTHONPATH": "", "PYTHONHOME": "", "PYTHONNOUSERSITE": "1", "CONDA_PREFIX": ""}
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
                env=CLEAN,
                ok=None,
                timeout_s=60,
            )
        except Fail as exc:
            return [*found, exc.msg]
        if done.rc:
            words = done.stderr.strip().splitlines()
            found.append("bin/python does not run: " + (words[-1] if words else str(done.rc)))
        return found

    # -- afterwards -------------------------------------------------------------------

    def accept_terms(self, channels: List[str]) -> None:
        for channel in channels:
            self.ctx.run(
                [self.path("bin", "conda"), "tos", "accept", "--override-channels"]
                + ["--channel", channel],
                env=CLEAN,
            )

    def note(self) -> Dict[str, Any]:
        return condaprefix.read_note(self.prefix)

    def write_note(self, **more: Any) -> None:
        note = {**self.note(), **more, "signature": self.signature()}
        condaprefix.write_note(self.prefix, note)
