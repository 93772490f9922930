"""`conda env create|update|export|list|remove` and `conda export`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from . import version
from .context import Context
from .envfile import EnvironmentFile, read_environment_file
from .environment import pip_packages, read_records, requested
from .errors import CondaError
from .known import all_prefixes, describe_prefixes
from .output import write_json
from .packages import take_away
from .planning import apply_specs
from .prefixes import make_way, say_how_to_activate
from .tos import require_terms
from .transaction import Transaction

__all__ = ["env_create", "env_export", "env_list", "env_remove", "env_update"]


def _target(context: Context, file: EnvironmentFile) -> Path:
    if not (context.options.get("prefix") or context.options.get("name")):
        if not file.name:
            raise CondaError(
                "CondaEnvException",
                "Unable to create environment: neither name nor prefix is given",
            )
        context.options["name" if "/" not in file.name else "prefix"] = file.name
    return context.target(must_exist=False)


def _pip_install(prefix: Path, file: EnvironmentFile, context: Context) -> None:
    """Runs the environment's pip on a requirements file written beside the YAML file."""
    beside: Path | None = file.path.parent
    if not os.access(file.path.parent, os.W_OK) and int(version().partition(".")[0]) >= 26:
        beside = None  # older releases fail here
    handle, name = tempfile.mkstemp(prefix="condaenv.", suffix=".requirements.txt", dir=beside)
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write("\n".join(file.pip))
        command = [
            str(prefix / "bin/python"),
            "-m",
            "pip",
            "install",
            "-U",
            "-r",
            name,
            "--exists-action=b",
        ]
        if not context.json:
            sys.stdout.write(
                "Installing pip dependencies: ...working... "
                f"Ran pip subprocess with arguments:\n{command}\n"
            )
            sys.stdout.flush()
        environment = {
            **os.environ,
            "PATH": f"{prefix}/bin:{os.environ.get('PATH', '')}",
            "CONDA_PREFIX": str(prefix),
            "PYTHONNOUSERSITE": "1",
        }
        reply = subprocess.run(
            command,
            cwd=file.path.parent,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        Path(name).unlink(missing_ok=True)
    if reply.returncode:
        sys.stderr.write(f"Pip subprocess error:\n{reply.stderr}\n")
        raise CondaError("CondaEnvException", "Pip failed")
    if not context.json:
        sys.stdout.write(f"Pip subprocess output:\n{reply.stdout}\ndone\n")


def _apply(context: Context, file: EnvironmentFile, prefix: Path, *, prune: bool) -> None:
    channels = context.channels(file.channels)
    require_terms(context, channels)
    if context.options.get("dry_run"):
        apply_specs(context, prefix, file.specs, channels=channels)
        return
    if file.specs:
        apply_specs(context, prefix, file.specs, channels=channels, prune=prune).run()
    else:
        Transaction(context, prefix).run()
    if file.pip:
        _pip_install(prefix, file, context)
    if file.variables:
        state = prefix / "conda-meta/state"
        known: dict[str, Any] = json.loads(state.read_text()) if state.is_file() else {"version": 1}
        known.setdefault("env_vars", {}).update(file.variables)
        state.write_text(json.dumps(known))
    if context.json:
        sys.stdout.write(json.dumps({"success": True, "prefix": str(prefix)}) + "\n")
    else:
        sys.stdout.write(say_how_to_activate(context, prefix))


def env_create(context: Context) -> None:
    """Replaces an existing environment without asking, as conda does."""
    file = read_environment_file(context.options.get("file") or "environment.yml")
    context.options["yes"] = True
    prefix = _target(context, file)
    make_way(context, prefix)
    _apply(context, file, prefix, prune=False)


def env_update(context: Context) -> None:
    file = read_environment_file(context.options.get("file") or "environment.yml")
    if not (context.options.get("prefix") or context.options.get("name") or file.name):
        context.options["prefix"] = os.environ.get("CONDA_PREFIX") or str(context.root)
    prefix = _target(context, file)
    _apply(context, file, prefix, prune=bool(context.options.get("prune")))


class _Indented(yaml.SafeDumper):
    """Indents sequences, as conda's exports are."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def env_export(context: Context) -> None:
    """With `-n MISSING`: an empty specification and exit code 0, as conda does."""
    prefix = (
        context.locate(context.options["name"]) or context.envs_dirs[0] / context.options["name"]
        if context.options.get("name") and not context.options.get("prefix")
        else context.target(must_exist=False)
    )
    records = read_records(prefix)
    channels = dict.fromkeys(context.canonical(record["channel"]) for record in records)
    for channel in context.setting("channels"):
        channels.setdefault(str(channel), None)
    if context.options.get("from_history"):
        dependencies: list[Any] = sorted(requested(prefix).values())
    else:
        builds = not context.options.get("no_builds")
        dependencies = [
            f"{record['name']}={record['version']}" + (f"={record['build']}" if builds else "")
            for record in records
        ]
        pip = [f"{name}=={version}" for name, version in pip_packages(prefix, records)]
        if pip:
            dependencies.append({"pip": pip})
    spec: dict[str, Any] = {
        "name": context.name_of(prefix),
        "channels": list(channels),
        "dependencies": dependencies,
    }
    state = prefix / "conda-meta/state"
    if state.is_file():
        variables = json.loads(state.read_text()).get("env_vars")
        if variables:
            spec["variables"] = variables
    spec["prefix"] = str(prefix)
    text = (
        json.dumps(spec, indent=2) + "\n"
        if context.json
        else yaml.dump(spec, Dumper=_Indented, sort_keys=False, default_flow_style=False)
    )
    target = context.options.get("file")
    if target:
        Path(target).write_text(text)
    else:
        sys.stdout.write(text)


def env_list(context: Context) -> None:
    prefixes = all_prefixes(context)
    if context.json:
        write_json(describe_prefixes(context))
        return
    sys.stdout.write("\n# conda environments:\n#\n# * -> active\n# + -> frozen\n")
    active = os.environ.get("CONDA_PREFIX")
    for prefix in prefixes:
        name = context.name_of(prefix)
        mark = "*" if str(prefix) == active else " "
        sys.stdout.write(f"{name if '/' not in name else '':<20} {mark}   {prefix}\n")
    sys.stdout.write("\n")


def env_remove(context: Context) -> None:
    take_away(context, context.target())
