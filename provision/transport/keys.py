"""Private keys, parsed once and shared by all connections; the agent; the order of trying."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.transport.base import Secret
from provision.transport.route import Route

if TYPE_CHECKING:
    import paramiko

__all__ = ["Candidate", "KeyRing"]

_AGENT_TIMEOUT_S = 30.0
Passphrase = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to log in. `key` None: with the route's password. `label` is for messages."""

    label: str
    key: paramiko.PKey | None = None


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A key file: the key, or why there is none."""

    key: paramiko.PKey | None
    problem: str = ""
    public: bytes = b""  # from the .pub file beside it


class KeyRing:
    """Threads may share it. `passphrase` is asked once for each encrypted file that is used."""

    def __init__(self, passphrase: Passphrase | None = None) -> None:
        self._passphrase = passphrase
        self._files: dict[str, _Loaded] = {}
        self._agents: dict[str, tuple[Candidate, ...]] = {}
        self._connections: list[Any] = []
        self._lock = threading.Lock()

    def candidates(self, route: Route, problems: list[str]) -> Iterator[Candidate]:
        """What to try, in order. Why a file cannot be used is added to `problems`."""
        yield from self._keys(route, problems)
        if route.password is not None:
            yield Candidate("password")

    def _keys(self, route: Route, problems: list[str]) -> Iterator[Candidate]:
        if route.keys:
            for path in route.keys:
                yield from self._of_file(path, route, problems, given=True)
            return
        agent = self._of_agent(route.agent)
        wanted = [self._public(path) for path in route.identities]
        named = [c for c in agent if c.key is not None and c.key.asbytes() in wanted]
        yield from named
        if not route.identities_only:
            yield from (c for c in agent if c not in named)
        offered = {c.key.asbytes() for c in named if c.key is not None}
        for path in route.identities:
            if self._public(path) not in offered:
                yield from self._of_file(path, route, problems, given=False)

    def _of_file(
        self, path: str, route: Route, problems: list[str], *, given: bool
    ) -> Iterator[Candidate]:
        loaded = self._load(path, route.key_passphrase, missing_is_problem=given)
        if loaded.key is not None:
            yield Candidate(f"key {path}", loaded.key)
            return
        for candidate in self._of_agent(route.agent) if loaded.public else ():
            if candidate.key is not None and candidate.key.asbytes() == loaded.public:
                yield candidate
                return
        if loaded.problem:
            problems.append(f"key {path}: {loaded.problem}")

    # -- files ------------------------------------------------------------------------

    def _load(self, path: str, word: Secret | None, *, missing_is_problem: bool) -> _Loaded:
        with self._lock:
            if path not in self._files:
                self._files[path] = self._parse(path, word)
            loaded = self._files[path]
        if loaded.problem == _MISSING and not missing_is_problem:
            return _Loaded(None, "", loaded.public)
        return loaded

    def _parse(self, path: str, word: str | None) -> _Loaded:
        import paramiko

        public = _public_of(path)
        try:
            return _Loaded(paramiko.PKey.from_path(path), "", public)
        except FileNotFoundError:
            return _Loaded(None, _MISSING, public)
        except (TypeError, paramiko.PasswordRequiredException):
            return self._decrypt(path, word, public)
        except (OSError, ValueError, paramiko.SSHException) as exc:
            return _Loaded(None, _reason(exc), public)

    def _decrypt(self, path: str, word: str | None, public: bytes) -> _Loaded:
        import paramiko

        if word is None and self._passphrase is not None:
            word = self._passphrase(path)
        if word is None:
            return _Loaded(None, "it is encrypted and no passphrase was given", public)
        try:
            return _Loaded(paramiko.PKey.from_path(path, str(word).encode()), "", public)  # type: ignore[arg-type]
        except (OSError, TypeError, ValueError, paramiko.SSHException):
            return _Loaded(None, "the passphrase is wrong", public)

    def _public(self, path: str) -> bytes:
        with self._lock:
            if path in self._files:
                return self._files[path].public
        return _public_of(path)

    # -- the agent --------------------------------------------------------------------

    def _of_agent(self, place: str) -> tuple[Candidate, ...]:
        path = place or os.environ.get("SSH_AUTH_SOCK", "")
        if place == "none" or not path:
            return ()
        with self._lock:
            if path not in self._agents:
                self._agents[path] = tuple(self._ask_agent(path))
            return self._agents[path]

    def _ask_agent(self, path: str) -> Iterator[Candidate]:
        from paramiko.ssh_exception import SSHException

        from provision.transport.sshagent import Agent

        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_AGENT_TIMEOUT_S)
        try:
            connection.connect(path)
            agent = Agent(connection)
        except (OSError, SSHException):
            connection.close()
            return
        self._connections.append(connection)
        for key in agent.get_keys():
            yield Candidate(f"agent key {key.comment or key.fingerprint}", key)

    def close(self) -> None:
        """Lets go of agents."""
        with self._lock:
            connections, self._connections = self._connections, []
            self._agents.clear()
        for connection in connections:
            connection.close()


_MISSING = "there is no such file"


def _public_of(path: str) -> bytes:
    import base64

    try:
        return base64.b64decode(Path(path + ".pub").read_text(encoding="utf-8").split()[1])
    except (OSError, ValueError, IndexError):
        return b""


def _reason(exc: Exception) -> str:
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    return "not a private key that can be read" if isinstance(exc, ValueError) else str(exc)
