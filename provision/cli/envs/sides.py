"""What `env diff` and `env capture` are told to look at: HOST:ENV, or a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.cli.envs.asking import ask
from provision.errors import HostError, InputError, Mark, Unreachable

if TYPE_CHECKING:
    from provision.conda.envdiff import Side
    from provision.conda.lock import Lock

__all__ = ["HostEnv", "host_env", "pick_lock", "read_env", "side"]


@dataclass(frozen=True, slots=True)
class HostEnv:
    """`env` is a name, a generation's name, or an absolute path."""

    host: str
    env: str


def host_env(text: str) -> HostEnv | None:
    """HOST:ENV; None for what must be a file."""
    if Path(text).exists():
        return None
    host, colon, env = text.partition(":")
    return HostEnv(host, env) if colon and host and env and "/" not in host else None


def read_env(
    where: HostEnv, given: Mapping[str, Any], *, level: str, whole: bool = False
) -> dict[str, Any]:
    """What the host tells: `env` and `machine`. Raises HostError, Unreachable."""
    args = {
        "what": "read", "name": where.env, "check_level": level, "whole": whole,
        "conda": given.get("conda"), "envs_dir": given.get("envs_dir"),
    }  # fmt: skip
    reach = {key: value for key, value in given.items() if key not in ("conda", "envs_dir")}
    answers = ask(where.host, args, {**reach, "check": False})
    for event in answers.troubles:
        kind = Unreachable if event.status == "unreachable" else HostError
        raise kind(event.msg, host=event.host, hint=event.hint)
    if len(answers.results) != 1:
        found = ", ".join(answers.results) or "no host"
        raise InputError(f"{where.host!r} must name one host", why=f"it names {found}")
    return next(iter(answers.results.values())).data


def side(text: str, given: Mapping[str, Any], level: str, platform: str = "") -> Side:
    """What one argument of `env diff` names. `platform` decides between several locks.

    Raises InputError, HostError.
    """
    from provision.conda.envdiff import side_of_file, side_of_lock, side_of_read
    from provision.conda.envfile import EnvironmentFile
    from provision.conda.forms import read_input

    where = host_env(text)
    if where is not None:
        return side_of_read(read_env(where, given, level=level)["env"], text)
    path = Path(text)
    if path.is_dir() and (path / "environment.lock.yml").exists():
        path = path / "environment.lock.yml"  # a capture
    if not path.exists():
        raise InputError(
            f"there is no file {text!r}", hint="or say HOST:ENV for an environment of a host"
        )
    found = read_input(path)
    if isinstance(found, EnvironmentFile):
        return side_of_file(found, text)
    return side_of_lock(pick_lock(found.locks, platform, text), text)


def pick_lock(locks: tuple[Lock, ...], platform: str, file: str) -> Lock:
    """The only one of a platform. Raises InputError."""
    mine = [lock for lock in locks if not platform or lock.platform == platform]
    if len(mine) == 1:
        return mine[0]
    has = ", ".join(dict.fromkeys(lock.platform for lock in locks))
    if mine:
        raise InputError(
            "the lock has several for one platform", mark=Mark(file), hint="say --platform"
        )
    raise InputError(f"the lock has nothing for {platform}", mark=Mark(file), hint=f"it has {has}")
