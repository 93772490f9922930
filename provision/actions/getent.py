"""The action `getent`."""

from __future__ import annotations

from dataclasses import dataclass

from provision.actions.args import arg
from provision.actions.base import Action

__all__ = ["ACTION", "Args", "Getent"]


@dataclass(frozen=True, slots=True)
class Args:
    database: str = arg("passwd, group, shadow, hosts, services, ...")
    key: str | None = arg("Only this entry.", default=None)
    service: str | None = arg("Ask only this source, such as `files`.", default=None)
    split: str | None = arg("What stands between the fields.", default=None)
    fail_key: bool = arg("Fail when `key` is not there.", default=True)


class Getent(Action):
    name = "getent"
    summary = "Read a database of the host: users, groups, hosts."
    Args = Args
    sets_facts = True
    check_mode = "reads as always"
    notes = "The fact `ansible_facts.getent_DATABASE` maps each name to its further fields."
    examples = "- getent:\n    database: passwd\n    key: modelsvc\n"


ACTION = Getent()
