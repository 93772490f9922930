"""Loops: what they go over, what each item sees, and which of them allow no looking ahead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provision.actions.args import to_bool
from provision.errors import PlaybookError, TemplateError
from provision.playbook.model import Loop, Task
from provision.templating import Scope, Templar, is_template, lookup, trusted

__all__ = ["goes_in_order", "item_label", "item_scopes", "loop_items"]

#: What these set for one item is there for the next.
_SETTING = frozenset({"add_host", "group_by", "include_vars", "pause", "set_fact"})


def loop_items(loop: Loop, scope: Scope, templar: Templar, task: Task) -> list[Any]:
    """The items. Raises TemplateError, PlaybookError for what is no list, or Pending."""
    if loop.lookup:
        # The lookup renders its own terms: first_found may skip what is undefined.
        return [] if loop.value is None else lookup(loop.lookup, loop.value, scope)
    value = templar.render(loop.value, scope, mark=loop.mark)
    if isinstance(value, list | tuple):
        return list(value)
    raise PlaybookError(
        f"'loop' takes a list, not {type(value).__name__}",
        mark=loop.mark or task.mark,
        hint="a mapping becomes a list with `| dict2items`",
    )


def item_scopes(
    loop: Loop, items: Sequence[Any], scope: Scope, templar: Templar
) -> Iterator[tuple[dict[str, Any], Any]]:
    """For each item its variables, and the item."""

    def said(value: object) -> bool:
        return to_bool(templar.render(value, scope))

    extended = bool(loop.extended) and said(loop.extended)
    allitems = list(items) if extended and said(loop.extended_allitems) else None
    total = len(items)
    name = str(templar.render(trusted(loop.loop_var), scope)) if loop.loop_var else "item"
    index_var = str(templar.render(trusted(loop.index_var), scope)) if loop.index_var else ""
    for index, item in enumerate(items):
        layer: dict[str, Any] = {name: item, "ansible_loop_var": name}
        if index_var:
            layer[index_var] = index
            layer["ansible_index_var"] = index_var
        if extended:
            layer["ansible_loop"] = _extended(items, index, total, allitems)
        yield layer, item


def _extended(
    items: Sequence[Any], index: int, total: int, allitems: list[Any] | None
) -> dict[str, Any]:
    more: dict[str, Any] = {
        "index": index + 1,
        "index0": index,
        "first": index == 0,
        "last": index == total - 1,
        "length": total,
        "revindex": total - index,
        "revindex0": total - index - 1,
    }
    if allitems is not None:
        more["allitems"] = allitems
    if index:
        more["previtem"] = items[index - 1]
    if index < total - 1:
        more["nextitem"] = items[index + 1]
    return more


def item_label(loop: Loop, item: Any, scope: Scope, templar: Templar) -> str:
    """What stands for the item in reports. Raises TemplateError."""
    value = item if loop.label is None else templar.render(loop.label, scope, mark=loop.mark)
    text = str(value)
    return text if len(text) <= 200 else text[:197] + "..."


def goes_in_order(task: Task, templar: Templar) -> bool:
    """Whether an item can only be looked at when the one before it has been done."""
    loop = task.loop
    if loop is None:
        return False
    if loop.pause or loop.break_when is not None or task.until is not None or task.retries:
        return True
    if task.action in _SETTING:
        return True
    if not task.register or not any(map(is_template, _texts(task, loop))):
        return False
    return task.register in _names(task, loop, templar)


def _texts(task: Task, loop: Loop) -> Iterator[object]:
    yield from _strings(task.args)
    yield from _strings(task.inherited.vars[-1:])
    yield loop.label
    if task.inherited.when:
        yield "{{"  # conditions are templates without braces


def _strings(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _strings(part)
    else:
        yield value


def _names(task: Task, loop: Loop, templar: Templar) -> set[str]:
    found: set[str] = set()
    for value in (task.args, task.inherited.vars[-1:], loop.label or ""):
        try:
            found |= templar.names_in(value)
        except TemplateError:
            continue
    for condition in task.inherited.when:
        try:
            found |= templar.names_in_expression(str(condition))
        except TemplateError:
            continue
    return found
