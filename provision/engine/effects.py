"""What an outcome sets: facts, variables, groups, hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.actions.base import Outcome
from provision.engine.entries import Part
from provision.engine.hostvars import HostState
from provision.playbook.model import Task

if TYPE_CHECKING:
    from provision.engine.playrun import RunShared
    from provision.inventory import Inventory

__all__ = ["take_effects"]


def take_effects(
    run: RunShared, state: HostState, task: Task, part: Part, position: int | None
) -> None:
    """Applies what a part that went well has set; `position` for what may be taken back."""
    outcome = part.outcome
    assert outcome is not None
    if part.frame.delegate and part.frame.delegate_facts:
        state = run.state(part.frame.delegate)
        position = None
    kept = state.included if task.action == "include_vars" else state.registers
    for name, value in outcome.host_vars.items():
        kept.put(name, value, position)
    if outcome.facts:
        state.facts.update(outcome.facts, bare=task.action != "setup")
        if task.action == "setup":
            state.facts.gathered = True
    if outcome.groups or outcome.new_hosts:
        _grow(run, state, outcome)


def _grow(run: RunShared, state: HostState, outcome: Outcome) -> None:
    def change(inventory: Inventory) -> None:
        parents = outcome.data.get("parent_groups", ())
        for group in outcome.groups:
            inventory.add_group(str(group), hosts=[state.name], parents=parents)
        for new in outcome.new_hosts:
            inventory.add_host(new["name"], new.get("groups", ()), new.get("vars", {}))

    run.grow(change)
    # What the groups and the hosts bring is there at once.
    for name in {state.name, *(new["name"] for new in outcome.new_hosts)}:
        known = run.states.get(name)
        if known is not None and run.knows(name):
            known.inventory_vars = run.inventory.variables(name, playbook_dir=known.directory)
