"""One lab: bring it up, take it down, ask how it is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from pathlib import Path

from provision.errors import InputError, LabError
from provision.lab import mirroring
from provision.lab.boot import boot_failure, settled, start_host, wait_until_up
from provision.lab.commands import Commands
from provision.lab.files import locked
from provision.lab.layout import LabLayout
from provision.lab.machine import raise_limits, require
from provision.lab.model import (
    RELEASES,
    LabHost,
    LabState,
    Wanted,
    grow,
    load_state,
    renumbered,
    save_state,
)
from provision.lab.mounts import mount_overlay, settle_lower
from provision.lab.network import POOL, bridge_exists, connect_host, ensure_bridge
from provision.lab.outputs import write_outputs
from provision.lab.recipe import recipe_for
from provision.lab.rootfs import ensure_rootfs
from provision.lab.seed import ensure_key, seed_host, seed_sources
from provision.lab.teardown import clear_host, has_leftovers, remove_lab, stop_hosts

__all__ = ["Lab", "UpRequest"]

# Root file systems by release and whether they have Python.
Roots = dict[tuple[str, bool], Path]


def _silent(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class UpRequest:
    """What `up` shall reach. `hosts` None: as many as there are, or three.

    `without_python` is a number of hosts or their names.
    """

    hosts: int | None = None
    releases: tuple[str, ...] = ()
    without_python: int | tuple[str, ...] = ()
    addresses_per_host: int = 1
    mirror: bool = True
    install: bool = False

    def check(self) -> None:
        """Raises InputError for what no lab could be."""
        if unknown := [name for name in self.releases if name not in RELEASES]:
            raise InputError(
                f"no lab hosts run {unknown[0]!r}", hint=f"releases: {', '.join(RELEASES)}"
            )
        if self.hosts is not None and not 1 <= self.hosts <= 200:
            raise InputError("a lab has 1 to 200 hosts")
        if self.addresses_per_host < 1:
            raise InputError("a host has at least one address")


class Lab:
    """The lab in `directory`. `progress` takes one line a step."""

    def __init__(self, directory: Path, *, progress: Callable[[str], None] = _silent) -> None:
        self.layout = LabLayout.at(directory)
        self._progress = progress

    def state(self) -> LabState | None:
        """What is recorded; None when there is no lab here."""
        return load_state(self.layout.state_file)

    def require_state(self) -> LabState:
        """Like `state`; raises LabError when there is no lab here."""
        if (state := self.state()) is None:
            raise LabError(
                f"there is no lab in {self.layout.directory}", hint="`provision lab up` makes one"
            )
        return state

    @contextmanager
    def _locked(self) -> Iterator[Commands]:
        def waiting() -> None:
            self._progress(f"waiting for another lab command in {self.layout.directory}")

        try:
            with locked(self.layout.lock_file, waiting=waiting) as descriptor:
                yield Commands(hold=(descriptor,))
        except OSError as exc:
            raise LabError(
                f"cannot work on the lab in {self.layout.directory}",
                why=str(exc),
                hint="" if os.geteuid() == 0 else "a lab belongs to root",
            ) from exc

    def up(self, request: UpRequest) -> LabState:
        """Boots what is missing or dead and waits until all of it answers."""
        request.check()
        grow(self._wanted(request, self.state()), POOL)  # wrong input shall touch nothing
        require(install=request.install, progress=self._progress)
        with self._locked() as commands:
            state = self._plan(request, commands)
            roots = {
                kind: ensure_rootfs(recipe_for(kind[0], python=kind[1]), self._progress)
                for kind in dict.fromkeys((host.release, host.python) for host in state.hosts)
            }
            raise_limits(sum(len(host.addresses) for host in state.hosts))
            ensure_key(self.layout, commands)
            self._start_mirror(commands, state)
            self._boot(commands, state, roots, self._not_running(state))
        return state

    @staticmethod
    def _wanted(request: UpRequest, state: LabState | None) -> Wanted:
        return Wanted(
            hosts=request.hosts,
            releases=request.releases,
            without_python=request.without_python,
            addresses_per_host=request.addresses_per_host,
            known=state.hosts if state else (),
        )

    def _plan(self, request: UpRequest, commands: Commands) -> LabState:
        """Decides on hosts and network and records both before anything is made."""
        state = self.state()
        if state is None and has_leftovers(self.layout):
            self._progress("clearing what an earlier lab here left behind")
            remove_lab(self.layout, commands)
        if state and not bridge_exists(self.layout):
            stop_hosts(self.layout)  # without it they are out of reach for good
        wanted = self._wanted(request, state)
        known = wanted.known
        addresses = sum(len(host.addresses) for host in known)
        addresses += max(0, wanted.count() - len(known)) * request.addresses_per_host
        network = ensure_bridge(
            self.layout,
            commands,
            addresses=addresses,
            preferred=state.network if state else "",
        )
        if state and str(network) != state.network:
            wanted = replace(wanted, known=renumbered(known, IPv4Network(state.network), network))
        port = state.mirror_port if state else 0
        if request.mirror and not port and mirroring.available():
            port = mirroring.choose_port(str(network[1]))
        state = LabState(network=str(network), hosts=grow(wanted, network), mirror_port=port)
        save_state(self.layout.state_file, state)
        return state

    def _start_mirror(self, commands: Commands, state: LabState) -> None:
        directory = self.layout.directory
        if state.mirror_port and mirroring.process_id(directory) is None:
            self._progress(f"starting the mirror on {state.mirror_url} (built once, a minute)")
            mirroring.start(directory, state, commands)

    def _prepare(self, commands: Commands, state: LabState, host: LabHost, lower: Path) -> None:
        clear_host(self.layout, commands, host.name)
        directory = self.layout.host(host.name)
        lower = settle_lower(directory, lower)
        mount_overlay(commands, self.layout.tag, lower, directory)
        seed_host(self.layout, commands, state, host)
        connect_host(self.layout, commands, host, IPv4Network(state.network))

    def _not_running(self, state: LabState) -> list[LabHost]:
        """Hosts to boot. Those that run are waited for, since one may be ending just now."""
        alive = settled(self.layout, [host.name for host in state.hosts])
        ended = self._wait([host for host in state.hosts if host.name in alive])
        return [host for host in state.hosts if host.name not in alive or host in ended]

    def _boot(
        self, commands: Commands, state: LabState, roots: Roots, hosts: Sequence[LabHost]
    ) -> None:
        """Boots `hosts` and waits for them."""
        for host in hosts:
            self._prepare(commands, state, host, roots[host.release, host.python])
        for host in state.hosts:
            seed_sources(self.layout.root(host.name), state, host.release)
        write_outputs(self.layout, state)
        if hosts:
            names = ", ".join(host.name for host in hosts)
            self._progress(f"booting {names}" if len(hosts) < 6 else f"booting {len(hosts)} hosts")
        for host in hosts:
            start_host(self.layout, host)
        for host in self._wait(hosts):
            raise boot_failure(self.layout, host.name, "it ended while booting")

    def _wait(self, hosts: Sequence[LabHost]) -> list[LabHost]:
        """Waits until each of `hosts` answers or has ended; those that ended."""
        deadline = time.monotonic() + 60.0 + 3.0 * len(hosts)
        ended = []
        for host in hosts:
            word = wait_until_up(self.layout, host, deadline)
            if word == "degraded":
                self._progress(f"{host.name} is up, but some of its units failed")
            elif word == "ended":
                ended.append(host)
        return ended

    def down(self) -> None:
        """Removes everything; no error when there is nothing."""
        if not self.layout.directory.exists() and not has_leftovers(self.layout):
            return
        with self._locked() as commands:
            mirroring.stop(self.layout.directory)
            remove_lab(self.layout, commands)
            self.layout.lock_file.unlink(missing_ok=True)
        try:
            self.layout.directory.rmdir()
        except OSError:
            pass  # the user keeps something of his own there
