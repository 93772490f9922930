"""Asks what a play's vars_prompt wants to know."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from provision.playbook import VarsPrompt

__all__ = ["ask_for"]


def ask_for(prompt: VarsPrompt) -> Any:
    """The answer to a question; its default where there is no terminal to ask at."""
    if not sys.stdin.isatty():
        click.echo(f"not asking for {prompt.name!r}: standard input is not a terminal", err=True)
        return prompt.default
    default = "" if prompt.default is None else prompt.default
    answer: str = click.prompt(
        prompt.prompt,
        default=default,
        hide_input=prompt.private,
        show_default=not prompt.private and prompt.default is not None,
        confirmation_prompt=f"confirm {prompt.prompt}" if prompt.confirm else False,
        err=True,
    )
    return answer or prompt.default
