"""Settings that Ansible takes from the environment and from ansible.cfg, as far as we have them.

The environment counts more than the file; options on the command line count more than both.
The file is $ANSIBLE_CONFIG, ./ansible.cfg, ~/.ansible.cfg or /etc/ansible/ansible.cfg; one in
the current directory is left alone when everybody may write there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.errors import InputError, Mark

__all__ = ["Settings", "load_settings"]

_TRUE = frozenset({"1", "true", "yes", "on", "t", "y"})


def _bool(text: str, _base: Path) -> bool:
    return text.strip().lower() in _TRUE


def _text(text: str, _base: Path) -> str:
    return text.strip()


def _int(text: str, _base: Path) -> int:
    return int(text)


def _words(text: str, _base: Path) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _paths(text: str, base: Path) -> tuple[Path, ...]:
    return tuple(_path(part, base) for part in text.split(":") if part.strip())


def _path(text: str, base: Path) -> Path:
    return base / Path(os.path.expandvars(text.strip())).expanduser()


def _sources(text: str, base: Path) -> tuple[str, ...]:
    found = []
    for part in [text] if text.rstrip().endswith(",") else text.split(","):
        path = _path(part, base)
        found.append(str(path) if path.exists() or "," not in part else part.strip())
    return tuple(part for part in found if part)


@dataclass(frozen=True, slots=True)
class _Setting:
    read: Callable[[str, Path], Any]
    section: str = "defaults"
    key: str = ""  # in the file; as the field is called when empty
    env: str = ""  # ANSIBLE_ and the field's name when empty


_SETTINGS: dict[str, _Setting] = {
    "allow_broken_conditionals": _Setting(_bool),
    "any_errors_fatal": _Setting(_bool),
    "become": _Setting(_bool, "privilege_escalation"),
    "become_method": _Setting(_text, "privilege_escalation"),
    "become_user": _Setting(_text, "privilege_escalation"),
    "error_on_missing_handler": _Setting(_bool),
    "filter_plugins": _Setting(_paths),
    "force_handlers": _Setting(_bool),
    "gathering": _Setting(_text),
    "host_key_checking": _Setting(_bool),
    "host_pattern_mismatch": _Setting(_text, "inventory"),
    "inventory": _Setting(_sources),
    "lookup_plugins": _Setting(_paths),
    "no_log": _Setting(_bool),
    "private_key_file": _Setting(_text),
    "private_role_vars": _Setting(_bool),
    "remote_user": _Setting(_text),
    "roles_path": _Setting(_paths),
    "run_tags": _Setting(_words, "tags", "run"),
    "skip_tags": _Setting(_words, "tags", "skip"),
    "strategy": _Setting(_text),
    "task_timeout": _Setting(_int),
    "test_plugins": _Setting(_paths),
    "vault_password_file": _Setting(_text),
    "verbosity": _Setting(_int),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What was said; None where nothing was."""

    any_errors_fatal: bool | None = None
    become: bool | None = None
    become_method: str | None = None
    become_user: str | None = None
    error_on_missing_handler: bool | None = None
    filter_plugins: tuple[Path, ...] | None = None
    force_handlers: bool | None = None
    gathering: str | None = None
    host_key_checking: bool | None = None
    host_pattern_mismatch: str | None = None
    inventory: tuple[str, ...] | None = None
    lookup_plugins: tuple[Path, ...] | None = None
    no_log: bool | None = None
    private_key_file: str | None = None
    private_role_vars: bool | None = None
    remote_user: str | None = None
    roles_path: tuple[Path, ...] | None = None
    run_tags: tuple[str, ...] | None = None
    skip_tags: tuple[str, ...] | None = None
    strategy: str | None = None
    task_timeout: int | None = None
    test_plugins: tuple[Path, ...] | None = None
    vault_password_file: str | None = None
    verbosity: int | None = None
    allow_broken_conditionals: bool | None = None
    file: Path | None = None  # the ansible.cfg that was read

    @property
    def strict_conditionals(self) -> bool:
        """Whether a condition that is no boolean is an error; only where somebody asks for it."""
        return self.allow_broken_conditionals is False


def _config_file(environ: Mapping[str, str]) -> Path | None:
    told = environ.get("ANSIBLE_CONFIG")
    if told:
        path = Path(told).expanduser()
        path = path / "ansible.cfg" if path.is_dir() else path
        return path if path.is_file() else None
    here = Path("ansible.cfg")
    if here.is_file() and not Path().stat().st_mode & 0o002:
        return here
    for path in (Path("~/.ansible.cfg").expanduser(), Path("/etc/ansible/ansible.cfg")):
        if path.is_file():
            return path
    return None


def _from_file(path: Path) -> dict[str, dict[str, str]]:
    import configparser  # only for those who have such a file

    parser = configparser.ConfigParser(inline_comment_prefixes=(";",), interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as exc:
        raise InputError("cannot read the settings", mark=Mark(str(path)), why=str(exc)) from exc
    return {name: dict(parser.items(name)) for name in parser.sections()}


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this environment. Raises InputError for a file that cannot be read."""
    path = _config_file(environ)
    sections = _from_file(path) if path is not None else {}
    base = path.parent.absolute() if path is not None else Path()
    found: dict[str, Any] = {}
    for name, setting in _SETTINGS.items():
        variable = setting.env or f"ANSIBLE_{name.upper()}"
        text, where, origin = environ.get(variable), Path.cwd(), variable
        if text is None:
            text = sections.get(setting.section, {}).get(setting.key or name)
            where, origin = base, str(path)
        if text is None or (text == "" and setting.read is not _bool):
            continue
        try:
            found[name] = setting.read(text, where)
        except ValueError as exc:
            raise InputError(f"{origin}: {name} cannot be {text!r}", why=str(exc)) from exc
    return Settings(**found, file=path)
