"""Fetches one file over HTTP and checks it before anyone can use it."""

from __future__ import annotations

import os
import time

from provision.agent import fs
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from provision.agent.core import Context

_TRIES = 4
_SILENCE_S = 60.0
_PIECE = 1 << 18


def public(url: str) -> str:
    """An address as it may be shown: without credentials and query."""
    head, sep, rest = url.partition("?")[0].partition("://")
    host, slash, path = rest.partition("/")
    return head + sep + host.rpartition("@")[2] + slash + path if sep else url


def fetch(ctx: Context, url: str, path: str, sha256: str) -> None:
    """Downloads `url` to `path`, which nobody else reads before it is complete and checked.

    Raises Fail; then nothing lies at `path`.
    """
    with fs.Staged(path) as new:
        seen = _download(ctx, url, new)
        if seen != sha256:
            raise Fail(
                "%s is not what was promised: its SHA-256 is %s, not %s"
                % (public(url), seen, sha256),
                sha256=seen,
            )
        new.commit(0o600)


def fetch_digest(ctx: Context, url: str) -> str:
    """The first word of a published `.sha256` file."""
    data = b""
    for piece in _pieces(ctx, url):
        data += piece
        if len(data) > 4096:
            break
    words = data.decode("utf-8", "replace").split()
    word = words[0].lower() if words else ""
    if len(word) != 64 or any(c not in "0123456789abcdef" for c in word):
        raise Fail("%s holds no SHA-256" % public(url))
    return word


def _download(ctx: Context, url: str, new: fs.Staged) -> str:
    digest = fs.new_sha256(1 << 30)
    os.ftruncate(new.fd, 0)
    for piece in _pieces(ctx, url):
        digest.update(piece)
        new.write(piece)
    return str(digest.hexdigest())


def _pieces(ctx: Context, url: str) -> Any:
    """The body of `url`. What fails before the first byte is tried again."""
    try:
        import urllib.error
        import urllib.request
    except ImportError:  # e.g. Debian's python3-minimal
        raise Fail(
            "the host's Python cannot download: install its whole standard library, or send "
            "the file from the controller"
        ) from None
    for number in range(_TRIES):
        try:
            reply = urllib.request.urlopen(url, timeout=_SILENCE_S)
            break
        except urllib.error.HTTPError as exc:
            if exc.code < 500 or number + 1 == _TRIES:
                raise Fail("%s: HTTP %d %s" % (public(url), exc.code, exc.reason)) from None
        except (OSError, ValueError) as exc:
            if number + 1 == _TRIES:
                raise Fail("cannot read %s: %s" % (public(url), _reason(exc))) from None
        time.sleep(0.3 * 2**number)
    total = int(reply.headers.get("Content-Length") or 0)
    done = 0
    with reply:
        while True:
            try:
                data = reply.read(_PIECE)
            except OSError as exc:
                raise Fail("%s broke off: %s" % (public(url), _reason(exc))) from None
            if not data:
                break
            done += len(data)
            ctx.progress(phase="download", done=done, total=total, unit="bytes")
            yield data
    if total and done != total:
        raise Fail("%s broke off after %d of %d bytes" % (public(url), done, total))


def _reason(exc: BaseException) -> str:
    return str(getattr(exc, "reason", None) or exc)
