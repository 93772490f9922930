"""Commands on lab hosts through the machine's own ssh."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase

from provision.errors import InputError
from provision.lab.controller import Lab
from provision.lab.model import LabState

__all__ = ["Reply", "exit_code", "run_on_hosts", "select_hosts", "ssh_arguments"]

_UNREACHABLE = 255  # what ssh itself ends with


@dataclass(frozen=True, slots=True)
class Reply:
    """`output` holds standard output and standard error as they came."""

    host: str
    code: int
    output: str


def _inventory_names(state: LabState) -> list[str]:
    return [name for host in state.hosts for name, _ in host.names()]


def ssh_arguments(lab: Lab, host: str, *, login: str = "", command: str = "") -> list[str]:
    """`ssh` with the lab's key and strict host keys. Raises InputError for unknown hosts."""
    state = lab.require_state()
    if host not in _inventory_names(state):
        state.host(host)
    user = ["-l", login] if login else []
    return ["ssh", "-F", str(lab.layout.ssh_config), *user, host, *([command] if command else [])]


def select_hosts(state: LabState, pattern: str) -> list[str]:
    """Inventory names that match one of the comma-separated globs, in the lab's order.

    Raises InputError when a part of the pattern matches nothing.
    """
    names = _inventory_names(state)
    chosen: set[str] = set()
    for part in filter(None, (word.strip() for word in pattern.split(","))):
        glob = "*" if part == "all" else part
        found = {name for name in names if fnmatchcase(name, glob)}
        if not found:
            state.host(part)
            raise InputError(f"no host of the lab matches {part!r}")
        chosen |= found
    return [name for name in names if name in chosen]


def _run(argv: Sequence[str], host: str) -> Reply:
    done = subprocess.run(
        [argv[0], "-n", "-o", "ConnectTimeout=10", *argv[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return Reply(host, done.returncode, done.stdout)


def run_on_hosts(
    lab: Lab, pattern: str, command: str, *, forks: int = 10, login: str = ""
) -> Iterator[Reply]:
    """Replies in the lab's order, at most `forks` hosts at a time."""
    hosts = select_hosts(lab.require_state(), pattern)
    argvs = [ssh_arguments(lab, host, login=login, command=command) for host in hosts]
    with ThreadPoolExecutor(max_workers=forks) as pool:
        yield from pool.map(_run, argvs, hosts)


def exit_code(codes: Sequence[int]) -> int:
    """1 when a command failed, else 4 when a host could not be reached, else 0."""
    if any(code not in (0, _UNREACHABLE) for code in codes):
        return 1
    return 4 if _UNREACHABLE in codes else 0
