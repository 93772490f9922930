"""From a service to the text of its unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from provision.errors import Mark, TemplateError
from provision.services.model import PREFIX, Service
from provision.services.unitfile import add_lines, exec_words, literal, unit_names

__all__ = ["BASE_TEMPLATE", "STAMP", "render_unit", "template_name", "template_variables"]

BASE_TEMPLATE = "model-service.service.j2"

#: What the host replaces by a hash of the unit's text, so that a process tells what it runs as.
STAMP = "Environment=PROVISION_UNIT=@UNIT@"

Render = Callable[[Path, Mapping[str, Any]], str]


def template_name(kind: str) -> str:
    """The template of a kind of service."""
    return BASE_TEMPLATE if kind == "command" else f"{kind}.service.j2"


def template_variables(service: Service) -> dict[str, Any]:
    """The variable `service` of unit templates; `templates/README.md` lists its fields."""
    paths = service.paths
    python = f"{PREFIX}/bin/python" if service.env else "/usr/bin/python3"
    credentials = service.delivery == "credential"
    privileged = service.port is not None and service.port < 1024
    return {
        "name": service.name,
        "unit": paths.unit,
        "kind": service.kind,
        "description": literal(service.description or f"Model service {service.name}"),
        "user": service.user,
        "group": service.group,
        "groups": list(service.groups),
        "working_directory": service.working_directory,
        "state_directory": paths.state,
        "environment_file": paths.environment_file,
        "secrets_file": paths.secrets_file if service.secrets and not credentials else "",
        "credentials": [
            {"name": name, "path": f"{paths.credentials}/{name}"}
            for name in sorted(service.secrets)
            if credentials
        ],
        "env": service.env,
        "prefix": PREFIX if service.env else "",
        "bin": f"{PREFIX}/bin" if service.env else "",
        "python": python,
        "app": service.app,
        "workers": service.workers,
        "command": exec_words(_command(service)),
        "args": exec_words(service.args),
        "bind": service.bind,
        "port": service.port,
        "gpus": list(service.gpus.devices) if service.gpus.mode == "some" else service.gpus.mode,
        "gpu_devices": service.gpus.usable,
        "after": list(unit_names(service.after, "after")),
        "wants": list(unit_names(service.wants, "wants")),
        "mounts": [service.working_directory, *([PREFIX] if service.env else [])],
        "writable": list(service.writable),
        "below_home": service.below_home,
        "capabilities": "CAP_NET_BIND_SERVICE" if privileged else "",
        "restart": service.restart,
        "restart_delay": f"{service.restart_delay_s:g}",
        "timeout_start": f"{service.timeout_start_s:g}",
        "timeout_stop": f"{service.timeout_stop_s:g}",
        "limits": list(service.limits.directives()),
    }


def _command(service: Service) -> tuple[str, ...]:
    """The first word of a command is a program of the environment, unless it is a path."""
    if not service.command:
        return ()
    program, *rest = service.command
    if service.env and "/" not in program:
        program = f"{PREFIX}/bin/{program}"
    return (program, *rest, *service.args)


def render_unit(
    service: Service,
    template: Path,
    render: Render,
    directives: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The unit's text, with `@PREFIX@` and `@UNIT@` for the host to fill in.

    `render(path, variables)` renders a template file. Raises TemplateError.
    """
    text = render(template, {"service": template_variables(service)})
    text = "\n".join(line.rstrip() for line in text.strip().split("\n")) + "\n"
    try:
        for section, lines in (directives or {}).items():
            text = add_lines(text, section, lines)
        text = add_lines(text, "Service", [STAMP])
    except TemplateError as exc:
        raise TemplateError(exc.what, mark=Mark(str(template))) from None
    if service.paths.environment_file not in text:
        raise TemplateError(
            "the unit does not read the service's environment file",
            mark=Mark(str(template)),
            hint="it needs EnvironmentFile={{ service.environment_file }}",
        )
    return text
