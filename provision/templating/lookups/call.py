"""What a lookup is called with."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.errors import InputError, Mark
from provision.templating.context import LookupContext
from provision.templating.scope import Scope

__all__ = ["Lookup", "LookupCall", "options_in"]


@dataclass(frozen=True, slots=True)
class LookupCall:
    """`name` is the lookup's own; `scope` has the variables and the Templar."""

    name: str
    scope: Scope

    @property
    def context(self) -> LookupContext:
        return self.scope.templar.lookup_context

    @property
    def kind(self) -> str:
        """What the task's action reads: files, templates or vars; the engine may say so in the
        variable `_file_kind`."""
        given = self.scope.raw("_file_kind")
        return given if isinstance(given, str) else "files"

    def folders(self, kind: str) -> list[Path]:
        """Where a relative path of that kind (files, templates, vars) is looked for, in order."""
        from provision.templating.files import task_folders

        bases = [*task_folders(self.scope), self.context.basedir]
        return [folder for base in bases for folder in (base / kind, base)]

    def find(self, kind: str, name: str) -> Path | None:
        """The path of an existing file, or None."""
        path = Path(name).expanduser()
        if path.is_absolute():
            return path if path.exists() else None
        return next(
            (at for at in (base / path for base in self.folders(kind)) if at.exists()), None
        )

    def need(self, kind: str, name: str) -> Path:
        """`find`, or InputError that says where it was looked for."""
        path = self.find(kind, name)
        if path is None:
            why = "No such file or directory"
            if not Path(name).expanduser().is_absolute():
                where = dict.fromkeys(str(folder) for folder in self.folders(kind))
                why += f"; looked in {', '.join(where)}"
            raise InputError(f"no file {name!r}", why=why)
        return path

    def read(self, path: Path) -> bytes:
        """The bytes of a file, decrypted when it is a vault file. Raises InputError."""
        mark = Mark(str(path))
        try:
            data = path.read_bytes()
        except OSError as exc:
            raise InputError("cannot read file", mark=mark, why=exc.strerror or "") from exc
        if data.startswith(b"$ANSIBLE_VAULT;") and self.context.decrypt is not None:
            return self.context.decrypt(data, mark)
        return data

    def text(self, path: Path) -> str:
        try:
            return self.read(path).decode()
        except UnicodeDecodeError as exc:
            raise InputError("not UTF-8 text", mark=Mark(str(path)), why=str(exc)) from exc


Lookup = Callable[[LookupCall, list[Any], dict[str, Any]], list[Any]]


_WORD = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")
_OPTION = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


def options_in(term: str, known: Sequence[str]) -> tuple[str, dict[str, str]]:
    """A term with options behind it: `name key="a value"`, split.

    Quotes are part of the name, and taken off values. Raises ValueError for another option.
    """
    found: dict[str, str] = {}
    plain: list[str] = []
    for word in _WORD.findall(term):
        option = _OPTION.fullmatch(word)
        if option is None:
            plain.append(word)
            continue
        key, value = option[1], option[2]
        if key not in known:
            raise ValueError(f"{key} is not a valid option; there are {', '.join(known)}")
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
        found[key] = value[1:-1] if quoted else value
    return " ".join(plain), found
