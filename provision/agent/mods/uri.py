"""Asks a web service."""

from __future__ import annotations

import os
import time

from provision.agent import asking, core, fs, install, web
from provision.agent.mods import command
from provision.agent.perms import Perms, settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple

    from provision.agent.core import Args, Context, Observed, Result

_LIMIT = 256 * 1024 * 1024  # bytes of an answer that are kept


class Saved(core.State):
    """The answer's body as a file."""

    def __init__(self, ctx: Context, path: str, body: bytes, perms: Perms) -> None:
        self.ctx = ctx
        self.path = path
        self.body = body
        self.perms = perms
        self.info: Optional[os.stat_result] = None

    def observe(self) -> Dict[str, Any]:
        self.info = fs.lstat(self.path)
        seen = self.perms.observe(self.path, self.info)
        regular = self.info is not None and os.path.isfile(self.path)
        seen["content"] = fs.sha256_file(self.path) if regular else None
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted = self.perms.desired(observed, self.path, self.info, False)
        wanted["content"] = fs.sha256_bytes(self.body)
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if "content" not in changes:
            self.perms.apply(self.path, wanted, changes)
            return
        mode = self.perms.mode_for(self.info, False)
        install.install(
            self.ctx,
            self.path,
            lambda: [self.body],
            mode,
            self.perms.uid(),
            self.perms.gid(),
            like=self.info,
        )
        self.perms.finish(self.path)


def _body(ctx: Context, args: Args) -> Tuple[Optional[bytes], Dict[str, str]]:
    """What is sent, and headers that go with it."""
    if args.get("parts") is not None:
        return _multipart(ctx, args["parts"])
    if isinstance(args.get("src"), dict):
        return b"".join(ctx.receive_blob(args["src"]["blob"])), {}
    if args.get("src"):
        return fs.read_bytes(os.path.expanduser(args["src"])), {}
    if args.get("body") is None:
        return None, {}
    return args["body"].encode("utf-8", "surrogateescape"), {}


def _multipart(ctx: Context, parts: Sequence[Dict[str, Any]]) -> Tuple[bytes, Dict[str, str]]:
    boundary = "=" * 14 + os.urandom(12).hex()
    lines: List[bytes] = []
    for part in parts:
        if "blob" in part:
            content = b"".join(ctx.receive_blob(part["blob"]))
        else:
            content = part["content"].encode("utf-8", "surrogateescape")
        about = 'form-data; name="%s"' % _quoted(part["name"])
        if "filename" in part:
            about += '; filename="%s"' % _quoted(part["filename"])
        kind = part.get("mime_type") or ("application/octet-stream" if "filename" in part else "")
        lines += [b"--" + boundary.encode(), b"Content-Disposition: " + about.encode()]
        if kind:
            lines.append(b"Content-Type: " + kind.encode())
        lines += [b"", content]
    lines += [b"--" + boundary.encode() + b"--", b""]
    return b"\r\n".join(lines), {"Content-Type": "multipart/form-data; boundary=" + boundary}


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "").replace("\n", "")


def _text(raw: bytes, content_type: str) -> str:
    charset = "utf-8"
    for part in content_type.split(";")[1:]:
        key, _, value = part.strip().partition("=")
        if key.lower() == "charset":
            charset = value.strip("\"'")
    try:
        return raw.decode(charset, "surrogateescape")
    except LookupError:
        return raw.decode("utf-8", "surrogateescape")


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind.endswith(("/json", "+json", "/javascript"))


def main(ctx: Context, args: Args) -> Result:
    """args: as the action's; the body is text (`body`), `src` ({blob} or a path) or `parts`."""
    guard = command._guard(args)
    if guard:
        return core.ok(guard, skipped_by_guard=True)
    method = args["method"]
    if ctx.check and method not in ("GET", "HEAD", "OPTIONS"):
        return core.unknown("what %s does is not known beforehand" % method)
    web.check_arguments(args)
    start = time.monotonic()
    body, headers = _body(ctx, args)
    answer = asking.ask(ctx, args, method, body, headers)
    raw = answer.read(_LIMIT) if answer.status > 0 else b""
    values = answer.values()
    values["elapsed"] = int(time.monotonic() - start)
    kind = answer.headers.get("content-type", "")
    text = _text(raw, kind)
    if _is_json(kind) and raw:
        try:
            values["json"] = core.loads(text)
        except Exception:  # it says JSON and is none: the text is all there is
            pass
    fine = answer.status in args["status_code"]
    if args.get("return_content") or not fine:
        values["content"] = text
    if not fine:
        shown = "Status code was %d and not %s: %s"
        raise core.Fail(
            shown % (answer.status, list(args["status_code"]), answer.why), changed=False, **values
        )
    if not args.get("dest"):
        return core.ok(answer.why, **values)
    return _saved(ctx, args, raw, answer, values)


def _saved(
    ctx: Context, args: Args, raw: bytes, answer: asking.Answer, values: Dict[str, Any]
) -> Result:
    dest = fs.expand(args["dest"])
    if os.path.isdir(dest):
        dest = os.path.join(dest, web.url_name(answer.url))
    perms = Perms(ctx, args)
    result = settle(ctx, Saved(ctx, dest, raw, perms), perms)
    result["data"] = {**result["data"], **values, "path": dest}
    return result
