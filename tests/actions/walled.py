"""This machine behind a wall: an agent in namespaces of its own, with copies of /etc, /var,
/usr/local and /root that vanish with it. What it mounts, sets or installs touches nothing else.

def test_it(walled: WalledHost) -> None:
    walled.write("/etc/fstab", "")
    walled.program("setsebool", "echo $* >> /var/called")
    walled.run("mount", …)
    walled.read("/etc/fstab")
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from provision.transport import payload
from provision.transport.link import Link

from tests.actions.harness import ActionHost, PipeChannel

__all__ = ["WalledHost", "walled"]

_FOLDERS = "etc var usr/local root opt srv"
_SETUP = f"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
for folder in {_FOLDERS}; do
    own=/mnt/$folder
    mkdir -p $own/up $own/work
    mount -t overlay overlay -o lowerdir=/$folder,upperdir=$own/up,workdir=$own/work /$folder
done
"""
_WALL = ["unshare", "--mount", "--net", "--uts", "--ipc", "sh", "-c"]


@cache
def _why_not() -> str:
    if os.geteuid() != 0:
        return "needs root"
    done = subprocess.run([*_WALL, _SETUP], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"no namespaces of its own: {done.stderr.strip()}"


class WalledHost(ActionHost):
    def __init__(self, project: Path) -> None:
        self.project = project
        self.made = {}
        script = _SETUP + 'exec "$@"'
        argv = [*_WALL, script, "sh", *payload.command([sys.executable])]
        self.channel = PipeChannel(argv)
        self.link = Link(self.channel, "walled")
        self.link.facts()

    def path(self, name: str) -> Path:
        """A path behind the wall, seen from here. Links in it must not be absolute."""
        return Path(f"/proc/{self.channel.process.pid}/root{name}")

    def read(self, name: str) -> str:
        return self.path(name).read_text()

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def program(self, name: str, script: str) -> None:
        """A stand-in that goes before the real program; it finds its log in $CALLS."""
        text = f'#!/bin/bash\nCALLS=/var/calls\necho "{name} $*" >> $CALLS\n{script}\n'
        self.write(f"/usr/local/sbin/{name}", text, 0o755)

    def calls(self) -> list[str]:
        """What the stand-ins were called with since the last time."""
        path = self.path("/var/calls")
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def sh(self, line: str) -> str:
        """What a shell line prints behind the wall."""
        outcome = self.run("shell", cmd=line)
        assert outcome.status == "changed", outcome.msg
        return str(outcome.data["stdout"])


@pytest.fixture
def walled(tmp_path: Path) -> Iterator[WalledHost]:
    if reason := _why_not():
        pytest.skip(reason)
    project = tmp_path / "project"
    project.mkdir()
    host = WalledHost(project)
    yield host
    host.close()
