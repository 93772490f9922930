"""What a lab consists of, and how a request to grow it becomes hosts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from itertools import islice
from pathlib import Path
from typing import Any

from provision.errors import InputError, LabError
from provision.lab.files import write_atomic

__all__ = [
    "RELEASES",
    "LabHost",
    "LabState",
    "Wanted",
    "grow",
    "load_state",
    "renumbered",
    "save_state",
]

RELEASES = ("bookworm", "trixie", "bullseye")
_VERSION = 1
_FIRST_OFFSET = 11  # leaves .1 to the bridge and a few for people's own experiments


@dataclass(frozen=True, slots=True)
class LabHost:
    """One machine. It is listed in the inventory once per address."""

    name: str
    index: int
    release: str
    python: bool
    addresses: tuple[str, ...]

    @property
    def address(self) -> str:
        return self.addresses[0]

    def names(self) -> Iterator[tuple[str, str]]:
        """Pairs of inventory name and address."""
        if len(self.addresses) == 1:
            yield self.name, self.addresses[0]
            return
        for number, address in enumerate(self.addresses, 1):
            yield f"{self.name}-{number:03d}", address


@dataclass(frozen=True, slots=True)
class LabState:
    """What `lab.json` records. `mirror_port` is 0 when the lab has no mirror."""

    network: str
    hosts: tuple[LabHost, ...] = ()
    mirror_port: int = 0

    @property
    def bridge_address(self) -> str:
        return str(IPv4Network(self.network)[1])

    @property
    def mirror_url(self) -> str:
        return f"http://{self.bridge_address}:{self.mirror_port}" if self.mirror_port else ""

    def host(self, name: str) -> LabHost:
        for host in self.hosts:
            if host.name == name:
                return host
        from provision.diagnostics import did_you_mean

        known = [host.name for host in self.hosts]
        raise InputError(
            f"the lab has no host {name!r}",
            hint=did_you_mean(name, known) or f"hosts: {', '.join(known)}",
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for; None and empty mean "as it is, or the default"."""

    hosts: int | None = None
    releases: tuple[str, ...] = ()
    without_python: int | tuple[str, ...] = ()
    addresses_per_host: int = 1
    known: tuple[LabHost, ...] = field(default=())

    def count(self) -> int:
        return self.hosts if self.hosts is not None else len(self.known) or 3


def _name(index: int) -> str:
    return f"gpu{index:02d}"


def _without_python(wanted: Wanted, fresh: Sequence[str]) -> set[str]:
    asked = wanted.without_python
    if isinstance(asked, int):
        missing = asked - sum(not host.python for host in wanted.known)
        return set(fresh[max(0, len(fresh) - missing) :]) if missing > 0 else set()
    kinds = {host.name: host.python for host in wanted.known}
    for name in asked:
        if name not in fresh and kinds.get(name, True):
            why = "it is already up with Python" if name in kinds else "the lab has no such host"
            raise InputError(f"cannot boot {name!r} without Python", why=why)
    return set(asked)


def _check_release(host: LabHost, releases: Sequence[str]) -> None:
    if releases and host.release != (asked := releases[(host.index - 1) % len(releases)]):
        raise InputError(
            f"{host.name} runs {host.release}, not {asked}",
            hint="take the lab down first, or use another --dir",
        )


def grow(wanted: Wanted, network: IPv4Network) -> tuple[LabHost, ...]:
    """The lab's hosts after the request: those it has, then new ones.

    Releases are dealt round-robin by a host's number. Raises InputError when the request
    contradicts a host that exists, and LabError when the network is too small.
    """
    for host in wanted.known:
        _check_release(host, wanted.releases)
    releases = wanted.releases or ("bookworm",)
    have = {host.index for host in wanted.known}
    fresh = [index for index in range(1, wanted.count() + 1) if index not in have]
    bare = _without_python(wanted, [_name(index) for index in fresh])
    taken = {address for host in wanted.known for address in host.addresses}
    free = (
        str(network[offset])
        for offset in range(_FIRST_OFFSET, network.num_addresses - 1)
        if str(network[offset]) not in taken
    )
    made = [
        LabHost(
            name=_name(index),
            index=index,
            release=releases[(index - 1) % len(releases)],
            python=_name(index) not in bare,
            addresses=tuple(islice(free, wanted.addresses_per_host)),
        )
        for index in fresh
    ]
    if any(len(host.addresses) < wanted.addresses_per_host for host in made):
        raise LabError(
            f"the lab's network {network} has too few addresses for that",
            hint="take the lab down and ask for all hosts at once",
        )
    return tuple(sorted((*wanted.known, *made), key=lambda host: host.index))


def renumbered(hosts: Sequence[LabHost], old: IPv4Network, new: IPv4Network) -> tuple[LabHost, ...]:
    """The same hosts in another network, each address as far from its beginning as before."""
    shift = int(new[0]) - int(old[0])
    return tuple(
        replace(host, addresses=tuple(str(IPv4Address(a) + shift) for a in host.addresses))
        for host in hosts
    )


def save_state(path: Path, state: LabState) -> None:
    text = json.dumps({"version": _VERSION, **asdict(state)}, indent=1)
    write_atomic(path, text + "\n", mode=0o644)


def load_state(path: Path) -> LabState | None:
    """None when there is none or it is damaged: whoever asks then cleans up by name."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return _decode(data)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _decode(data: dict[str, Any]) -> LabState | None:
    if data["version"] != _VERSION:
        return None
    hosts = tuple(
        LabHost(
            name=str(item["name"]),
            index=int(item["index"]),
            release=str(item["release"]),
            python=bool(item["python"]),
            addresses=tuple(str(IPv4Address(address)) for address in item["addresses"]),
        )
        for item in data["hosts"]
    )
    return replace(
        LabState(network=str(IPv4Network(data["network"]))),
        hosts=hosts,
        mirror_port=int(data["mirror_port"]),
    )
