"""Throwaway Debian hosts on this machine, real enough to try a playbook on.

Each host has its own systemd, journald, sshd, network namespace and address; `Lab` boots
and removes them. Needs root and the Debian packages named in `provision.lab.machine`.
"""

from __future__ import annotations

from provision.errors import LabError, LabUnavailable
from provision.lab.controller import Lab, UpRequest
from provision.lab.layout import LabLayout, default_directory
from provision.lab.machine import unavailable_reason
from provision.lab.model import LabHost, LabState

__all__ = [
    "Lab",
    "LabError",
    "LabHost",
    "LabLayout",
    "LabState",
    "LabUnavailable",
    "UpRequest",
    "default_directory",
    "unavailable_reason",
]
