"""Every error a user can meet, as one tree.

ProvisionError                what, where, why, hint; exit code 1
├── InputError                wrong usage or input, nothing was touched; exit code 2
│   ├── YamlError             a file is not YAML
│   ├── InventoryError        hosts, groups, patterns, inventory programs
│   ├── PlaybookError         plays, tasks, roles, unknown keys or actions
│   ├── TemplateError         an expression or a template does not render
│   │   └── UndefinedVariable
│   ├── VaultError            wrong password, damaged vault
│   └── EnvironmentFileError  an environment file, lock or spec that cannot be used
├── HostError                 concerns one host; the others go on
│   ├── TaskError             a task failed on it
│   ├── BecomeError           sudo refused or wants another password
│   └── Unreachable           no usable connection; exit code 4
│       ├── ConnectFailed     refused, reset, timed out, dropped
│       ├── AuthenticationFailed
│       ├── HostKeyRejected   unknown or changed key
│       ├── NoInterpreter     no Python 3.8 or newer on the host
│       └── ChannelLost       the agent or the connection went away in the middle
├── LabError                  throwaway hosts
│   └── LabUnavailable        this machine cannot boot them
└── Interrupted               the user asked to stop; exit code 130
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "AuthenticationFailed",
    "BecomeError",
    "ChannelLost",
    "ConnectFailed",
    "EnvironmentFileError",
    "HostError",
    "HostKeyRejected",
    "InputError",
    "Interrupted",
    "InventoryError",
    "LabError",
    "LabUnavailable",
    "Mark",
    "NoInterpreter",
    "PlaybookError",
    "ProvisionError",
    "TaskError",
    "TemplateError",
    "UndefinedVariable",
    "Unreachable",
    "VaultError",
    "YamlError",
]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file. `line` and `column` count from 1; 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}"


class ProvisionError(Exception):
    """Something a user can read and act on.

    what  one sentence without a trailing full stop
    mark  the place in a file, if there is one
    why   the cause beneath, e.g. the operating system's words
    hint  what to do about it
    related  further places, each with a few words ("first defined here")
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        mark: Mark | None = None,
        why: str = "",
        hint: str = "",
        related: Sequence[tuple[Mark, str]] = (),
    ) -> None:
        super().__init__(what)
        self.what = what
        self.mark = mark
        self.why = why
        self.hint = hint
        self.related = tuple(related)

    def __str__(self) -> str:
        where = f"{self.mark}: " if self.mark else ""
        why = f": {self.why}" if self.why else ""
        return f"{where}{self.what}{why}"


class InputError(ProvisionError):
    exit_code = 2


class YamlError(InputError):
    pass


class InventoryError(InputError):
    pass


class PlaybookError(InputError):
    pass


class TemplateError(InputError):
    pass


class UndefinedVariable(TemplateError):
    """`name` is what could not be resolved."""

    def __init__(
        self, what: str, *, name: str = "", mark: Mark | None = None, why: str = "", hint: str = ""
    ) -> None:
        super().__init__(what, mark=mark, why=why, hint=hint)
        self.name = name


class VaultError(InputError):
    pass


class EnvironmentFileError(InputError):
    pass


class HostError(ProvisionError):
    """Concerns the host named `host`."""

    def __init__(
        self,
        what: str,
        *,
        host: str = "",
        mark: Mark | None = None,
        why: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(what, mark=mark, why=why, hint=hint)
        self.host = host


class TaskError(HostError):
    pass


class BecomeError(HostError):
    pass


class Unreachable(HostError):
    exit_code = 4


class ConnectFailed(Unreachable):
    """`phase` is where connecting stopped; `transient`: another attempt may go better."""

    phase = ""
    transient = False


class AuthenticationFailed(Unreachable):
    pass


class HostKeyRejected(Unreachable):
    pass


class NoInterpreter(Unreachable):
    pass


class ChannelLost(Unreachable):
    pass


class LabError(ProvisionError):
    pass


class LabUnavailable(LabError):
    pass


class Interrupted(ProvisionError):
    exit_code = 130
