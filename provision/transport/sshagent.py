"""The user's ssh-agent, shared by threads: Paramiko's client talks to it without a lock."""

from __future__ import annotations

import socket
import threading
from typing import Any

from paramiko import agent

__all__ = ["Agent"]

_AgentClient: Any = agent.AgentSSH  # the type stubs do not know its inner methods


class Agent(_AgentClient):  # type: ignore[misc]
    """Keys of the agent behind `connection`. Raises SSHException, OSError."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._turn = threading.Lock()
        self._connect(connection)

    def _send_message(self, msg: Any) -> Any:
        with self._turn:
            return super()._send_message(msg)
