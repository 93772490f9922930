"""conda's settings: which keys there are, where they are read from, how sources are merged."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .errors import CondaError

__all__ = ["ALIASES", "DEFAULTS", "Source", "load_sources", "merged", "read_rc"]

_VENDOR = "https://repo.anaconda.com/pkgs"

DEFAULTS: dict[str, Any] = {
    "add_pip_as_python_dependency": True,
    "aggressive_update_packages": [],
    "allow_softlinks": False,
    "always_copy": False,
    "always_softlink": False,
    "always_yes": None,
    "auto_activate": True,
    "auto_stack": 0,
    "auto_update_conda": True,
    "changeps1": True,
    "channel_alias": "https://conda.anaconda.org",
    "channel_priority": "flexible",
    "channel_settings": [],
    "channels": [],
    "client_ssl_cert": None,
    "client_ssl_cert_key": None,
    "create_default_packages": [],
    "custom_channels": {"pkgs/pro": "https://repo.anaconda.com"},
    "custom_multichannels": {},
    "default_activation_env": "base",
    "default_channels": [f"{_VENDOR}/main", f"{_VENDOR}/r"],
    "default_threads": None,
    "denylist_channels": [],
    "disallowed_packages": [],
    "env_prompt": "({default_env}) ",
    "envs_dirs": [],
    "extra_safety_checks": False,
    "fetch_threads": None,
    "json": False,
    "local_repodata_ttl": 1,
    "migrated_channel_aliases": [],
    "non_admin_enabled": True,
    "notify_outdated_conda": True,
    "number_channel_notices": 5,
    "offline": False,
    "path_conflict": "clobber",
    "pinned_packages": [],
    "pip_interop_enabled": False,
    "pkgs_dirs": [],
    "plugins": {},
    "proxy_servers": {},
    "quiet": False,
    "register_envs": True,
    "remote_backoff_factor": 1,
    "remote_connect_timeout_secs": 9.15,
    "remote_max_retries": 3,
    "remote_read_timeout_secs": 60.0,
    "repodata_fns": ["repodata.json"],
    "report_errors": None,
    "restore_free_channel": False,
    "rollback_enabled": True,
    "safety_checks": "warn",
    "separate_format_cache": False,
    "show_channel_urls": None,
    "solver": "rattler",
    "solver_ignore_timestamps": False,
    "ssl_verify": True,
    "subdir": "linux-64",
    "subdirs": ["linux-64", "noarch"],
    "track_features": [],
    "unsatisfiable_hints": True,
    "update_modifier": "update_specs",
    "use_index_cache": False,
    "use_local": False,
    "verify_threads": None,
    "whitelist_channels": [],
}
ALIASES = {
    "envs_path": "envs_dirs",
    "channel": "channels",
    "yes": "always_yes",
    "verify_ssl": "ssl_verify",
    "auto_activate_base": "auto_activate",
    "copy": "always_copy",
}
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(slots=True)
class Source:
    """One place settings come from; `name` is a path, `envvars` or `cmd_line`."""

    name: str
    values: dict[str, Any] = field(default_factory=dict)


def read_rc(path: Path) -> dict[str, Any]:
    """A condarc's mapping, alias keys resolved. Raises ConfigurationLoadError."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CondaError(
            "ConfigurationLoadError",
            f"Unable to load configuration file.\n  path: {path}\n  reason: {error}",
        ) from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise CondaError(
            "ConfigurationLoadError",
            f"Unable to load configuration file.\n  path: {path}\n"
            "  reason: invalid yaml, expected a mapping",
        )
    return {ALIASES.get(str(key), str(key)): value for key, value in data.items()}


def _rc_files(root: Path, prefix: Path | None) -> list[Path]:
    home = Path.home()
    config = Path(os.environ.get("XDG_CONFIG_HOME", home / ".config"))
    candidates: list[Path] = []
    for folder in ("/etc/conda", "/var/lib/conda", str(root)):
        base = Path(folder)
        candidates += [base / ".condarc", base / "condarc", *sorted((base / "condarc.d").glob("*"))]
    candidates += [
        config / "conda/.condarc",
        config / "conda/condarc",
        *sorted((config / "conda/condarc.d").glob("*")),
        home / ".conda/.condarc",
        home / ".conda/condarc",
        *sorted((home / ".conda/condarc.d").glob("*")),
        home / ".condarc",
    ]
    if prefix is not None:
        candidates += [
            prefix / ".condarc",
            prefix / "condarc",
            *sorted((prefix / "condarc.d").glob("*")),
        ]
    if os.environ.get("CONDARC"):
        candidates.append(Path(os.environ["CONDARC"]))
    seen: dict[Path, None] = {}
    for path in candidates:
        if path.is_file() and (
            path.name in (".condarc", "condarc")
            or path.suffix in (".yml", ".yaml")
            or path == Path(os.environ.get("CONDARC", ""))
        ):
            seen.setdefault(path, None)
    return list(seen)


def _from_environment() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in os.environ.items():
        name = key[6:].lower() if key.startswith("CONDA_") else ""
        name = ALIASES.get(name, name)
        if key.startswith("CONDA_PLUGINS_"):
            found.setdefault("plugins", {})[key[14:].lower()] = convert(True, value)
        elif name in DEFAULTS and value:
            found[name] = (
                [part.strip() for part in value.replace("&", ",").split(",")]
                if isinstance(DEFAULTS[name], list)
                else convert(DEFAULTS[name], value)
            )
    return found


def convert(default: Any, text: str) -> Any:
    """`text` as the type of `default`: booleans and numbers as conda reads them."""
    low = text.strip().lower()
    if isinstance(default, bool) or default is None or isinstance(default, str):
        if low in _TRUE and not (isinstance(default, str) and low == "1"):
            return True
        if low in _FALSE and not (isinstance(default, str) and low == "0"):
            return False
    if isinstance(default, bool):
        return text
    if isinstance(default, int | float):
        try:
            return int(text) if low.lstrip("-").isdigit() else float(text)
        except ValueError:
            return text
    if default is None and low in ("none", "null", ""):
        return None
    return text


def load_sources(root: Path, prefix: Path | None, command_line: dict[str, Any]) -> list[Source]:
    """Lowest priority first."""
    sources = [Source(str(path), read_rc(path)) for path in _rc_files(root, prefix)]
    environment = _from_environment()
    if environment:
        sources.append(Source("envvars", environment))
    if command_line:
        sources.append(Source("cmd_line", command_line))
    return sources


def merged(sources: list[Source], key: str) -> Any:
    """A key's value over all sources: lists are joined, the strongest source first."""
    default = DEFAULTS.get(key)
    if isinstance(default, list):
        joined: dict[str, None] = {}
        for source in reversed(sources):
            value = source.values.get(key)
            for item in value if isinstance(value, list) else [value] if value else []:
                joined.setdefault(str(item), None)
        return list(joined) or list(default)
    if isinstance(default, dict):
        combined = dict(default)
        for source in sources:
            value = source.values.get(key)
            if isinstance(value, dict):
                combined.update(value)
        return combined
    value = default
    for source in sources:
        if key in source.values:
            value = source.values[key]
    return value
