"""Commands that run without an agent: on hosts that have no Python, or have none yet."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from provision.actions.base import Outcome, RawCommand
from provision.engine.connections import HostLine, Identity
from provision.transport.become import start_as

__all__ = ["run_program", "run_raw"]

_LIMIT = 8 * 1024 * 1024
_PIECE = 256 * 1024


def run_program(
    line: HostLine,
    identity: Identity,
    program: list[str] | str,
    stdin: Sequence[bytes | Path],
    limit_s: float,
) -> tuple[int, str, str]:
    """Exit status, output and errors of a program on the host. Raises Unreachable."""
    channel = start_as(line.connection(), program, line.become(identity))
    deadline = time.monotonic() + limit_s
    out = b""
    try:
        for part in stdin:
            for piece in _pieces(part):
                channel.send(piece)
        channel.send_eof()
        while data := channel.recv(65536, max(0.1, deadline - time.monotonic())):
            out = (out + data)[-_LIMIT:]
        status = channel.exit_status(max(0.1, deadline - time.monotonic()))
        err = channel.stderr()
    finally:
        channel.close()
    return status, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")


def _pieces(part: bytes | Path) -> Iterator[bytes]:
    if isinstance(part, bytes):
        yield part
        return
    with part.open("rb") as stream:
        while data := stream.read(_PIECE):
            yield data


def run_raw(
    line: HostLine, identity: Identity, command: RawCommand, limit_s: float | None
) -> Outcome:
    """The action `raw`: a command line for the login shell, or for sh as another user."""
    limit_s = command.timeout_s or limit_s or 1800.0
    try:
        rc, out, err = run_program(line, identity, command.line, command.stdin, limit_s)
    except TimeoutError:
        return Outcome("failed", f"did not end within {limit_s:.0f} s")
    return command.finish(rc, out, err)
