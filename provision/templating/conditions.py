"""What people write in `when`, `until`, `failed_when` and the like."""

from __future__ import annotations

import re

from jinja2 import nodes

from provision.errors import Mark, TemplateError
from provision.templating.undefined import type_name

__all__ = ["BOOLEAN_WORDS", "embedded", "inline_constants", "truth"]

BOOLEAN_WORDS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0", "none", ""), False),
}

_EMBEDDED = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", re.DOTALL)
_LOOKUPS = frozenset({"lookup", "query", "q"})


def embedded(source: str) -> tuple[str, bool] | None:
    """`source` with each {{ x }} outside quotes as (x), and whether it was nothing but one.

    None when there is no such thing. The braces only ever meant the expression inside; pasting
    its value into the source, as Ansible once did, would run what a host had put into a fact.
    """
    parts: list[str] = []
    found = 0
    position = 0
    while position < len(source):
        quoted = _QUOTED.match(source, position)
        braces = _EMBEDDED.match(source, position)
        if quoted:
            parts.append(quoted[0])
            position = quoted.end()
        elif braces:
            parts.append(f"({braces[1].strip()})")
            position = braces.end()
            found += 1
        else:
            parts.append(source[position])
            position += 1
    if not found:
        return None
    text = source.strip()
    whole = found == 1 and text.startswith("{{") and text.endswith("}}")
    return "".join(parts), whole


def _as_template(constant: nodes.Const) -> nodes.Expr:
    line = constant.lineno
    name = nodes.Name("_render_constant", "load", lineno=line)
    return nodes.Call(name, [constant], [], None, None, lineno=line)


def inline_constants(tree: nodes.Template, *, everywhere: bool) -> None:
    """Let quoted text that is itself a template be rendered: `'{{ name }}.conf' in files`.

    In the arguments of lookups always, elsewhere only if `everywhere` (conditions).
    """
    if everywhere:
        _replace_in(tree)
        return
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in _LOOKUPS:
            _replace_in(call)


def _is_text_template(node: object) -> bool:
    return (
        isinstance(node, nodes.Const)
        and isinstance(node.value, str)
        and _EMBEDDED.search(node.value) is not None
    )


def _replace_in(parent: nodes.Node) -> None:
    for name, value in parent.iter_fields():
        if isinstance(value, list):
            value[:] = [_as_template(item) if _is_text_template(item) else item for item in value]
        elif _is_text_template(value):
            setattr(parent, name, _as_template(value))
    for child in parent.iter_child_nodes():
        # Not into what was just put there: its argument is the constant again.
        target = getattr(child, "node", None)
        if isinstance(target, nodes.Name) and target.name == "_render_constant":
            continue
        _replace_in(child)


def truth(value: object, source: object, mark: Mark | None, *, strict: bool) -> tuple[bool, str]:
    """The condition's answer, and a warning when it is not a boolean.

    Raises TemplateError for a value that is not a boolean when `strict`.
    """
    if isinstance(value, bool):
        return value, ""
    kind = type_name(value)
    said = f"the condition {source!r} gives a {kind}, not true or false"
    if strict:
        raise TemplateError(
            said, mark=mark, hint="compare it, or use a test or a filter such as `| bool`"
        )
    return bool(value), f"{said}; taken as {bool(value)}"
