"""How a compiled template runs: it asks a Scope for its variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, Template
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.utils import missing

from provision.templating.codegen import concat
from provision.templating.scope import Scope
from provision.templating.values import own_copy

__all__ = ["Compiled", "ScopeContext"]


class ScopeContext(Context):
    """Looks names up in a Scope instead of a dictionary made for each rendering."""

    def __init__(  # it takes the place of Jinja2's own, which copies
        self,
        environment: Environment,
        scope: Scope,
        name: str | None,
        blocks: Mapping[str, Any],
        *,
        parent: dict[str, Any] | None = None,
        owned: dict[str, Any] | None = None,
    ) -> None:
        self.parent = {} if parent is None else parent
        self.vars = {}
        self.environment = environment
        self.eval_ctx = EvalContext(environment, name)
        self.exported_vars = set()
        self.name = name
        self.globals_keys = set()
        self.blocks = {key: [block] for key, block in blocks.items()}
        self.scope = scope
        self.owned = owned

    def resolve_or_missing(self, key: str) -> Any:
        if key in self.vars:
            return self.vars[key]
        if key in self.parent:
            return self.parent[key]
        if self.owned is not None and key in self.owned:
            return self.owned[key]
        value = self.scope.resolve(key)
        if value is missing:
            if key == "vars":
                return self.scope
            return self.environment.globals.get(key, missing)
        if self.owned is not None:
            value = self.owned[key] = own_copy(value)
        return value

    def get_all(self) -> dict[str, Any]:
        return _Carried(self, {**self.parent, **self.vars})

    def derived(self, locals: dict[str, Any] | None = None) -> ScopeContext:  # noqa: A002
        context = _carry(self.environment, self.name, {}, self.get_all(), locals)
        context.eval_ctx = self.eval_ctx
        context.blocks.update((key, list(value)) for key, value in self.blocks.items())
        return context

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.resolve_or_missing(name) is not missing


class _Carried(dict[str, Any]):
    """What one template hands to another: its own names, and the way to all the others."""

    def __init__(self, context: ScopeContext, names: dict[str, Any]) -> None:
        super().__init__(names)
        self.scope = context.scope
        self.owned = context.owned


def _carry(
    environment: Environment,
    name: str | None,
    blocks: Mapping[str, Any],
    names: Mapping[str, Any],
    local: Mapping[str, Any] | None,
) -> ScopeContext:
    scope = names.scope if isinstance(names, _Carried) else None
    if scope is None:
        scope = environment.empty_scope  # type: ignore[attr-defined]
    parent = dict(names)
    if local:
        parent.update((key, value) for key, value in local.items() if value is not missing)
    owned = getattr(names, "owned", None)
    return ScopeContext(environment, scope, name, blocks, parent=parent, owned=owned)


class Compiled(Template):
    """A compiled template.

    mutates   it calls methods that change containers
    includes  it may load other templates
    """

    mutates: bool = False
    includes: bool = False

    def new_context(
        self,
        vars: dict[str, Any] | None = None,  # noqa: A002
        shared: bool = False,
        locals: Mapping[str, Any] | None = None,  # noqa: A002
    ) -> Context:
        names = {} if vars is None else vars
        return _carry(self.environment, self.name, self.blocks, names, locals)

    def run(self, scope: Scope) -> Any:
        """The rendered value, lazy containers staying lazy. Raises MissingError."""
        owned: dict[str, Any] | None = {} if self.mutates else None
        context = ScopeContext(self.environment, scope, self.name, self.blocks, owned=owned)
        return concat(self.root_render_func(context))
