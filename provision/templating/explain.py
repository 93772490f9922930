"""Turns what goes wrong while a template renders into errors that name the place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from jinja2 import Template, TemplateNotFound, TemplateSyntaxError
from jinja2 import TemplateError as JinjaError

from provision.diagnostics import did_you_mean
from provision.errors import Mark, TemplateError, UndefinedVariable
from provision.templating.environment import NativeEnvironment
from provision.templating.places import in_file, in_text, template_line
from provision.templating.scope import Scope
from provision.templating.syntax import place_of
from provision.templating.undefined import Missing

__all__ = ["Origin", "PluginError", "failed", "not_syntax", "undefined"]

_UNKNOWN = re.compile(r"No (filter|test) named '(?P<name>[^']+)'")


class PluginError(Exception):
    """A filter, test or lookup did not accept what it was given."""

    def __init__(self, kind: str, name: str, cause: BaseException) -> None:
        super().__init__(f"{kind} {name!r}: {cause}")
        self.kind = kind
        self.name = name
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a template's text came from.

    `source` is the text. `mark` is the place of a YAML scalar, or the template's own file;
    `whole_file` says which, with `first_line` the file's line of the text's first.
    """

    source: str
    mark: Mark | None = None
    whole_file: bool = False
    first_line: int = 1
    expression: bool = False

    def find(self, needle: str, line: int = 0) -> Mark | None:
        """The place of `needle`, on `line` of the text when that is not 0."""
        if not self.whole_file or self.mark is None:
            return in_file(self.mark, self.source, needle, line)
        found = in_text(self.source, needle, line)
        if found:
            return Mark(self.mark.file, found[0] + self.first_line - 1, found[1])
        return Mark(self.mark.file, max(line, 1) + self.first_line - 1, 1)


def _shown(source: str) -> str:
    line = " ".join(source.split())
    return line if len(line) <= 120 else f"{line[:117]}..."


def _located(origin: Origin, needle: str, where: tuple[Template, int] | None) -> Mark | None:
    """The place of `needle` on the template's line that was being rendered."""
    if where is None:
        return origin.find(needle)
    template, line = where
    if template.filename and template.filename[:1] != "<":
        if origin.mark is None or template.filename != origin.mark.file:
            found = in_text(_read(template.filename), needle, line)
            return Mark(template.filename, *(found or (line, 1)))
        return origin.find(needle, line)
    return origin.find(needle, line)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


class _Undefined(UndefinedVariable):
    """Finds its place and its hint when asked: many are raised that nobody ever reads.

    `place` and `known` say how: the place in the file, and the names that are there.
    """

    def __init__(
        self,
        absent: Missing,
        *,
        why: str,
        place: Callable[[], Mark | None],
        known: Callable[[], Iterable[object]],
    ) -> None:
        self._place: Callable[[], Mark | None] | None = place
        self._known: Callable[[], Iterable[object]] | None = known
        self._mark: Mark | None = None
        self._hint = ""
        super().__init__(absent.message, name=absent.name, why=why)

    @property
    def mark(self) -> Mark | None:
        if self._place is not None:
            self._mark, self._place = self._place(), None
        return self._mark

    @mark.setter
    def mark(self, value: Mark | None) -> None:
        if value is not None:
            self._mark, self._place = value, None

    @property
    def hint(self) -> str:
        if self._known is not None:
            names = [name for name in self._known() if isinstance(name, str)]
            self._hint = did_you_mean(self.name, names) if self.name else ""
            self._known = None
        return self._hint

    @hint.setter
    def hint(self, value: str) -> None:
        if value:
            self._hint, self._known = value, None


def undefined(
    absent: Missing, origin: Origin, scope: Scope, exc: BaseException | None = None
) -> UndefinedVariable:
    """The error for a value that is needed and not there."""
    name = absent.name
    why = f"in {_shown(origin.source)!r}"
    inner = None
    if absent.source is not None and absent.source != origin.source:
        inner = Origin(absent.source, absent.mark)
        why = f"in {_shown(absent.source)!r}, needed by {_shown(origin.source)!r}"
    where = template_line(exc.__traceback__ if exc else None)

    def place() -> Mark | None:
        if inner is not None:
            return inner.find(name) or origin.find(name)
        return _located(origin, name, where)

    def known() -> Iterable[object]:
        if absent.owner is None:
            return scope.names()
        return absent.owner if isinstance(absent.owner, Mapping) else ()

    return _Undefined(absent, why=why, place=place, known=known)


def not_syntax(
    exc: TemplateSyntaxError, origin: Origin, environment: NativeEnvironment
) -> TemplateError:
    """The error for text that is not a template; `line:column` from where parsing stopped."""
    unknown = _UNKNOWN.search(exc.message or "")
    if unknown:
        return _unknown_plugin(unknown, origin, exc.lineno, environment)
    place = place_of(environment, origin.source, expression=origin.expression, error=exc)
    mark = origin.mark
    if origin.whole_file and mark:
        mark = Mark(mark.file, place.line + origin.first_line - 1, place.column)
    elif mark:
        mark = in_file(mark, origin.source, place.text, place.line)
    kind = "expression" if origin.expression else "template"
    said = re.sub(r"^(unexpected char .+) at \d+$", r"\1", exc.message or "")
    return TemplateError(
        f"Syntax error in {kind}: {said}",
        mark=mark,
        why=f"in {_shown(origin.source)!r}, line {place.line} column {place.column}",
    )


def _unknown_plugin(
    match: re.Match[str], origin: Origin, line: int, environment: NativeEnvironment
) -> TemplateError:
    kind, name = match[1], match["name"]
    table = environment.filters if kind == "filter" else environment.tests
    return TemplateError(
        f"no {kind} named {name!r}",
        mark=origin.find(name, line),
        why=f"in {_shown(origin.source)!r}",
        hint=did_you_mean(name, table),
    )


def failed(exc: Exception, origin: Origin, environment: NativeEnvironment) -> TemplateError:
    """The error for an exception that rendering raised."""
    where = template_line(exc.__traceback__)
    if isinstance(exc, PluginError):
        cause = exc.cause
        said = str(cause) or type(cause).__name__
        why = f"{said} (in {_shown(origin.source)!r})"
        mark = _located(origin, exc.name, where)
        return TemplateError(f"{exc.kind} {exc.name!r} failed", mark=mark, why=why)
    if isinstance(exc, TemplateSyntaxError):
        if exc.filename and (origin.mark is None or exc.filename != origin.mark.file):
            origin = Origin(_read(exc.filename), Mark(exc.filename), whole_file=True)
        return not_syntax(exc, origin, environment)
    unknown = _UNKNOWN.search(str(exc))
    if unknown and isinstance(exc, JinjaError):
        return _unknown_plugin(unknown, origin, 0, environment)
    if isinstance(exc, TemplateNotFound):
        name = str(exc.name or exc)
        return TemplateError(f"no template {name!r}", mark=_located(origin, name, where))
    said = str(exc) or type(exc).__name__
    if isinstance(exc, RecursionError):
        said = "it calls itself without end"
    return TemplateError(
        f"Error rendering template: {said}",
        mark=_located(origin, "", where),
        why=f"in {_shown(origin.source)!r}",
    )
