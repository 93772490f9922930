"""Puts a run together from command-line options. Imports of what connects stay inside."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provision.cli.prompts import ask_for
from provision.cli.settings import Settings, load_settings
from provision.cli.sinks import close_sinks, open_sinks, output_of
from provision.cli.vaultoptions import open_vault
from provision.errors import InputError, Mark, PlaybookError, YamlError

if TYPE_CHECKING:
    from provision.engine.events import Sink
    from provision.engine.options import RunOptions
    from provision.engine.run import Run
    from provision.inventory import Inventory
    from provision.playbook import Playbook
    from provision.transport.base import Connector

__all__ = ["connectors", "default_inventory", "execute", "extra_variables", "run_playbooks"]


def extra_variables(given: Sequence[str], tags: Any = None) -> dict[str, Any]:
    """`-e k=v`, `-e '{"k": 1}'`, `-e @file`; later ones win. Raises InputError."""
    from provision import yamlsource
    from provision.playbook.freeform import parse_text
    from provision.templating import trusted

    merged: dict[str, Any] = {}
    for text in given:
        if text.startswith("@"):
            value = yamlsource.load_file(Path(text[1:]).expanduser(), tags=tags)
        elif text.lstrip().startswith(("{", "[")):
            value = yamlsource.load(text, "--extra-vars", tags=tags)
        else:
            try:
                value = {key: trusted(part) for key, part in parse_text(text, "").items()}
            except ValueError as exc:
                raise InputError("cannot read --extra-vars", why=str(exc)) from exc
        if value is None:
            continue
        if not isinstance(value, Mapping):
            raise InputError("--extra-vars takes k=v, a mapping or @FILE", why=f"not {text!r}")
        merged.update(value)
    return merged


def connectors(options: RunOptions) -> Mapping[str, Callable[[], Connector]]:
    """How each kind of connection is made; imported when the first host needs it."""

    def ssh() -> Connector:
        from provision.transport.ssh import SshConnector

        def ask(path: str) -> str | None:
            if not sys.stdin.isatty():
                return None
            return str(click.prompt(f"passphrase for {path}", hide_input=True, err=True))

        accept = options.accept_new_host_keys
        return SshConnector(accept_new_host_keys=accept, passphrase=ask)

    def local() -> Connector:
        from provision.transport.local import LocalConnector

        return LocalConnector()

    return {"ssh": ssh, "local": local}


def _tags(given: Sequence[str]) -> frozenset[str]:
    return frozenset(tag.strip() for text in given for tag in text.split(",") if tag.strip())


def _secret(ask: bool, file: Path | None, prompt: str) -> Any:
    from provision.transport.base import Secret

    if file is not None:
        try:
            return Secret(file.read_text(encoding="utf-8").rstrip("\n"))
        except OSError as exc:
            raise InputError(
                "cannot read the password file", mark=Mark(str(file)), why=exc.strerror or ""
            ) from exc
    if ask:
        return Secret(click.prompt(prompt, hide_input=True, err=True))
    return None


def _options(
    mode: str, given: Mapping[str, Any], extra: Mapping[str, Any], settings: Settings
) -> RunOptions:
    from provision.engine.options import RunOptions

    diff = given["diff"]
    accept = given["accept_new_host_keys"] or settings.host_key_checking is False
    return RunOptions(
        mode=mode,
        check=given["check"] or mode != "apply",
        diff=output_of(given) != "ansible" if diff is None else diff,
        limit=given["limit"],
        tags=_tags(given["tags"] or settings.run_tags or ("all",)),
        skip_tags=_tags(given["skip_tags"] or settings.skip_tags or ()),
        start_at_task=given["start_at_task"],
        forks=given["forks"],
        extra_vars=extra,
        connection=given["connection"],
        user=given["user"] or settings.remote_user or "",
        private_key=given["private_key"] or settings.private_key_file or "",
        become=given["become"] or bool(settings.become),
        become_user=given["become_user"] or settings.become_user or "",
        become_method=given["become_method"] or settings.become_method or "",
        become_password=_secret(
            given["ask_become_pass"], given["become_password_file"], "sudo password"
        ),
        password=_secret(given["ask_pass"], None, "SSH password"),
        accept_new_host_keys=accept,
        connect_timeout_s=given["timeout"],
        task_timeout_s=given["task_timeout"],
        host_timeout_s=given["host_timeout"],
        verbosity=given["verbose"] or settings.verbosity or 0,
        force_handlers=given["force_handlers"] or bool(settings.force_handlers),
        strategy=settings.strategy or "",
        gathering=settings.gathering or "implicit",
        any_errors_fatal=bool(settings.any_errors_fatal),
        no_log=bool(settings.no_log),
        private_role_vars=bool(settings.private_role_vars),
        missing_handlers="warn" if settings.error_on_missing_handler is False else "error",
        unmatched_hosts=settings.host_pattern_mismatch or "warning",
    )


def make_run(
    mode: str, given: Mapping[str, Any], *, text: str = "", sinks: Sequence[Sink] | None = None
) -> Run:
    """Reads everything and checks it. Raises InputError; nothing has been connected yet.

    `text` is a playbook that stands in no file; `sinks` instead of those the options name.
    """
    from provision import yamlsource
    from provision.engine.run import Run
    from provision.engine.vocabulary import ActionVocabulary
    from provision.inventory import load_inventory
    from provision.playbook import Files, load_playbook, playbook_of
    from provision.secrets import Redactor, yaml_tags
    from provision.templating import LookupContext, Scope, Templar

    doubts: list[str] = []
    settings = load_settings()
    redactor = Redactor()
    password_files = given["vault_password_files"]
    if not password_files and not given["vault_ids"] and settings.vault_password_file:
        password_files = (settings.vault_password_file,)
    vault = open_vault(
        given["vault_ids"],
        password_files,
        given["ask_vault_password"],
        on_reveal=redactor.add,
    )
    tags = yaml_tags(vault)
    sources = given["inventories"] or settings.inventory or _usual_inventory()

    def read_inventory() -> Inventory:
        return load_inventory([s for s in sources if s != os.devnull], tags=tags, vault=vault)

    inventory = read_inventory()
    extra = extra_variables(given["extra_vars"], tags)
    playbook_dir = Path() if text else given["playbooks"][0].parent
    templar = Templar(
        search_path=[playbook_dir],
        filter_dirs=[*(settings.filter_plugins or ()), playbook_dir / "filter_plugins"],
        test_dirs=[*(settings.test_plugins or ()), playbook_dir / "test_plugins"],
        lookup_dirs=[*(settings.lookup_plugins or ()), playbook_dir / "lookup_plugins"],
        lookup_context=LookupContext(
            basedir=playbook_dir,
            select_hosts=lambda pattern: [host.name for host in run.inventory.select(pattern)],
            decrypt=vault.decrypt,
            config={"ALLOW_BROKEN_CONDITIONALS": not settings.strict_conditionals},
        ),
        strict_conditions=settings.strict_conditionals,
        on_warning=lambda text, mark: doubts.append(f"{mark}: {text}" if mark else text),
    )

    def render(value: Any, layers: Sequence[Mapping[str, Any]]) -> Any:
        return templar.render(value, Scope(layers, templar=templar))

    files = Files(
        vocabulary=ActionVocabulary(),
        tags=tags,
        render=render,
        extra_vars=extra,
        roles_path=settings.roles_path or (),
        decrypt=vault.decrypt,
    )
    if text:
        raw = yamlsource.load(text, "(command line)", tags=tags)
        books = [playbook_of(raw, Path("(command line)"), files)]
    else:
        books = [load_playbook(path, files) for path in given["playbooks"]]
    if not sources:
        _only_this_machine(books)
    options = _options(mode, given, extra, settings)
    for secret in (options.become_password, options.password):
        if secret:
            redactor.add(str(secret))
    run = Run(
        books,
        inventory,
        options,
        sinks=open_sinks(given) if sinks is None else sinks,
        connectors=connectors(options),
        templar=templar,
        files=files,
        redactor=redactor,
        ask=ask_for,
        reload=read_inventory,
        doubts=doubts,
    )
    return run


def _usual_inventory() -> tuple[str, ...]:
    """What stands where inventories usually do."""
    for name in ("inventories", "inventory", "hosts.yml", "hosts"):
        if Path(name).exists():
            return (name,)
    return ()


def default_inventory() -> tuple[str, ...]:
    """What stands where inventories usually do. Raises InputError when nothing does."""
    found = _usual_inventory()
    if not found:
        raise InputError(
            "no inventory was given", hint="name one with -i, or a list of hosts: -i gpu01,gpu02,"
        )
    return found


def _only_this_machine(books: Sequence[Playbook]) -> None:
    """Without an inventory there is only the controller. Raises InputError for more."""
    for book in books:
        for play in book.plays:
            if play.hosts not in ("localhost", "127.0.0.1", "::1") and "{{" not in str(play.hosts):
                default_inventory()


def run_playbooks(mode: str, given: Mapping[str, Any]) -> int:
    """Runs playbooks as `mode` says; the exit code."""
    as_ansible = output_of(given) == "ansible"
    try:
        run = make_run(mode, given)
    except InputError as exc:
        if not as_ansible:
            raise
        click.echo(_told(exc), err=True)
        return 4 if isinstance(exc, YamlError | PlaybookError) else 1
    if given["syntax_check"]:
        for book in run.playbooks:
            click.echo(f"playbook: {book.path}")
        return 0
    if given["list_hosts"] or given["list_tasks"] or given["list_tags"]:
        from provision.cli.listing import print_lists

        print_lists(run, given)
        return 0
    code = execute(run)
    return {1: 2}.get(code, code) if as_ansible else code


def _told(error: InputError) -> str:
    """A mistake as Ansible's users look for it, with our place and hint."""
    from provision.diagnostics import render_error

    return "[ERROR]: " + render_error(error).removeprefix("error: ")


def execute(run: Run) -> int:
    """Executes a run and lets its sinks end; the exit code."""
    try:
        return run.execute().exit_code
    finally:
        try:
            close_sinks(run.sinks)
        except BrokenPipeError:
            sys.exit(141)  # whoever read our output had enough; as a Unix filter does
