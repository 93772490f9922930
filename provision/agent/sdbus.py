"""Asks the service manager over D-Bus, without a process.

For four units on a quiet host: 1.1 ms over the system bus, 11 ms with one `systemctl show`.
Everything raises `BusError`; callers then fall back to systemctl. (Over systemd's private socket
it takes 2.2 ms, and one connection in 500 was not answered for seconds.)
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

SYSTEM_BUS = "/run/dbus/system_bus_socket"
SYSTEMD = "org.freedesktop.systemd1"
MANAGER = "/org/freedesktop/systemd1"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_REPLY, _ERROR = 2, 3
_LIMIT = 32 * 1024 * 1024


class BusError(Exception):
    """The bus cannot be used, or a call was answered with an error."""

    def __init__(self, msg: str, name: str = "") -> None:
        Exception.__init__(self, msg)
        self.name = name


def _pad(data: bytes, to: int) -> bytes:
    return data + b"\0" * (-len(data) % to)


def _string(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    return len(raw).to_bytes(4, "little") + raw + b"\0"


def _signature(text: str) -> bytes:
    return bytes((len(text),)) + text.encode() + b"\0"


def _body(signature: str, values: Sequence[Any]) -> bytes:
    """Marshals strings (s, o), booleans (b), 32-bit numbers (u) and lists of strings (as)."""
    data = b""
    position = 0
    for value in values:
        data = _pad(data, 4)
        if signature.startswith("as", position):
            items = b""
            for item in value:
                items = _pad(items, 4) + _string(item)
            data += len(items).to_bytes(4, "little") + items
            position += 1
        elif signature[position] in "so":
            data += _string(value)
        else:
            data += int(value).to_bytes(4, "little")
        position += 1
    return data


class Call:
    """One method call."""

    def __init__(
        self, path: str, interface: str, member: str, signature: str = "", *values: Any
    ) -> None:
        self.path = path
        self.interface = interface
        self.member = member
        self.signature = signature
        self.values = values
        self.destination = ""  # other than what the connection is for

    def message(self, serial: int, destination: str) -> bytes:
        fields = b""
        for code, kind, value in (
            (1, "o", self.path),
            (2, "s", self.interface),
            (3, "s", self.member),
            (6, "s", destination),
            (8, "g", self.signature),
        ):
            if value:
                fields = _pad(fields, 8) + bytes((code,)) + _signature(kind)
                text = _signature(value) if kind == "g" else _string(value)
                fields = (fields if kind == "g" else _pad(fields, 4)) + text
        body = _body(self.signature, self.values)
        head = b"l\1\0\1" + b"".join(
            number.to_bytes(4, "little") for number in (len(body), serial, len(fields))
        )
        return _pad(head + fields, 8) + body


def to_bus(member: str, signature: str = "", *values: Any) -> Call:
    """A call to the bus itself."""
    call = Call("/org/freedesktop/DBus", "org.freedesktop.DBus", member, signature, *values)
    call.destination = "org.freedesktop.DBus"
    return call


def get(path: str, interface: str, name: str) -> Call:
    return Call(path, _PROPERTIES, "Get", "ss", interface, name)


class _Reader:
    """Unmarshals values by signature."""

    def __init__(self, data: bytes, order: str) -> None:
        self.data = data
        self.order: Any = order
        self.at = 0

    def _number(self, size: int, signed: bool = False) -> int:
        self.at += -self.at % size
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], self.order, signed=signed)

    def _text(self, length: int) -> str:
        start = self.at
        self.at += length + 1
        return self.data[start : start + length].decode("utf-8", "surrogateescape")

    def values(self, signature: str) -> List[Any]:
        found = []
        position = 0
        while position < len(signature):
            value, position = self.value(signature, position)
            found.append(value)
        return found

    def value(self, signature: str, i: int) -> Tuple[Any, int]:
        """The next value, whose type starts at `i`, and where the type after it starts."""
        kind = signature[i]
        if kind in _NUMBERS:
            size, signed = _NUMBERS[kind]
            number = self._number(size, signed)
            return (bool(number) if kind == "b" else number), i + 1
        if kind in "so":
            return self._text(self._number(4)), i + 1
        if kind == "g":
            return self._text(self._number(1)), i + 1
        if kind == "d":
            import struct

            self._number(8)
            packed = self.data[self.at - 8 : self.at]
            return struct.unpack("<d" if self.order == "little" else ">d", packed)[0], i + 1
        if kind == "v":
            return self.value(self._text(self._number(1)), 0)[0], i + 1
        end = _type_end(signature, i)
        if kind == "a":
            return self._array(signature[i + 1 : end]), end
        self.at += -self.at % 8  # ( or {
        return tuple(self.values(signature[i + 1 : end - 1])), end

    def _array(self, inner: str) -> Any:
        length = self._number(4)
        if inner[0] in "({xtd":
            self.at += -self.at % 8
        stop = self.at + length
        items = []
        while self.at < stop:
            items.append(self.value(inner, 0)[0])
        return dict(items) if inner[0] == "{" else items


_NUMBERS = {
    "y": (1, False),
    "b": (4, False),
    "n": (2, True),
    "q": (2, False),
    "i": (4, True),
    "u": (4, False),
    "h": (4, False),
    "x": (8, True),
    "t": (8, False),
}


def _type_end(signature: str, i: int) -> int:
    if signature[i] == "a":
        return _type_end(signature, i + 1)
    if signature[i] not in "({":
        return i + 1
    depth = 0
    while True:
        depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(signature[i], 0)
        i += 1
        if not depth:
            return i


class Bus:
    """A connection. Calls are sent all at once and answered in any order."""

    def __init__(self, path: str, destination: str, timeout_s: float) -> None:
        try:
            import _socket
        except ImportError as exc:
            raise BusError(str(exc)) from None
        self.destination = destination
        self.serial = 0
        self.buffer = b""
        self.signals: List[Tuple[str, List[Any]]] = []
        self.deadline = time.monotonic() + timeout_s
        self.socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        try:
            self.socket.settimeout(timeout_s)
            self.socket.connect(path)
            self._authenticate()
            self.ask([to_bus("Hello")])
        except OSError as exc:
            self.socket.close()
            raise BusError("%s: %s" % (path, exc)) from None

    def __enter__(self) -> Bus:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _authenticate(self) -> None:
        me = str(os.geteuid()).encode().hex().encode()
        self.socket.sendall(b"\0AUTH EXTERNAL " + me + b"\r\nBEGIN\r\n")
        answer = b""
        while not answer.endswith(b"\r\n"):
            piece = self.socket.recv(4096)
            if not piece or len(answer) > 16384:
                raise BusError("the bus hung up")
            answer += piece
        if not answer.startswith(b"OK "):
            raise BusError("the bus refused: " + answer.decode("ascii", "replace").strip())

    def ask(self, calls: Sequence[Call]) -> List[Any]:
        """For each call its values (a list), or the BusError it was answered with."""
        first = self.serial + 1
        data = []
        for call in calls:
            self.serial += 1
            data.append(call.message(self.serial, call.destination or self.destination))
        answers: Dict[int, Any] = {}
        try:
            self.socket.sendall(b"".join(data))
            while len(answers) < len(calls):
                serial, value = self._next()
                if serial is not None and serial >= first:
                    answers[serial] = value
        except OSError as exc:
            raise BusError(str(exc)) from None
        return [answers[first + i] for i in range(len(calls))]

    def wait(self, member: str, fits: Callable[[List[Any]], bool]) -> List[Any]:
        """The values of the first signal `member` that fits, one that has come already included.
        Raises BusError when the connection's time is over."""
        seen = 0
        while True:
            for name, values in self.signals[seen:]:
                if name == member and fits(values):
                    return values
            seen = len(self.signals)
            try:
                self._next()
            except OSError as exc:
                raise BusError(str(exc)) from None

    def _fill(self, count: int) -> None:
        while len(self.buffer) < count:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise BusError("no answer in time")
            self.socket.settimeout(left)
            piece = self.socket.recv(65536)
            if not piece:
                raise BusError("the bus hung up")
            self.buffer += piece

    def _next(self) -> Tuple[Optional[int], Any]:
        """The next message: (serial it answers, values or BusError); (None, _) for signals."""
        self._fill(16)
        order: Any = "little" if self.buffer[:1] == b"l" else "big"
        length = int.from_bytes(self.buffer[4:8], order)
        fields_length = int.from_bytes(self.buffer[12:16], order)
        start = 16 + fields_length
        start += -start % 8
        if start + length > _LIMIT:
            raise BusError("the bus sent nonsense")
        self._fill(start + length)
        kind = self.buffer[1]
        head = _Reader(self.buffer[: 16 + fields_length], order)
        head.at = 12
        fields: Dict[int, Any] = dict(head.value("a(yv)", 0)[0])
        body = self.buffer[start : start + length]
        self.buffer = self.buffer[start + length :]
        values = _Reader(body, order).values(fields.get(8, ""))
        if kind not in (_REPLY, _ERROR):
            self.signals.append((fields.get(3, ""), values))
            return None, None
        if kind == _ERROR:
            words = str(values[0]) if values else ""
            return fields.get(5), BusError(words, fields.get(4, ""))
        return fields.get(5), values


def manager(user: bool = False, timeout_s: float = 10.0) -> Bus:
    """A connection to the system's service manager, or to this user's. Raises BusError."""
    path = os.path.join(runtime_dir(), "bus") if user else SYSTEM_BUS
    return Bus(path, SYSTEMD, timeout_s)


def runtime_dir() -> str:
    return os.environ.get("XDG_RUNTIME_DIR") or "/run/user/%d" % os.geteuid()


def unit_path(unit: str) -> str:
    """The object that stands for a unit; an alias leads to the same unit."""
    plain = ""
    for byte in unit.encode("utf-8", "surrogateescape"):
        letter = chr(byte)
        fits = byte < 128 and (letter.isalpha() or (plain and letter.isdigit()))
        plain += letter if fits else "_%02x" % byte
    return MANAGER + "/unit/" + plain
