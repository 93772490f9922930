"""Renders values, expressions, conditions and template files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from provision.errors import Mark, ProvisionError, TemplateError, UndefinedVariable
from provision.templating.compiling import Compiler
from provision.templating.conditions import BOOLEAN_WORDS, embedded, truth
from provision.templating.context import LookupContext
from provision.templating.environment import NativeEnvironment
from provision.templating.explain import Origin, failed, undefined
from provision.templating.files import FileTemplates
from provision.templating.options import TemplateOptions
from provision.templating.running import Compiled
from provision.templating.scope import Pending, Scope
from provision.templating.simple import Simple
from provision.templating.tables import Tables
from provision.templating.undefined import MissingError
from provision.templating.values import (
    OMIT,
    SCALARS,
    has_template,
    is_template,
    realize,
    revealed,
    with_newlines,
)
from provision.yamlsource import Map, Seq, Str, mark_of

__all__ = ["Templar"]

_CACHED_CONTAINERS = 16384


class Templar:
    """One for a run: thread-safe, with every compiled template cached by its text.

    search_path      folders for templates that strings and files include
    *_dirs           folders of plugins: files with `FilterModule`, `TestModule`, `LookupModule`
    lookup_context   what lookups may use of the run: files, hosts, secrets
    on_warning       told about doubtful templates: a sentence and a place
    strict_conditions  whether a condition that is no boolean is an error
    """

    def __init__(
        self,
        *,
        search_path: Sequence[Path] = (),
        filter_dirs: Sequence[Path] = (),
        test_dirs: Sequence[Path] = (),
        lookup_dirs: Sequence[Path] = (),
        lookup_context: LookupContext | None = None,
        on_warning: Callable[[str, Mark | None], None] | None = None,
        strict_conditions: bool = False,
    ) -> None:
        self.search_path = tuple(search_path)
        self.lookup_context = lookup_context or LookupContext()
        self.tables = Tables.load(filter_dirs, test_dirs, lookup_dirs)
        self._on_warning = on_warning
        self._warned: set[tuple[str, Mark | None]] = set()
        self._strict = strict_conditions
        self._local = threading.local()
        self._clean: dict[int, tuple[object, bool]] = {}
        self.empty = Scope((), templar=self)
        self.files = FileTemplates(self)
        self._compiler = Compiler(partial(self.environment, in_yaml=True))

    def environment(self, options: TemplateOptions, *, in_yaml: bool = False) -> NativeEnvironment:
        """A Jinja2 environment with this Templar's filters, tests and globals."""
        environment = self.tables.environment(options, self.files.loader, in_yaml=in_yaml)
        environment.empty_scope = self.empty
        return environment

    # What the Scope needs

    def chain(self) -> list[tuple[int, str]]:
        """The variables that this thread is rendering, outermost first."""
        try:
            chain: list[tuple[int, str]] = self._local.chain
        except AttributeError:
            chain = self._local.chain = []
        return chain

    def holds_template(self, container: Map | Seq) -> bool:
        """`has_template`, remembered: containers of files do not change while they are used."""
        known = self._clean.get(id(container))
        if known is not None:
            return known[1]
        if len(self._clean) >= _CACHED_CONTAINERS:
            self._clean.clear()
        answer = has_template(container)
        # The container is kept with the answer, so its id cannot pass to another.
        self._clean[id(container)] = container, answer
        return answer

    def render_text(self, source: str, scope: Scope) -> Any:
        """The value of template text, lazy; a Missing when it is undefined."""
        origin = Origin(source, getattr(source, "mark", None))
        value = self._run(self._compiler.text(origin), scope, origin)
        return with_newlines(value, source) if source[-1:] == "\n" else value

    def _run(self, template: Compiled | Simple, scope: Scope, origin: Origin) -> Any:
        try:
            if not template.includes:
                return template.run(scope)
            with self.files.loader.within(self.files.roots(scope)):
                return template.run(scope)
        except MissingError as exc:
            return exc.absent
        except (UndefinedVariable, Pending):
            raise
        except ProvisionError as exc:
            exc.mark = exc.mark or origin.mark
            raise
        except Exception as exc:
            raise failed(exc, origin, self._compiler.environment) from exc

    def settle(self, value: Any, name: str, scope: Scope) -> Any:
        """Plain data for a variable's lazy value. Raises UndefinedVariable."""
        return self._plain(value, Origin(name), scope)

    def _plain(self, value: Any, origin: Origin, scope: Scope) -> Any:
        if type(value) in SCALARS:
            return value
        try:
            return realize(value)
        except MissingError as exc:
            raise undefined(exc.absent, origin, scope, exc) from None

    # For callers

    def is_template(self, value: object) -> bool:
        """Whether `value` is a string that rendering could change."""
        return is_template(value)

    def names_in(self, value: object) -> frozenset[str]:
        """The free variables of every template in `value`, containers included.

        Names that only a lookup or an indirect access would touch are not among them. Raises
        TemplateError for text that is not a template.
        """
        if isinstance(value, str):
            if not is_template(value):
                return frozenset()
            return self._compiler.names(Origin(value, mark_of(value)))
        if isinstance(value, Mapping):
            both = (*value.keys(), *value.values())
            return frozenset().union(*map(self.names_in, both))
        if isinstance(value, (list, tuple)):
            return frozenset().union(*map(self.names_in, value))
        return frozenset()

    def names_in_expression(self, expression: str) -> frozenset[str]:
        """The free variables of a bare expression. Raises TemplateError."""
        return self._compiler.names(Origin(expression, mark_of(expression), expression=True))

    def render(self, value: object, scope: Scope, *, mark: Mark | None = None) -> Any:
        """`value` with every template in it rendered, as plain data.

        A string that is one expression gives the expression's value with its type; anything
        around it makes a string. The keys of mappings are rendered too. `omit` stays where it
        is the whole value or stands directly in the container given, and is left out of what
        lies deeper. Raises UndefinedVariable, TemplateError, or Pending.
        """
        if isinstance(value, str):
            if not is_template(value):
                return value
            origin = Origin(value, getattr(value, "mark", None) or mark)
            return self._plain(self.render_text(value, scope), origin, scope)
        if isinstance(value, Mapping):
            return {
                self.render(key, scope, mark=mark): self._render_inner(item, scope, mark)
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self._render_inner(item, scope, mark) for item in value]
        return revealed(value)

    def _render_inner(self, value: object, scope: Scope, mark: Mark | None) -> Any:
        if type(value) in SCALARS or isinstance(value, str):
            return self.render(value, scope, mark=mark)
        rendered = self.render(value, scope, mark=mark)
        if isinstance(rendered, dict):
            return {key: item for key, item in rendered.items() if item is not OMIT}
        if isinstance(rendered, list):
            return [item for item in rendered if item is not OMIT]
        return rendered

    def evaluate(self, expression: str, scope: Scope, *, mark: Mark | None = None) -> Any:
        """The value of a bare expression, as plain data. Raises what `render` raises."""
        origin = Origin(expression, getattr(expression, "mark", None) or mark, expression=True)
        value = self._run(self._compiler.expression(origin), scope, origin)
        return self._plain(value, origin, scope)

    def condition(self, value: object, scope: Scope, *, mark: Mark | None = None) -> bool:
        """Whether a condition holds: a boolean, an expression, or a list that must all hold.

        Raises what `render` raises; the error names the expression.
        """
        if isinstance(value, bool):
            return value
        if isinstance(value, (list, tuple)):
            return all(self.condition(item, scope, mark=mark) for item in value)
        place = getattr(value, "mark", None) or mark
        if not isinstance(value, str):
            return self._truth(value, value, place)
        if not value.strip():
            raise TemplateError("Empty conditional expression: the condition is empty", mark=place)
        if getattr(value, "unsafe", False):
            raise TemplateError(
                f"the condition {value!r} is an untrusted template or expression",
                mark=place,
                hint="!unsafe text is data and no condition",
            )
        return self._truth(self._condition_value(value, scope, place), value, place)

    def _condition_value(self, source: str, scope: Scope, mark: Mark | None) -> Any:
        braces = embedded(source) if "{{" in source or "{%" in source else None
        if braces is None:
            return self.evaluate(source, scope, mark=mark)
        text, whole = braces
        self.warn(f"write the condition {source!r} without braces: {text!r}", mark)
        result = self.evaluate(Str(text, mark), scope)
        if not whole or not isinstance(result, str):
            return result
        word = BOOLEAN_WORDS.get(result.strip().lower())
        if word is not None:
            return word
        if not isinstance(result, Str) or result.unsafe:
            raise TemplateError(
                f"the condition {source!r} gives the text {result!r}, not true or false: "
                "it is an untrusted template or expression",
                mark=mark,
                hint="only text that stands in your files is taken as a condition",
            )
        return self.evaluate(result, scope)

    def _truth(self, value: object, source: object, mark: Mark | None) -> bool:
        answer, warning = truth(value, str(source), mark, strict=self._strict)
        if warning:
            self.warn(warning, mark)
        return answer

    def warn(self, message: str, mark: Mark | None = None) -> None:
        """Tell the run's owner about something doubtful, once."""
        if self._on_warning and (message, mark) not in self._warned:
            self._warned.add((message, mark))
            self._on_warning(message, mark)

    def template_file(
        self,
        path: Path,
        scope: Scope,
        *,
        options: TemplateOptions | None = None,
        **overrides: object,
    ) -> str:
        """The text of a template file. `overrides` are fields of TemplateOptions.

        Includes are looked for beside the file, in the task's search path, and in the
        Templar's. The file sees `template_path` and its kin too. Errors carry the template's
        own path and line.
        """
        chosen = options or TemplateOptions()
        if overrides:
            chosen = chosen.with_values(overrides)
        value = self.files.render(Path(path), scope, chosen)
        return "" if value is None else str(value)
