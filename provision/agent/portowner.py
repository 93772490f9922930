"""Who listens on a port."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Tuple

_LISTEN = "0A"


def _packed(address: str) -> str:
    """An address as /proc/net/tcp writes it; empty for a name."""
    import _socket

    family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
    try:
        raw = _socket.inet_pton(family, address)
    except OSError:
        return ""
    words = [raw[i : i + 4][::-1] for i in range(0, len(raw), 4)]
    return b"".join(words).hex().upper()


def _listeners(port: int) -> List[Tuple[str, str]]:
    """(address, inode) of the sockets that listen on a port."""
    found = []
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(path, encoding="ascii") as stream:
                lines = stream.readlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            address, _, number = fields[1].partition(":")
            if fields[3] == _LISTEN and int(number, 16) == port:
                found.append((address, fields[9]))
    return found


def taken(bind: str, port: int) -> str:
    """Words for whoever would not let another listen there; empty when nobody does."""
    wanted = _packed(bind)
    for address, inode in _listeners(port):
        anywhere = not address.strip("0") or not wanted.strip("0")
        if anywhere or address == wanted:
            return _owner(inode)
    return ""


def _owner(inode: str) -> str:
    needle = "socket:[%s]" % inode
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        folder = "/proc/%s/fd" % pid
        try:
            if any(os.readlink("%s/%s" % (folder, fd)) == needle for fd in os.listdir(folder)):
                with open("/proc/%s/comm" % pid, encoding="utf-8", errors="replace") as stream:
                    return "process %s (%s)" % (pid, stream.read().strip())
        except OSError:
            continue
    return "another process"
