"""What a model service is, with every value checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from provision.errors import PlaybookError
from provision.services.gpus import Gpus
from provision.services.health import HealthCheck
from provision.services.limits import Limits
from provision.yamlsource import mark_of

__all__ = ["PREFIX", "Service", "ServicePaths", "check_name"]

#: Stands for the environment's real prefix, which only the host knows.
PREFIX = "@PREFIX@"

Delivery = Literal["credential", "environment"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,31}\$?|[0-9]+")
_APP = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CREDENTIAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_BIND = re.compile(r"[A-Za-z0-9_.:-]+")
_HOMES = ("/home", "/root", "/run/user")


def check_name(name: str) -> str:
    """Raises PlaybookError for what cannot be a unit's name."""
    if not _NAME.fullmatch(name) or name.endswith((".service", ".socket", ".target")):
        raise PlaybookError(
            f"model_service: {name!r} cannot be the name of a service",
            mark=mark_of(name),
            hint="letters, digits, '.', '_' and '-', without a unit's suffix",
        )
    return name


@dataclass(frozen=True, slots=True)
class ServicePaths:
    """Where a service's files lie on its host; they follow from its name."""

    name: str

    @property
    def unit(self) -> str:
        return f"{self.name}.service"

    @property
    def unit_file(self) -> str:
        return f"/etc/systemd/system/{self.unit}"

    @property
    def folder(self) -> str:
        """Only root can look into it."""
        return f"/etc/provision/services/{self.name}"

    @property
    def environment_file(self) -> str:
        return f"{self.folder}/environment"

    @property
    def secrets_file(self) -> str:
        return f"{self.folder}/secrets"

    @property
    def credentials(self) -> str:
        return f"{self.folder}/credentials"

    @property
    def state(self) -> str:
        """Below /var/lib and /var/cache: what the service itself may write."""
        return f"models/{self.name}"

    @property
    def credentials_directory(self) -> str:
        """Where the running service finds its credentials, on every systemd that has them."""
        return f"/run/credentials/{self.unit}"


@dataclass(frozen=True, slots=True)
class Service:
    """One service on one host. `command` and `args` are words; seconds are floats."""

    name: str
    user: str
    working_directory: str
    kind: str = "command"
    app: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    workers: int = 1
    env: str = ""
    envs_dir: str = ""
    bind: str = "127.0.0.1"
    port: int | None = None
    gpus: Gpus = Gpus()
    group: str = ""
    groups: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = "credential"
    limits: Limits = Limits()
    after: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    restart: str = "on-failure"
    restart_delay_s: float = 5.0
    timeout_start_s: float = 300.0
    timeout_stop_s: float = 60.0
    health: HealthCheck | None = None
    description: str = ""

    def __post_init__(self) -> None:
        check_name(self.name)
        _fits(_USER, self.user, "user", "a user's name; say `user` when the service's is none")
        for group in (self.group, *self.groups):
            if group:
                _fits(_USER, group, "group", "a group's name")
        if self.app:
            _fits(_APP, self.app, "app", "a module and what is in it: server.main:app")
        _fits(_BIND, self.bind, "bind", "an address such as 127.0.0.1")
        if self.port is not None and not 1 <= self.port <= 65535:
            raise PlaybookError(f"model_service: there is no port {self.port}")
        for path in (self.working_directory, self.envs_dir, *self.writable):
            if path and (not path.startswith("/") or any(c in path for c in "\n\"'\\% ")):
                raise PlaybookError(
                    f"model_service: {path!r} is no absolute path without spaces and quotes"
                )
        if self.workers < 1:
            raise PlaybookError("model_service: 'workers' must be at least 1")
        if bool(self.app) and bool(self.command):
            raise PlaybookError("model_service takes 'app' or 'command', not both")
        for variable in self.environment:
            _fits(_VARIABLE, variable, "environment", "a variable's name")
        kind = _CREDENTIAL if self.delivery == "credential" else _VARIABLE
        for secret in self.secrets:
            _fits(kind, secret, "secrets", "a secret's name: letters, digits and '_'")
        for value in (self.description, self.restart, *self.after, *self.wants):
            if "\n" in value:
                raise PlaybookError(f"model_service: {value!r} has more than one line")

    @property
    def paths(self) -> ServicePaths:
        return ServicePaths(self.name)

    @property
    def below_home(self) -> bool:
        """Whether something it needs lies where homes do, which hardening would hide."""
        paths = (self.working_directory, self.envs_dir, *self.writable)
        return any(f"{path}/".startswith(f"{home}/") for path in paths for home in _HOMES)

    def variables(self) -> dict[str, str]:
        """Its environment without activation, later ones winning."""
        found = {
            "HOME": f"/var/lib/{self.paths.state}",
            "XDG_CACHE_HOME": f"/var/cache/{self.paths.state}",
            "PYTHONNOUSERSITE": "1",
            "PYTHONUNBUFFERED": "1",
            **self.gpus.variables(),
        }
        if self.delivery == "credential":
            place = self.paths.credentials_directory
            found |= {f"{_upper(name)}_FILE": f"{place}/{name}" for name in self.secrets}
        return found | dict(self.environment)


def _upper(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", name).upper()


def _fits(pattern: re.Pattern[str], value: Any, what: str, wanted: str) -> None:
    if not pattern.fullmatch(value):
        raise PlaybookError(
            f"model_service: {what!r} takes {wanted}, not {value!r}", mark=mark_of(value)
        )
