"""The action `model_service`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from provision.actions.args import arg, parse_args
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.errors import PlaybookError
from provision.yamlsource import mark_of

__all__ = ["ACTION", "Args", "ModelService"]

_STATES = Literal["started", "stopped", "restarted", "absent"]
_POLICIES = Literal["on-failure", "always", "no", "on-abnormal", "on-abort", "on-watchdog"]
_SLACK_S = 60.0  # of the deadline, beyond what the service itself may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Args:
    name: str = arg("Its name; the unit is `NAME.service`.", aliases=("service",))
    state: _STATES = arg(
        "`started` also restarts what runs from older files; `restarted` always restarts; "
        "`absent` stops it and removes its files.",
        default="started",
    )
    env: str | None = arg("The conda environment it runs in.", default=None)
    conda: str = arg(
        "The Miniconda prefix on the host.", default="/opt/miniconda3", aliases=("conda_prefix",)
    )
    envs_dir: str | None = arg(
        "Where environments lie; by default `envs` in that prefix.", default=None
    )
    app: str | None = arg("An ASGI application for uvicorn: `module:attribute`.", default=None)
    command: str | list[str] | None = arg(
        "What to run, no shell; the first word is a program of the environment unless it is a "
        "path.",
        default=None,
    )
    args: list[str] = arg("Further arguments for the program.", factory=list)
    kind: str | None = arg(
        "Which template makes the unit: `KIND.service.j2`; by default `uvicorn` with `app`, "
        "else `command`.",
        default=None,
    )
    template: str | None = arg(
        "Name of a unit template in `templates/` instead of the kind's.", default=None
    )
    app_dir: str | None = arg(
        "Local directory whose content goes into the working directory.", default=None
    )
    files: Any = arg(
        "Local files and directories that go into the working directory: names, or mappings "
        "with `src`, `dest`, `mode`.",
        default=None,
    )
    working_directory: str | None = arg("By default `/srv/models/NAME`.", default=None)
    workers: int = arg("Processes of uvicorn.", default=1)
    bind: str = arg("Address to listen on.", default="127.0.0.1", aliases=("host",))
    port: int | None = arg("Port to listen on.", default=None)
    gpus: Any = arg(
        "GPUs it sees: a list of UUIDs or indices in the order of PCI buses, `all` or `none`. "
        "Not said: nothing is set.",
        default=None,
    )
    user: str | None = arg("Who it runs as; by default a user of its own name.", default=None)
    group: str | None = arg("Its group; by default the user's.", default=None)
    groups: list[str] = arg("Further groups, such as `render`.", factory=list)
    create_user: bool = arg(
        "Make the user and group, without login, when they are missing.", default=True
    )
    environment: dict[str, Any] = arg(
        "Environment variables. `@PREFIX@` stands for the environment's prefix.", factory=dict
    )
    secrets: dict[str, Any] = arg("Secrets by name; see the notes.", factory=dict)
    secret_delivery: Literal["credential", "environment"] = arg(
        "Secrets as files of the service's own or as environment variables.", default="credential"
    )
    limits: dict[str, Any] = arg(
        "What it may use: `memory`, `memory_high`, `cpu`, `nofile`, `memlock`, `tasks`.",
        factory=dict,
    )
    writable: list[str] = arg(
        "Paths it may write to besides its state and cache directories.", factory=list
    )
    after: list[str] = arg("Units that start before it.", factory=list)
    wants: list[str] = arg("Units that are started with it.", factory=list)
    restart: _POLICIES = arg("When systemd starts it again.", default="on-failure")
    restart_delay: float = arg("Seconds before that.", default=5.0)
    timeout_start: float = arg("Seconds systemd gives the start.", default=300.0)
    timeout_stop: float = arg("Seconds systemd gives the end.", default=60.0)
    health: Any = arg(
        "How to tell that it works: a path (`/health`), `tcp`, false, or a mapping with `path`, "
        "`status`, `expect` (JSON fields), `timeout`, `interval`, `request_timeout`, `tcp`. "
        "Only with a port.",
        default=None,
    )
    directives: dict[str, Any] = arg(
        "Further lines of the unit, `{Service: {Nice: 5}}`; they win over the template's.",
        factory=dict,
    )
    description: str | None = arg("One line for `systemctl status`.", default=None)
    enabled: bool | None = arg(
        "Whether it starts at boot; by default yes for a service that is started.", default=None
    )
    purge: bool = arg(
        "With `absent`: remove the working directory, state and cache too.", default=False
    )


class ModelService(Action):
    name = "model_service"
    summary = "Run a model server from its own conda environment under systemd."
    Args = Args
    check_mode = (
        "predicts the result and shows the difference; asks a running service for its health"
    )
    examples = (
        "- model_service:\n    name: langid\n    env: speech-langid-v1\n"
        "    app: langid_app:app\n    files: apps/langid_app.py\n    port: 8001\n"
        "    gpus: none\n"
        "- model_service:\n    name: llama\n    env: vllm-v2\n"
        "    command: vllm serve /data/llama --port 8100\n    port: 8100\n    gpus: [0, 1]\n"
        "    secrets:\n      HF_TOKEN: '{{ hf_token }}'\n"
        "    limits: {memory: 64G}\n    health: {timeout: 900}\n"
        "- model_service: {name: old-model, state: absent, purge: true}\n"
    )
    notes = (
        "ExecStart names the environment's generation, not its name, so a new environment means "
        "a new start. A service is restarted when its process was started from another unit, "
        "environment file, secret, application file or generation than what lies there now, "
        "whoever changed it and however earlier runs ended; when nothing differs no process is "
        "started on the host. After a start the health check must succeed within its `timeout`; "
        "a service that ends before fails at once, with the last lines of its journal.\n\n"
        "Secrets are never in the unit, in arguments or in `systemctl show`. As credentials "
        "(systemd 247 or newer) they lie in `/etc/provision/services/NAME/credentials`, readable "
        "by root alone; the service finds them in `$CREDENTIALS_DIRECTORY/SECRET`, a path that "
        "`$SECRET_FILE` holds too. With `secret_delivery: environment` they become environment "
        "variables, which the service's children inherit.\n\n"
        "The service may write to `$HOME` (`/var/lib/models/NAME`) and `$XDG_CACHE_HOME` "
        "(`/var/cache/models/NAME`); the working directory belongs to root. Drop-ins in "
        "`NAME.service.d` are removed: say `directives` instead."
    )

    def parse(self, raw: Mapping[str, Any], *, deferred: bool = False) -> Any:
        if deferred:
            from provision.services.health import HealthCheck
            from provision.services.limits import Limits

            models = (("health", HealthCheck), ("limits", Limits))
            for key, model in models:
                if isinstance(raw.get(key), Mapping):
                    parse_args(model, raw[key], f"model_service: {key}", deferred=True)
        return super().parse(raw, deferred=deferred)

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        if args.state == "absent":
            return _absent(args)
        return _present(args, ctx)


def _absent(args: Any) -> Call:
    from provision.services.model import ServicePaths, check_name

    paths = ServicePaths(check_name(args.name))
    sent = {
        "name": args.name,
        "unit": paths.unit,
        "state": "absent",
        "purge": args.purge,
        "working_directory": args.working_directory or f"/srv/models/{args.name}",
    }
    return Call("model_service", sent, timeout_s=args.timeout_stop + _SLACK_S)


def _present(args: Any, ctx: ActionContext) -> Call:
    from provision.actions.serving.apps import app_of
    from provision.actions.serving.reading import service_of
    from provision.services.rendering import render_unit
    from provision.services.unitfile import directive_lines

    if args.purge:
        raise PlaybookError("model_service: 'purge' needs 'state: absent'", mark=mark_of(args.name))
    service = service_of(args)
    for secret in service.secrets.values():
        ctx.secret(secret)
    unit = render_unit(
        service,
        _template(args, ctx, service.kind),
        _renderer(ctx),
        directive_lines(args.directives),
    )
    app = app_of(ctx, args.app_dir, args.files)
    health = service.health
    running = args.state != "stopped"
    sent: dict[str, Any] = {
        "name": service.name,
        "unit": service.paths.unit,
        "state": args.state,
        "unit_text": unit,
        "enabled": True if args.enabled is None and running else args.enabled,
        "env": service.env or None,
        "envs_dir": service.envs_dir,
        "program": _program(service),
        "app": app.wire(),
        "environment": service.variables(),
        "secrets": dict(service.secrets),
        "secret_delivery": service.delivery,
        "user": service.user,
        "group": service.group or None,
        "groups": list(service.groups),
        "create_user": args.create_user,
        "home": f"/var/lib/{service.paths.state}",
        "working_directory": service.working_directory,
        "bind": service.bind,
        "port": service.port,
        "url": _url(service),
        "health": health.wire() if health else None,
    }
    limit = service.timeout_start_s + service.timeout_stop_s + _SLACK_S
    if health:
        limit += health.timeout
    return Call("model_service", sent, app.blobs(), timeout_s=limit, finish=app.finish)


def _template(args: Any, ctx: ActionContext, kind: str) -> Path:
    from provision.services.rendering import template_name

    if args.template:
        return ctx.find("templates", args.template)
    try:
        return ctx.find("templates", template_name(kind))
    except PlaybookError as exc:
        raise PlaybookError(
            f"model_service: there is no kind {kind!r}",
            mark=mark_of(args.kind) or exc.mark,
            why=f"no template {template_name(kind)}",
            hint=exc.hint,
        ) from None


def _renderer(ctx: ActionContext) -> Any:
    """Renders unit templates, which may extend the shipped ones from wherever they lie."""
    from provision.services.rendering import BASE_TEMPLATE

    def render(path: Path, variables: Mapping[str, Any]) -> str:
        folders = ctx.vars.get("ansible_search_path")
        if not isinstance(folders, list | tuple):
            folders = [ctx.vars.get(name) for name in ("role_path", "playbook_dir")]
        shipped = ctx.find("templates", BASE_TEMPLATE).parent
        places = [*(str(folder) for folder in folders if folder), str(shipped)]
        return ctx.render_template(path, {**variables, "ansible_search_path": places})

    return render


def _program(service: Any) -> str | None:
    """The program that the environment must have, when the arguments tell."""
    if not service.env:
        return None
    if service.command:
        return None if "/" in service.command[0] else str(service.command[0])
    return "python" if service.app else None


def _url(service: Any) -> str:
    """Where the host itself reaches it."""
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(service.bind, service.bind)  # noqa: S104
    shown = f"[{address}]" if ":" in address else address
    return f"http://{shown}:{service.port}"


ACTION = ModelService()
