"""Debian packages of any release, through apt with a private state directory.

The archive and its proxies are the ones that this machine's apt is configured with; signatures
are checked by apt as always. Nothing of the machine's own package state is read or changed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from provision.errors import LabError
from provision.lab.sources import debian_archives

__all__ = ["Archive", "extract"]


class Archive:
    """One release (`bookworm`), its downloads kept under `state`."""

    def __init__(self, release: str, state: Path) -> None:
        self.release = release
        self._state = state / release
        self._updated = False

    def _options(self) -> list[str]:
        state = self._state
        options = {
            "Dir::State": state / "state",
            "Dir::State::status": state / "status",
            "Dir::Cache": state / "cache",
            "Dir::Etc::sourcelist": state / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64",
            "APT::Sandbox::User": "root",
            "Acquire::Check-Valid-Until": "false",  # of a release that gets no more updates
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        return [part for key, value in options.items() for part in ("-o", f"{key}={value}")]

    def _run(self, arguments: Sequence[str], cwd: Path) -> None:
        reply = subprocess.run(
            ["apt-get", "-q", *self._options(), *arguments],
            capture_output=True,
            text=True,
            cwd=cwd,
            check=False,
        )
        if reply.returncode:
            words = [line for line in reply.stderr.splitlines() if line.startswith("E:")]
            raise LabError(
                f"apt-get {arguments[0]} for {self.release} failed",
                why=" ".join(words) or reply.stderr.strip()[-500:],
            )

    def _update(self) -> None:
        if self._updated:
            return
        for folder in ("state/lists/partial", "cache/archives/partial", "debs"):
            (self._state / folder).mkdir(parents=True, exist_ok=True)
        (self._state / "status").touch()
        archives = debian_archives()
        signed = f"[signed-by={archives.keyring}]"
        lines = [f"deb {signed} {archives.main} {self.release} main"]
        if self.release != "bullseye" and archives.security:
            lines.append(f"deb {signed} {archives.security} {self.release}-security main")
        (self._state / "sources.list").write_text("\n".join(lines) + "\n")
        self._run(["update"], self._state)
        self._updated = True

    def download(self, packages: Sequence[str]) -> dict[str, Path]:
        """The .deb of each package's newest version, by name."""
        self._update()
        folder = self._state / "debs"
        self._run(["download", *packages], folder)
        found = {}
        for name in packages:
            debs = sorted(folder.glob(f"{name}_*.deb"), key=lambda path: path.stat().st_mtime_ns)
            found[name] = debs[-1]
        return found


def extract(deb: Path, target: Path) -> None:
    """Unpacks a .deb's files under `target`."""
    reply = subprocess.run(
        ["dpkg-deb", "-x", str(deb), str(target)], capture_output=True, text=True, check=False
    )
    if reply.returncode:
        raise LabError(f"cannot unpack {deb.name}", why=reply.stderr.strip())
