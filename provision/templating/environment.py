"""Jinja2 with a playbook's meaning: native values, lazy variables, a sandbox.

Method calls such as `.split()` or `.items()` work; names that begin with an underscore and
other doors into the interpreter do not, and `str.format` is Jinja2's sandboxed one. Changing
a container in place (`.append()`, `.update()`) changes the template's own copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jinja2 import nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import SandboxedEnvironment, is_internal_attribute
from jinja2.utils import missing

from provision.templating.codegen import CheckedCode, NativeCode, concat
from provision.templating.lazy import LazyMap
from provision.templating.loader import PathLoader
from provision.templating.running import Compiled, ScopeContext
from provision.templating.scope import Scope
from provision.templating.undefined import Missing, MissingError, type_name
from provision.templating.values import SCALARS, unrolled
from provision.yamlsource import Map

__all__ = ["NativeEnvironment"]

_MUTATORS = frozenset(
    {"append", "update", "pop", "extend", "insert", "remove", "clear", "setdefault", "popitem"}
    | {"sort", "reverse"}
)
_LOADING = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_DICT_METHODS = frozenset(name for name in dir(dict) if name[0] != "_")
_SCOPE_METHODS = frozenset({"get", "items", "keys", "values"})
_DICTS = frozenset({dict, Map, LazyMap})


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_KNOWN_ESCAPES = frozenset("\\'\"abfnrtvxuUN01234567\n")


def _known_escapes(match: re.Match[str]) -> str:
    return match[0] if match[1] in _KNOWN_ESCAPES else "\\" + match[0]


def _strings(
    stream: Iterable[tuple[int, str, str]], *, in_yaml: bool
) -> Iterator[tuple[int, str, str]]:
    """Backslashes in quoted text as a playbook's author means them.

    Text `in_yaml` has none of Jinja2's escapes inside {{ }}: "\\1" is a back-reference.
    Elsewhere only the known ones are escapes, and `\\.` is a backslash and a dot.
    """
    printing = False
    for line, kind, value in stream:
        if kind == "variable_begin":
            printing = True
        elif kind == "variable_end":
            printing = False
        elif kind == "string" and "\\" in value:
            if printing and in_yaml:
                value = value.replace("\\", "\\\\")
            else:
                value = _ESCAPE.sub(_known_escapes, value)
        yield line, kind, value


class NativeEnvironment(SandboxedEnvironment):
    """`in_yaml`: for text in YAML, where a backslash inside {{ }} stands for itself."""

    code_generator_class = NativeCode
    context_class = ScopeContext
    template_class = Compiled
    concat = staticmethod(concat)
    empty_scope: Scope

    def __init__(self, *, in_yaml: bool, **options: Any) -> None:
        super().__init__(undefined=Missing, optimized=False, **options)
        self.in_yaml = in_yaml
        if not in_yaml:
            self.code_generator_class = CheckedCode

    def checked(self, value: Any) -> Any:
        """`value` if it is there. Called by the code of template files."""
        if type(value) is Missing:
            raise MissingError(value, value.message)
        return value

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        source = self.preprocess(source, name, filename)
        stream = self.lexer.tokeniter(source, name, filename, state)
        stream = _strings(stream, in_yaml=self.in_yaml)
        return TokenStream(self.lexer.wrap(stream, name, filename), name, filename)

    def join_path(self, template: str, parent: str) -> str:
        loader = self.loader
        return loader.find(template, parent) if isinstance(loader, PathLoader) else template

    def compile_tree(self, tree: nodes.Template, name: str | None, filename: str) -> Compiled:
        mutates = any(
            isinstance(node.node, nodes.Getattr) and node.node.attr in _MUTATORS
            for node in tree.find_all(nodes.Call)
        )
        code = self.compile(tree, name, filename)
        template = Compiled.from_code(self, code, self.globals)
        assert isinstance(template, Compiled)
        template.mutates = mutates
        template.includes = any(tree.find(kind) is not None for kind in _LOADING)
        return template

    def expression_tree(self, source: str) -> nodes.Template:
        """`source` as a template of one expression. Raises TemplateSyntaxError."""
        parser = Parser(self, source, state="variable")
        expression = parser.parse_expression()
        if not parser.stream.eos:
            parser.fail("unexpected text after the expression", parser.stream.current.lineno)
        tree = nodes.Template([nodes.Output([expression], lineno=1)], lineno=1)
        tree.set_environment(self)
        return tree

    # The sandbox

    def getattr(self, obj: Any, attribute: str) -> Any:
        kind = type(obj)
        if kind in _DICTS:
            if attribute in _DICT_METHODS:
                return getattr(obj, attribute)
            return self._item(obj, attribute, attribute)
        if isinstance(obj, Undefined):
            return _still_missing(obj)
        if kind is Scope:
            if attribute in _SCOPE_METHODS and attribute not in obj:
                return getattr(obj, attribute)
            found = obj.resolve(attribute)
            return self.undefined(obj={}, name=attribute) if found is missing else found
        # Our own kinds of str and list show no more than those do.
        base = str if isinstance(obj, str) else list if isinstance(obj, list) else obj
        if not hasattr(base, attribute):
            return self._item(obj, attribute, attribute)
        value = getattr(obj, attribute)
        if attribute[:1] == "_" or is_internal_attribute(obj, attribute):
            return self.undefined(
                f"access to attribute {attribute!r} of {type_name(obj)!r} object is unsafe.",
                obj=obj,
                name=attribute,
            )
        if attribute[:6] == "format":
            return self.wrap_str_format(value) or value
        return value

    def _item(self, obj: Any, key: Any, attribute: str) -> Any:
        try:
            return obj[key]
        except (AttributeError, TypeError, LookupError):
            return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Undefined):
            return _still_missing(obj)
        if isinstance(argument, Missing):
            raise MissingError(argument, argument.message)
        if type(obj) is Scope:
            found = obj.resolve(argument)
            return self.undefined(obj={}, name=argument) if found is missing else found
        try:
            return obj[argument]
        except (AttributeError, TypeError, LookupError):
            if isinstance(argument, str) and not isinstance(obj, Mapping):
                return self.getattr(obj, argument)
            return self.undefined(obj=obj, name=argument)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(__obj, Missing):
            return __obj
        if not hasattr(__obj, "catch_kwargs"):  # a macro takes what is undefined
            for value in args:
                if isinstance(value, Missing):
                    return value
        if not __self.is_safe_callable(__obj):
            raise TypeError(f"{type_name(__obj)} may not be called from a template")
        result = __context.call(__obj, *args, **kwargs)
        return result if type(result) in SCALARS else unrolled(result)


def _still_missing(obj: Undefined) -> Missing:
    if isinstance(obj, Missing):
        return obj
    return Missing(obj._undefined_message)
