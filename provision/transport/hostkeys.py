"""Whether a host's key is the one we know, and what to say when it is not."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.errors import HostKeyRejected
from provision.transport.knownhosts import Entry, KnownHosts, fingerprint
from provision.transport.route import Route

if TYPE_CHECKING:
    import paramiko

    from provision.transport.wire import Wire

__all__ = ["HostKeys"]

_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}


class HostKeys:
    """Strict, or taking keys of hosts never seen before. Threads may share it."""

    def __init__(self) -> None:
        self._known = KnownHosts()

    def prepare(self, wire: Wire, route: Route) -> tuple[str, ...]:
        """Asks only for the types of key that are known for the host; returns those."""
        options = wire.get_security_options()

        def usable(entries: list[Entry]) -> tuple[str, ...]:
            types = {e.key_type for e in entries if not e.marker}
            wanted = {name for t in types for name in _ALGORITHMS.get(t, (t,))}
            return tuple(name for name in options.key_types if name in wanted)

        known = self._entries(route)
        if only := usable(known):
            options.key_types = only
        elif first := usable(self._portless(route)):
            options.key_types = tuple(dict.fromkeys(first + options.key_types))
        return tuple(dict.fromkeys(e.key_type for e in known if not e.marker))

    def check(self, key: paramiko.PKey, route: Route) -> None:
        """Raises HostKeyRejected unless `key` is known, or new and new ones are accepted."""
        entries = self._entries(route)
        elsewhere = self._portless(route)
        text = key.get_base64()
        for entry in (*entries, *elsewhere):
            if entry.marker == "@revoked" and entry.key == text:
                raise self._rejected(
                    route,
                    key,
                    f"the host key of {route.place} is revoked",
                    f"{_shown(key)} is revoked in {entry.place}",
                    "do not connect; ask whoever runs the host",
                )
        plain = [entry for entry in entries if not entry.marker]
        if any(e.key_type == key.get_name() and e.key == text for e in plain):
            return
        if plain:
            raise self._changed(route, key, plain)
        if any(e.key_type == key.get_name() and e.key == text for e in elsewhere if not e.marker):
            return
        authority = next((e for e in (*entries, *elsewhere) if e.marker == "@cert-authority"), None)
        if authority is not None:
            raise self._rejected(
                route,
                key,
                f"the host key of {route.place} cannot be checked",
                f"{authority.place} names a certificate authority, and host certificates "
                "are not supported",
                f"add the host's own key as well: {_keyscan(route, key)}",
            )
        if not route.accept_new:
            raise self._unknown(route, key)
        self._accept(route, key)

    def no_such_type(self, route: Route, known: tuple[str, ...]) -> HostKeyRejected:
        """For a host that offers none of the types of key that are known for it."""
        place = next((e.place for e in self._entries(route) if not e.marker), "")
        return HostKeyRejected(
            f"{route.place} has no host key of a type that is known for it",
            host=route.name,
            why=f"known: {', '.join(known)} ({place})",
            hint="if the host was reinstalled, remove the old key: "
            f"ssh-keygen -R '{route.key_name}', and accept the new one",
        )

    # -- beneath ----------------------------------------------------------------------

    def _entries(self, route: Route) -> list[Entry]:
        return self._known.lookup(route.key_name, _files(route))

    def _portless(self, route: Route) -> list[Entry]:
        """As OpenSSH: a key listed without a port may be that of another port, too."""
        if route.port == 22 or route.host_key_alias:
            return []
        return self._known.lookup(route.host.lower(), _files(route))

    def _accept(self, route: Route, key: paramiko.PKey) -> None:
        path = next((p for p in route.known_hosts if _writable(p)), None)
        if path is None:
            return
        try:
            known = self._known.add(
                route.key_name,
                key.get_name(),
                key.get_base64(),
                path,
                hashed=route.hash_known_hosts,
            )
        except OSError as exc:
            raise self._rejected(
                route,
                key,
                f"the new host key of {route.place} cannot be recorded",
                f"{path}: {exc.strerror}",
                "make the file writable or name another with UserKnownHostsFile",
            ) from exc
        if not any(e.key == key.get_base64() for e in known):  # another process was faster
            raise self._changed(route, key, known)

    def _rejected(
        self, route: Route, _key: paramiko.PKey, what: str, why: str, hint: str
    ) -> HostKeyRejected:
        return HostKeyRejected(what, host=route.name, why=why, hint=hint)

    def _unknown(self, route: Route, key: paramiko.PKey) -> HostKeyRejected:
        files = ", ".join(route.known_hosts)
        return self._rejected(
            route,
            key,
            f"the host key of {route.place} is not known",
            f"it shows {_shown(key)}, which {files} does not have",
            "compare the fingerprint with the one on the host "
            "(ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), then accept it with "
            f"`{_keyscan(route, key)}` or with --accept-new-host-keys",
        )

    def _changed(self, route: Route, key: paramiko.PKey, known: list[Entry]) -> HostKeyRejected:
        old = next((e for e in known if e.key_type == key.get_name()), known[0])
        return self._rejected(
            route,
            key,
            f"THE HOST KEY OF {route.place} HAS CHANGED",
            f"it shows {_shown(key)}, but {old.place} says {old.key_type} "
            f"{fingerprint(_raw(old))}: somebody may be in between, or the host was reinstalled",
            "only if you know that it was reinstalled: "
            f"ssh-keygen -f {old.file} -R '{route.key_name}', then accept the new key",
        )


def _files(route: Route) -> tuple[str, ...]:
    return (*route.known_hosts, *route.global_known_hosts)


def _shown(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {fingerprint(key.asbytes())}"


def _raw(entry: Entry) -> bytes:
    import base64

    try:
        return base64.b64decode(entry.key)
    except ValueError:
        return b""


def _keyscan(route: Route, key: Any) -> str:
    file = route.known_hosts[0] if route.known_hosts else "~/.ssh/known_hosts"
    if route.jumps or route.proxy_command or route.host_key_alias:
        return f"ssh -p {route.port} {route.user}@{route.name}"
    short = key.get_name().removeprefix("ssh-").split("-")[0]
    port = "" if route.port == 22 else f"-p {route.port} "
    return f"ssh-keyscan {port}-t {short} {route.host} >> {file}"


def _writable(path: str) -> bool:
    """False for /dev/null and the like: nothing is recorded there."""
    try:
        return stat.S_ISREG(Path(path).stat().st_mode)
    except OSError:
        return True  # whatever is wrong is said when it is written
