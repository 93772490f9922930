"""What a user asked for on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provision.transport.base import Secret

__all__ = ["RunOptions"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Durations are in seconds. `check` makes every task only observe.

    With `fix` only what it names is applied, by host and the task's place; every other task is
    observed, since later ones may ask for its result. Handlers run as ever.
    """

    mode: str = "apply"  # apply | plan | drift
    check: bool = False
    diff: bool = True
    limit: str | None = None
    tags: frozenset[str] = frozenset({"all"})
    skip_tags: frozenset[str] = frozenset()
    start_at_task: str = ""
    forks: int = 50
    extra_vars: Mapping[str, Any] = field(default_factory=dict)
    connection: str = ""
    user: str = ""
    private_key: str = ""
    become: bool = False
    become_user: str = ""
    become_method: str = ""
    become_password: Secret | None = None
    password: Secret | None = None
    accept_new_host_keys: bool = False
    connect_timeout_s: float = 10.0
    connect_attempts: int = 4
    task_timeout_s: float = 1800.0
    host_timeout_s: float | None = 14400.0  # for one batch of a host; tasks have their own
    verbosity: int = 0
    force_handlers: bool = False
    strategy: str = ""  # of plays that name none
    gathering: str = "implicit"  # implicit | explicit | smart
    any_errors_fatal: bool = False
    no_log: bool = False
    private_role_vars: bool = False
    batch_local: bool = False  # look ahead also where the host is the controller itself
    missing_handlers: str = "error"  # error | warn
    unmatched_hosts: str = "warning"  # error | warning | ignore
    fix: Mapping[str, frozenset[str]] | None = None
    project: Path = field(default_factory=Path.cwd)
