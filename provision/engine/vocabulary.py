"""Tells the playbook loader what actions there are and checks their arguments early."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provision import actions
from provision.errors import Mark, PlaybookError

__all__ = ["ActionVocabulary"]

#: The engine's own: they act on the run and not on a host.
META = "meta"


class ActionVocabulary:
    """`provision.playbook.Vocabulary` over `provision.actions`."""

    def canonical(self, name: str) -> str | None:
        if name in (META, "ansible.builtin.meta"):
            return META
        return actions.canonical_name(name)

    def free_form(self, action: str) -> str:
        if action == META:
            return "_meta"
        if action.startswith(("include_", "import_")) and action != "include_vars":
            return {"include_role": "", "import_role": ""}.get(action, "file")
        try:
            return actions.action(action).free_form
        except LookupError:
            return ""

    def known(self) -> Iterable[str]:
        return (*actions.known_names(), META)

    def check(self, action: str, args: Mapping[str, Any], mark: Mark) -> None:
        if action == META:
            return
        known = actions.action(action)
        try:
            known.parse(args, deferred=True)
        except PlaybookError as exc:
            if exc.mark is None:
                exc.mark = mark
            raise
