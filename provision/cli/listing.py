"""--list-hosts, --list-tasks, --list-tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from provision.engine.run import Run

__all__ = ["print_lists"]


def print_lists(run: Run, given: Mapping[str, Any]) -> None:
    """What the plays hold, without connecting anywhere."""
    from provision.engine.run import all_tasks

    for book in run.playbooks:
        click.echo(f"playbook: {book.path}")
        for number, play in enumerate(book.plays, 1):
            tags = ", ".join(sorted(play.inherited.tags))
            click.echo(f"\n  play #{number} ({play.name or play.hosts})\tTAGS: [{tags}]")
            if given["list_hosts"]:
                hosts = run.hosts_of(play)
                click.echo(f"    hosts ({len(hosts)}):")
                for host in hosts:
                    click.echo(f"      {host}")
            tasks = [task for task in all_tasks(play) if not task.is_handler]
            if given["list_tasks"]:
                click.echo("    tasks:")
                for task in tasks:
                    shown = ", ".join(sorted(task.inherited.tags))
                    click.echo(f"      {task.title}\tTAGS: [{shown}]")
            if given["list_tags"]:
                every = sorted({tag for task in tasks for tag in task.inherited.tags})
                click.echo(f"      TASK TAGS: [{', '.join(every)}]")
