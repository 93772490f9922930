"""From a task's arguments to a service."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, TypeVar

from provision.actions.args import parse_args
from provision.errors import PlaybookError
from provision.services.gpus import Gpus
from provision.services.health import HealthCheck
from provision.services.limits import Limits
from provision.services.model import Service
from provision.yamlsource import mark_of

__all__ = ["health_of", "service_of"]

T = TypeVar("T")


def service_of(args: Any) -> Service:
    """Raises PlaybookError with the place of what does not fit."""
    kind = args.kind or ("uvicorn" if args.app else "command")
    _require_something_to_run(args, kind)
    return Service(
        name=args.name,
        kind=kind,
        app=args.app or "",
        command=_words(args.command),
        args=tuple(args.args),
        workers=args.workers,
        env=args.env or "",
        envs_dir=(args.envs_dir or f"{args.conda.rstrip('/')}/envs").rstrip("/"),
        bind=args.bind,
        port=args.port,
        gpus=Gpus.of(args.gpus),
        user=args.user or args.name,
        group=args.group or "",
        groups=tuple(args.groups),
        working_directory=(args.working_directory or f"/srv/models/{args.name}").rstrip("/"),
        environment=_strings(args.environment, "environment"),
        secrets=_strings(args.secrets, "secrets"),
        delivery=args.secret_delivery,
        limits=_nested(Limits, args.limits, "limits"),
        after=tuple(args.after),
        wants=tuple(args.wants),
        writable=tuple(args.writable),
        restart=args.restart,
        restart_delay_s=args.restart_delay,
        timeout_start_s=args.timeout_start,
        timeout_stop_s=args.timeout_stop,
        health=health_of(args.health) if args.port else None,
        description=args.description or "",
    )


def _require_something_to_run(args: Any, kind: str) -> None:
    if kind == "uvicorn" and not args.app:
        raise PlaybookError("model_service: kind 'uvicorn' needs 'app'", mark=mark_of(args.kind))
    if kind == "uvicorn" and args.port is None:
        raise PlaybookError("model_service: 'app' needs 'port'", mark=mark_of(args.app))
    if kind == "command" and not args.command and not args.template:
        raise PlaybookError(
            "model_service needs 'app', 'command', a 'kind' or a 'template'",
            mark=mark_of(args.name),
        )
    if isinstance(args.health, Mapping | str) and args.port is None:
        raise PlaybookError("model_service: a health check needs 'port'", mark=mark_of(args.health))


def _words(command: str | list[str] | None) -> tuple[str, ...]:
    if command is None:
        return ()
    try:
        words = shlex.split(command) if isinstance(command, str) else list(command)
    except ValueError as exc:
        raise PlaybookError(
            "model_service: 'command' cannot be read", mark=mark_of(command), why=str(exc)
        ) from None
    if any("\0" in word for word in words):
        raise PlaybookError("model_service: 'command' holds a NUL", mark=mark_of(command))
    return tuple(words)


def _strings(said: Mapping[str, Any], what: str) -> dict[str, str]:
    found = {}
    for key, value in said.items():
        if value is None or isinstance(value, Mapping | list):
            raise PlaybookError(
                f"model_service: {str(key)!r} in {what!r} takes a string", mark=mark_of(key)
            )
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if "\0" in text:
            raise PlaybookError(f"model_service: {str(key)!r} holds a NUL", mark=mark_of(key))
        found[str(key)] = text
    return found


def _nested(model: type[T], said: Mapping[str, Any], what: str) -> T:
    made = parse_args(model, said, f"model_service: {what}")
    assert made is not None
    return made


def health_of(said: object) -> HealthCheck | None:
    """`false`, `tcp`, a path, or a mapping. Raises PlaybookError."""
    if said is None or said is True:
        return HealthCheck()
    if said is False:
        return None
    if isinstance(said, str):
        if said.lower() in ("none", "no", "false"):
            return None
        return HealthCheck(tcp=True) if said == "tcp" else HealthCheck(path=said)
    if isinstance(said, Mapping):
        return _nested(HealthCheck, said, "health")
    raise PlaybookError(
        f"model_service: 'health' takes a path, a mapping, 'tcp' or false, not {said!r}",
        mark=mark_of(said),
    )
