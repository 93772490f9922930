"""Waits for a port or a file."""

from __future__ import annotations

import os
import time

from provision.agent import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Set

    from provision.agent.core import Args, Context, Result

_TAIL = 64 * 1024 * 1024  # bytes at a file's end that are searched
#: /proc/net/tcp's numbers
_STATES = {
    "ESTABLISHED": "01",
    "SYN_SENT": "02",
    "SYN_RECV": "03",
    "FIN_WAIT1": "04",
    "FIN_WAIT2": "05",
    "TIME_WAIT": "06",
    "CLOSE_WAIT": "08",
    "LAST_ACK": "09",
}


class Port:
    """A TCP port; `look` says whether it is as wanted."""

    def __init__(self, args: Args) -> None:
        self.args = args
        self.host: str = args["host"]
        self.port: int = args["port"]
        self.groups: Dict[str, Any] = {}

    def name(self) -> str:
        return "%s:%d" % (self.host, self.port)

    def connect(self, limit_s: float) -> Any:
        """A connected socket, None when nobody answers."""
        import _socket

        try:
            found = _socket.getaddrinfo(self.host, self.port, 0, _socket.SOCK_STREAM)
        except OSError as exc:
            raise core.Fail("cannot resolve %s: %s" % (self.host, exc.args[-1])) from None
        for family, kind, protocol, _, address in found:
            sock = _socket.socket(family, kind | _socket.SOCK_CLOEXEC, protocol)
            sock.settimeout(max(0.01, limit_s))
            try:
                sock.connect(address)
                return sock
            except OSError:
                sock.close()
        return None

    def look(self, limit_s: float) -> bool:
        if self.args["state"] == "drained":
            return not self._clients()
        sock = self.connect(min(limit_s, self.args["connect_timeout"]))
        if sock is None:
            return bool(self.args["state"] in ("stopped", "absent"))
        try:
            if self.args["state"] in ("stopped", "absent"):
                return False
            pattern = self.args.get("search_regex")
            return self._says(sock, pattern, limit_s) if pattern else True
        finally:
            sock.close()

    def _says(self, sock: Any, pattern: str, limit_s: float) -> bool:
        deadline, text = time.monotonic() + limit_s, b""
        while time.monotonic() < deadline:
            sock.settimeout(max(0.01, min(self.args["connect_timeout"], limit_s)))
            try:
                piece = sock.recv(65536)
            except OSError:
                return False
            if not piece:
                return False
            text += piece
            found = search(pattern, text)
            if found is not None:
                self.groups = found
                return True
        return False

    def _clients(self) -> int:
        """Connections to the port that count."""
        states = {_STATES[name] for name in self.args["active_connection_states"]}
        mine = _hex_addresses(self.host) if self.host not in ("0.0.0.0", "::") else None
        others: Set[str] = set()
        for host in self.args.get("exclude_hosts") or ():
            others |= _hex_addresses(host)
        count = 0
        for path in ("/proc/net/tcp", "/proc/net/tcp6"):
            try:
                with open(path, encoding="ascii") as stream:
                    lines = stream.readlines()[1:]
            except OSError:
                continue
            for line in lines:
                _, local, remote, state = line.split()[:4]
                address, _, port = local.partition(":")
                if int(port, 16) != self.port or state not in states:
                    continue
                # A client of this port on the host itself shows as a line of its own.
                if mine is not None and _bare(address) not in mine:
                    continue
                if _bare(remote.partition(":")[0]) not in others:
                    count += 1
        return count


def _bare(address: str) -> str:
    """/proc/net/tcp6 shows IPv4 addresses inside IPv6 ones."""
    mapped = "0000000000000000FFFF0000"
    return address[len(mapped) :] if address.startswith(mapped) else address


