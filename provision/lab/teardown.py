"""Removes a lab, or one dead host of it, going by names alone."""

from __future__ import annotations

import shutil
from pathlib import Path

from provision.errors import LabError
from provision.lab.cgroups import kill_group, remove_group
from provision.lab.commands import Commands
from provision.lab.layout import LabLayout
from provision.lab.mounts import mounts_below, unmount_all
from provision.lab.network import leftover_links, leftover_netns, remove_links
from provision.lab.processes import kill_supervisors

__all__ = ["clear_host", "has_leftovers", "remove_lab", "stop_hosts"]

_PROPAGATE = Path("/run/systemd/nspawn/propagate")
_FILES = ("lab.json", "key", "key.pub", "known_hosts", "ssh_config", "inventory.yml")


def has_leftovers(layout: LabLayout) -> bool:
    """Whether anything of the lab is on this machine besides files."""
    from provision.lab.cgroups import group_directories

    return bool(
        leftover_links(layout)
        or leftover_netns(layout)
        or mounts_below(layout.hosts)
        or any(directory.exists() for directory in group_directories(layout.tag))
    )


def clear_host(layout: LabLayout, commands: Commands, name: str) -> None:
    """Ends what a half-dead host left: processes, mount, control group. Its files stay."""
    kill_supervisors(layout, name)
    if not kill_group(layout.tag, name):
        raise LabError(f"processes of {name} cannot be killed")
    remove_group(layout.tag, name)
    root = layout.root(name)
    unmount_all(commands, lambda mount: mount.point.is_relative_to(root))


def stop_hosts(layout: LabLayout) -> None:
    """Ends all of the lab's hosts at once, as by pulling their plugs."""
    kill_supervisors(layout)
    if not kill_group(layout.tag):
        raise LabError("some of the lab's processes cannot be killed")


def remove_lab(layout: LabLayout, commands: Commands) -> None:
    """Ends and removes everything of the lab except its lock file. May be repeated."""
    stop_hosts(layout)
    unmount_all(
        commands,
        lambda mount: mount.source == layout.tag or mount.point.is_relative_to(layout.hosts),
    )
    remove_links(layout, commands)
    for netns in leftover_netns(layout):
        commands.run(["ip", "netns", "del", netns])
    remove_group(layout.tag)
    if _PROPAGATE.is_dir():
        for path in _PROPAGATE.glob(f"{layout.prefix}-*"):
            path.rmdir()
    # Never through a mount: what lies behind one is not the lab's to delete.
    if not mounts_below(layout.hosts) and layout.hosts.is_dir():
        shutil.rmtree(layout.hosts)
    for name in _FILES:
        (layout.directory / name).unlink(missing_ok=True)
    staged = (f".{name}.*" for name in _FILES)  # what a killed `up` had not renamed yet
    for pattern in (".*.part*", *staged):
        for path in layout.directory.glob(pattern):
            path.unlink(missing_ok=True)
