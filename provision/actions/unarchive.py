"""The action `unarchive`."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Blob, Call, Outcome, Script, blob_of
from provision.actions.content.arguments import said
from provision.actions.get_url import WebArgs, keep_secrets
from provision.agent import archives, selection
from provision.agent.core import Fail
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Unarchive"]

_INLINE = 200  # members that travel with the task
_LOCAL = ("src", "remote_src", "copy", "decrypt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Args(WebArgs):
    src: str = arg(
        "The archive, in `files/` or beside the playbook. With `remote_src` a path on the host, "
        "or an address that the host downloads.",
        example="tool-1.2.tar.gz",
    )
    dest: str = arg("Directory on the host to unpack into; it must be there.", example="/opt")
    remote_src: bool = arg("`src` is on the host already, or an address.", default=False)
    copy: bool | None = arg("Older word for the opposite of `remote_src`.", default=None)
    creates: str | None = arg("Nothing to do when this path or glob exists.", default=None)
    include: list[str] | None = arg("Only these members, or what is below them.", default=None)
    exclude: list[str] | None = arg("Not these members; patterns are taken.", default=None)
    keep_newer: bool = arg("Leave files alone that are newer than in the archive.", default=False)
    list_files: bool = arg("Register the names of the members as `files`.", default=False)
    extra_opts: list[str] | None = arg(
        "Options of tar: `--strip-components=N`, `--exclude=PATTERN`, `--no-same-owner`, "
        "`--same-owner`, `--keep-newer-files`, `--touch`, `--absolute-names`. What only concerns "
        "tar itself is ignored, anything else refused.",
        default=None,
    )
    decrypt: bool = arg("Decrypt a vault file.", default=True)
    io_buffer_size: int = arg("Accepted, without effect.", default=65536)


class Unarchive(Action):
    name = "unarchive"
    summary = "Unpack a tar or zip archive on a host."
    Args = Args
    check_mode = "exact, but for an archive that has to be downloaded"
    examples = (
        "- unarchive:\n    src: tool-1.2.tar.gz\n    dest: /opt/tool\n"
        "    extra_opts: [--strip-components=1]\n"
        "- unarchive:\n    src: https://example.org/tool.tar.zst\n    dest: /opt\n"
        "    remote_src: true\n    creates: /opt/tool/bin\n"
    )
    notes = (
        "tar (plain, gz, bz2, xz, zst) and zip, told apart by content. What is there is compared "
        "with the archive member by member: content, mode, links and, as root, owners; only what "
        "differs is written. An archive of the controller is read here once, and travels only to "
        "hosts where something differs. Members and links that lead out of dest, devices and "
        "pipes are refused; `extra_opts: [--absolute-names]` allows such links. An address "
        "without `creates` is downloaded on every run."
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        keep_secrets(args, ctx)
        if args.include and args.exclude:
            raise PlaybookError("unarchive: include and exclude are mutually exclusive")
        sent = {key: value for key, value in said(args).items() if key not in _LOCAL}
        remote = args.remote_src or args.copy is False or "://" in args.src
        if remote:
            return Call("unarchive", {**sent, "src": args.src})
        return _sent(args, ctx, sent)


def _sent(args: Any, ctx: ActionContext, sent: dict[str, Any]) -> Call:
    path = ctx.find("files", args.src)
    options = _options(args.extra_opts or ())
    chosen = selection.Selection(
        args.include or (),
        [*(args.exclude or ()), *options.exclude],
        options.strip,
        options.absolute,
        args.dest,
    )
    key = (str(path), *(tuple(each) for each in (chosen.include, chosen.exclude)))

    def make() -> tuple[str, Blob, list[Any], Blob | None]:
        return _manifest(path, chosen)

    handler, blob, members, manifest = ctx.shared(
        ("archive", *key, chosen.strip, chosen.absolute, args.dest), make
    )
    sent.update(src=str(path), handler=handler, blob=blob.sha256, size=blob.size, name=path.name)
    if manifest is None:
        sent["members"] = members
        return Call("unarchive", sent, (blob,))
    sent.update(manifest=manifest.sha256, manifest_size=manifest.size)
    return Call("unarchive", sent, (blob, manifest))


def _options(words: Any) -> selection.Options:
    try:
        return selection.Options(words)
    except Fail as exc:
        raise PlaybookError(f"unarchive: {exc.msg}") from None


def _manifest(path: Path, chosen: selection.Selection) -> tuple[str, Blob, list[Any], Blob | None]:
    """Handler, content, members, and these as a blob when they are many."""
    try:
        handler = archives.handler_of(str(path))
        members = [each.wire() for each in archives.manifest(str(path), handler, chosen)]
        blob = blob_of(path)
    except Fail as exc:
        raise PlaybookError(f"unarchive: {exc.msg}") from None
    except OSError as exc:
        raise PlaybookError(f"cannot read {path}", why=exc.strerror or str(exc)) from None
    if len(members) <= _INLINE:
        return handler, blob, members, None
    text = json.dumps(members, separators=(",", ":")).encode()
    return handler, blob, [], blob_of(zlib.compress(text, 6))


ACTION = Unarchive()
