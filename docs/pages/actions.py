"""A page for each action, and their index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from provision import actions
from provision.actions.args import ArgField
from provision.actions.base import Action
from provision.actions.docs import arguments_of, choices_of, type_words

from docs.pages.text import MADE, cell, page

__all__ = ["action_pages"]


def action_pages() -> dict[Path, str]:
    """By their paths under docs/."""
    known = {name: actions.action(name) for name in sorted(actions.ACTION_FILES())}
    made = {Path("actions", f"{n}.md"): page(_action_lines(n, a)) for n, a in known.items()}
    return {**made, Path("actions", "README.md"): _index(known)}


def _action_lines(name: str, action: Action) -> Iterator[str]:
    yield from (f"# {name}", "", MADE, "", action.summary, "")
    if others := _other_names(name, action):
        yield from (f"Also called {', '.join(f'`{other}`' for other in others)}.", "")
    if not action.needs_connection:
        yield from ("Runs on the controller; nothing is sent to the host.", "")
    elif not action.needs_agent:
        yield from ("Needs no Python on the host.", "")
    yield from _arguments(action)
    yield from ("## Check mode", "", f"{_sentence(action.check_mode)}", "")
    if action.examples:
        yield from ("## Examples", "", "```yaml", action.examples.rstrip("\n"), "```", "")
    if action.notes:
        yield from ("## Notes", "", action.notes.strip(), "")


def _other_names(name: str, action: Action) -> list[str]:
    """Further short names that lead here."""
    every = {*action.names, *actions.known_names()} - {name}
    return sorted(other for other in every if actions.canonical_name(other) == name)


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _arguments(action: Action) -> Iterator[str]:
    fields = _ordered(action)
    yield from ("## Arguments", "")
    if action.any_args:
        yield from ("Any names: each becomes a variable.", "")
    if not fields:
        if not action.any_args:
            yield from ("None.", "")
        return
    yield from ("| argument | type | default | what |", "|---|---|---|---|")
    yield from (_argument_row(field) for field in fields)
    yield ""
    if action.free_form:
        words = f"Text right behind the action's name is `{action.free_form}`"
        yield from (f"{words}, as in `{action.name}: …`.", "")


def _ordered(action: Action) -> list[ArgField]:
    """What is needed first, what the action shares with others last."""
    own = set(vars(action.Args).get("__annotations__", {}))
    return sorted(
        arguments_of(action),
        key=lambda field: (not field.required, not {field.name, field.name + "_"} & own),
    )


def _argument_row(field: ArgField) -> str:
    names = f"`{field.name}`"
    if field.aliases:
        names += " or " + ", ".join(f"`{alias}`" for alias in field.aliases)
    kind = type_words(field.kind)
    choices = choices_of(field.kind)
    if choices:
        listed = ", ".join(f"`{choice}`" for choice in choices)
        kind = kind.replace("a choice", listed)
    doc = field.doc
    if field.example is not None:
        doc += f" For instance `{field.example}`."
    return f"| {names} | {cell(kind)} | {_default(field)} | {cell(doc)} |"


def _default(field: ArgField) -> str:
    if field.required:
        return "**needed**"
    value = field.default
    if value in (None, "", [], {}, ()):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{cell(str(value))}`"


def _index(known: Mapping[str, Action]) -> str:
    lines = ["# Actions", "", MADE, ""]
    lines += ["What a task can name. Names of Ansible's modules mean the same here, with or"]
    lines += [
        "without `ansible.builtin.` before them.",
        "",
        "| action | what it does |",
        "|---|---|",
    ]
    lines += [f"| [{name}]({name}.md) | {cell(action.summary)} |" for name, action in known.items()]
    return "\n".join(lines) + "\n"
