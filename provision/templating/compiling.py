"""Compiles the templates of YAML text, each once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from jinja2 import TemplateSyntaxError, meta, nodes

from provision.errors import TemplateError
from provision.templating.conditions import inline_constants
from provision.templating.environment import NativeEnvironment
from provision.templating.explain import Origin, not_syntax
from provision.templating.options import HEADER, TemplateOptions, split_header
from provision.templating.running import Compiled
from provision.templating.simple import Simple, simple_expression, simple_text

__all__ = ["Compiler"]

_CACHED = 4096  # templates; some 5 kB each
T = TypeVar("T")


class Compiler:
    """`make` gives an environment for other options than the usual ones."""

    def __init__(self, make: Callable[[TemplateOptions], NativeEnvironment]) -> None:
        self.environment = make(TemplateOptions())
        self._make = make
        self._text = lru_cache(_CACHED)(self.compile_text)
        self._expression = lru_cache(_CACHED)(self._compile_expression)
        self._names = lru_cache(_CACHED)(self._find_names)
        self._expression_names = lru_cache(_CACHED)(self._find_expression_names)

    def text(self, origin: Origin) -> Compiled | Simple:
        """The template of a whole string. Raises TemplateError, as the others do."""
        return self._or_error(self._text, origin)

    def expression(self, origin: Origin) -> Compiled | Simple:
        """The template of a bare expression."""
        return self._or_error(self._expression, origin)

    def names(self, origin: Origin) -> frozenset[str]:
        """The free variables of a string or, when the origin says so, an expression."""
        return self._or_error(self._expression_names if origin.expression else self._names, origin)

    def _or_error(self, work: Callable[[str], T], origin: Origin) -> T:
        try:
            return work(origin.source)
        except TemplateSyntaxError as exc:
            raise not_syntax(exc, origin, self.environment) from None
        except RecursionError:
            raise TemplateError("the template is nested too deeply", mark=origin.mark) from None

    def compile_text(self, source: str) -> Compiled | Simple:
        environment, text = self.environment, str(source)
        simple = simple_text(text, environment)
        if simple is not None:
            return simple
        if text.startswith(HEADER):
            text, options, _ = split_header(text, TemplateOptions())
            environment = self._make(options)
        tree = environment.parse(text, "<text>")
        inline_constants(tree, everywhere=False)
        return environment.compile_tree(tree, "<text>", "<text>")

    def _compile_expression(self, source: str) -> Compiled | Simple:
        simple = simple_expression(str(source), self.environment)
        if simple is not None:
            return simple
        tree = self.environment.expression_tree(str(source))
        inline_constants(tree, everywhere=True)
        return self.environment.compile_tree(tree, "<expression>", "<expression>")

    def _find_names(self, source: str) -> frozenset[str]:
        simple = simple_text(str(source), self.environment)
        if simple is not None:
            return simple.names - self.environment.globals.keys()
        return _free(self.environment.parse(str(source)))

    def _find_expression_names(self, source: str) -> frozenset[str]:
        return _free(self.environment.expression_tree(str(source)))


def _free(tree: nodes.Template) -> frozenset[str]:
    return frozenset(meta.find_undeclared_variables(tree))
