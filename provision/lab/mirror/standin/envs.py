"""`conda env create|update|export|list|remove` and `conda export`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .context import Context
from .environment import pip_packages, read_records, requested
from .errors import CondaError
from .packages import apply_specs
from .tos import require_terms
from .transaction import Transaction, confirm

__all__ = ["EnvironmentFile", "all_prefixes", "env_create", "env_export", "env_list", "env_remove",
           "env_update", "read_environment_file"]


@dataclass
class EnvironmentFile:
    """`pip` holds the lines of the pip section."""

    path: Path
    name: str | None = None
    channels: list[str] = field(default_factory=list)
    specs: list[str] = field(default_factory=list)
    pip: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    prefix: str | None = None


def read_environment_file(name: str) -> EnvironmentFile:
    """Raises EnvironmentFileNotFound and the like."""
    path = Path(name).expanduser().absolute()
    if path.suffix not in (".yml", ".yaml"):
        raise CondaError("EnvironmentFileExtensionNotValid",
                         f"'{path}' file extension must be one of '.txt', '.yaml' or '.yml'",
                         filename=str(path))
    if not path.is_file():
        raise CondaError("EnvironmentFileNotFound", f"'{path}' file not found", filename=str(path))
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise CondaError("CondaValueError", f"Unable to read '{path}': {error}") from error
    if not isinstance(data, dict):
        raise CondaError("EnvironmentFileEmpty", f"'{path}' is empty", filename=str(path))
    known = ("name", "dependencies", "prefix", "channels", "variables", "platforms", "category")
    unknown = [str(key) for key in data if key not in known]
    if unknown:
        sys.stderr.write("\nEnvironmentSectionNotValid: The following sections on "
                         f"'{path}' are invalid and will be ignored:\n"
                         + "".join(f" - {key}\n" for key in unknown) + "\n")
    result = EnvironmentFile(path, data.get("name"), [str(c) for c in data.get("channels") or []],
                             variables={str(k): str(v)
                                        for k, v in (data.get("variables") or {}).items()},
                             prefix=data.get("prefix"))
    for item in data.get("dependencies") or []:
        if isinstance(item, str):
            result.specs.append(item)
        elif isinstance(item, dict) and set(item) == {"pip"}:
            result.pip += [str(line) for line in item["pip"] or []]
        else:
            raise CondaError("EnvironmentFileInvalid" if isinstance(item, dict) else
                             "CondaValueError", f"'{path}' has an invalid dependency: {item!r}")
    if result.pip and not any(spec.split("=")[0].strip() == "pip" for spec in result.specs):
        sys.stderr.write("Warning: you have pip-installed dependencies in your environment file, "
                         "but you do not list pip itself as one of your conda dependencies.  "
                         "Conda may not use the correct pip to install your packages, and they "
                         "may end up in the wrong place.  Please add an explicit pip dependency."
                         "  I'm adding one for you, but still nagging you.\n")
        result.specs.append("pip")
    return result


def _target(context: Context, file: EnvironmentFile) -> Path:
    if not (context.options.get("prefix") or context.options.get("name")):
        if not file.name:
            raise CondaError("CondaEnvException",
                             "Unable to create environment: neither name nor prefix is given")
        context.options["name" if "/" not in file.name else "prefix"] = file.name
    return context.target(must_exist=False)


def _pip_install(prefix: Path, file: EnvironmentFile, context: Context) -> None:
    """Runs the environment's pip on a requirements file written beside the YAML file."""
    handle, name = tempfile.mkstemp(prefix="condaenv.", suffix=".requirements.txt",
                                    dir=file.path.parent)
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write("\n".join(file.pip))
        command = [str(prefix / "bin/python"), "-m", "pip", "install", "-U", "-r", name,
                   "--exists-action=b"]
        if not context.json:
            sys.stdout.write("Installing pip dependencies: ...working... "
                             f"Ran pip subprocess with arguments:\n{command}\n")
            sys.stdout.flush()
        environment = {**os.environ, "PATH": f"{prefix}/bin:{os.environ.get('PATH', '')}",
                       "CONDA_PREFIX": str(prefix), "PYTHONNOUSERSITE": "1"}
        reply = subprocess.run(command, cwd=file.path.parent, env=environment,
                               capture_output=True, text=True, check=False)
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
        known = json.loads(state.read_text()) if state.is_file() else {"version": 1}
        known.setdefault("env_vars", {}).update(file.variables)
        state.write_text(json.dumps(known))
    if context.json:
        sys.stdout.write(json.dumps({"success": True, "prefix": str(prefix)}) + "\n")
    else:
        sys.stdout.write("#\n# To activate this environment, use\n#\n"
                         f"#     $ conda activate {context.name_of(prefix)}\n#\n")


