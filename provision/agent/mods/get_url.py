"""A file from an address.

args: url, dest, force, checksum (algorithm:hex or algorithm:address), backup, unsafe_writes,
what `web.open_url` takes, and what `Perms` takes.
"""

from __future__ import annotations

import os
import stat
import time

from provision.agent import core, fs, install
from provision.agent.core import Fail
from provision.agent.perms import Perms, describe, settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Sequence, Tuple

    from provision.agent.core import Args, Context, Observed, Result
    from provision.agent.web import Response

_CHECKED = 64 * 1024 * 1024  # bytes that a check run may download to foretell exactly
_TEXT = 1024 * 1024  # bytes of a file of checksums


class Wanted:
    """The checksum that a task gives: nothing, a digest, or an address to find it at."""

    def __init__(self, ctx: Context, args: Args) -> None:
        said: str = args.get("checksum") or ""
        self.algorithm, _, value = said.partition(":")
        self.digest = ""
        if not said:
            return
        if "://" in value:
            value = _listed(ctx, args, value)
        self.digest = "".join(c for c in value.lower() if c.isalnum())
        new_digest(self.algorithm)

    def matches(self, path: str) -> bool:
        from provision.agent import stats

        return bool(self.digest) and (
            stats.digest(path, os.stat(path).st_size, self.algorithm) == self.digest
        )


def new_digest(algorithm: str) -> Any:
    import hashlib

    try:
        return hashlib.new(algorithm)
    except ValueError:
        raise Fail("the host has no checksum algorithm %s" % algorithm) from None


def _listed(ctx: Context, args: Args, url: str) -> str:
    """The digest of our file in a list of checksums, or the only one in it."""
    from provision.agent import web

    answer = web.open_url(ctx, url, args)
    text = b""
    try:
        for piece in answer.pieces():
            text += piece
            if len(text) > _TEXT:
                raise Fail("%s is too long for a list of checksums" % web.shown(url))
    finally:
        answer.close()
    lines = text.decode("utf-8", "replace").splitlines()
    found = [line.split() for line in lines if line.strip()]
    name = web.url_name(args["url"])
    for words in found:
        if len(words) == 2 and os.path.basename(words[1].lstrip("*")) == name:
            return words[0]
        if len(words) == 4 and words[2] == "=" and words[1].strip("()") == name:
            return words[3]  # as the BSDs write it
    if len(found) == 1 and len(found[0]) == 1:
        return found[0][0]
    raise Fail(
        "Unable to find a checksum for file '%s' in '%s'" % (name, web.shown(url)),
        url=web.shown(args["url"]),
    )


class Got(core.State):
    """A file whose content is known by its SHA-256; `staged` holds it when it differs."""

    def __init__(self, ctx: Context, args: Args, path: str, perms: Perms) -> None:
        self.ctx = ctx
        self.args = args
        self.path = path
        self.perms = perms
        self.staged: Optional[fs.Staged] = None
        self.sha256: Optional[str] = None  # None: the content is not asked about
        self.size = -1
        self.before: Optional[bytes] = None
        self.values: Dict[str, Any] = {}
        self.info: Optional[os.stat_result] = None

    def observe(self) -> Dict[str, Any]:
        self.info = info = fs.lstat(self.path)
        if info is not None and stat.S_ISLNK(info.st_mode) and os.path.exists(self.path):
            info = os.stat(self.path)
        seen = self.perms.observe(self.path, info)
        seen["content"] = None
        if info is not None and self.sha256 is not None:
            if info.st_size == self.size:
                seen["content"] = "sha256:" + fs.sha256_file(self.path, info.st_size)
            else:
                seen["content"] = "%d bytes" % info.st_size
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        info = self.info if self.info is not None and stat.S_ISREG(self.info.st_mode) else None
        wanted = self.perms.desired(observed, self.path, info, False)
        if self.sha256 is not None:
            wanted["content"] = "sha256:" + self.sha256
        return wanted

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if "content" not in changes:
            self.perms.apply(self.path, wanted, changes)
            return
        assert self.staged is not None
        here = self.info if self.info is not None and stat.S_ISREG(self.info.st_mode) else None
        if self.args.get("backup") and here is not None:
            self.values["backup_file"] = install.backup(self.path)
        mode = self.perms.mode_for(here, False)
        try:
            self.staged.commit(mode, self.perms.uid(), self.perms.gid(), like=here)
        except OSError as exc:
            raise fs.cannot("write", self.path, exc, dest=self.path) from None
        self.perms.finish(self.path)

    def data(self, observed: Observed) -> Dict[str, Any]:
        values = describe(self.path, self.info)
        values["dest"] = self.path
        values.update(self.values)
        return values