def _hex_addresses(host: str) -> Set[str]:
    """A host's addresses as /proc/net/tcp writes them."""
    import _socket
    import sys

    try:
        found = _socket.getaddrinfo(host, 0, 0, _socket.SOCK_STREAM)
    except OSError as exc:
        raise core.Fail("cannot resolve %s: %s" % (host, exc.args[-1])) from None
    shown = set()
    for family, _, _, _, address in found:
        raw = _socket.inet_pton(family, str(address[0]).partition("%")[0])
        words = [raw[i : i + 4] for i in range(0, len(raw), 4)]
        order: Any = sys.byteorder
        shown.add("".join("%08X" % int.from_bytes(word, order) for word in words))
    return shown


class File:
    """A path; with a regex, its content."""

    def __init__(self, args: Args) -> None:
        self.args = args
        self.path: str = os.path.expanduser(args["path"])
        self.groups: Dict[str, Any] = {}

    def name(self) -> str:
        return "file " + self.path

    def look(self, _limit_s: float) -> bool:
        there = os.path.lexists(self.path)
        pattern = self.args.get("search_regex")
        if self.args["state"] == "absent":
            if there and pattern:
                return search(pattern, self._content()) is None
            return not there
        if not there or not pattern:
            return there
        found = search(pattern, self._content())
        if found is not None:
            self.groups = found
        return found is not None

    def _content(self) -> bytes:
        try:
            with open(self.path, "rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                if size > _TAIL:
                    stream.seek(size - _TAIL)
                return bytes(stream.read(_TAIL))
        except OSError:
            return b""


def search(pattern: str, text: bytes) -> Optional[Dict[str, Any]]:
    """The groups of the pattern's first match; None when there is none."""
    import re

    match = re.search(pattern.encode("utf-8", "surrogateescape"), text, re.MULTILINE)
    if match is None:
        return None

    def shown(value: Optional[bytes]) -> Optional[str]:
        return None if value is None else value.decode("utf-8", "surrogateescape")

    return {
        "match_groups": [shown(group) for group in match.groups()],
        "match_groupdict": {key: shown(group) for key, group in match.groupdict().items()},
    }


def _why(target: Any, args: Args) -> str:
    if args.get("msg"):
        return str(args["msg"])
    name: str = target.name()
    state, pattern = args["state"], args.get("search_regex")
    if state == "drained":
        return "Timeout when waiting for %s to drain" % name
    if state in ("absent", "stopped"):
        return "Timeout when waiting for %s to %s." % (
            name,
            "stop" if isinstance(target, Port) else "be absent",
        )
    if pattern:
        return "Timeout when waiting for search string %s in %s" % (pattern, name)
    return "Timeout when waiting for %s" % name


def main(ctx: Context, args: Args) -> Result:
    """args: as the action's."""
    start = time.monotonic()
    if args.get("port") is None and args.get("path") is None:
        if not ctx.check:
            time.sleep(args["delay"] + args["timeout"])
        return core.ok(**_values(args, start, {}))
    target: Any = Port(args) if args.get("port") is not None else File(args)
    if ctx.check:
        if target.look(args["connect_timeout"]):
            return core.ok(**_values(args, start, target.groups))
        return core.unknown("it is not so yet, and a check does not wait", elapsed=0)
    time.sleep(args["delay"])
    deadline = start + args["delay"] + args["timeout"]
    while True:
        left = deadline - time.monotonic()
        if target.look(max(0.05, left)):
            return core.ok(**_values(args, start, target.groups))
        left = deadline - time.monotonic()
        if left <= 0:
            elapsed = int(time.monotonic() - start)
            raise core.Fail(_why(target, args), elapsed=elapsed)
        ctx.progress(phase="wait", done=int(time.monotonic() - start), unit="s")
        time.sleep(min(args["sleep"], left))


def _values(args: Args, start: float, groups: Dict[str, Any]) -> Dict[str, Any]:
    values = {
        "state": args["state"],
        "port": args.get("port"),
        "path": args.get("path"),
        "search_regex": args.get("search_regex"),
        "match_groups": [],
        "match_groupdict": {},
        "elapsed": int(time.monotonic() - start),
    }
    values.update(groups)
    return values
