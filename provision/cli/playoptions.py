"""The options that apply, plan and drift share; Ansible's own flags where they mean the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from provision.cli.vaultoptions import vault_options

__all__ = ["NO_PLAYBOOK", "inventory_option", "play_options", "reach_options"]

F = TypeVar("F", bound=Callable[..., Any])

inventory_option = click.option(
    "-i",
    "--inventory",
    "inventories",
    multiple=True,
    envvar=["PROVISION_INVENTORY", "ANSIBLE_INVENTORY"],
    metavar="SOURCE",
    help="Inventory file, directory, program, or list such as 'gpu[01:04],'.",
)

_REACHING = (
    inventory_option,
    click.option("-l", "--limit", help="Only these hosts, a pattern."),
    click.option("-e", "--extra-vars", multiple=True, help="k=v, JSON, YAML or @FILE."),
    click.option("-C", "--check", is_flag=True, help="Only say what would change."),
    click.option("-D", "--diff/--no-diff", default=None, help="Show differences."),
    click.option(
        "-f",
        "--forks",
        type=click.IntRange(1, 1000),
        default=50,
        show_default=True,
        help="Hosts at work at the same time.",
    ),
    click.option("-b", "--become", is_flag=True, help="Become another user, root by default."),
    click.option("--become-user", default="", metavar="USER", help="Become this user."),
    click.option("--become-method", default="", metavar="METHOD", help="sudo or su."),
    click.option("-c", "--connection", default="", metavar="KIND", help="ssh or local."),
    click.option("-K", "--ask-become-pass", is_flag=True, help="Ask for sudo's password."),
    click.option(
        "--become-password-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File that holds sudo's password.",
    ),
    click.option("-k", "--ask-pass", is_flag=True, help="Ask for the SSH password."),
    click.option("-u", "--user", default="", help="Log in as this user."),
    click.option(
        "--private-key", "--key-file", default="", metavar="FILE", help="Log in with this key."
    ),
    click.option("--accept-new-host-keys", is_flag=True, help="Record unknown hosts' keys."),
    click.option("-T", "--timeout", type=float, default=10.0, help="Seconds to connect."),
    click.option("--task-timeout", type=float, default=1800.0, help="Seconds for one task."),
    click.option(
        "--host-timeout", type=float, default=14400.0, help="Seconds for one batch of a host."
    ),
    click.option("--json", "as_json", is_flag=True, help="Events as JSON lines."),
    click.option(
        "--output",
        type=click.Choice(["text", "json", "ansible"]),
        envvar="PROVISION_OUTPUT",
        default=None,
        help="Shape of the output: our own text, JSON lines, or as Ansible prints.",
    ),
    click.option(
        "-v",
        "--verbose",
        count=True,
        help="Also show what is in sync; -vv what tasks returned; -vvv durations.",
    ),
)

_PLAYING = (
    click.argument("playbooks", nargs=-1, required=True, type=click.Path(path_type=Path)),
    click.option("-t", "--tags", multiple=True, help="Only tasks with these tags."),
    click.option("--skip-tags", multiple=True, help="Not tasks with these tags."),
    click.option(
        "--start-at-task", default="", metavar="NAME", help="Leave out what comes before."
    ),
    click.option("--list-hosts", is_flag=True, help="Print the hosts of each play."),
    click.option("--list-tasks", is_flag=True, help="Print the tasks of each play."),
    click.option("--list-tags", is_flag=True, help="Print the tags of each play."),
    click.option("--syntax-check", is_flag=True, help="Only read the playbook."),
    click.option("--force-handlers", is_flag=True, help="Run handlers also after a failure."),
    click.option("--flush-cache", is_flag=True, help="Gather facts anew."),
    click.option("--no-history", is_flag=True, help="Do not write this run into the history."),
    click.option(
        "--junit", type=click.Path(path_type=Path), metavar="FILE", help="Also write JUnit XML."
    ),
)

#: What `play_options` adds and commands without a playbook do not have.
NO_PLAYBOOK: dict[str, Any] = {
    "playbooks": (),
    "tags": (),
    "skip_tags": (),
    "start_at_task": "",
    "force_handlers": False,
    "flush_cache": False,
}


def reach_options(function: F) -> F:
    """Adds the parameters that say which hosts, as whom and how."""
    function = vault_options(function)
    for option in reversed(_REACHING):
        function = option(function)
    return function


def play_options(function: F) -> F:
    """Adds all parameters of a run of playbooks."""
    function = reach_options(function)
    for option in reversed(_PLAYING):
        function = option(function)
    return function
