"""Inventories in Ansible's INI format.

Host lines are split like a shell would and their values are Python literals where they can
be; values in `[group:vars]` take the rest of the line. Sections may come in any order.
"""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from provision.diagnostics import did_you_mean
from provision.errors import InventoryError, Mark
from provision.inventory.graph import Graph
from provision.inventory.marked import marked
from provision.inventory.ranges import expand_hosts
from provision.yamlsource import Map

__all__ = ["parse_ini", "parse_value"]

_SECTION = re.compile(r"^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$")
_NAME = re.compile(r"^([^:\]\s]+)\s*(?:#.*)?$")
_KINDS = ("hosts", "children", "vars")
# Most values cannot be literals; compiling each of them as Python would cost more than the rest.
_WORD = re.compile(r"^(?:[A-Za-z_/~@%<][^'\"()#]*|\d+\.\d+\.[\d.:/]*)$")
_NAMED = ("True", "False", "None")
# What shlex would do, many times as fast, for lines without escapes and comments.
_WORDS = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")
_EASY = re.compile(r"""(?:[^"'\\#]|"[^"\\]*"|'[^']*')*+""")
_QUOTED = re.compile(r""""([^"]*)"|'([^']*)'""")


def _coerced(value: object) -> object:
    """Literals that JSON has no word for, as Ansible passes them on."""
    if isinstance(value, list | tuple | set | frozenset):
        return [_coerced(item) for item in value]
    if isinstance(value, dict):
        return {key: _coerced(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, complex):
        return str(value)
    return "..." if value is ... else value


def parse_value(text: str) -> object:
    """The value an INI inventory means: a Python literal, or else the text itself."""
    if _WORD.match(text) and text not in _NAMED:
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
    return _coerced(value)


@dataclass
class _Parser:
    graph: Graph
    file: str
    number: int = 0
    line: str = ""
    group: str = "ungrouped"
    kind: str = "hosts"
    # Groups named by [x:vars] or under [y:children] before their own section.
    awaited_vars: dict[str, Mark] = field(default_factory=dict)
    awaited_children: dict[str, list[tuple[str, Mark]]] = field(default_factory=dict)
    group_vars: dict[str, Map] = field(default_factory=dict)
    conceal: Callable[[Any], Any] | None = None

    def mark(self, part: str = "") -> Mark:
        column = self.line.find(part) if part else -1
        if column < 0:
            column = len(self.line) - len(self.line.lstrip())
        return Mark(self.file, self.number, column + 1)

    def error(self, what: str, part: str = "", *, why: str = "", hint: str = "") -> InventoryError:
        return InventoryError(what, mark=self.mark(part), why=why, hint=hint)

    def feed(self, number: int, line: str) -> None:
        text = line.strip()
        if not text or text[0] in "#;":
            return
        self.number, self.line = number, line
        if text[0] == "[":
            section = _SECTION.match(text)
            if section:
                self._section(section.group(1), section.group(2) or "hosts")
                return
            if text.endswith("]"):
                raise self.error(
                    f"{text!r} is not a section",
                    hint="write [group], [group:children] or [group:vars], without spaces",
                )
        if self.kind == "hosts":
            self._hosts(text)
        elif self.kind == "vars":
            self._variable(text)
        else:
            self._child(text)

    def _section(self, name: str, kind: str) -> None:
        if kind not in _KINDS:
            raise self.error(
                f"section [{name}:{kind}] is of unknown kind {kind!r}",
                kind,
                hint=did_you_mean(kind, _KINDS) or "kinds are: children, vars, hosts",
            )
        self.group, self.kind = name, kind
        if kind == "vars":
            if name not in self.graph.groups:
                self.awaited_vars.setdefault(name, self.mark(name))
            self.group_vars.setdefault(name, Map(self.mark()))
            return
        self.graph.group(name)
        self.awaited_vars.pop(name, None)
        for parent, mark in self.awaited_children.pop(name, ()):
            self.graph.child(parent, name, mark)

    def _tokens(self, text: str) -> list[str]:
        if '"' not in text and "'" not in text and "\\" not in text and "#" not in text:
            return text.split()
        if _EASY.fullmatch(text):
            return [_QUOTED.sub(r"\1\2", token) for token in _WORDS.findall(text)]
        try:
            return shlex.split(text, comments=True)
        except ValueError as exc:
            raise self.error("cannot split this host line", why=str(exc)) from exc

    def _hosts(self, text: str) -> None:
        pattern, *assignments = self._tokens(text)
        if pattern.startswith("---") or (pattern.endswith(":") and not assignments):
            raise self.error(
                f"{pattern!r} is not a host name",
                pattern,
                hint="this looks like YAML: name the file .yml, and check that it is valid YAML",
            )
        mark = self.mark()
        hosts, port = expand_hosts(pattern, mark)
        values = Map(mark)
        for assignment in assignments:
            key, equals, value = assignment.partition("=")
            if not equals or not key:
                raise self.error(
                    f"expected key=value after the host name, found {assignment!r}",
                    assignment,
                    hint="quote a value that contains spaces: key='a b'",
                )
            self._set(values, key, parse_value(value))
        for name in hosts:
            host = self.graph.host(name, self.group, source=self.file, port=port)
            self.graph.set_host_vars(host, values, self.file, mark)

    def _variable(self, text: str) -> None:
        key, equals, value = text.partition("=")
        if not equals:
            raise self.error(f"expected key=value in [{self.group}:vars], found {text!r}")
        self._set(self.group_vars[self.group], key.strip(), parse_value(value.strip()))

    def _set(self, values: Map, key: str, value: object) -> None:
        mark = self.mark(key + "=")
        value = marked(value, mark)
        values[key] = self.conceal(value) if self.conceal else value
        values.value_marks[key] = mark

    def _child(self, text: str) -> None:
        found = _NAME.match(text)
        if not found:
            raise self.error(f"expected a group name in [{self.group}:children], found {text!r}")
        name = found.group(1)
        if name in self.graph.groups:
            self.graph.child(self.group, name, self.mark())
        else:
            self.awaited_children.setdefault(name, []).append((self.group, self.mark()))

    def finish(self) -> None:
        for name, mark in self.awaited_vars.items():
            raise InventoryError(
                f"section [{name}:vars] is for a group that is not defined",
                mark=mark,
                hint=did_you_mean(name, self.graph.groups)
                or f"define it with [{name}] or [{name}:children]",
            )
        for name, uses in self.awaited_children.items():
            parent, mark = uses[0]
            raise InventoryError(
                f"[{parent}:children] names the group {name!r}, which is not defined",
                mark=mark,
                hint=did_you_mean(name, self.graph.groups) or f"define it with [{name}]",
            )
        for name, values in self.group_vars.items():
            self.graph.set_group_vars(self.graph.groups[name], values, self.file, values.mark)


def parse_ini(
    graph: Graph, text: str, file: str, conceal: Callable[[Any], Any] | None = None
) -> None:
    """Add what the INI inventory `text` says to `graph`. Raises InventoryError.

    `conceal` is given each value of a text that was encrypted.
    """
    parser = _Parser(graph, file, conceal=conceal)
    for number, line in enumerate(text.splitlines(), 1):
        parser.feed(number, line)
    parser.finish()
