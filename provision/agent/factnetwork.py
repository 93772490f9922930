"""Facts of the network: interfaces, addresses, default routes."""

from __future__ import annotations

import os

from provision.agent import netlink
from provision.agent.factsystem import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping

    from provision.agent.core import Context

    Options = Mapping[str, Any]

_UP, _LOOPBACK, _PROMISC = 0x1, 0x8, 0x100
_TYPES = {1: "ether", 32: "infiniband", 512: "ppp", 768: "tunnel", 772: "loopback", 65534: "tunnel"}
_SCOPES = {0: "global", 200: "site", 253: "link", 254: "host"}


def _mask(prefix: int) -> int:
    return (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF


def _dotted(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def _number(address: str) -> int:
    number = 0
    for part in address.split("."):
        number = number << 8 | int(part)
    return number


def _ipv4(entry: Mapping[str, Any]) -> Dict[str, Any]:
    mask = _mask(entry["prefix"])
    return {
        "address": entry["address"],
        "broadcast": entry["broadcast"],
        "netmask": _dotted(mask),
        "network": _dotted(_number(entry["address"]) & mask),
        "prefix": str(entry["prefix"]),
    }


def network(ctx: Context, _: Options) -> Dict[str, Any]:
    links = netlink.links()
    addresses = netlink.addresses()
    facts: Dict[str, Any] = {
        "interfaces": [link["name"] for link in links.values()],
        "all_ipv4_addresses": [
            a["address"]
            for a in addresses
            if a["family"] == netlink.INET and not a["address"].startswith("127.")
        ],
        "all_ipv6_addresses": [
            a["address"]
            for a in addresses
            if a["family"] == netlink.INET6 and a["address"] != "::1"
        ],
    }
    devices = {}
    for index, link in links.items():
        own = [a for a in addresses if a["index"] == index]
        devices[link["name"]] = _device(link, own, links)
    for name, device in devices.items():
        facts[name.replace("-", "_")] = device
    facts["default_ipv4"] = _default4(devices)
    facts["default_ipv6"] = _default6(devices)
    return facts


def _device(
    link: Mapping[str, Any], own: List[Dict[str, Any]], links: Mapping[int, Mapping[str, Any]]
) -> Dict[str, Any]:
    name = link["name"]
    device: Dict[str, Any] = {
        "device": name,
        "type": _TYPES.get(link["hardware"], "unknown"),
        "mtu": link["mtu"],
        # 2 is down; drivers that cannot tell say 0, unknown
        "active": bool(link["flags"] & _UP) and link["state"] != 2,
        "promisc": bool(link["flags"] & _PROMISC),
    }
    if link["mac"] and not link["flags"] & _LOOPBACK:
        device["macaddress"] = link["mac"]
    if link["kind"] in ("bridge", "bond"):
        _members(device, link, links)
    if netlink.same_device(name, link["mac"]):
        _from_sys(device, name)
    four = [a for a in own if a["family"] == netlink.INET]
    six = [a for a in own if a["family"] == netlink.INET6]
    if four:
        device["ipv4"] = _ipv4(four[0])
        if len(four) > 1:
            device["ipv4_secondaries"] = [_ipv4(a) for a in four[1:]]
    if six:
        device["ipv6"] = [
            {
                "address": a["address"],
                "prefix": str(a["prefix"]),
                "scope": _SCOPES.get(a["scope"], str(a["scope"])),
            }
            for a in six
        ]
    return device


def _members(
    device: Dict[str, Any], link: Mapping[str, Any], links: Mapping[int, Mapping[str, Any]]
) -> None:
    mine = [key for key, value in links.items() if value is link]
    names = [other["name"] for other in links.values() if other["master"] in mine and mine]
    device["type"] = "bonding" if link["kind"] == "bond" else "bridge"
    device["slaves" if link["kind"] == "bond" else "interfaces"] = names


def _from_sys(device: Dict[str, Any], name: str) -> None:
    top = "/sys/class/net/" + name
    module = os.path.join(top, "device/driver/module")
    if os.path.islink(module):
        device["module"] = os.path.basename(os.readlink(module))
    if os.path.islink(top + "/device"):
        device["pciid"] = os.path.basename(os.readlink(top + "/device"))
    speed = read(top + "/speed")
    if speed.lstrip("-").isdigit():
        device["speed"] = int(speed)
    if device["type"] == "bonding":
        device["mode"] = read(top + "/bonding/mode").partition(" ")[0]
        device["miimon"] = read(top + "/bonding/miimon")
    elif device["type"] == "bridge":
        device["id"] = read(top + "/bridge/bridge_id")
        device["stp"] = read(top + "/bridge/stp_state") == "1"


def _default4(devices: Mapping[str, Mapping[str, Any]]) -> Dict[str, Any]:
    name, gateway = netlink.default_route4()
    device = devices.get(name)
    if device is None or "ipv4" not in device:
        return {}
    facts = {"interface": name, "alias": name, "gateway": gateway, **device["ipv4"]}
    for key in ("mtu", "type", "macaddress"):
        if key in device:
            facts[key] = device[key]
    return facts


def _default6(devices: Mapping[str, Mapping[str, Any]]) -> Dict[str, Any]:
    name, gateway = netlink.default_route6()
    device = devices.get(name)
    if device is None or "ipv6" not in device:
        return {}
    usable = [a for a in device["ipv6"] if a["scope"] == "global"] or device["ipv6"]
    facts = {"interface": name, "gateway": gateway, **usable[0]}
    for key in ("mtu", "type", "macaddress"):
        if key in device:
            facts[key] = device[key]
    return facts
