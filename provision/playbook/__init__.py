"""Playbooks as typed models: plays, blocks, tasks, handlers, roles.

`load_playbook` reads a file with all that it imports statically. Every mistake that can be
seen without rendering is an error here, before the first connection, with its place.
"""

from __future__ import annotations

from provision.playbook.model import (
    Block,
    Include,
    Inherited,
    Item,
    Loop,
    Play,
    Playbook,
    Role,
    RoleUse,
    Task,
    VarsPrompt,
)
from provision.playbook.plays import load_playbook, playbook_of
from provision.playbook.roles import RoleReader
from provision.playbook.tasks import Files, TaskReader, inherit

__all__ = [
    "Block",
    "Files",
    "Include",
    "Inherited",
    "Item",
    "Loop",
    "Play",
    "Playbook",
    "Role",
    "RoleReader",
    "RoleUse",
    "Task",
    "TaskReader",
    "VarsPrompt",
    "inherit",
    "load_playbook",
    "playbook_of",
]
