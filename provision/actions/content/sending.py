"""Content for hosts: what names it, and how it gets there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.actions.base import ActionContext, Blob, Call, Outcome
from provision.errors import PlaybookError, VaultError

__all__ = [
    "INLINE_LIMIT",
    "Content",
    "content_call",
    "content_of",
    "file_content",
    "mode_of",
    "show_after",
]

#: Content up to this many bytes travels with the task: cheaper than asking for it.
INLINE_LIMIT = 16 * 1024
_SHOWN_LIMIT = 256 * 1024  # bytes of content that a diff shows
_VAULT = b"$ANSIBLE_VAULT;"


@dataclass(frozen=True, slots=True)
class Content:
    """`text` travels with the task, or else `blob` when asked for.

    `sha1` is for `register` alone, where people's playbooks expect it.
    """

    sha256: str
    sha1: str
    size: int
    mode: int | None = None  # of the file it came from
    text: str | None = None
    blob: Blob | None = None

    def data(self) -> bytes:
        """The content itself. Raises OSError."""
        if self.text is not None:
            return self.text.encode("utf-8", "surrogateescape")
        assert self.blob is not None
        with self.blob.open() as stream:
            return stream.read()

    def shown(self) -> str | None:
        """The text for a diff; None when it is not text or too long."""
        return None if self.size > _SHOWN_LIMIT else _text_of(self.data())


def _text_of(data: bytes) -> str | None:
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def content_of(data: bytes, mode: int | None = None) -> Content:
    sha256 = hashlib.sha256(data).hexdigest()
    sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    text = _text_of(data) if len(data) <= INLINE_LIMIT else None
    blob = None if text is not None else Blob(sha256, len(data), data)
    return Content(sha256, sha1, len(data), mode, text, blob)


def _read(ctx: ActionContext, path: Path, decrypt: bool) -> Content:
    try:
        status = path.stat()
        mode = status.st_mode & 0o7777
        with path.open("rb") as stream:
            data = stream.read(_SHOWN_LIMIT)
            if decrypt and data.startswith(_VAULT):
                return content_of(_decrypted(ctx, path, data + stream.read()), mode)
            if len(data) < _SHOWN_LIMIT:
                return content_of(data, mode)
            sha256, sha1 = hashlib.sha256(), hashlib.sha1(usedforsecurity=False)
            while data:
                sha256.update(data)
                sha1.update(data)
                data = stream.read(1 << 20)
    except OSError as exc:
        raise PlaybookError(f"cannot read {path}", why=exc.strerror or str(exc)) from None
    blob = Blob(sha256.hexdigest(), status.st_size, path)
    return Content(blob.sha256, sha1.hexdigest(), blob.size, mode, None, blob)


def _decrypted(ctx: ActionContext, path: Path, data: bytes) -> bytes:
    try:
        return ctx.decrypted(path, data)
    except VaultError as exc:
        if "no vault password" not in exc.what:
            raise
        what = f"A vault password or secret must be specified to decrypt {path}"
        raise VaultError(what, hint=exc.hint) from None


def file_content(ctx: ActionContext, path: Path, decrypt: bool = True) -> Content:
    """A controller's file as content, read once in a run. Raises PlaybookError, VaultError."""

    def make() -> Content:
        return _read(ctx, path, decrypt)

    found: Content = ctx.shared(("content", str(path), decrypt), make)
    return found


def mode_of(mode: str | None, content: Content) -> str | None:
    """`mode`, with `preserve` meaning the source's."""
    if mode != "preserve":
        return mode
    return None if content.mode is None else f"{content.mode:04o}"


def content_call(
    mod: str,
    sent: Mapping[str, Any],
    content: Content,
    more: Mapping[str, Any] | None = None,
) -> Call:
    """The call that puts `content` in place. `more` joins what `register` keeps."""
    args: dict[str, Any] = {**sent, "sha256": content.sha256, "size": content.size}
    if content.text is not None:
        args["text"] = content.text
    blobs = () if content.blob is None else (content.blob,)
    return Call(mod, args, blobs, finish=_finisher(content, more or {}))


def _finisher(content: Content, more: Mapping[str, Any]) -> Callable[[Outcome], Outcome]:
    def finish(outcome: Outcome) -> Outcome:
        if outcome.status in ("ok", "changed"):
            outcome.data["checksum"] = content.sha1
            for key, value in more.items():
                outcome.data.setdefault(key, value)
        if outcome.status == "changed" and content.size <= _SHOWN_LIMIT:
            digest = hashlib.md5(content.data(), usedforsecurity=False)
            outcome.data["md5sum"] = digest.hexdigest()
        for entry in outcome.diff:
            if entry["key"] == "content":
                show_after(entry, content)
        return outcome

    return finish


def show_after(entry: dict[str, Any], content: Content) -> None:
    """Puts the text of new content into a diff where the host sent its hash, unless of the old
    content, too, there is but a hash."""
    before = entry.get("before")
    hashed = isinstance(before, str) and (
        (before.startswith("sha256:") and len(before) == 71) or before.endswith(" bytes")
    )
    if hashed or entry.get("after") != "sha256:" + content.sha256:
        return
    text = content.shown()
    if text is not None:
        entry["after"] = text
