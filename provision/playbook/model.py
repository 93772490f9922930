"""Plays, blocks and tasks as read: nothing is rendered yet.

What a task inherits (become, tags, conditions, variables …) is worked out while loading and
stands in its `Inherited`, so that running a task never walks up a tree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provision.errors import Mark

__all__ = [
    "Block",
    "Handler",
    "Include",
    "Inherited",
    "Item",
    "Loop",
    "Play",
    "Playbook",
    "Role",
    "RoleUse",
    "Task",
    "VarsPrompt",
]


@dataclass(eq=False, slots=True)
class Role:
    """A role as one place uses it: its files' content and the parameters given there."""

    name: str
    path: Path
    defaults: Mapping[str, Any] = field(default_factory=dict)
    vars: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    parents: tuple[Role, ...] = ()  # outermost first
    argument_specs: Mapping[str, Any] = field(default_factory=dict)
    dependencies: tuple[Role, ...] = ()
    public: bool = True  # its defaults and variables are seen outside of it, too

    @property
    def full_name(self) -> str:
        return self.name

    @property
    def lineage(self) -> tuple[Role, ...]:
        return (*self.parents, self)


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a place in a play hands down. Sequences are outermost first."""

    words: Mapping[str, Any] = field(default_factory=dict)  # of keywords.INHERITED
    when: tuple[Any, ...] = ()
    tags: frozenset[str] = frozenset()
    vars: tuple[Mapping[str, Any], ...] = ()
    environment: tuple[Any, ...] = ()
    module_defaults: tuple[Any, ...] = ()  # mappings, and lists of them
    notify: tuple[Any, ...] = ()
    role: Role | None = None

    def with_role(self, role: Role) -> Inherited:
        return replace(self, role=role)


@dataclass(frozen=True, slots=True)
class Loop:
    """`loop:` or `with_NAME:`; `lookup` is the NAME, empty for `loop`."""

    value: Any
    lookup: str = ""
    loop_var: str = "item"
    index_var: str = ""
    label: Any = None
    pause: Any = 0
    extended: Any = False
    extended_allitems: Any = True
    break_when: Any = None
    mark: Mark | None = None


@dataclass(eq=False, slots=True)
class Task:
    """One task. `args` are unrendered; `text` is what stood as bare text after the action."""

    action: str  # canonical name
    args: Mapping[str, Any]
    inherited: Inherited
    mark: Mark
    name: str = ""
    spelled: str = ""  # the action as the playbook spells it
    register: str = ""
    loop: Loop | None = None
    until: Any = None
    retries: Any = None
    delay: Any = 5
    changed_when: Any = None
    failed_when: Any = None
    async_: Any = 0
    poll: Any = None
    order: int = 0  # position in the play, for barriers
    listen: tuple[str, ...] = ()
    is_handler: bool = False
    directory: Path = Path()  # of the file that holds it

    @property
    def title(self) -> str:
        role = self.inherited.role
        shown = self.name or self.spelled or self.action
        return f"{role.name} : {shown}" if role else shown

    def described(self) -> dict[str, Any]:
        """The task as `ansible_failed_task` shows it."""
        words = self.inherited.words
        return {
            "name": self.name,
            "action": self.spelled or self.action,
            "args": dict(self.args),
            "tags": sorted(map(str, self.inherited.tags)),
            "when": list(self.inherited.when),
            "register": self.register or None,
            "delegate_to": words.get("delegate_to"),
            "ignore_errors": words.get("ignore_errors"),
            "run_once": words.get("run_once"),
            "role": self.inherited.role.name if self.inherited.role else None,
        }


Handler = Task


@dataclass(eq=False, slots=True)
class Include:
    """A dynamic include: what it brings is known when a host arrives."""

    kind: str  # tasks | role
    task: Task  # its keywords, conditions and loop; args hold file/name/tasks_from/apply …
    outer: Inherited  # what the place hands down, without the include's own keywords
    order: int = 0

    @property
    def inherited(self) -> Inherited:
        return self.task.inherited


@dataclass(frozen=True, slots=True)
class RoleUse:
    """A role where a play uses it. Uses with the same key are the same role with the same
    parameters: unless it `repeats`, a host goes through them once."""

    key: str
    role: Role
    repeats: bool = False


@dataclass(eq=False, slots=True)
class Block:
    block: Sequence[Item]
    inherited: Inherited
    mark: Mark
    rescue: Sequence[Item] = ()
    always: Sequence[Item] = ()
    name: str = ""
    use: RoleUse | None = None  # the block is all that a role does


Item = Task | Block | Include


@dataclass(frozen=True, slots=True)
class VarsPrompt:
    name: str
    prompt: str
    private: bool = True
    default: Any = None
    confirm: bool = False
    encrypt: str = ""  # the method of password_hash
    salt: str = ""
    salt_size: int | None = None
    unsafe: bool = False  # the answer is no template


@dataclass(eq=False, slots=True)
class Play:
    name: str
    hosts: Any
    inherited: Inherited
    mark: Mark
    directory: Path  # of the playbook file
    pre_tasks: Sequence[Item] = ()
    roles: Sequence[Role] = ()
    tasks: Sequence[Item] = ()  # the roles' tasks first
    post_tasks: Sequence[Item] = ()
    handlers: Sequence[Item] = ()
    vars: Mapping[str, Any] = field(default_factory=dict)
    vars_files: Sequence[Any] = ()
    vars_prompt: Sequence[VarsPrompt] = ()
    gather_facts: Any = None
    gather_subset: Any = None
    serial: Any = None
    strategy: str = ""
    order: str = "inventory"
    max_fail_percentage: Any = None
    force_handlers: Any = None

    @property
    def exported_roles(self) -> tuple[Role, ...]:
        return tuple(role for role in self.roles if role.public)

    @property
    def sections(self) -> tuple[Sequence[Item], ...]:
        return (self.pre_tasks, self.tasks, self.post_tasks)


@dataclass(eq=False, slots=True)
class Playbook:
    path: Path
    plays: Sequence[Play]
    warnings: Sequence[str] = ()
