"""Bridge, network namespaces and addresses of a lab, made with `ip`."""

from __future__ import annotations

import json
import time
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

from provision.errors import LabError
from provision.lab.commands import Commands
from provision.lab.files import locked
from provision.lab.layout import LabLayout
from provision.lab.model import LabHost

__all__ = [
    "POOL",
    "bridge_exists",
    "choose_network",
    "connect_host",
    "disconnect_host",
    "ensure_bridge",
    "leftover_links",
    "leftover_netns",
    "remove_links",
]

POOL = IPv4Network("10.88.0.0/16")
_SMALLEST_PREFIX = 21  # 2046 addresses: 32 labs side by side, a thousand names in each
_CHOOSING = Path("/run/lock/provision-lab-network.lock")
_NETNS = Path("/run/netns")
_LINKS = Path("/sys/class/net")


def _used_networks(commands: Commands) -> list[IPv4Network]:
    links: list[dict[str, Any]] = json.loads(commands.run(["ip", "-j", "-4", "addr", "show"]))
    routes: list[dict[str, Any]] = json.loads(commands.run(["ip", "-j", "-4", "route", "show"]))
    used = [
        IPv4Interface(f"{item['local']}/{item['prefixlen']}").network
        for link in links
        for item in link.get("addr_info", ())
        if "local" in item
    ]
    used += [
        IPv4Network(route["dst"], strict=False) for route in routes if route["dst"] != "default"
    ]
    return used


def bridge_exists(layout: LabLayout) -> bool:
    return (_LINKS / layout.bridge).exists()


def _bridge_network(layout: LabLayout, commands: Commands) -> IPv4Network | None:
    if not bridge_exists(layout):
        return None
    shown = json.loads(commands.run(["ip", "-j", "-4", "addr", "show", "dev", layout.bridge]))
    for item in (info for link in shown for info in link.get("addr_info", ())):
        return IPv4Interface(f"{item['local']}/{item['prefixlen']}").network
    return None


def choose_network(used: list[IPv4Network], addresses: int, preferred: str = "") -> IPv4Network:
    """A free part of 10.88.0.0/16 with room for `addresses` hosts; `preferred` if it is free."""
    prefix = _SMALLEST_PREFIX
    while 2 ** (32 - prefix) < addresses + 16:
        prefix -= 1
    if prefix < POOL.prefixlen:
        raise LabError(f"a lab cannot have {addresses} addresses", why=f"its pool is {POOL}")
    candidates = list(POOL.subnets(new_prefix=prefix))
    if preferred:
        candidates.insert(0, IPv4Network(preferred))
    for candidate in candidates:
        if not any(candidate.overlaps(other) for other in used if other.prefixlen > 0):
            return candidate
    raise LabError(
        f"no free network for a lab in {POOL}",
        hint="take down a lab you no longer need (`provision lab down --dir DIR`)",
    )


def ensure_bridge(
    layout: LabLayout, commands: Commands, *, addresses: int, preferred: str = ""
) -> IPv4Network:
    """Makes the lab's bridge, or completes one that a killed run left; its network."""
    with locked(_CHOOSING):
        if (network := _bridge_network(layout, commands)) is None:
            network = choose_network(_used_networks(commands), addresses, preferred)
            _make_bridge(layout, commands, network)
    return network


def _make_bridge(layout: LabLayout, commands: Commands, network: IPv4Network) -> None:
    if not bridge_exists(layout):
        # An address of its own: a bridge otherwise changes it with its ports.
        mac = "02:" + ":".join(layout.lab_id[i : i + 2] for i in range(0, 8, 2)) + ":01"
        commands.run(["ip", "link", "add", layout.bridge, "address", mac, "type", "bridge"])
    own = f"{network[1]}/{network.prefixlen}"
    commands.run(["ip", "link", "set", layout.bridge, "up"])
    commands.run(["ip", "addr", "add", own, "dev", layout.bridge])


def connect_host(
    layout: LabLayout, commands: Commands, host: LabHost, network: IPv4Network
) -> None:
    """Gives a host that does not run a fresh namespace with all its addresses."""
    disconnect_host(layout, commands, host.name, host.index)
    netns, veth = layout.netns(host.name), layout.veth(host.index)
    commands.run(["ip", "netns", "add", netns])
    commands.run(
        ["ip", "link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", netns]
    )
    commands.run(["ip", "link", "set", veth, "master", layout.bridge, "up"])
    lines = [f"addr add {address}/{network.prefixlen} dev eth0" for address in host.addresses]
    lines += ["link set eth0 up", "link set lo up", f"route add default via {network[1]}"]
    commands.run(["ip", "-n", netns, "-batch", "-"], text="\n".join(lines) + "\n")


def disconnect_host(layout: LabLayout, commands: Commands, name: str, index: int) -> None:
    veth = layout.veth(index)
    if (_LINKS / veth).exists() and not commands.try_run(["ip", "link", "del", veth]):
        deadline = time.monotonic() + 5.0  # the kernel may be taking it away just now
        while (_LINKS / veth).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    if (_NETNS / layout.netns(name)).exists():
        commands.run(["ip", "netns", "del", layout.netns(name)])


def remove_links(layout: LabLayout, commands: Commands) -> None:
    """Deletes the lab's links. One may vanish by itself: the kernel takes a pair away some
    time after the namespace that held its other end."""
    for link in leftover_links(layout):
        if not commands.try_run(["ip", "link", "del", link]) and (_LINKS / link).exists():
            raise LabError(f"cannot delete the network link {link}")


def leftover_netns(layout: LabLayout) -> list[str]:
    return sorted(path.name for path in _NETNS.glob(f"{layout.prefix}-*"))


def leftover_links(layout: LabLayout) -> list[str]:
    """The lab's links on this machine, the bridge last."""
    names = [path.name for path in _LINKS.glob(f"{layout.prefix}*")]
    return sorted(names, key=lambda name: (name == layout.bridge, name))
