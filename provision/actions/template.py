"""The action `template`."""

from __future__ import annotations

import datetime
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.actions.content.arguments import WriteArgs, said, words_of
from provision.actions.content.sending import content_call, content_of, mode_of
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Template", "template_variables"]

#: Arguments that change how Jinja reads the file, each under Jinja's own name.
_JINJA = (
    "block_start_string",
    "block_end_string",
    "variable_start_string",
    "variable_end_string",
    "comment_start_string",
    "comment_end_string",
    "newline_sequence",
    "trim_blocks",
    "lstrip_blocks",
)
_LOCAL = (*_JINJA, "src", "output_encoding", "validate", "mode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Args(WriteArgs):
    src: str = arg("The template, in `templates/` or beside the playbook.", example="app.conf.j2")
    dest: str = arg(
        "Where the text goes; a directory takes the template's own name.",
        example="/etc/app.conf",
    )
    force: bool = arg("Replace content that differs; else only make what is missing.", default=True)
    follow: bool = arg("Where dest is a link, write what it leads to.", default=False)
    block_start_string: str | None = arg("Start of a statement (`{%`).", default=None)
    block_end_string: str | None = arg("End of a statement (`%}`).", default=None)
    variable_start_string: str | None = arg("Start of an expression (`{{`).", default=None)
    variable_end_string: str | None = arg("End of an expression (`}}`).", default=None)
    comment_start_string: str | None = arg("Start of a comment (`{#`).", default=None)
    comment_end_string: str | None = arg("End of a comment (`#}`).", default=None)
    newline_sequence: str | None = arg(r"What ends a line: `\n`, `\r` or `\r\n`.", default=None)
    trim_blocks: bool | None = arg("Drop the newline after a statement (true).", default=None)
    lstrip_blocks: bool | None = arg("Drop blanks before a statement (false).", default=None)
    output_encoding: str = arg("Encoding of the file on the host.", default="utf-8")


class _Source:
    """What templates may say of themselves, read once for each template in a run."""

    def __init__(self, path: Path) -> None:
        status = path.stat()
        self.mode = status.st_mode & 0o7777
        self.mtime = datetime.datetime.fromtimestamp(status.st_mtime).astimezone()
        try:
            self.uid: str | int = pwd.getpwuid(status.st_uid).pw_name
        except KeyError:
            self.uid = status.st_uid
        self.full = str(path.absolute())
        self.host = os.uname().nodename


def template_variables(ctx: ActionContext, src: str, path: Path, dest: str) -> dict[str, Any]:
    """The variables that only a template sees: ansible_managed and template_*."""
    source: _Source = ctx.shared(("template", str(path)), lambda: _Source(path))
    variables: dict[str, Any] = {
        "template_path": src,
        "template_fullpath": source.full,
        "template_destpath": dest,
        "template_host": source.host,
        "template_uid": source.uid,
        "template_mtime": source.mtime,
        "template_run_date": datetime.datetime.now().astimezone(),
    }
    if "ansible_managed" not in ctx.vars:
        variables["ansible_managed"] = "Ansible managed"
    return variables


class Template(Action):
    name = "template"
    summary = "Render a Jinja template and put the text on a host."
    Args = Args
    mod = "content"
    examples = (
        "- template:\n    src: app.conf.j2\n    dest: /etc/app.conf\n    owner: root\n"
        '    mode: "0644"\n    validate: app --check %s\n'
        "  notify: restart app\n"
    )
    notes = (
        "Rendered on the controller with the host's variables; an undefined variable is an "
        "error. Templates also see `ansible_managed`, `template_path`, `template_fullpath`, "
        "`template_destpath`, `template_host`, `template_uid`, `template_mtime` and "
        "`template_run_date` (which makes every run a change)."
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        path = ctx.find("templates", args.src)
        if path.is_dir():
            raise PlaybookError(f"template: {path} is a directory")
        options = {key: value for key in _JINJA if (value := getattr(args, key)) is not None}
        if "newline_sequence" in options:  # in single quotes YAML leaves the backslashes
            written = options["newline_sequence"]
            options["newline_sequence"] = written.replace("\\n", "\n").replace("\\r", "\r")
        variables = template_variables(ctx, args.src, path, args.dest)
        text = ctx.render_template(path, variables, options)
        source: _Source = ctx.shared(("template", str(path)), lambda: _Source(path))
        try:
            data = text.encode(args.output_encoding or "utf-8", "surrogateescape")
        except (LookupError, UnicodeError) as exc:
            raise PlaybookError(
                f"template: {path} cannot be written as {args.output_encoding}", why=str(exc)
            ) from None
        content = content_of(data, source.mode)
        sent = {key: value for key, value in said(args).items() if key not in _LOCAL}
        sent["basename"] = path.name
        if mode := mode_of(args.mode, content):
            sent["mode"] = mode
        if words := words_of("template", args.validate):
            sent["validate"] = words
        return content_call("content", sent, content, {"src": str(path)})


ACTION = Template()
