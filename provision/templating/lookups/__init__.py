"""Lookups: ways for a template, or a `with_*` loop, to get at things outside of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from provision.diagnostics import did_you_mean
from provision.errors import ProvisionError, TemplateError
from provision.templating.explain import Origin, PluginError, undefined
from provision.templating.lookups import files, loops, outside, passwords, sequence, variables
from provision.templating.lookups.call import Lookup, LookupCall
from provision.templating.scope import Pending, Scope
from provision.templating.undefined import Missing, MissingError
from provision.templating.values import realize

__all__ = ["LOOKUPS", "Lookup", "LookupCall", "from_template", "run"]

LOOKUPS: Mapping[str, Lookup] = {
    **files.LOOKUPS,
    **loops.LOOKUPS,
    **outside.LOOKUPS,
    **passwords.LOOKUPS,
    **sequence.LOOKUPS,
    **variables.LOOKUPS,
}
_PREFIXES = ("ansible.builtin.", "ansible.legacy.")
_ERRORS = ("strict", "warn", "ignore")


def run(name: str, terms: Any, scope: Scope, **options: Any) -> list[Any]:
    """What the lookup `name` finds for `terms` (a list, or a single term), as a list.

    `with_items: X` is `run("items", X, scope)`: terms as they stand in the file are rendered,
    terms that are rendered already are data. Raises TemplateError for an unknown lookup or one
    that fails, UndefinedVariable.
    """
    mark = getattr(terms, "mark", None)
    lazy = scope.lazily(terms, f"with_{name}")
    if not isinstance(lazy, list):
        lazy = [lazy]
    try:
        if not _takes_undefined(name):
            lazy = realize(lazy)
        return list(realize(_found(name, lazy, scope, options)))
    except PluginError as exc:
        raise TemplateError(f"lookup {exc.name!r} failed", why=str(exc.cause), mark=mark) from exc
    except MissingError as exc:
        raise undefined(exc.absent, Origin(f"with_{name}", mark), scope, exc) from None


def _takes_undefined(name: str) -> bool:
    return name.rpartition(".")[2] == "first_found"


def _found(name: str, terms: list[Any], scope: Scope, options: dict[str, Any]) -> list[Any]:
    table = scope.templar.tables.lookups
    short = name
    for prefix in _PREFIXES:
        short = short.removeprefix(prefix)
    function: Callable[..., list[Any]] | None = table.get(name) or table.get(short)
    if function is None:
        raise TemplateError(f"no lookup named {name!r}", hint=did_you_mean(name, table))
    try:
        return function(LookupCall(short, scope), terms, dict(options))
    except (ProvisionError, Pending, MissingError, PluginError):
        raise
    except Exception as exc:
        raise PluginError("lookup", name, exc) from exc


def from_template(scope: Scope, name: str, terms: list[Any], options: dict[str, Any]) -> Any:
    """`lookup(...)` as a template calls it, with `errors` and `wantlist`."""
    errors = options.pop("errors", "strict")
    wantlist = bool(options.pop("wantlist", False))
    if errors not in _ERRORS:
        raise TemplateError(f"errors is one of {', '.join(_ERRORS)}, not {errors!r}")
    try:
        plain = terms if _takes_undefined(name) else realize(terms)
        found = _found(name, plain, scope, options)
    except MissingError as exc:
        return exc.absent
    except (ProvisionError, PluginError) as exc:
        if errors == "strict" or "no lookup named" in str(exc):
            raise
        if errors == "warn":
            scope.templar.warn(f"lookup {name!r} failed: {exc}")
        return [] if wantlist else None
    if wantlist:
        return found
    return _joined(found)


def _joined(found: list[Any]) -> Any:
    if len(found) == 1:
        return found[0]
    if not found:
        return []
    if any(isinstance(item, Missing) for item in found):
        return next(item for item in found if isinstance(item, Missing))
    if all(isinstance(item, str) for item in found):
        return ",".join(found)
    return found
