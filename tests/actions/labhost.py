"""An action on a lab host: controller half here, host half in an agent over ssh.

host = LabActionHost(lab, "gpu01", tmp_path)
host.run("miniconda", version="26.7.1-1", …)
"""

from __future__ import annotations

from pathlib import Path

from provision.lab.remote import ssh_arguments
from provision.transport import payload
from provision.transport.link import Link

from tests.actions.harness import ActionHost, PipeChannel
from tests.labfixture import TestLab

__all__ = ["LabActionHost"]


class LabActionHost(ActionHost):
    """`interpreters` are tried in order, as an agent's start does."""

    def __init__(
        self,
        lab: TestLab,
        name: str,
        project: Path,
        interpreters: tuple[str, ...] = payload.INTERPRETERS,
    ) -> None:
        self.lab = lab
        self.name = name
        self.project = project
        self.made = {}
        self.interpreters = interpreters
        self.link = self._agent()

    def connect(self) -> None:
        """A new agent, after the last one was killed."""
        self.link.close()
        self.link = self._agent()

    def _agent(self) -> Link:
        line = payload.command_line(self.interpreters)
        argv = ssh_arguments(self.lab.handle, self.name, login="root", command=line)
        return Link(PipeChannel(argv), self.name)

    def sh(self, line: str, *, check: bool = True) -> str:
        """What a shell line prints on the host, over a connection of its own."""
        return self.lab.run(self.name, line, check=check).stdout
