"""Frames over two file descriptors, and JSON without the `json` package."""

from __future__ import annotations

import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` costs more to import on the host than an interpreter start
    from typing import Any, Callable, Dict, List, Mapping, Tuple

FRAME_LIMIT = 64 * 1024 * 1024
_FLUSH_S = 0.1  # results are held back this long, so that twenty of them are one packet


class Closed(Exception):
    """The controller is gone."""


def _json_codec() -> Tuple[Callable[[str], Any], Callable[[Any], str]]:
    """The C halves of `json` without the package, which would import `re` (7 ms)."""
    try:
        import _json

        class Options:
            strict = False
            object_hook = None
            object_pairs_hook = None
            parse_float = float
            parse_int = int
            parse_constant = float
            memo: Dict[str, str] = {}

        scan = _json.make_scanner(Options)  # type: ignore[arg-type]
        encode = _json.make_encoder(
            None, _default, _json.encode_basestring_ascii, None, ":", ",", False, False, True
        )

        def loads(text: str) -> Any:
            return scan(text, 0)[0]

        def dumps(value: Any) -> str:
            return "".join(encode(value, 0))

        probe: Any = {"a": [1, -2.5, None, True, "\u00e9\n\ud800", {}]}
        if loads(dumps(probe)) == probe:
            return loads, dumps
    except Exception:  # a private module: whatever it does, json is the answer
        pass
    import json

    return json.loads, lambda value: json.dumps(value, default=_default)


def _default(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value)


loads, dumps = _json_codec()


class Wire:
    """Frames over two file descriptors. Output is gathered and sent a little later."""

    def __init__(self, fd_in: int, fd_out: int) -> None:
        self.fd_in = fd_in
        self.fd_out = fd_out
        self.pending: List[bytes] = []
        self.sent_at = time.monotonic()
        self.busy = False  # a write is under way; the timer must not start another

    def _read(self, count: int) -> bytes:
        parts = []
        while count:
            data = os.read(self.fd_in, min(count, 1 << 20))
            if not data:
                raise Closed()
            parts.append(data)
            count -= len(data)
        return b"".join(parts)

    def receive(self) -> Tuple[bytes, bytes]:
        """The next frame as (kind, body)."""
        size = int.from_bytes(self._read(4), "big")
        if not 1 <= size <= FRAME_LIMIT:
            raise Closed()
        body = self._read(size)
        return body[:1], body[1:]

    def readable(self) -> bool:
        poll = select.poll()
        poll.register(self.fd_in, select.POLLIN)
        return bool(poll.poll(0))

    def put(self, kind: bytes, body: bytes) -> None:
        self.pending.append((len(body) + 1).to_bytes(4, "big") + kind + body)

    def say(self, message: Mapping[str, Any]) -> None:
        self.put(b"J", dumps(message).encode("utf-8", "surrogatepass"))

    def flush(self) -> None:
        if self.busy:
            return
        self.busy = True
        try:
            while self.pending:
                data = memoryview(b"".join(self.pending))
                self.pending = []
                while data:
                    data = data[os.write(self.fd_out, data) :]
        except OSError:
            raise Closed() from None
        finally:
            self.busy = False
            self.sent_at = time.monotonic()

    def flush_if_due(self) -> None:
        if self.pending and time.monotonic() - self.sent_at > _FLUSH_S:
            self.flush()
