"""What the loader must know of actions, without importing them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from provision.errors import Mark

__all__ = ["STATEMENTS", "Vocabulary", "statement"]

#: Words in the place of an action that are the language's own.
STATEMENTS = frozenset(
    {"import_playbook", "import_role", "import_tasks", "include", "include_role", "include_tasks"}
)


def statement(name: str) -> str:
    """The statement that `name` means, empty when it is an action."""
    short = name
    for prefix in ("ansible.builtin.", "ansible.legacy."):
        if name.startswith(prefix):
            short = name[len(prefix) :]
    return short if short in STATEMENTS else ""


class Vocabulary(Protocol):
    def canonical(self, name: str) -> str | None:
        """The action's own name, None when nobody knows it."""

    def free_form(self, action: str) -> str:
        """The argument that bare text fills; empty when text must be key=value."""

    def known(self) -> Iterable[str]:
        """Names for hints."""

    def check(self, action: str, args: Mapping[str, Any], mark: Mark) -> None:
        """Raises PlaybookError for arguments that can be seen to be wrong before rendering."""
