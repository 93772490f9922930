"""`conda shell.posix …` and `conda run`."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .context import Context
from .errors import CondaError

__all__ = ["run", "shell"]


def _variables(prefix: Path) -> dict[str, str]:
    """Of packages (env_vars.d, in name order), then of the environment itself."""
    found: dict[str, str] = {}
    for path in sorted((prefix / "etc/conda/env_vars.d").glob("*.json")):
        found.update({str(k): str(v) for k, v in json.loads(path.read_text()).items()})
    state = prefix / "conda-meta/state"
    if state.is_file():
        values = json.loads(state.read_text()).get("env_vars", {})
        found.update({str(k).upper(): str(v) for k, v in values.items()})
    return found


def _scripts(prefix: Path, when: str) -> list[Path]:
    return sorted((prefix / f"etc/conda/{when}.d").glob("*.sh"), reverse=when == "deactivate")


def _clean_path(prefix: str | None) -> list[str]:
    entries = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin").split(":")
    return [entry for entry in entries if not prefix or entry != f"{prefix}/bin"]


def activation(context: Context, prefix: Path) -> Iterator[str]:
    """The shell lines that activate `prefix`."""
    old = os.environ.get("CONDA_PREFIX")
    if old and old != str(prefix):
        yield from (f". {shlex.quote(str(path))}" for path in _scripts(Path(old), "deactivate"))
        yield from (f"unset {name}" for name in _variables(Path(old)))
    name = context.name_of(prefix)
    path = ":".join([f"{prefix}/bin", *_clean_path(old)])
    if f"{context.root}/condabin" not in path.split(":"):
        path = ":".join([f"{prefix}/bin", f"{context.root}/condabin", *_clean_path(old)])
    level = 1 if not old else int(os.environ.get("CONDA_SHLVL", "1"))
    yield f"export PATH={shlex.quote(path)}"
    yield f"export CONDA_PREFIX={shlex.quote(str(prefix))}"
    yield f"export CONDA_SHLVL='{level}'"
    yield f"export CONDA_DEFAULT_ENV={shlex.quote(name)}"
    yield f"export CONDA_PROMPT_MODIFIER={shlex.quote(f'({name}) ')}"
    for key, value in _variables(prefix).items():
        yield f"export {key}={shlex.quote(value)}"
    yield f"export CONDA_EXE={shlex.quote(str(context.root / 'bin/conda'))}"
    yield "export _CE_M=''"
    yield "export _CE_CONDA=''"
    yield f"export CONDA_PYTHON_EXE={shlex.quote(str(context.root / 'bin/python'))}"
    yield from (f". {shlex.quote(str(script))}" for script in _scripts(prefix, "activate"))


def _deactivation(context: Context) -> Iterator[str]:
    old = os.environ.get("CONDA_PREFIX")
    if not old:
        return
    yield from (f". {shlex.quote(str(path))}" for path in _scripts(Path(old), "deactivate"))
    yield f"export PATH={shlex.quote(':'.join(_clean_path(old)))}"
    for name in (
        *_variables(Path(old)),
        "CONDA_PREFIX",
        "CONDA_DEFAULT_ENV",
        "CONDA_PROMPT_MODIFIER",
    ):
        yield f"unset {name}"
    yield "export CONDA_SHLVL='0'"


def _hook(context: Context) -> str:
    return (context.root / "etc/profile.d/conda.sh").read_text() + "\nconda activate base\n"


def shell(context: Context, arguments: list[str]) -> None:
    """`conda shell.posix activate NAME | deactivate | reactivate | hook`."""
    action = arguments[0] if arguments else ""
    if action == "hook":
        sys.stdout.write(_hook(context))
    elif action in ("activate", "reactivate"):
        given = arguments[1] if len(arguments) > 1 else os.environ.get("CONDA_PREFIX", "base")
        key = "prefix" if "/" in given else "name"
        prefix = Context({key: given}).target()
        sys.stdout.write("\n".join(activation(context, prefix)) + "\n")
    elif action == "deactivate":
        sys.stdout.write("\n".join(_deactivation(context)) + "\n")
    else:
        raise CondaError(
            "ArgumentError",
            f"invalid choice: {action!r} (choose from 'activate', "
            "'deactivate', 'hook', 'reactivate')",
        )


def run(context: Context) -> int:
    """Runs a command in an activated environment. SIGTERM is not passed on, as in conda."""
    prefix = context.target()
    command = context.options.get("executable_call") or []
    if not command:
        raise CondaError("ArgumentError", "the following arguments are required: executable_call")
    lines = ["#!/bin/sh", *activation(context, prefix), shlex.join(command)]
    with tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False) as script:
        script.write("\n".join(lines) + "\n")
    try:
        captured = not context.options.get("no_capture_output")
        reply = subprocess.run(
            ["/bin/sh", script.name],
            capture_output=captured,
            text=True,
            check=False,
            cwd=context.options.get("cwd") or None,
            stdin=subprocess.DEVNULL if captured else None,
        )
    finally:
        Path(script.name).unlink(missing_ok=True)
    if captured:
        sys.stdout.write(reply.stdout)
        sys.stderr.write(reply.stderr)
    if reply.returncode and not context.json:
        sys.stderr.write(
            f"\nERROR conda.cli.main_run:execute(127): `conda run "
            f"{shlex.join(command)}` failed. (See above for error)\n"
        )
    return reply.returncode
