"""Compiled templates that give values instead of text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Undefined

from provision.templating.undefined import Missing
from provision.templating.values import OMIT, realize

__all__ = ["CheckedCode", "NativeCode", "concat"]


def concat(values: Iterable[Any]) -> Any:
    """One value as it is; several joined as text. None and `omit` do not count beside others."""
    found = list(values)
    if len(found) > 1:
        found = [value for value in found if value is not None and value is not OMIT]
    if len(found) == 1:
        return found[0]
    if not found:
        return None
    parts = []
    for value in found:
        if type(value) is str:
            parts.append(value)
        elif not isinstance(value, Undefined):
            parts.append(str(realize(value)))
        elif isinstance(value, Missing):
            return value
    return "".join(parts)


class NativeCode(CodeGenerator):
    """Yields values instead of their text; only template text itself is constant."""

    @staticmethod
    def _default_finalize(value: Any) -> Any:
        return value

    def _output_const_repr(self, group: Iterable[Any]) -> str:
        return repr("".join(group))

    def _output_child_to_const(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> str:
        if isinstance(node, nodes.TemplateData):
            return str(node.as_const(frame.eval_ctx))
        raise nodes.Impossible

    def _output_child_pre(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        pass

    def _output_child_post(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        pass


class CheckedCode(NativeCode):
    """For files: what is undefined raises where it stands, so that the line is known."""

    def _output_child_pre(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        self.write("environment.checked(")

    def _output_child_post(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        self.write(")")
