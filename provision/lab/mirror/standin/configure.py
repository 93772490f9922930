"""`conda config`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import yaml

from . import version
from .context import Context
from .errors import CondaError
from .settings import ALIASES, DEFAULTS, convert, read_rc

__all__ = ["config"]


def _file(context: Context) -> Path:
    if context.options.get("config_file"):
        return Path(context.options["config_file"]).expanduser()
    if context.options.get("system"):
        return context.root / ".condarc"
    if context.options.get("env"):
        active = os.environ.get("CONDA_PREFIX")
        if active:
            return Path(active) / ".condarc"
    given = os.environ.get("CONDARC")
    return Path(given) if given else Path.home() / ".condarc"


def _known(key: str) -> str:
    """Raises CondaKeyError for a key that conda does not have."""
    first, _, rest = key.partition(".")
    first = ALIASES.get(first, first)
    if first not in DEFAULTS:
        raise CondaError("CondaKeyError", f"'{key}': unknown parameter", key=key)
    return f"{first}.{rest}" if rest else first


def _effective(context: Context) -> dict[str, Any]:
    values = {key: context.setting(key) for key in sorted(DEFAULTS)}
    values["envs_dirs"] = [str(folder) for folder in context.envs_dirs]
    values["pkgs_dirs"] = [str(folder) for folder in context.pkgs_dirs]
    if not values["channels"]:
        values["channels"] = ["defaults"]
    return values


def _dump(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=False, sort_keys=False)


def _show(context: Context) -> None:
    values = _effective(context)
    asked = context.options.get("show") or []
    if asked:
        missing = [key for key in asked if ALIASES.get(key, key) not in values]
        if missing:
            raise CondaError(
                "ArgumentError",
                "Invalid configuration parameters:\n" + "".join(f"  - {key}\n" for key in missing),
            )
        values = {ALIASES.get(key, key): values[ALIASES.get(key, key)] for key in asked}
    sys.stdout.write(
        json.dumps(values, indent=2, sort_keys=True) + "\n" if context.json else _dump(values)
    )


def _show_sources(context: Context) -> None:
    sources = {
        source.name: source.values
        for source in context.sources
        if not (source.name == "cmd_line" and set(source.values) <= {"json"})
    }
    if context.json:
        sys.stdout.write(json.dumps(sources, indent=2, sort_keys=True) + "\n")
        return
    for name, values in sources.items():
        sys.stdout.write(f"==> {name} <==\n{_dump(values)}\n")


def _get(context: Context, path: Path, keys: list[str]) -> dict[str, Any]:
    values = read_rc(path) if path.is_file() else {}
    found: dict[str, Any] = {}
    for key in keys or sorted(values):
        name = _known(key)
        first, _, rest = name.partition(".")
        if first not in values:
            continue
        value = values[first]
        if rest:
            value = value.get(rest) if isinstance(value, dict) else None
        found[key] = value
        if context.json:
            continue
        if isinstance(value, list):
            for number, item in enumerate(reversed(value)):
                note = (
                    "   # lowest priority"
                    if number == 0 and len(value) > 1
                    else (
                        "   # highest priority"
                        if number == len(value) - 1 and len(value) > 1
                        else ""
                    )
                )
                sys.stdout.write(f"--add {key} '{item}'{note}\n")
        else:
            sys.stdout.write(f"--set {key} {value}\n")
    return found


def _set(values: dict[str, Any], key: str, text: str) -> None:
    first, _, rest = _known(key).partition(".")
    default = DEFAULTS[first]
    if rest and isinstance(default, dict):
        values.setdefault(first, {})[rest] = convert(True, text)
    elif rest or isinstance(default, list | dict):
        raise CondaError("CondaKeyError", f"'{key}': invalid parameter", key=key)
    else:
        values[first] = convert(default, text)


def _add(values: dict[str, Any], key: str, item: str, *, append: bool) -> None:
    name, _, rest = _known(key).partition(".")
    if rest or not isinstance(DEFAULTS[name], list):
        raise CondaError("CondaValueError", f"Key '{key}' is not a known sequence parameter.")
    old = int(version().partition(".")[0]) < 26
    first = ["defaults"] if old and name == "channels" and item != "defaults" else []
    items = values.setdefault(name, first)
    if item in items:
        sys.stderr.write(
            f"Warning: '{item}' already in '{name}' list, moving to the "
            f"{'bottom' if append else 'top'}\n"
        )
        items.remove(item)
    items.insert(len(items) if append else 0, item)


def _edit(context: Context, path: Path) -> None:
    system = context.root / ".condarc"
    # A user's new file starts as a copy of the system's: one of conda's surprises.
    origin = path if path.is_file() else system
    values = read_rc(origin) if origin.is_file() else {}
    options = context.options
    for key, item in options.get("append") or []:
        _add(values, key, item, append=True)
    for key, item in options.get("add") or []:
        _add(values, key, item, append=False)
    for key, text in options.get("set") or []:
        _set(values, key, text)
    for key, item in options.get("remove") or []:
        name = _known(key)
        if name not in values and name == "channels":
            values[name] = ["defaults"]
        if item not in (values.get(name) or []):
            raise CondaError(
                "CondaKeyError", f"'{name}': value {item!r} not present in config", key=name
            )
        values[name] = [other for other in values[name] if other != item]
    for key in options.get("remove_key") or []:
        first, _, rest = ALIASES.get(key, key).partition(".")
        holder = values.get(first) if rest else values
        if not isinstance(holder, dict) or (rest or first) not in holder:
            raise CondaError("CondaKeyError", f"'{key}': undefined in config", key=key)
        del holder[rest or first]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_dump(values) if values else "{}\n", encoding="utf-8")
    except OSError as error:
        raise CondaError(
            "CondaError", f"Cannot write to condarc file at {path}\nCaused by {error}"
        ) from error


def config(context: Context) -> None:
    """Reads or edits one condarc: --file, --system, --env, or the user's own."""
    options = context.options
    edits = any(options.get(key) for key in ("set", "add", "append", "remove", "remove_key"))
    if options.get("show_sources"):
        _show_sources(context)
    elif options.get("show") is not None:
        _show(context)
    elif options.get("validate"):
        context.sources  # noqa: B018 - reading them is the check
    elif options.get("describe") is not None:
        names = options["describe"] or sorted(DEFAULTS)
        sys.stdout.write(
            json.dumps(
                [{"name": name, "default_value": DEFAULTS[_known(name)]} for name in names],
                indent=2,
            )
            + "\n"
        )
    elif edits:
        _edit(context, _file(context))
        if context.json:
            sys.stdout.write(
                json.dumps(
                    {"rc_path": str(_file(context)), "success": True, "warnings": []},
                    indent=2,
                    sort_keys=True,
                )
                + "\n"
            )
    elif options.get("get") is not None:
        path = _file(context)
        found = _get(context, path, options["get"])
        if context.json:
            sys.stdout.write(
                json.dumps(
                    {"get": found, "rc_path": str(path), "success": True, "warnings": []},
                    indent=2,
                    sort_keys=True,
                )
                + "\n"
            )
    else:
        raise CondaError(
            "ArgumentError",
            "one of the arguments --show --show-sources --get --add "
            "--set --remove --remove-key is required",
        )
