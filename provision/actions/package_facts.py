"""The action `package_facts`."""

from __future__ import annotations

from dataclasses import dataclass

from provision.actions.args import arg
from provision.actions.base import Action

__all__ = ["ACTION", "Args", "PackageFacts"]


@dataclass(frozen=True, slots=True)
class Args:
    manager: list[str] = arg("`auto`, `apt` or `rpm`.", factory=lambda: ["auto"])
    strategy: str = arg("`first` that is there, or `all`.", default="first")


class PackageFacts(Action):
    name = "package_facts"
    summary = "Gather which packages are installed."
    Args = Args
    sets_facts = True
    check_mode = "gathers as always"
    notes = "`ansible_facts.packages` maps each name to a list: name, version, arch, source."
    examples = "- package_facts:\n- debug:\n    var: ansible_facts.packages['bash'][0].version\n"


ACTION = PackageFacts()
