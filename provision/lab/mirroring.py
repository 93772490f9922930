"""The lab's side of its mirror: start, stop, where it listens.

The mirror is a room of its own that this one only calls, and may be missing.
"""

from __future__ import annotations

import importlib
import importlib.util
import socket
from pathlib import Path
from typing import Any

__all__ = ["available", "choose_port", "process_id", "start", "stop"]

_PORT = 8088
_MODULE = "provision.lab.mirror"


def available() -> bool:
    try:
        return importlib.util.find_spec(_MODULE) is not None and _mirror() is not None
    except ImportError:
        return False


def _mirror() -> Any:
    """An object with the mirror's `start` and `stop`, or None."""
    made = getattr(importlib.import_module(_MODULE), "Mirror", None)
    return made() if made is not None else None


def choose_port(address: str) -> int:
    """The usual port, or the next free one on the lab's bridge address."""
    for port in range(_PORT, _PORT + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
    return _PORT


def start(directory: Path, address: str, port: int) -> None:
    """Starts the mirror unless it runs."""
    if process_id(directory) is None:
        _mirror().start(directory, address, port)


def stop(directory: Path) -> None:
    if (directory / "mirror.pid").exists() and available():
        _mirror().stop(directory)


def process_id(directory: Path) -> int | None:
    """Of the running mirror; None when there is none or the file is stale."""
    try:
        pid = int((directory / "mirror.pid").read_text(encoding="ascii"))
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    mine = _MODULE.encode() in arguments and bytes(str(directory), "utf-8") in arguments
    return pid if mine else None
