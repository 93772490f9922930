"""Filters, tests and lookups by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from provision.templating import filters, lookups, predicates
from provision.templating.tables import Tables

from docs.pages.text import MADE, cell, page

__all__ = ["templating_pages"]

_Functions = Mapping[str, Callable[..., Any]]


def templating_pages() -> dict[Path, str]:
    """By their paths under docs/."""
    return {Path("templating.md"): page(_lines())}


_ABOUT = """\
What templates can use, beside Jinja2's own syntax. Names mean what they mean in Ansible, with or
without `ansible.builtin.` before them. Values keep their types, undefined names are errors, and
what a host answered is never taken for a template. A project's own come from `filter_plugins/`,
`test_plugins/` and `lookup_plugins/` beside the playbook.
"""


def _lines() -> Iterator[str]:
    known = Tables.load((), (), ())
    yield from ("# Filters, tests and lookups", "", MADE, "", " ".join(_ABOUT.split()), "")
    yield from _section("Filters", "filters", known.filters, filters.FILTERS)
    yield from _section("Tests", "tests", known.tests, predicates.TESTS)
    yield from _section("Lookups", "lookups", lookups.LOOKUPS, lookups.LOOKUPS)


def _section(title: str, kind: str, known: Iterable[str], own: _Functions) -> Iterator[str]:
    """Those with words of ours in a table, the others by name."""
    told = list(_described(own))
    yield from (f"## {title}", "", "| name | what |", "|---|---|")
    yield from (f"| {names} | {cell(words)} |" for names, words in told if words)
    yield ""
    plain = ", ".join(names for names, words in told if not words)
    if plain:
        yield from (f"Without words, since the name says it: {plain}.", "")
    others = [name for name in sorted(known) if name not in own and "." not in name]
    if others:
        listed = ", ".join(f"`{name}`" for name in others)
        yield from (f"And the {kind} of Jinja2: {listed}.", "")


def _described(own: _Functions) -> Iterator[tuple[str, str]]:
    """Names that do the same stand together, in the order of the first of them."""
    same: dict[int, list[str]] = {}
    for name in sorted(name for name in own if "." not in name):
        same.setdefault(id(own[name]), []).append(name)
    for names in same.values():
        yield ", ".join(f"`{name}`" for name in names), _words(own[names[0]])


def _words(function: Callable[..., Any]) -> str:
    """Of the docstring; Python's own differ from version to version."""
    if not getattr(function, "__module__", "").startswith("provision."):
        return ""
    words = (function.__doc__ or "").strip().split("\n\n")[0]
    return "" if words.startswith("See the module") else words
