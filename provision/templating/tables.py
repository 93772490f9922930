"""All filters, tests, lookups and globals of one Templar, under every name they go by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader
from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.tests import TESTS as JINJA_TESTS

from provision.templating import filters, lookups, plugins, predicates
from provision.templating.environment import NativeEnvironment
from provision.templating.functions import GLOBALS
from provision.templating.guard import guarded
from provision.templating.options import TemplateOptions

__all__ = ["Tables"]

_PREFIXES = ("ansible.builtin.", "ansible.legacy.")
_TAKE_MISSING = frozenset({"default", "d", "defined", "undefined"})
_EXTENSIONS = ("jinja2.ext.do", "jinja2.ext.loopcontrols")
Function = Callable[..., Any]


def _table(kind: str, *sources: Mapping[str, Any]) -> dict[str, Function]:
    merged: dict[str, Function] = {}
    for source in sources:
        merged.update(source)
    table = {}
    for name, function in merged.items():
        skin = guarded(kind, name, function, looks_itself=name in _TAKE_MISSING)
        table[name] = skin
        if "." not in name:
            table.update((prefix + name, skin) for prefix in _PREFIXES)
    return table


@dataclass(frozen=True, slots=True)
class Tables:
    filters: Mapping[str, Function]
    tests: Mapping[str, Function]
    lookups: Mapping[str, lookups.Lookup]

    @classmethod
    def load(
        cls, filter_dirs: Sequence[Path], test_dirs: Sequence[Path], lookup_dirs: Sequence[Path]
    ) -> Tables:
        """Ours and Jinja2's, with those of the given folders on top. Raises InputError."""
        own_filters = plugins.load_functions(filter_dirs, "FilterModule", "filters")
        own_tests = plugins.load_functions(test_dirs, "TestModule", "tests")
        return cls(
            _table("filter", JINJA_FILTERS, filters.FILTERS, own_filters),
            _table("test", JINJA_TESTS, predicates.TESTS, own_tests),
            {**lookups.LOOKUPS, **plugins.load_lookups(lookup_dirs)},
        )

    def environment(
        self, options: TemplateOptions, loader: BaseLoader, *, in_yaml: bool
    ) -> NativeEnvironment:
        environment = NativeEnvironment(
            in_yaml=in_yaml, loader=loader, extensions=_EXTENSIONS, **asdict(options)
        )
        environment.filters = dict(self.filters)
        environment.tests = dict(self.tests)
        environment.globals = {**DEFAULT_NAMESPACE, **GLOBALS}
        del environment.globals["lipsum"]
        return environment
