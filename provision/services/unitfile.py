"""The text of systemd units: quoting, and lines added to sections."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from provision.errors import PlaybookError, TemplateError
from provision.yamlsource import mark_of

__all__ = ["add_lines", "directive_lines", "exec_words", "literal", "unit_names"]

_SECTIONS = ("Unit", "Service", "Install")
_KEY = re.compile(r"[A-Z][A-Za-z0-9]*|X-[A-Za-z0-9-]+")
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./{}~^-]+")
_UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]+")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"})
_HEADER = re.compile(r"^\[([^\]]+)\]\s*$")


def literal(text: str) -> str:
    """`text` where systemd would put something else in the place of %-specifiers."""
    return text.replace("%", "%%")


def exec_words(words: Iterable[str]) -> str:
    """A command line for ExecStart= that means just these words: no variables, no specifiers."""
    return " ".join(_word(word) for word in words)


def _word(word: str) -> str:
    text = literal(word).replace("$", "$$")
    if _PLAIN.fullmatch(word):
        return text
    return f'"{text.translate(_ESCAPES)}"'


def unit_names(names: Iterable[str], what: str) -> tuple[str, ...]:
    """Names of units, a bare one being a service. Raises PlaybookError."""
    found = []
    for name in names:
        if not _UNIT.fullmatch(name):
            raise PlaybookError(
                f"model_service: {name!r} in {what!r} is no unit", mark=mark_of(name)
            )
        found.append(name if "." in name else f"{name}.service")
    return tuple(found)


def directive_lines(said: Mapping[str, object]) -> dict[str, list[str]]:
    """Lines for each section, from `{Section: {Key: value or list}}`; keys that stand alone are
    for [Service]. Values are systemd's own text. Raises PlaybookError."""
    found: dict[str, list[str]] = {name: [] for name in _SECTIONS}
    for name, value in said.items():
        section = str(name).capitalize()
        if isinstance(value, Mapping):
            if section not in _SECTIONS:
                raise PlaybookError(
                    f"model_service: a service's unit has no section {name!r}",
                    mark=mark_of(name),
                    hint=f"one of {', '.join(_SECTIONS)}",
                )
            for key, inner in value.items():
                found[section] += _lines(str(key), inner)
        else:
            found["Service"] += _lines(str(name), value)
    return {section: lines for section, lines in found.items() if lines}


def _lines(key: str, value: object) -> list[str]:
    if not _KEY.fullmatch(key):
        raise PlaybookError(f"model_service: {key!r} is no directive of a unit", mark=mark_of(key))
    values = value if isinstance(value, list | tuple) else [value]
    lines = []
    for item in values:
        text = ("yes" if item else "no") if isinstance(item, bool) else str(item)
        if item is None or isinstance(item, Mapping) or "\n" in text:
            raise PlaybookError(
                f"model_service: {key!r} takes a line of text or a list of them",
                mark=mark_of(value) or mark_of(key),
            )
        lines.append(f"{key}={text}")
    return lines


def add_lines(text: str, section: str, lines: Sequence[str]) -> str:
    """The unit with `lines` at the end of a section, where they win over what stands before.
    Raises TemplateError when there is no such section."""
    if not lines:
        return text
    whole = text.rstrip("\n").split("\n")
    end = None
    inside = False
    for number, line in enumerate(whole):
        header = _HEADER.match(line)
        if header:
            inside = header[1] == section
        if inside and line.strip():
            end = number + 1
    if end is None:
        raise TemplateError(f"the unit has no section [{section}]")
    return "\n".join([*whole[:end], *lines, *whole[end:]]) + "\n"
