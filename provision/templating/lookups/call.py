"""What a lookup is called with."""

from __future__ import annotations

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
            absolute = Path(name).expanduser().is_absolute()
            where = (
                [] if absolute else [str(folder) for folder in dict.fromkeys(self.folders(kind))]
            )
            raise InputError(
                f"no file {name!r}", why=f"looked in {', '.join(where)}" if where else ""
            )
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


def options_in(term: str, known: Sequence[str]) -> tuple[str, dict[str, str]]:
    """A term with options behind it: `name key=value`, split. Raises ValueError."""
    import shlex

    words = shlex.split(term)
    found: dict[str, str] = {}
    plain: list[str] = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in known:
            found[key] = value
        else:
            plain.append(word)
    return " ".join(plain), found
