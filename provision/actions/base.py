"""What an action is: arguments, documentation, and its controller half.

Most actions turn their arguments into one `Call` of a host half (`provision/agent/mods`);
such calls travel together in batches. Some give an `Outcome` at once (debug, set_fact). The
few that need several steps with decisions between them are generators: they yield calls,
receive what the host answered, and return the outcome.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Literal, Protocol, cast

from provision.actions.args import arg_fields, parse_args, wire
from provision.errors import Mark

__all__ = [
    "ASKING",
    "Action",
    "ActionContext",
    "Blob",
    "Call",
    "Difference",
    "Outcome",
    "RawCommand",
    "Script",
    "Status",
    "blob_of",
]

#: The phase of a progress that announces a question on the terminal.
ASKING = "asking"

Status = Literal["ok", "changed", "failed", "skipped", "unreachable", "unknown"]
Difference = dict[str, Any]  # {"key", "before", "after"}


@dataclass(frozen=True, slots=True)
class Blob:
    """Content that a host fetches only when it lacks it, named by its SHA-256."""

    sha256: str
    size: int
    source: Path | bytes

    def open(self) -> BinaryIO:
        if isinstance(self.source, bytes):
            return io.BytesIO(self.source)
        return self.source.open("rb")


def blob_of(source: Path | bytes) -> Blob:
    """The blob for a file or for bytes. Raises OSError."""
    if isinstance(source, bytes):
        return Blob(hashlib.sha256(source).hexdigest(), len(source), source)
    with source.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Blob(digest, source.stat().st_size, source)


@dataclass(slots=True)
class Outcome:
    """How one task ended on one host.

    `data` is what `register` keeps. `facts` become host facts, `host_vars` plain variables of
    the host, `groups` run-time groups it joins, `new_hosts` hosts that join the inventory.
    """

    status: Status
    msg: str = ""
    diff: list[Difference] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    host_vars: dict[str, Any] = field(default_factory=dict)
    groups: Sequence[str] = ()
    new_hosts: Sequence[Mapping[str, Any]] = ()
    duration_s: float = 0.0
    traceback: str = ""
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Call:
    """One step of a host half. `timeout_s` None means the default deadline of a task.

    `finish` may turn the host's outcome into the action's. `receive` takes bulk data that the
    step sends (size, pieces). `fresh` drops the host's connection before and makes a new one;
    with `lost_ok` a host that does not answer is an outcome `unreachable` and not the end of
    its run. Both are for the calls of a `Script`.
    """

    mod: str
    args: Mapping[str, Any]
    blobs: Sequence[Blob] = ()
    timeout_s: float | None = None
    check: bool | None = None  # None: as the task runs
    finish: Callable[[Outcome], Outcome] | None = None
    receive: Callable[[int, Any], None] | None = None
    mods: Sequence[str] = ()  # further host halves that this one calls
    fresh: bool = False
    lost_ok: bool = False


@dataclass(frozen=True, slots=True)
class RawCommand:
    """A command line for the login shell of a host that may have no Python. `finish` makes the
    outcome from exit status, standard output and standard error."""

    line: str
    finish: Callable[[int, str, str], Outcome]
    timeout_s: float | None = None
    stdin: Sequence[bytes | Path] = ()


#: A controller half of several steps: yields calls, is sent their outcomes.
Script = Generator[Call, Outcome, Outcome]


class ActionContext(Protocol):
    """What a controller half may ask of the engine. One for each task and host."""

    host: str
    check: bool
    diff: bool
    become_user: str | None
    environment: Mapping[str, str]

    @property
    def vars(self) -> Mapping[str, Any]:
        """Every variable the task sees, rendered when looked at."""

    @property
    def place(self) -> Mark | None:
        """Where the task stands, the same for all hosts."""

    def facts(self) -> Mapping[str, Any]:
        """The cheap facts of the host (`provision.agent.core.cheap_facts`)."""

    def evaluate(self, expression: str) -> Any:
        """The value of a bare expression. Raises UndefinedVariable, TemplateError."""

    def condition(self, value: object) -> bool:
        """Whether a condition holds: a boolean, an expression, or a list of them that must all
        hold. Raises UndefinedVariable, TemplateError."""

    def find(self, kind: str, name: str) -> Path:
        """A file of the project: `kind` is files, templates, vars, tasks or envs. Roles first,
        then beside the playbook, then shipped content. Raises PlaybookError."""

    def render_template(
        self,
        path: Path,
        variables: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> str:
        """A template file's text. `variables` go before the task's; `options` are Jinja's own
        (`trim_blocks`, `variable_start_string`, …), only those that a task says.
        Raises TemplateError."""

    def read_yaml(self, path: Path) -> Any:
        """A YAML file's content, vault files opened; its strings are templates still. Raises
        InputError."""

    def decrypted(self, path: Path, data: bytes) -> bytes:
        """The content of a vault file that was read from `path`. Raises VaultError."""

    def progress(self, phase: str, done: float = 0, total: float = 0, unit: str = "") -> None:
        """Tells the user how far this task is."""

    def shared(self, key: object, make: Callable[[], Any]) -> Any:
        """Something made once for the whole run and all hosts, e.g. one solve; `make` runs in
        the first caller, the others wait. An exception is raised to all of them."""

    def secret(self, value: str) -> None:
        """From now on `value` is masked wherever it would be shown or stored."""


class Action:
    """Base of all actions. `Args` is the argument model, `mod` the host half."""

    name: ClassVar[str]
    names: ClassVar[tuple[str, ...]] = ()  # further names: dotted Ansible names are implied
    summary: ClassVar[str]
    Args: ClassVar[type[Any]]
    mod: ClassVar[str] = ""
    free_form: ClassVar[str] = ""  # the argument that bare text after the name fills
    free_pairs: ClassVar[bool] = True  # k=v words in the bare text are arguments
    examples: ClassVar[str] = ""
    notes: ClassVar[str] = ""
    check_mode: ClassVar[str] = "predicts the result and shows the difference"
    any_args: ClassVar[bool] = False  # further arguments of any name: `parse` tells (set_fact)
    unrendered: ClassVar[tuple[str, ...]] = ()  # arguments that `plan` gets as they are written
    sets_facts: ClassVar[bool] = False  # brings facts: what reads facts later waits for it
    needs_connection: ClassVar[bool] = True
    needs_agent: ClassVar[bool] = True  # False: `plan` gives a RawCommand for the bare connection

    def parse(self, raw: Mapping[str, Any], *, deferred: bool = False) -> Any:
        """An `Args` from a task's rendered arguments; with `deferred`, only a check of what is
        known before rendering. Further arguments (`any_args`) fill its field `values`.
        Raises PlaybookError."""
        if not self.any_args:
            return parse_args(self.Args, raw, self.name, deferred=deferred)
        fields = arg_fields(cast("Hashable", self.Args))
        own = {word for f in fields for word in (f.name, *f.aliases)} - {"values"}
        known = {key: value for key, value in raw.items() if key in own}
        others = {key: value for key, value in raw.items() if key not in own}
        return parse_args(self.Args, {**known, "values": others}, self.name, deferred=deferred)

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script | RawCommand:
        """The action's controller half; by default all arguments go to the host half."""
        return Call(self.mod or self.name, wire(args))

    def without_agent(self, args: Any, ctx: ActionContext) -> RawCommand | Outcome | None:
        """The action on a host that has no Python for an agent; None when it cannot do without.
        `python` in the outcome's data is an interpreter that the host has from now on."""
        return None

    def registered_diff(self, outcome: Outcome) -> Any:
        """The difference as playbooks written for Ansible read it from a registered result."""
        path = str(outcome.data.get("dest") or outcome.data.get("path") or "")
        found: list[dict[str, Any]] = []
        rest = [entry for entry in outcome.diff if entry["key"] != "content"]
        for entry in outcome.diff:
            if entry["key"] == "content":
                texts = {side: entry[side] or "" for side in ("before", "after")}
                found.append({**texts, "before_header": path, "after_header": path})
        if rest:
            found.append({side: {e["key"]: e[side] for e in rest} for side in ("before", "after")})
        return found

    def mods(self) -> Sequence[str]:
        """Host halves that may be called, so that they can travel with the first batch."""
        remote = self.needs_connection and self.needs_agent
        return (self.mod or self.name,) if remote else ()
