"""Writes the pages that come from the code: `python -m docs.generate`, or `make docs`.

docs/actions/NAME.md for each action and their index, docs/cli.md from the commands. A page
whose action is gone is removed. Nothing else under docs/ is touched.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import click
from provision import actions
from provision.actions.args import ArgField
from provision.actions.base import Action
from provision.actions.docs import arguments_of, choices_of, type_words
from provision.cli import COMMANDS, cli

__all__ = ["main", "pages"]

DOCS = Path(__file__).parent
_SHARED = 5  # options in common with `apply` from which on they are only named
_MADE = "<!-- Made by `make docs`; change the code instead. -->"


def pages() -> dict[Path, str]:
    """Every generated page, by its path under docs/."""
    known = {name: actions.action(name) for name in sorted(actions.ACTION_FILES())}
    made = {Path("actions", f"{name}.md"): _action_page(name, a) for name, a in known.items()}
    made[Path("actions", "README.md")] = _index(known)
    made[Path("cli.md")] = _cli_page()
    return made


def _text(lines: Iterator[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"


def _cell(text: str) -> str:
    """Text for one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


# -- actions --------------------------------------------------------------------------


def _action_page(name: str, action: Action) -> str:
    return _text(_action_lines(name, action))


def _action_lines(name: str, action: Action) -> Iterator[str]:
    yield from (f"# {name}", "", _MADE, "", action.summary, "")
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
    return f"| {names} | {_cell(kind)} | {_default(field)} | {_cell(doc)} |"


def _default(field: ArgField) -> str:
    if field.required:
        return "**needed**"
    value = field.default
    if value in (None, "", [], {}, ()):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{_cell(str(value))}`"


def _index(known: dict[str, Action]) -> str:
    lines = ["# Actions", "", _MADE, ""]
    lines += ["What a task can name. Names of Ansible's modules mean the same here, with or"]
    lines += [
        "without `ansible.builtin.` before them.",
        "",
        "| action | what it does |",
        "|---|---|",
    ]
    lines += [
        f"| [{name}]({name}.md) | {_cell(action.summary)} |" for name, action in known.items()
    ]
    return "\n".join(lines) + "\n"


# -- commands -------------------------------------------------------------------------


def _cli_page() -> str:
    return _text(_cli_lines())


def _cli_lines() -> Iterator[str]:
    yield from ("# Commands", "", _MADE, "", f"{cli.help}", "")
    root = click.Context(cli, info_name="provision")
    told: dict[str, str] = {}
    for name in sorted(COMMANDS):
        if importlib.util.find_spec(f"provision.cli.{name}") is None:
            continue
        command = cli.get_command(root, name)
        if command is not None:
            context = click.Context(command, root, info_name=name)
            yield from _command_lines(command, context, 2, told)


def _command_lines(
    command: click.Command, ctx: click.Context, level: int, told: dict[str, str]
) -> Iterator[str]:
    """One command and those below it. `told` are the options of `apply`, row by row."""
    yield from (f"{'#' * level} {ctx.command_path}", "")
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    yield from ("```", usage, "```", "")
    if command.help:
        yield from (_prose(command.help), "")
    rows = _option_rows(command, ctx)
    shared = [names for names, row in rows.items() if told.get(names) == row]
    if len(shared) < _SHARED:
        shared = []
    if ctx.command_path == "provision apply":
        told.update(rows)
    own = [row for names, row in rows.items() if names not in shared]
    if own:
        yield from ("| option | what |", "|---|---|", *own, "")
    if shared:
        listed = ", ".join(f"`{names.split(',')[0].split()[0]}`" for names in shared)
        yield from (f"As in [provision apply](#provision-apply): {listed}.", "")
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            if inner is not None and not inner.hidden:
                below = click.Context(inner, ctx, info_name=name)
                yield from _command_lines(inner, below, level + 1, told)


def _option_rows(command: click.Command, ctx: click.Context) -> dict[str, str]:
    """The options but --help, each as a row of a table."""
    rows = {}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if isinstance(param, click.Option) and record and "--help" not in param.opts:
            rows[record[0]] = f"| `{_cell(record[0])}` | {_cell(record[1])} |"
    return rows


def _prose(text: str) -> str:
    """Help text as Markdown: what click leaves as it is (\\b) becomes a block."""
    parts = []
    for part in text.strip().split("\n\n"):
        kept = part.lstrip("\n")
        if kept.startswith("\b"):
            parts.append("```\n" + kept.lstrip("\b\n") + "\n```")
        else:
            parts.append(" ".join(kept.split()))
    return "\n\n".join(parts)


def main() -> None:
    wanted = pages()
    folder = DOCS / "actions"
    folder.mkdir(exist_ok=True)
    for stray in folder.glob("*.md"):
        if stray.relative_to(DOCS) not in wanted:
            stray.unlink()
    for path, text in wanted.items():
        (DOCS / path).write_text(text, encoding="utf-8")
    print(f"{len(wanted)} pages")


if __name__ == "__main__":
    main()
