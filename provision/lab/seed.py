"""What makes one host differ from the next: its keys, names, addresses and sources."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from provision.lab.commands import Commands
from provision.lab.files import write_atomic
from provision.lab.layout import LabLayout
from provision.lab.model import LabHost, LabState

__all__ = ["ensure_key", "host_public_keys", "seed_host", "seed_sources"]

_KEY_TYPES = ("ed25519", "ecdsa")


def ensure_key(layout: LabLayout, commands: Commands) -> None:
    """The key that opens every host of the lab."""
    _keygen(commands, layout.key, "ed25519", f"lab {layout.lab_id}")
    layout.key.chmod(0o600)


def _keygen(commands: Commands, path: Path, kind: str, comment: str) -> None:
    """Makes a key pair unless both halves are there; staged, so a kill leaves no torn key."""
    public = path.with_name(f"{path.name}.pub")
    if path.is_file() and public.is_file():
        return
    staged = path.with_name(f".{path.name}.part")
    staged_public = path.with_name(f".{path.name}.part.pub")
    staged.unlink(missing_ok=True)
    staged_public.unlink(missing_ok=True)
    commands.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", comment, "-f", str(staged)])
    staged_public.rename(public)
    staged.rename(path)


def host_public_keys(root: Path) -> list[str]:
    """`TYPE BASE64` of each host key in a host's file system."""
    keys = []
    for kind in _KEY_TYPES:
        text = (root / f"etc/ssh/ssh_host_{kind}_key.pub").read_text(encoding="ascii")
        keys.append(" ".join(text.split()[:2]))
    return keys


def seed_host(layout: LabLayout, commands: Commands, state: LabState, host: LabHost) -> None:
    """Writes into the mounted root of a host that does not run. May be repeated."""
    root = layout.root(host.name)
    for kind in _KEY_TYPES:
        _keygen(commands, root / f"etc/ssh/ssh_host_{kind}_key", kind, f"root@{host.name}")
    public = layout.key.with_name("key.pub").read_text(encoding="ascii")
    for home in ("root", "home/lab", "home/ops"):
        _authorize(root / home, public)
    machine_id = root / "etc/machine-id"
    if not machine_id.read_text(encoding="ascii").strip():
        machine_id.write_text(f"{uuid.uuid4().hex}\n", encoding="ascii")
    (root / "etc/hostname").write_text(f"{host.name}\n", encoding="ascii")
    hosts = [
        "127.0.0.1 localhost",
        "::1 localhost ip6-localhost ip6-loopback",
        f"{host.address} {host.name}",
        f"{state.bridge_address} controller",
    ]
    (root / "etc/hosts").write_text("\n".join(hosts) + "\n", encoding="ascii")


def _authorize(home: Path, public: str) -> None:
    owner = home.stat()
    directory = home / ".ssh"
    directory.mkdir(mode=0o700, exist_ok=True)
    file = directory / "authorized_keys"
    file.write_text(public, encoding="ascii")
    file.chmod(0o600)
    for path in (directory, file):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def seed_sources(root: Path, state: LabState, release: str) -> None:
    """Points apt and pip at the lab's mirror, the only thing a host can reach. For hosts that
    run as well: the lab may have got its mirror after them."""
    if not state.mirror_port:
        return
    url = state.mirror_url
    sources = [
        f"deb {url}/debian/ {release} main",
        f"deb {url}/debian/ {release}-updates main",
        f"deb {url}/debian-security/ {release}-security main",
    ]
    pip = f"[global]\nindex-url = {url}/pypi/simple/\ntrusted-host = {state.bridge_address}\n"
    # A mirror that stands still is as good for a throwaway host.
    apt = 'Acquire::Check-Valid-Until "false";\n'
    for name, text in (
        ("etc/apt/sources.list", "\n".join(sources) + "\n"),
        ("etc/apt/apt.conf.d/90lab", apt),
        ("etc/pip.conf", pip),
    ):
        path = root / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_atomic(path, text)
