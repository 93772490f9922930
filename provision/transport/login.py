"""From a byte stream to an authenticated session, phase by phase, each with its own limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from provision.errors import AuthenticationFailed
from provision.transport.hostkeys import HostKeys
from provision.transport.keys import Candidate, KeyRing
from provision.transport.refusal import hung, refused
from provision.transport.route import Route

if TYPE_CHECKING:
    from provision.transport.wire import Wire

__all__ = ["Login", "handshake"]

# How much longer than the connection itself a loaded or careful server may take.
BANNER_FACTOR = 1.5
AUTH_FACTOR = 3.0


def handshake(wire: Wire, route: Route, host_keys: HostKeys) -> None:
    """Banner, key exchange and host key. Raises ConnectFailed, HostKeyRejected."""
    known = host_keys.prepare(wire, route)
    wire.begin()
    limit = route.connect_timeout_s * BANNER_FACTOR
    if not wire.banner_seen.wait(limit):
        raise hung(route, "SSH banner", limit, transient=True)
    if not wire.remote_version:
        raise _no_banner(wire, route)
    limit = route.connect_timeout_s
    if not wire.kex_done.wait(limit):
        raise hung(route, "key exchange", limit)
    if not wire.initial_kex_done or not wire.is_active():
        raise _broken_exchange(wire, route, host_keys, known)
    host_keys.check(wire.get_remote_server_key(), route)


def _no_banner(wire: Wire, route: Route) -> Exception:
    said = " · ".join(line.strip() for line in wire.lines[:3] if line.strip())
    if said and "MaxStartups" not in said and "Not allowed at this time" not in said:
        what = f"{route.place} does not speak SSH"
        return refused(route, "SSH banner", what, f"it says {said[:200]!r}")
    why = said or "the connection was closed before the SSH banner"
    hint = "sshd may have too many logins at once (MaxStartups) or refuse this address"
    what = f"{route.place} dropped the connection"
    return refused(route, "SSH banner", what, why, hint=hint, transient=True)


def _broken_exchange(
    wire: Wire, route: Route, host_keys: HostKeys, known: tuple[str, ...]
) -> Exception:
    cause = wire.get_exception()
    if known and "host key" in str(cause):
        return host_keys.no_such_type(route, known)
    why = wire.disconnected or _words(cause)
    what = f"{route.place}: the key exchange failed"
    dropped = cause is None or isinstance(cause, EOFError | OSError)
    return refused(route, "key exchange", what, why, transient=dropped)


def _words(cause: object) -> str:
    text = str(cause or "").strip()
    return text or "the connection was closed"


class Login:
    """Authentication: `begin` sends the first request, `finish` sees it through."""

    def __init__(self, wire: Wire, route: Route, keys: KeyRing) -> None:
        self._wire = wire
        self._route = route
        self._problems: list[str] = []
        self._tried: list[str] = []
        self._candidates: Iterator[Candidate] = keys.candidates(route, self._problems)
        self._lock = threading.Lock()
        self._waiting: Any = None  # the event of the request under way
        self._began = 0.0
        self._done = False
        self._error: Exception | None = None
        self.first_try = True

    def begin(self) -> None:
        """Sends the first request and does not wait. Raises AuthenticationFailed."""
        candidate = next(self._candidates, None)
        if candidate is None:
            raise self._failed()
        self._send(candidate)

    @property
    def pending(self) -> bool:
        """Whether the first request is under way and may be taken for granted."""
        return not self._done and self.first_try and self._error is None

    def finish(self) -> None:
        """Waits for the answer, tries the rest. Raises AuthenticationFailed, ConnectFailed."""
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._done:
                return
            try:
                self._finish()
            except Exception as exc:
                self._error = exc
                raise
            self._done = True

    def _finish(self) -> None:
        while not self._accepted():
            self.first_try = False
            candidate = self._next()
            if candidate is None:
                raise self._failed()
            self._send(candidate)

    def _next(self) -> Candidate | None:
        methods = self._wire.auth_handler.methods
        for candidate in self._candidates:
            if candidate.key is None or "publickey" in methods:
                return candidate
        return None

    def _send(self, candidate: Candidate) -> None:
        route, wire = self._route, self._wire
        self._tried.append(candidate.label)
        self._began = time.monotonic()
        try:
            if candidate.key is not None:
                self._waiting = wire.auth_publickey(route.user, candidate.key)
                return
            methods = wire.auth_handler.methods if wire.auth_handler is not None else ()
            word = str(route.password)
            if methods and "password" not in methods and "keyboard-interactive" in methods:
                self._waiting = wire.auth_interactive(route.user, _answers(word))
            else:
                self._waiting = wire.auth_password(route.user, word, fallback=False)
        except EOFError as exc:
            raise self._dropped() from exc
        except Exception as exc:  # an agent that refuses, a key the server has no algorithm for
            if not wire.is_active():
                raise self._dropped() from exc
            self._problems.append(f"{candidate.label}: {exc}")
            self._waiting = None

    def _accepted(self) -> bool:
        """Whether the request under way was granted; False: another one may be."""
        if self._waiting is None:
            return False
        limit = self._route.connect_timeout_s * AUTH_FACTOR
        remaining = max(0.0, self._began + limit - time.monotonic())
        answered = self._waiting.wait(remaining)
        handler = self._wire.auth_handler
        if handler.is_authenticated():
            return True
        if self._wire.ended.is_set() or not self._wire.is_active():
            raise self._dropped()
        if not answered:
            raise hung(self._route, "authentication", limit)
        offered = handler.methods
        if (
            self._tried[-1] == "password"
            and "password" not in offered
            and "keyboard-interactive" in offered
        ):
            self._send(Candidate("keyboard-interactive"))
            return self._accepted()
        return False

    def _dropped(self) -> Exception:
        reason = self._wire.disconnected
        if "uthentication" in reason:
            return self._failed(reason)
        what = f"{self._route.place} dropped the connection during authentication"
        why = reason or _words(self._wire.get_exception())
        return refused(self._route, "authentication", what, why)

    def _failed(self, reason: str = "") -> AuthenticationFailed:
        route = self._route
        methods = self._wire.auth_handler.methods if self._wire.auth_handler is not None else ()
        parts = [f"tried {', '.join(self._tried)}" if self._tried else "there was nothing to try"]
        if methods:
            parts.append(f"the server takes {', '.join(methods)}")
        parts += self._problems
        if reason:
            parts.append(f"the server says {reason!r}")
        return AuthenticationFailed(
            f"{route.place} does not let {route.user} log in",
            host=route.name,
            why="; ".join(parts),
            hint=_hint(route, self._tried),
        )


def _hint(route: Route, tried: list[str]) -> str:
    if not tried:
        return (
            "give a key with --private-key or ansible_ssh_private_key_file, load one into "
            "ssh-agent, or set ansible_password"
        )
    return (
        f"check that {route.user} is the right user and that its authorized_keys on the host "
        "holds one of these keys"
    )


def _answers(word: str) -> Any:
    def answer(_title: str, _instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        return [word for _ in prompts]

    return answer
