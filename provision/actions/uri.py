"""The action `uri`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Blob, Call, blob_of
from provision.actions.content.arguments import said
from provision.actions.get_url import WebArgs, keep_secrets
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Uri"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Args(WebArgs):
    url: str = arg("The address.", example="http://127.0.0.1:8000/health")
    method: str = arg("What to do there.", default="GET")
    body: Any = arg("What to send: text, or a mapping or list as `body_format` says.", default=None)
    body_format: Literal["raw", "json", "form-urlencoded", "form-multipart"] = arg(
        "How the body is written.", default="raw"
    )
    src: str | None = arg("A file of the project to send as the body.", default=None)
    remote_src: bool = arg("`src` is a file on the host.", default=False)
    status_code: list[int] = arg("Answers that are right.", factory=lambda: [200])
    return_content: bool = arg("Return the body of the answer as `content`.", default=False)
    follow_redirects: Literal["safe", "all", "none", "urllib2", "yes", "no"] = arg(
        "Go on to other addresses: `safe` for GET and HEAD only.", default="safe"
    )
    dest: str | None = arg("Write the body of the answer to this file or directory.", default=None)
    creates: str | None = arg("Nothing to do when this path or glob exists.", default=None)
    removes: str | None = arg("Nothing to do when this path or glob is missing.", default=None)
    unix_socket: str | None = arg("Ask through this socket.", default=None)
    force: bool = arg("Past caches on the way.", default=False)
    timeout: int = arg("Seconds without an answer or data after which it fails.", default=30)
    url_username: str | None = arg(
        "User for basic authentication.", default=None, aliases=("user", "username")
    )


class Uri(Action):
    name = "uri"
    summary = "Ask a web service, from the host."
    Args = Args
    check_mode = "asks with GET and HEAD as always, other methods are unknown"
    notes = (
        "Returns `status`, `url`, `redirected`, `elapsed`, `cookies`, each header as a name in "
        "small letters (`content_type`), `json` for JSON answers, `content` when asked for or "
        "when it fails."
    )
    examples = (
        "- uri:\n    url: http://127.0.0.1:8000/predict\n    method: POST\n"
        "    body: {text: hello}\n    body_format: json\n  register: answer\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        keep_secrets(args, ctx)
        if args.body is not None and args.src is not None:
            raise PlaybookError("uri takes 'body' or 'src', not both")
        sent = said(args)
        for key in ("method", "status_code", "follow_redirects", "timeout"):
            sent[key] = getattr(args, key)
        sent["method"] = args.method.upper()
        blobs: list[Blob] = []
        sent.pop("body", None)
        if args.src is not None and not args.remote_src:
            blobs.append(blob_of(ctx.find("files", args.src)))
            sent["src"] = {"blob": blobs[0].sha256}
        elif args.body is not None:
            if args.body_format == "form-multipart":
                sent["parts"] = _parts(args.body, ctx, blobs)
            else:
                sent["body"] = _written(args.body, args.body_format)
        content_type = {
            "json": "application/json",
            "form-urlencoded": "application/x-www-form-urlencoded",
        }.get(args.body_format)
        headers = {str(k): str(v) for k, v in (args.headers or {}).items()}
        if content_type and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = content_type
        sent["headers"] = headers
        return Call("uri", sent, blobs=blobs)


def _written(body: Any, form: str) -> str:
    """The body as text. Raises PlaybookError."""
    if isinstance(body, str) and form != "form-urlencoded":
        return body
    if form == "json" or (form == "raw" and isinstance(body, Mapping | list)):
        return json.dumps(body)
    if form == "form-urlencoded" and not isinstance(body, str):
        try:
            pairs = body.items() if isinstance(body, Mapping) else [(k, v) for k, v in body]
            return urlencode(list(pairs), doseq=True)
        except (TypeError, ValueError):
            raise PlaybookError("uri: a form's 'body' is a mapping or a list of pairs") from None
    return str(body)


def _parts(body: Any, ctx: ActionContext, blobs: list[Blob]) -> list[dict[str, Any]]:
    """The parts of a multipart form: name, then text, or blob with filename and mime_type."""
    if not isinstance(body, Mapping):
        raise PlaybookError("uri: with 'form-multipart' the 'body' is a mapping")
    parts: list[dict[str, Any]] = []
    for name, value in body.items():
        part: dict[str, Any] = {"name": str(name)}
        if not isinstance(value, Mapping):
            parts.append({**part, "content": str(value)})
            continue
        for key in ("filename", "mime_type", "content"):
            if value.get(key) is not None:
                part[key] = str(value[key])
        if "content" not in part:
            if "filename" not in part:
                raise PlaybookError(f"uri: part {name!r} needs 'content' or 'filename'")
            blob = blob_of(ctx.find("files", part["filename"]))
            blobs.append(blob)
            part["blob"] = blob.sha256
        if "filename" in part:
            part["filename"] = part["filename"].rpartition("/")[2]
        parts.append(part)
    return parts


ACTION = Uri()