class _TooBig(Exception):
    pass


def _receive(answer: Response, state: Got, wanted: Wanted, limit: Optional[int] = None) -> None:
    """Reads the body into the staged file, if there is one, and checks it."""
    digests = [new_digest("sha256"), new_digest("sha1")]
    if wanted.digest:
        digests.append(new_digest(wanted.algorithm))
    size = 0
    for piece in answer.pieces():
        size += len(piece)
        if limit is not None and size > limit:
            raise _TooBig()
        for digest in digests:
            digest.update(piece)
        if state.staged is not None:
            try:
                state.staged.write(piece)
            except OSError as exc:
                raise fs.cannot("write", state.path, exc, dest=state.path) from None
    if wanted.digest and digests[2].hexdigest() != wanted.digest:
        raise Fail(
            "The checksum for %s did not match %s; it was %s."
            % (state.path, wanted.digest, digests[2].hexdigest()),
            url=state.values["url"],
            dest=state.path,
        )
    state.sha256, state.size = digests[0].hexdigest(), size
    state.values["checksum_src"] = digests[1].hexdigest()
    state.values["msg"] = "OK (%d bytes)" % size


def _foretold(answer: Response, state: Got, wanted: Wanted) -> Optional[Result]:
    """What a check run can say without keeping the content; None when it is known now."""
    size = answer.size()
    here = state.info
    if here is None or (size is not None and here.st_size != size):
        state.sha256, state.size = "unknown until it is downloaded", -1
        if wanted.algorithm == "sha256":
            state.sha256 = wanted.digest
        return None
    try:
        if size is not None and size > _CHECKED:
            raise _TooBig()
        _receive(answer, state, wanted, _CHECKED)
    except _TooBig:
        words = "%s is too big to be downloaded for a check" % state.values["url"]
        return core.unknown(words, dest=state.path)
    return None


def _settled(ctx: Context, state: Got, msg: str) -> Result:
    result = settle(ctx, state, state.perms)
    result["msg"] = state.values.pop("msg", msg)
    result["data"].pop("msg", None)
    return result


def _place(args: Args) -> Tuple[str, bool]:
    """The path, and whether it is a directory that the file goes into."""
    dest = fs.expand(args["dest"])
    if os.path.isdir(dest):
        return dest, True
    if dest.endswith("/"):
        raise Fail("Destination directory %s does not exist" % dest, dest=dest)
    return dest, False


def main(ctx: Context, args: Args) -> Result:
    from provision.agent import web

    web.check_arguments(args)
    start = time.monotonic()
    dest, folder = _place(args)
    path = os.path.join(dest, web.url_name(args["url"])) if folder else dest
    wanted = Wanted(ctx, args)
    state = Got(ctx, args, path, Perms(ctx, args))
    state.values["url"] = web.shown(args["url"])
    state.info = fs.lstat(path)
    regular = os.path.isfile(path)
    if state.info is not None and not regular and not os.path.islink(path):
        raise Fail("%s is not a regular file" % path, dest=path)
    if regular and not args.get("force") and wanted.matches(path):
        return _settled(ctx, state, "file already exists")
    extra = {}
    if regular and not folder and not args.get("force") and not wanted.digest:
        from email.utils import formatdate

        extra["If-Modified-Since"] = formatdate(os.stat(path).st_mtime, usegmt=True)
    answer = web.open_url(ctx, args["url"], args, extra=extra, ok=(304,))
    try:
        state.values["status_code"] = answer.status
        if answer.status == 304:
            return _settled(ctx, state, "HTTP Error 304: Not Modified")
        if folder:
            state.path = os.path.join(dest, web.name_of(answer))
            state.info = fs.lstat(state.path)
        return _downloaded(ctx, answer, state, wanted)
    finally:
        state.values["elapsed"] = round(time.monotonic() - start)
        answer.close()


def _downloaded(ctx: Context, answer: Response, state: Got, wanted: Wanted) -> Result:
    if ctx.check:
        install.warn_of_parent(state.perms, state.path)
        return _foretold(answer, state, wanted) or _settled(ctx, state, "")
    install.require_parent(state.path)
    try:
        with fs.Staged(state.path) as new:
            state.staged = new
            _receive(answer, state, wanted)
            return _settled(ctx, state, "")
    except OSError as exc:
        raise fs.cannot("write", state.path, exc, dest=state.path) from None
