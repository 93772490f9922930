"""What a root file system for lab hosts contains. Its hash names the cached copy."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

__all__ = ["Recipe", "recipe_for"]

_PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "libpam-systemd", "dbus-user-session"),
    *("openssh-server", "sudo", "iproute2", "ca-certificates", "curl", "cron", "acl"),
    *("bzip2", "xz-utils", "zstd", "libstdc++6", "libgomp1"),
)

_SSHD = """\
# A whole fleet logs in from one address at the same moment.
MaxStartups 500:30:1000
MaxSessions 200
UseDNS no
HostKey /etc/ssh/ssh_host_ed25519_key
HostKey /etc/ssh/ssh_host_ecdsa_key
"""

# Work in the background that a throwaway host does not need, and a login on a console
# that nobody sees.
_MASKED = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer"),
    *("e2scrub_all.timer", "fstrim.timer", "console-getty.service"),
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the content, apart from the archive's own versions.

    `files` maps a path without its leading slash to (mode, text).
    """

    release: str
    python: bool
    packages: tuple[str, ...]
    users: tuple[tuple[str, str], ...]  # name, password ("" for none)
    sudo_users: tuple[str, ...]
    masked: tuple[str, ...]
    files: tuple[tuple[str, int, str], ...]
    format: int = 1

    @property
    def name(self) -> str:
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        kind = self.release if self.python else f"{self.release}-nopython"
        return f"rootfs-{kind}-{digest[:12]}"


def recipe_for(release: str, *, python: bool) -> Recipe:
    sshd = _SSHD
    if release not in ("bullseye", "bookworm"):
        # OpenSSH 9.8 and newer lock out an address after failed logins, which tests provoke.
        sshd += "PerSourcePenalties no\n"
    return Recipe(
        release=release,
        python=python,
        packages=(*_PACKAGES, "python3") if python else _PACKAGES,
        users=(("lab", "lab"), ("ops", "")),
        sudo_users=("lab",),
        masked=_MASKED,
        files=(
            ("etc/ssh/sshd_config.d/lab.conf", 0o644, sshd),
            ("etc/sudoers.d/ops", 0o440, "ops ALL=(ALL:ALL) NOPASSWD: ALL\n"),
            ("etc/default/locale", 0o644, "LANG=C.UTF-8\n"),
            ("etc/resolv.conf", 0o644, "# lab hosts reach the lab's bridge alone\n"),
        ),
    )