def env_create(context: Context) -> None:
    """Replaces an existing environment without asking, as conda does."""
    file = read_environment_file(context.options.get("file") or "environment.yml")
    prefix = _target(context, file)
    if prefix.is_dir() and any(prefix.iterdir()):
        if not (prefix / "conda-meta/history").is_file():
            raise CondaError("DirectoryNotACondaEnvironmentError",
                             "The target directory exists, but it is not a conda environment.\n"
                             f"  target directory: {prefix}\n", prefix=str(prefix))
        if not context.options.get("dry_run"):
            shutil.rmtree(prefix)
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
    prefix = (context.locate(context.options["name"]) or
              context.envs_dirs[0] / context.options["name"]
              if context.options.get("name") and not context.options.get("prefix")
              else context.target(must_exist=False))
    records = read_records(prefix)
    channels = dict.fromkeys(context.canonical(record["channel"]) for record in records)
    for channel in context.setting("channels"):
        channels.setdefault(str(channel), None)
    if context.options.get("from_history"):
        dependencies: list[Any] = sorted(requested(prefix).values())
    else:
        builds = not context.options.get("no_builds")
        dependencies = [f"{record['name']}={record['version']}"
                        + (f"={record['build']}" if builds else "") for record in records]
        pip = [f"{name}=={version}" for name, version in pip_packages(prefix, records)]
        if pip:
            dependencies.append({"pip": pip})
    spec: dict[str, Any] = {"name": context.name_of(prefix), "channels": list(channels),
                            "dependencies": dependencies}
    state = prefix / "conda-meta/state"
    if state.is_file():
        variables = json.loads(state.read_text()).get("env_vars")
        if variables:
            spec["variables"] = variables
    spec["prefix"] = str(prefix)
    text = (json.dumps(spec, indent=2) + "\n" if context.json
            else yaml.dump(spec, Dumper=_Indented, sort_keys=False, default_flow_style=False))
    target = context.options.get("file")
    if target:
        Path(target).write_text(text)
    else:
        sys.stdout.write(text)


def all_prefixes(context: Context) -> list[Path]:
    """Base, what lies in the envs directories, and what environments.txt names; each once."""
    found = {context.root.resolve(): context.root}
    for folder in context.envs_dirs:
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            if (path / "conda-meta/history").is_file():
                found.setdefault(path.resolve(), path)
    registered = Path.home() / ".conda/environments.txt"
    for line in registered.read_text().splitlines() if registered.is_file() else []:
        path = Path(line.strip())
        if line.strip() and (path / "conda-meta/history").is_file():
            found.setdefault(path.resolve(), path)
    return list(found.values())


def env_list(context: Context) -> None:
    prefixes = all_prefixes(context)
    if context.json:
        sys.stdout.write(json.dumps({"envs": [str(prefix) for prefix in prefixes]}, indent=2)
                         + "\n")
        return
    sys.stdout.write("\n# conda environments:\n#\n# * -> active\n# + -> frozen\n")
    active = os.environ.get("CONDA_PREFIX")
    for prefix in prefixes:
        name = context.name_of(prefix)
        mark = "*" if str(prefix) == active else " "
        sys.stdout.write(f"{name if '/' not in name else '':<20} {mark}   {prefix}\n")
    sys.stdout.write("\n")


def env_remove(context: Context) -> None:
    prefix = context.target()
    if prefix.resolve() == context.root.resolve():
        raise CondaError("CondaEnvironmentError",
                         "cannot remove base environment, deactivate and run conda remove again")
    if not context.json:
        sys.stdout.write(f"\nRemove all packages in environment {prefix}:\n\n")
    confirm(context, "Everything found within the environment, including any conda environment "
                     "configurations and any non-conda files, will be deleted. Do you wish to "
                     "continue?")
    shutil.rmtree(prefix)
    registered = Path.home() / ".conda/environments.txt"
    if registered.is_file():
        lines = [line for line in registered.read_text().splitlines() if line != str(prefix)]
        registered.write_text("".join(f"{line}\n" for line in lines))
    if context.json:
        sys.stdout.write(json.dumps({"success": True, "actions": {"PREFIX": str(prefix)}}) + "\n")
