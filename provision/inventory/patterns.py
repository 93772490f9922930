"""Host patterns: names, groups, globs, `~regex`, unions, `&`, `!`, subscripts, @files."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from provision.errors import InventoryError, Mark
from provision.inventory.graph import LOCALHOST, Graph

__all__ = ["Matcher", "read_limit", "split_pattern"]

_SUBSCRIPT = re.compile(r"^(.+)\[(?:(-?[0-9]+)|([0-9]+)([:-])([0-9]*))\]$")
_PIECES = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")
_HOST_AND_PORT = re.compile(r"^[^:\[\]&!~*?]+:[0-9]+$")
_GLOB = frozenset("*?[.")  # a name with one of these may match hosts beside a group


def split_pattern(pattern: str | Iterable[str]) -> list[str]:
    """The terms of a pattern, in the order they stand: `a:b`, `a,b` or a list of both."""
    if not isinstance(pattern, str):
        return [term for part in pattern for term in split_pattern(part)]
    if "," in pattern:
        return [term.strip() for term in pattern.split(",") if term.strip()]
    text = pattern.strip()
    if _is_one_host(text):
        return [text]
    return _PIECES.findall(text)


def _is_one_host(text: str) -> bool:
    if _HOST_AND_PORT.match(text):
        return True
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def read_limit(limit: str) -> list[str]:
    """The terms of a --limit, those in `@file` included. Raises InventoryError."""
    terms: list[str] = []
    for term in split_pattern(limit):
        if not term.startswith("@"):
            terms.append(term)
            continue
        path = Path(term[1:]).expanduser()
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as exc:
            why = getattr(exc, "strerror", None) or str(exc)
            raise InventoryError("cannot read the limit file", mark=Mark(str(path)), why=why) from (
                exc
            )
        terms += [line.strip() for line in lines if line.strip()]
    return terms


class Matcher:
    """Resolves terms against one graph. `implicit` gives the name of the controller's host
    for a term that names it while the inventory does not."""

    def __init__(self, graph: Graph, implicit: Callable[[str], str]) -> None:
        self.graph = graph
        self.implicit = implicit

    def resolve(self, terms: Sequence[str]) -> tuple[list[str], list[str]]:
        """Host names that `terms` select in order, and the terms that match nothing.

        Unions first, then intersections, then exclusions. Raises InventoryError for a term
        that cannot be read.
        """
        union = [term for term in terms if term[0] not in "&!"]
        both = [term for term in terms if term[0] == "&"]
        without = [term for term in terms if term[0] == "!"]
        unmatched: list[str] = []
        selected: dict[str, None] = {}
        for term in union or (["all"] if terms else []):
            selected.update(dict.fromkeys(self._match(term, unmatched)))
        for term in both:
            keep = set(self._match(term[1:], unmatched))
            selected = {name: None for name in selected if name in keep}
        for term in without:
            drop = set(self._match(term[1:], unmatched))
            selected = {name: None for name in selected if name not in drop}
        return list(selected), unmatched

    def _match(self, term: str, unmatched: list[str]) -> Sequence[str]:
        if not term:
            raise InventoryError("a host pattern has '&' or '!' with nothing behind it")
        if term in self.graph.hosts:
            return [term]
        found = None if term[0] == "~" else _SUBSCRIPT.match(term)
        if not found:
            return self._names(term, unmatched)
        base, index, start, _, end = found.groups()
        names = self._names(base, unmatched)
        if not names:
            return names
        if index is None:
            last = int(end) if end else len(names) - 1
            return names[int(start) : last + 1]
        if not -len(names) <= int(index) < len(names):
            raise InventoryError(
                f"host pattern {term!r} asks for number {index} of {len(names)} hosts",
                hint=f"{base!r} goes from [0] to [{len(names) - 1}]",
            )
        return [names[int(index)]]

    def _names(self, term: str, unmatched: list[str]) -> list[str]:
        graph = self.graph
        is_pattern = term[0] == "~" or not _GLOB.isdisjoint(term)
        if not is_pattern:
            if term in graph.groups:
                return graph.members(term)
            if term in LOCALHOST:
                return [self.implicit(term)]
            unmatched.append(term)
            return []
        matches = _compiled(term)
        groups = [name for name in graph.groups if matches(name)]
        selected: dict[str, None] = {}
        for name in groups:
            selected.update(dict.fromkeys(graph.members(name)))
        selected.update(dict.fromkeys(name for name in graph.hosts if matches(name)))
        if not selected and term in LOCALHOST:
            return [self.implicit(term)]
        if not selected and not groups:
            unmatched.append(term)
        return list(selected)


def _compiled(term: str) -> Callable[[str], object]:
    source = term[1:] if term[0] == "~" else fnmatch.translate(term)
    try:
        return re.compile(source).match
    except re.error as exc:
        raise InventoryError(
            f"host pattern {term!r} is not a valid expression", why=str(exc)
        ) from exc
