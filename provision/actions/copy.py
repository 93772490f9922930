"""The action `copy`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from provision.actions.args import Mode, arg
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.actions.content.arguments import WriteArgs, said, words_of
from provision.actions.content.sending import content_call, content_of, file_content, mode_of
from provision.actions.content.trees import tree_call, tree_of
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Copy"]

_LOCAL = ("src", "content", "validate", "mode", "decrypt", "local_follow", "remote_src", "checksum")


@dataclass(frozen=True, slots=True, kw_only=True)
class Args(WriteArgs):
    src: str | None = arg(
        "File or directory to copy, in `files/` or beside the playbook. A directory goes into "
        "dest; with a slash at its end, what is in it does. With `remote_src` a path on the "
        "host.",
        default=None,
        example="app.conf",
    )
    content: Any = arg(
        "The content itself instead of `src`; anything but text is written as JSON.", default=None
    )
    dest: str | None = arg(
        "Where it goes on the host. A directory takes the source's own name; one that ends in a "
        "slash is made.",
        default=None,
        example="/etc/app.conf",
    )
    force: bool = arg(
        "Replace content that differs; else only make what is missing.",
        default=True,
        aliases=("thirsty",),
    )
    directory_mode: Mode | None = arg("Permission bits of directories that are made.", default=None)
    remote_src: bool = arg("`src` is on the host already.", default=False)
    follow: bool = arg("Where dest is a link, write what it leads to.", default=False)
    local_follow: bool = arg(
        "Copy what links in the source lead to; else make the same links.", default=True
    )
    decrypt: bool = arg("Decrypt sources that are vault files.", default=True)
    checksum: str | None = arg("SHA-1 that the source must have.", default=None)


class Copy(Action):
    name = "copy"
    summary = "Copy files or directories to a host, or write given content."
    Args = Args
    mod = "content"
    examples = (
        "- copy:\n    src: limits.conf\n    dest: /etc/security/limits.d/models.conf\n"
        '    owner: root\n    mode: "0644"\n'
        "- copy:\n    content: |\n      MODEL=bert\n    dest: /etc/models/bert.env\n"
        '    mode: "0600"\n'
        "- copy:\n    src: site/\n    dest: /srv/www/\n"
    )
    notes = (
        "Content travels only when the host lacks it: files are compared by SHA-256. With "
        "`mode: preserve` the source's bits are used. A directory of any number of files is "
        "compared in one step; files on the host that the source has not are left alone."
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        _check(args)
        sent = {key: value for key, value in said(args).items() if key not in _LOCAL}
        if words := words_of("copy", args.validate):
            sent["validate"] = words
        if args.remote_src:
            for key in ("src", "mode", "checksum"):
                if (value := getattr(args, key)) is not None:
                    sent[key] = value
            sent["local_follow"] = args.local_follow
            return Call("remote_copy", sent)
        if args.content is not None:
            content = content_of(_bytes(args.content))
            if mode := mode_of(args.mode, content):
                sent["mode"] = mode
            return content_call("content", sent, content)
        return _copy(args, ctx, sent)


def _copy(args: Any, ctx: ActionContext, sent: dict[str, Any]) -> Call:
    path = ctx.find("files", args.src.rstrip("/") or "/")
    if path.is_dir():
        if not args.src.endswith("/"):
            sent["name"] = path.name
        preserve = args.mode == "preserve"
        if args.mode is not None and not preserve:
            sent["mode"] = args.mode
        tree = tree_of(ctx, path, args.local_follow, args.decrypt)
        return tree_call(sent, tree, preserve, str(path))
    content = file_content(ctx, path, args.decrypt)
    if args.checksum is not None and args.checksum.lower() != content.sha1:
        raise PlaybookError(f"copy: {path} has another checksum than {args.checksum}")
    sent["basename"] = path.name
    if mode := mode_of(args.mode, content):
        sent["mode"] = mode
    return content_call("content", sent, content, {"src": str(path)})


def _check(args: Any) -> None:
    if args.src is not None and args.content is not None:
        raise PlaybookError("copy: src and content are mutually exclusive")
    if not args.src and args.content is None:
        raise PlaybookError("copy: src (or content) is required")
    if not args.dest:
        raise PlaybookError("copy: dest is required")
    if args.content is not None and args.dest.endswith("/"):
        raise PlaybookError("copy: can not use content with a dir as dest")
    if args.content is not None and args.remote_src:
        raise PlaybookError("copy: 'remote_src' needs 'src', not 'content'")


def _bytes(content: object) -> bytes:
    if isinstance(content, bytes):
        return content
    text = content if isinstance(content, str) else json.dumps(content, default=str)
    return text.encode("utf-8", "surrogateescape")


ACTION = Copy()
