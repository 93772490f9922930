"""Names and places of one lab. All of them follow from its directory alone, so leftovers of
a killed run are found even when every state file is gone."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from provision.errors import InputError

__all__ = ["LabLayout", "default_directory"]

_UNUSABLE = set(',:\\"\n')  # separators in overlay mount options and in ssh_config


def default_directory() -> Path:
    """$PROVISION_LAB_DIR, else a place that suits root or a plain user."""
    if given := os.environ.get("PROVISION_LAB_DIR"):
        return Path(given)
    if os.geteuid() == 0:
        return Path("/var/lib/provision/lab")
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")
    return Path(data) / "provision/lab"


@dataclass(frozen=True, slots=True)
class LabLayout:
    """`directory` is absolute and resolved; make one with `LabLayout.at`."""

    directory: Path

    @classmethod
    def at(cls, directory: Path) -> LabLayout:
        """Raises InputError when the path has characters that mount options cannot carry."""
        resolved = directory.expanduser().resolve()
        if bad := sorted(_UNUSABLE & set(str(resolved))):
            raise InputError(
                f"a lab cannot live in {str(resolved)!r}",
                why=f"its path contains {' '.join(map(repr, bad))}",
                hint="choose another directory with --dir",
            )
        return cls(resolved)

    @property
    def lab_id(self) -> str:
        return hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:8]

    @property
    def prefix(self) -> str:
        """Begins every network name of this lab. Link names have at most 15 characters."""
        return f"p{self.lab_id}"

    @property
    def bridge(self) -> str:
        return f"{self.prefix}br"

    @property
    def tag(self) -> str:
        """Names the cgroup, the mounts' source and the supervising processes."""
        return f"provision-lab-{self.lab_id}"

    def veth(self, index: int) -> str:
        return f"{self.prefix}v{index}"

    def netns(self, host: str) -> str:
        return f"{self.prefix}-{host}"

    @property
    def state_file(self) -> Path:
        return self.directory / "lab.json"

    @property
    def lock_file(self) -> Path:
        return self.directory / ".lock"

    @property
    def key(self) -> Path:
        return self.directory / "key"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def ssh_config(self) -> Path:
        return self.directory / "ssh_config"

    @property
    def inventory(self) -> Path:
        return self.directory / "inventory.yml"

    @property
    def hosts(self) -> Path:
        return self.directory / "hosts"

    def host(self, name: str) -> Path:
        return self.hosts / name

    def root(self, name: str) -> Path:
        """Where the host's file system is mounted while it runs."""
        return self.hosts / name / "root"

    def console(self, name: str) -> Path:
        return self.hosts / name / "console.log"
