"""What a template can call by name: lookups, the time, and a few helpers."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from provision.templating import lookups
from provision.templating.guard import with_context
from provision.templating.running import ScopeContext
from provision.templating.undefined import Missing, type_name
from provision.templating.values import OMIT

__all__ = ["GLOBALS"]


@with_context
def lookup(context: ScopeContext, name: str, *terms: Any, **options: Any) -> Any:
    """What the lookup finds: one value, or texts joined by commas; a list with `wantlist`."""
    for key, value in options.items():
        # A default that is undefined says that the environment variable is mandatory.
        if isinstance(value, Missing) and key != "default":
            return value
    return lookups.from_template(context.scope, name, list(terms), options)


@with_context
def query(context: ScopeContext, name: str, *terms: Any, **options: Any) -> Any:
    """What the lookup finds, always as a list."""
    return lookup(context, name, *terms, **{**options, "wantlist": True})


def now(utc: bool = False, fmt: str | None = None) -> Any:
    moment = datetime.datetime.now(datetime.timezone.utc if utc else None)  # noqa: UP017
    naive = moment.replace(tzinfo=None)
    return naive.strftime(fmt) if fmt else naive


def undef(hint: str | None = None) -> Missing:
    """An undefined value: whoever needs it is told `hint`."""
    if hint is not None and not isinstance(hint, str):
        raise TypeError(f"the hint argument must be of type str, not {type_name(hint)}")
    return Missing(hint or "Mandatory variable has not been overridden")


@with_context
def _render_constant(context: ScopeContext, source: str) -> Any:
    """Text inside an expression that is a template itself."""
    return context.scope.templar.render_text(source, context.scope)


GLOBALS: Mapping[str, Any] = {
    "_render_constant": _render_constant,
    "dict": dict,
    "lookup": lookup,
    "now": now,
    "omit": OMIT,
    "q": query,
    "query": query,
    "range": range,
    "undef": undef,
}
