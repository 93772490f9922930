"""Links and addresses of this network namespace, asked of the kernel (`ip` would be a process,
and /sys/class/net may show another namespace's)."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Tuple

_LINK, _ADDRESS = 18, 22  # RTM_GETLINK, RTM_GETADDR
_NEW = (16, 20)  # RTM_NEWLINK, RTM_NEWADDR
_DONE, _ERROR = 3, 2
_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
INET, INET6 = 2, 10


def _int(data: bytes) -> int:
    import sys

    return int.from_bytes(data, sys.byteorder)


def _pack(number: int, size: int) -> bytes:
    import sys

    return number.to_bytes(size, sys.byteorder)


def _dump(kind: int) -> Iterator[bytes]:
    """The bodies of the kernel's answers to a dump. Raises OSError."""
    import _socket

    family = getattr(_socket, "AF_NETLINK", 16)
    sock = _socket.socket(family, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, 0)
    try:
        sock.settimeout(5.0)
        sock.bind((0, 0))
        head = _pack(20, 4) + _pack(kind, 2) + _pack(_DUMP, 2) + _pack(1, 4) + _pack(0, 4)
        sock.send(head + b"\0\0\0\0")
        while True:
            data = sock.recv(1 << 18)
            while data:
                size, what = _int(data[:4]), _int(data[4:6])
                if what == _DONE:
                    return
                if what == _ERROR or size < 16:
                    raise OSError(_int(data[16:20]), "netlink")
                if what in _NEW:
                    yield data[16:size]
                data = data[(size + 3) & ~3 :]
    finally:
        sock.close()


def _attributes(data: bytes) -> Dict[int, bytes]:
    found: Dict[int, bytes] = {}
    while len(data) >= 4:
        size, kind = _int(data[:2]), _int(data[2:4]) & 0x3FFF
        if size < 4:
            break
        found[kind] = data[4:size]
        data = data[(size + 3) & ~3 :]
    return found


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode("utf-8", "replace")


def links() -> Dict[int, Dict[str, Any]]:
    """Index → name, flags, mtu, mac, master (index or 0), type, kind (veth, bridge, ...)."""
    found = {}
    for body in _dump(_LINK):
        attributes = _attributes(body[16:])
        mac = attributes.get(1, b"")
        info = _attributes(attributes.get(18, b""))
        found[_int(body[4:8])] = {
            "name": _text(attributes.get(3, b"")),
            "hardware": _int(body[2:4]),
            "flags": _int(body[8:12]),
            "mtu": _int(attributes.get(4, b"\0")),
            "mac": ":".join("%02x" % byte for byte in mac),
            "master": _int(attributes.get(10, b"\0")),
            "kind": _text(info.get(1, b"")),
            "state": _int(attributes.get(16, b"\0")),
        }
    return found


def address_text(family: int, data: bytes) -> str:
    if family == INET:
        return ".".join(str(byte) for byte in data)
    import _socket

    return str(_socket.inet_ntop(INET6, data))


def addresses() -> List[Dict[str, Any]]:
    """index, family, address, prefix, scope (number), broadcast, label, secondary; primary
    addresses of an interface first, as the kernel lists them."""
    found = []
    for body in _dump(_ADDRESS):
        family, prefix, flags, scope = body[0], body[1], body[2], body[3]
        attributes = _attributes(body[8:])
        local = attributes.get(2) or attributes.get(1)
        if local is None or family not in (INET, INET6):
            continue
        broadcast = attributes.get(4)
        found.append(
            {
                "index": _int(body[4:8]),
                "family": family,
                "address": address_text(family, local),
                "prefix": prefix,
                "scope": scope,
                "broadcast": address_text(INET, broadcast) if broadcast else "",
                "label": _text(attributes.get(3, b"")),
                "secondary": bool(flags & 1),
            }
        )
    return found


def _routes(path: str) -> Iterator[Tuple[str, ...]]:
    try:
        with open(path, encoding="ascii") as stream:
            for line in stream:
                yield tuple(line.split())
    except OSError:
        return


def default_route4() -> Tuple[str, str]:
    """(interface, gateway) of the best default route; empty when there is none."""
    best: Any = None
    for words in _routes("/proc/net/route"):
        if len(words) > 7 and words[1] == "00000000" and words[7] == "00000000":
            if int(words[3], 16) & 0x200:  # a route that rejects
                continue
            entry = (int(words[6]), words[0], words[2])
            best = entry if best is None or entry < best else best
    if best is None:
        return "", ""
    raw = _pack(int(best[2], 16), 4)
    return best[1], address_text(INET, raw) if any(raw) else ""


def default_route6() -> Tuple[str, str]:
    best: Any = None
    for words in _routes("/proc/net/ipv6_route"):
        if len(words) > 9 and words[0] == "0" * 32 and words[1] == "00" and words[9] != "lo":
            entry = (int(words[5], 16), words[9], words[4])
            best = entry if best is None or entry < best else best
    if best is None:
        return "", ""
    raw = bytes.fromhex(best[2])
    return best[1], address_text(INET6, raw) if any(raw) else ""


def same_device(name: str, mac: str) -> bool:
    """Whether /sys/class/net shows this very device and not another namespace's."""
    try:
        with open(os.path.join("/sys/class/net", name, "address"), encoding="ascii") as stream:
            return stream.read().strip() == mac
    except OSError:
        return False
