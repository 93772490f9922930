"""`module_defaults`: arguments for every task of an action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provision.playbook.model import Task
from provision.templating import Scope, Templar

__all__ = ["with_defaults"]


def with_defaults(
    task: Task, given: Mapping[str, Any], scope: Scope, templar: Templar
) -> dict[str, Any]:
    """`given` over the defaults for its action.

    What is said further in replaces what is said further out for the same action.
    """
    said: dict[str, Any] = {}
    for layer in task.inherited.module_defaults:
        parts = layer if isinstance(layer, list) else [layer]
        for part in parts:
            said.update(templar.render(part, scope))
    found: dict[str, Any] = {}
    for name in _names(task):
        if name in said:
            found.update(said[name] or {})
            break
    return {**found, **given}


def _names(task: Task) -> tuple[str, ...]:
    """Every name by which the action may be called in module_defaults."""
    names = (
        task.spelled,
        task.action,
        f"ansible.builtin.{task.action}",
        f"ansible.legacy.{task.action}",
        f"ansible.posix.{task.action}",
        f"community.general.{task.action}",
        task.spelled.rpartition(".")[2],
    )
    return tuple(dict.fromkeys(name for name in names if name))
