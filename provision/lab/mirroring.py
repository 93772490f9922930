"""The lab's side of its mirror: start, stop, where it listens.

The mirror is a room of its own; what it imports is loaded only when a lab wants it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import sys
from pathlib import Path

from provision.errors import LabError
from provision.lab.commands import Commands
from provision.lab.model import LabState
from provision.lab.processes import arguments_of, end_process

__all__ = ["available", "choose_port", "process_id", "start", "stop"]

_PORT = 8088
_MODULE = "provision.lab.mirror"
_STARTER = "provision.lab.mirror_starter"
_FILES = ("mirror.json", "mirror.pid", "mirror.log", "access.jsonl", "faults.json")


def available() -> bool:
    """Whether this installation has a mirror to start."""
    return importlib.util.find_spec(_MODULE) is not None


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


def start(directory: Path, state: LabState, commands: Commands) -> None:
    """Starts the mirror, building it first when needed. Raises LabError with its reason."""
    # Dies with us: nothing may start after a killed `up`.
    contained = ("setpriv", "--pdeathsig", "KILL")
    where = (str(directory), state.bridge_address, str(state.mirror_port))
    try:
        commands.run(
            [*contained, sys.executable, "-m", _STARTER, *where],
            timeout_s=1800,
            what="the mirror does not start",
            environment=os.environ,  # pip and apt settings are its business
        )
    except LabError as exc:
        raise _explained(exc) from exc


def _explained(error: LabError) -> LabError:
    try:
        said = json.loads(error.why.splitlines()[-1])
        return LabError(said["what"], why=said["why"], hint=said["hint"])
    except (ValueError, LookupError, TypeError):
        return error


def stop(directory: Path) -> None:
    """Ends every mirror of this lab, also one that never got to write its files."""
    for pid in _processes(directory, _STARTER, _MODULE):
        end_process(pid, lambda one: _serves(one, directory), gently_s=5.0)
    for name in _FILES:
        (directory / name).unlink(missing_ok=True)


def _serves(pid: int, directory: Path, *modules: str) -> bool:
    arguments = arguments_of(pid)
    known = modules or (_STARTER, _MODULE)
    return str(directory) in arguments and any(module in arguments for module in known)


def _processes(directory: Path, *modules: str) -> list[int]:
    names = os.listdir("/proc")  # noqa: PTH208 - a thousand names, most of them unused
    pids = [int(name) for name in names if name.isdecimal()]
    return [pid for pid in pids if _serves(pid, directory, *modules)]


def process_id(directory: Path) -> int | None:
    """Of the running mirror; None when there is none."""
    return next(iter(_processes(directory, _MODULE)), None)
