"""The action `fetch`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.actions.content.receiving import Receiver
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Fetch"]


@dataclass(frozen=True, slots=True)
class Args:
    src: str | None = arg("The file on the host.", default=None, example="/var/log/app.log")
    dest: str | None = arg(
        "Directory on the controller; the file becomes dest/HOST/src below it. Relative to the "
        "playbook.",
        default=None,
        example="collected",
    )
    flat: bool = arg(
        "Write to dest itself, or below it under the file's own name where dest ends in a slash.",
        default=False,
    )
    fail_on_missing: bool = arg("A file that is not there is a failure.", default=True)
    validate_checksum: bool = arg("Accepted: what arrives is always checked.", default=True)


class Fetch(Action):
    name = "fetch"
    summary = "Copy a file of a host to the controller."
    Args = Args
    check_mode = "tells whether the controller's copy differs"
    examples = (
        "- fetch:\n    src: /etc/machine-id\n    dest: collected\n"
        "- fetch:\n    src: /tmp/report.json\n    dest: reports/{{ inventory_hostname }}.json\n"
        "    flat: true\n"
    )
    notes = "The file is sent only when the controller's copy differs, and replaces it at once."

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        if not args.src or not args.dest:
            raise PlaybookError("fetch: src and dest are required")
        if "$" in args.src or args.src.startswith("~"):
            return _expanded(args, ctx)
        return _call(args, ctx, args.src)


def _expanded(args: Any, ctx: ActionContext) -> Script:
    """Where the file goes depends on a path that only the host can expand."""
    told = yield Call("fetch", {"src": args.src, "expand": True}, check=False)
    if told.status != "ok":
        return told
    return (yield _call(args, ctx, told.data["source"]))


def _call(args: Any, ctx: ActionContext, src: str) -> Call:
    receiver = Receiver(_destination(args, ctx, src))
    sent: dict[str, Any] = {"src": src, "have": receiver.have()}
    if not args.fail_on_missing:
        sent["missing"] = "ok"
    return Call("fetch", sent, finish=receiver.finish, receive=receiver.receive)


def _destination(args: Any, ctx: ActionContext, src: str) -> Path:
    base = Path(str(ctx.vars.get("playbook_dir") or Path.cwd()))
    dest = base / Path(args.dest).expanduser()
    slash = args.dest.endswith("/")
    if args.flat:
        if dest.is_dir() and not slash:
            raise PlaybookError(
                f"fetch: dest is an existing directory: {dest}",
                hint="use a trailing slash to fetch src into that directory",
            )
        path = dest / Path(src).name if slash else dest
    else:
        # A host's name or path must not lead out of dest.
        own = Path(os.path.normpath(dest)) / ctx.host.replace("/", "_").lstrip(".")
        path = Path(os.path.normpath(f"{own}/{os.path.normpath('/' + src)}"))
        if own not in path.parents or not own.name:
            raise PlaybookError(f"fetch: {src} would be written outside {own}")
    if path.is_dir():
        raise PlaybookError(
            f"fetch: calculated dest '{path}' is an existing directory",
            hint="use another path that does not point to an existing directory",
        )
    return path


ACTION = Fetch()
