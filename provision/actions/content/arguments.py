"""Arguments that all actions on files take."""

from __future__ import annotations

import dataclasses
import shlex
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from provision.actions.args import Mode, arg, arg_fields
from provision.errors import PlaybookError

__all__ = ["OwnerArgs", "WriteArgs", "said", "words_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerArgs:
    """Mode, owner and what else a file has beside its content."""

    mode: Mode | None = arg(
        'Permission bits, octal ("0644", quoted) or symbolic ("u=rwX,go-w"). Not said: what is '
        "there keeps its own, what is new gets the usual ones.",
        default=None,
        example="0644",
    )
    owner: str | None = arg("User that owns it: a name or a number.", default=None)
    group: str | None = arg("Group that owns it: a name or a number.", default=None)
    attributes: str | None = arg(
        "Flags as `chattr` takes them: `+i`, `-A`, `=ad`.", default=None, aliases=("attr",)
    )
    seuser: str | None = arg("User part of the SELinux context.", default=None)
    serole: str | None = arg("Role part of the SELinux context.", default=None)
    setype: str | None = arg(
        "Type part of the SELinux context; `_default` takes the policy's.", default=None
    )
    selevel: str | None = arg("Level part of the SELinux context.", default=None)
    unsafe_writes: bool = arg(
        "Write into the file itself where it cannot be replaced at once, for instance a file "
        "that is mounted into a container.",
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteArgs(OwnerArgs):
    """What actions that write content take as well."""

    backup: bool = arg("Keep a copy of the old content beside the file.", default=False)
    validate: str | None = arg(
        "Command that checks the new content before it is put in place; `%s` is its file.",
        default=None,
        example="visudo -cf %s",
    )


@cache
def _defaults(model: type) -> tuple[tuple[str, str, object], ...]:
    names = (field.name for field in dataclasses.fields(model))
    fields = arg_fields(model)
    return tuple((a, f.name, f.default) for a, f in zip(names, fields, strict=True))


def said(args: Any) -> dict[str, Any]:
    """The arguments that differ from their defaults, under their documented names."""
    found = {}
    for attribute, name, default in _defaults(cast(Any, type(args))):
        value = getattr(args, attribute)
        if value is not None and value != default:
            found[name] = value
    return found


def words_of(action: str, validate: str | None) -> list[str]:
    """`validate` as the words of a command. Raises PlaybookError."""
    if validate is None:
        return []
    if "%s" not in validate:
        raise PlaybookError(f"{action}: validate must contain %s: {validate}")
    try:
        return shlex.split(validate)
    except ValueError as exc:
        raise PlaybookError(f"{action}: validate cannot be read", why=str(exc)) from None
