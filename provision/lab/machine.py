"""What this machine must have and allow before it can boot hosts."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from provision.errors import LabError, LabUnavailable
from provision.lab.cgroups import unified_mount
from provision.lab.commands import Commands

__all__ = ["install_packages", "missing_packages", "raise_limits", "unavailable_reason"]

_PACKAGE_OF = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "unshare": "util-linux",
    "mount": "mount",
}
# One systemd takes about seven inotify instances; the kernel's 128 run out at 18 hosts.
_INOTIFY_INSTANCES = 8192
# Neighbour entries: the kernel drops connections beyond 1024 addresses it talks to.
_NEIGHBOURS = {"gc_thresh1": 4096, "gc_thresh2": 8192, "gc_thresh3": 16384}
_SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Everything a host needs of the kernel, tried in namespaces that vanish with the shell.
_PROBE = """
set -e
ip link add lab0 type bridge
ip link add lab1 type veth peer name lab2
mount -t tmpfs none /mnt
mkdir /mnt/l /mnt/u /mnt/w /mnt/m
mount -t overlay overlay -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w /mnt/m
"""


def missing_packages() -> tuple[str, ...]:
    """Debian packages a lab needs that are not installed."""
    return tuple(
        dict.fromkeys(
            package
            for tool, package in _PACKAGE_OF.items()
            if shutil.which(tool, path=_SEARCH) is None
        )
    )


def install_packages(packages: tuple[str, ...], progress: Callable[[str], None]) -> None:
    """Installs them with apt-get. Raises LabError with apt's own words."""
    progress(f"installing {', '.join(packages)}")
    commands = Commands()
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    commands.run(["apt-get", "-q", "update"], timeout_s=600, environment=quiet)
    install = ["apt-get", "-q", "install", "-y", "--no-install-recommends", *packages]
    commands.run(install, timeout_s=900, environment=quiet, what="apt-get install failed")


def unavailable_reason(*, ignore_packages: bool = False) -> str | None:
    """Why no lab can boot here, or None when one can. Changes nothing; about 20 ms."""
    if not sys.platform.startswith("linux"):
        return "a lab needs Linux"
    if os.geteuid() != 0:
        return "a lab needs root (mounts, network namespaces, systemd-nspawn)"
    missing = missing_packages()
    if missing and not ignore_packages:
        return f"Debian packages are missing: {' '.join(missing)} (`provision lab up --install`)"
    mount = unified_mount()
    if mount is None:
        return "no cgroup v2 hierarchy is mounted"
    if os.statvfs(mount).f_flag & os.ST_RDONLY:
        return f"{mount} is read-only"
    if missing:
        return None
    try:
        Commands().run(["unshare", "--mount", "--net", "sh", "-c", _PROBE], timeout_s=20)
    except LabError as exc:
        return f"the kernel refuses what a lab needs: {exc.why or exc.what}"
    return None


def require(*, install: bool, progress: Callable[[str], None]) -> None:
    """Raises LabUnavailable unless a lab can boot; installs packages when asked to."""
    if reason := unavailable_reason(ignore_packages=True):
        raise LabUnavailable("this machine cannot boot lab hosts", why=reason)
    if missing := missing_packages():
        if not install:
            raise LabUnavailable(
                "this machine lacks what a lab needs",
                why=f"Debian packages not installed: {' '.join(missing)}",
                hint="`provision lab up --install` installs them with apt-get",
            )
        install_packages(missing, progress)
    if reason := unavailable_reason():
        raise LabUnavailable("this machine cannot boot lab hosts", why=reason)


def _raise(path: Path, least: int) -> None:
    if int(path.read_text(encoding="ascii")) < least:
        path.write_text(f"{least}\n", encoding="ascii")


def raise_limits(addresses: int) -> None:
    """Lifts kernel limits that are too low for many hosts; never lowers one."""
    _raise(Path("/proc/sys/fs/inotify/max_user_instances"), _INOTIFY_INSTANCES)
    if addresses > 500:
        for name, least in _NEIGHBOURS.items():
            _raise(Path("/proc/sys/net/ipv4/neigh/default") / name, least)
