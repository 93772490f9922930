"""The action `service_facts`."""

from __future__ import annotations

from dataclasses import dataclass

from provision.actions.base import Action

__all__ = ["ACTION", "Args", "ServiceFacts"]


@dataclass(frozen=True, slots=True)
class Args:
    pass


class ServiceFacts(Action):
    name = "service_facts"
    summary = "Gather which services there are, and how they are."
    Args = Args
    sets_facts = True
    check_mode = "gathers as always"
    notes = (
        "`ansible_facts.services` maps `NAME.service` to name, source, state (`running`, "
        "`stopped`, `inactive`, ...) and status (`enabled`, `disabled`, `static`, `masked`, "
        "`failed`, `not-found`, ...)."
    )
    examples = (
        "- service_facts:\n- debug:\n    msg: it runs\n"
        "  when: ansible_facts.services['ssh.service'].state == 'running'\n"
    )


ACTION = ServiceFacts()
